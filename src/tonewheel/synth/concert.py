"""A concert: songs in order with applause, banter and silence between, streamed, and exactly labelled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.records import Record
from tonewheel.core.seeds import generator
from tonewheel.synth.noise import applause, cheering, room_tone
from tonewheel.synth.render import render
from tonewheel.synth.song import Song
from tonewheel.synth.speech import banter

Audio = NDArray[np.float32]
KINDS = ("song", "applause", "banter", "silence")
QUIET_DB = -70.0


class Span(Record):
    """What is heard over [start_s, end_s): `kind` is song, applause, banter or silence; `song` counts songs
    from 0.
    """

    start_s: float
    end_s: float
    kind: str
    title: str = ""
    song: int = -1


class Show(Record):
    """The plan of a concert: gapless spans from 0 to the end; rendering follows it to the sample."""

    seed: int
    spans: tuple[Span, ...]

    @property
    def setlist(self) -> tuple[Span, ...]:
        """The songs alone."""
        return tuple(span for span in self.spans if span.kind == "song")

    @property
    def seconds(self) -> float:
        """Length of the whole."""
        return self.spans[-1].end_s if self.spans else 0.0


def plan_concert(
    songs: Sequence[Song],
    seed: int,
    *,
    song_s: float | None = None,
    between_s: tuple[float, float] = (4.0, 20.0),
) -> Show:
    """Draw what comes between the songs; `song_s` cuts every song to a length.

    >>> from tonewheel.synth.compose import compose
    >>> show = plan_concert([compose(1), compose(2)], 7, song_s=10.0)
    >>> [span.title for span in show.setlist] == [compose(1).title, compose(2).title]
    True
    """
    rng = generator(seed, "show")
    spans: list[Span] = []
    now = 0.0

    def add(kind: str, seconds: float, title: str = "", song: int = -1) -> None:
        nonlocal now
        end = round(now + round(seconds, 2), 2)
        spans.append(Span(start_s=now, end_s=end, kind=kind, title=title, song=song))
        now = end

    add("silence", rng.uniform(1.0, 3.0))
    if rng.random() < 0.6:
        add("banter", rng.uniform(2.0, 6.0))
    for index, song in enumerate(songs):
        add("song", song.seconds if song_s is None else min(song_s, song.seconds), song.title, index)
        total = rng.uniform(*between_s)
        if rng.random() < 0.9:
            add("applause", max(1.5, total * rng.uniform(0.3, 0.8)))
        if rng.random() < 0.65:
            add("banter", max(1.5, total * rng.uniform(0.3, 0.7)))
        if rng.random() < 0.5 or spans[-1].kind == "song":
            add("silence", rng.uniform(0.7, 2.5))
    return Show(seed=seed, spans=tuple(spans))


def concert(
    songs: Sequence[Song],
    seed: int,
    sample_rate_hz: int = 44100,
    *,
    song_s: float | None = None,
    show: Show | None = None,
    silence_db: float = QUIET_DB,
) -> Iterator[tuple[Span, Audio]]:
    """Render a concert span by span, (samples,) float32 each; only one span is in memory.

    Silence holds room tone at `silence_db`. The same songs, seed and options give the same sound.
    """
    for number, span in enumerate((show or plan_concert(songs, seed, song_s=song_s)).spans):
        rng = generator(seed, "span", number)
        n = round(span.end_s * sample_rate_hz) - round(span.start_s * sample_rate_hz)
        seconds = n / sample_rate_hz
        if span.kind == "song":
            audio = render(songs[span.song], sample_rate_hz, seconds=seconds).mix
        elif span.kind == "applause":
            audio = applause(rng, seconds, sample_rate_hz)
            if rng.random() < 0.7:
                audio = audio + np.float32(rng.uniform(0.1, 0.7)) * cheering(rng, seconds, sample_rate_hz)
        elif span.kind == "banter":
            audio = banter(rng, seconds, sample_rate_hz)
        else:
            audio = np.zeros(n, dtype=np.float32)
        out = np.zeros(n, dtype=np.float32)
        out[: min(n, len(audio))] = audio[:n]
        tone = room_tone(rng, seconds + 1e-3, sample_rate_hz, level_db=silence_db)[:n]
        yield span, np.asarray(np.clip(out + tone, -1.0, 1.0), dtype=np.float32)
