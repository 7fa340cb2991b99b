"""From a seed to a song."""

from __future__ import annotations

from tonewheel.core.errors import InputError, nearest
from tonewheel.core.seeds import generator
from tonewheel.synth.arrange import perform
from tonewheel.synth.score import write_score
from tonewheel.synth.song import Song
from tonewheel.synth.styles import STYLES


def compose(seed: int, style: str | None = None, *, seconds: float = 75.0) -> Song:
    """Compose a song of about `seconds`; the same seed, style and length give the same song everywhere.

    Raises InputError for a style that does not exist.

    >>> song = compose(3, "folk")
    >>> song == compose(3, "folk"), song.style
    (True, 'folk')
    """
    if style is None:
        style = str(generator(seed, "style").choice(sorted(STYLES)))
    if style not in STYLES:
        raise InputError("style", f'there is no style "{style}"{nearest(style, STYLES)}')
    score = write_score(seed, style, seconds)
    form = tuple((name, bars, index) for index, (name, bars) in enumerate(score.form))
    return perform(
        score,
        seed,
        0,
        seconds,
        tempo_bpm=score.tempo_bpm,
        tonic=score.tonic,
        form=form,
        players=seed,
        playing=seed,
    )
