"""The same song performed again, and which beat of one performance is which beat of another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.errors import InputError
from tonewheel.core.seeds import generator
from tonewheel.synth.arrange import perform
from tonewheel.synth.score import write_score
from tonewheel.synth.song import METRES, Song

KINDS = ("live", "cover")


def version_of(song: Song, seed: int, *, kind: str = "cover", tempo_within: float | None = None) -> Song:
    """Perform a song's score again.

    A `live` version is the same band: tempo within 5 %, mostly the same key, sections repeated or dropped,
    other micro-timing and sometimes other figures. A `cover` has other instruments too, tempo within 15 % and
    any key within a fourth; `tempo_within` is another share for the tempo. `performance` of the result is
    `seed`; raises InputError for another kind.

    >>> from tonewheel.synth.compose import compose
    >>> song = compose(1, seconds=40.0)
    >>> other = song.version(2)
    >>> other.title == song.title, other == song
    (True, False)
    """
    if kind not in KINDS:
        raise InputError("kind", f'got "{kind}", expected one of {", ".join(KINDS)}')
    score = write_score(song.seed, song.style, song.target_s)
    rng = generator(song.seed, "version", kind, seed)
    live = kind == "live"
    width = (0.05 if live else 0.15) if tempo_within is None else float(np.log1p(tempo_within))
    tempo = float(np.round(score.tempo_bpm * np.exp(rng.uniform(-width, width)), 2))
    shift = (
        int(rng.choice([-2, -1, 1]))
        if live and rng.random() < 0.2
        else 0
        if live
        else int(rng.integers(-5, 6))
    )
    form = [(name, bars, index) for index, (name, bars) in enumerate(score.form)]
    middle = list(range(1, len(form) - 1))
    if middle and rng.random() < 0.5:
        chosen = int(rng.choice(middle))
        if rng.random() < 0.5:
            form.insert(chosen, form[chosen])
        elif len(form) > 4:
            del form[chosen]
    other = int(rng.integers(2**31))
    return perform(
        score,
        song.seed,
        seed,
        song.target_s,
        tempo_bpm=tempo,
        tonic=(score.tonic + shift) % 12,
        form=tuple(form),
        players=song.seed if live else other,
        playing=other if not live or rng.random() < 0.5 else song.seed,
    )


def align(first: Song, second: Song) -> NDArray[np.float64]:
    """Beats that two versions share, (beats, 2) seconds in `first` and `second`, in the order of `first`.

    Sections are matched by their source in the score; of a section that one version repeats, the first is
    taken.

    >>> from tonewheel.synth.compose import compose
    >>> song = compose(1, seconds=40.0)
    >>> bool(np.all(align(song, song)[:, 0] == align(song, song)[:, 1]))
    True
    """
    if (first.seed, first.style, first.target_s) != (second.seed, second.style, second.target_s):
        raise InputError(second.title, f"is no version of {first.title}")
    starts = {section.source: section for section in reversed(second.sections)}
    pairs, used = [], set()
    per_bar = METRES[first.metre][0]
    for section in first.sections:
        if section.source in starts and section.source not in used:
            used.add(section.source)
            twin = starts[section.source]
            for beat in range(min(section.bars, twin.bars) * per_bar):
                pairs.append((section.start_s + beat * first.beat_s, twin.start_s + beat * second.beat_s))
    return np.array(pairs, dtype=np.float64).reshape(-1, 2)
