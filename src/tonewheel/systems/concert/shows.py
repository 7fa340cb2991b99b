"""Whole concerts with exact labels, assembled from the tracks, rooms, crowds and phones of one split.

Songs of the split are played one after the other as on their records, some of them cut short, with applause, talk
and pauses between, or none. One chain of damage lies over the whole evening: a room, a crowd, a microphone, a phone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonewheel.synth.concert import Span
from tonewheel.systems.concert.ambience import draw_ambience
from tonewheel.systems.concert.prepare import SAMPLE_RATE_HZ
from tonewheel.systems.concert.queries import Hall

Floats = NDArray[np.float32]
BETWEEN_S = (4.0, 30.0)
SEGUE_SHARE = 0.12
CUT_SHARE = 0.25
"""Songs that the band ends early."""
SHORTEST_CUT = 0.55
AMBIENCE_LEVEL = (0.15, 0.7)
"""RMS of what is heard between the songs, as a share of the songs'."""
FADE_S = 0.05


class Concert(NamedTuple):
    """A recording, (samples,) at 16 kHz, and what is in it: gapless spans; `song` of a span counts in the split."""

    audio: Floats
    spans: tuple[Span, ...]

    @property
    def songs(self) -> tuple[Span, ...]:
        """The songs alone, in the order in which they were played."""
        return tuple(span for span in self.spans if span.kind == "song")


def title(hall: Hall, song: int) -> str:
    """The name of a song of the split in a pack; titles may repeat, the number keeps them apart."""
    return f"{song:03d} {hall.tracks[song].title}"


def assemble(hall: Hall, songs: Sequence[int], rng: np.random.Generator, snr_db: float) -> Concert:
    """Play `songs` of the split, in this order, and record them from the audience."""
    parts: list[Floats] = []
    spans: list[Span] = []
    now = 0

    def add(audio: Floats, kind: str, name: str = "", song: int = -1) -> None:
        nonlocal now
        start, now = now, now + len(audio)
        span_s = (start / SAMPLE_RATE_HZ, now / SAMPLE_RATE_HZ)
        spans.append(Span(start_s=span_s[0], end_s=span_s[1], kind=kind, title=name, song=song))
        parts.append(audio)

    def pause(seconds: float) -> None:
        quiet = draw_ambience(rng, round(seconds * SAMPLE_RATE_HZ), SAMPLE_RATE_HZ, hall.bank)
        level = max(_rms(quiet), 1e-9)
        add(quiet * np.float32(rng.uniform(*AMBIENCE_LEVEL) * 0.1 / level), "applause")

    pause(rng.uniform(*BETWEEN_S))
    for place, song in enumerate(songs):
        music = hall.song(hall.tracks[song])
        if rng.random() < CUT_SHARE:
            music = music[: round(len(music) * rng.uniform(SHORTEST_CUT, 1.0))]
        music = music * np.float32(0.1 / max(_rms(music), 1e-9))
        fade = round(FADE_S * SAMPLE_RATE_HZ)
        music[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
        add(music, "song", title(hall, song), song)
        if place == len(songs) - 1 or rng.random() >= SEGUE_SHARE:
            pause(rng.uniform(*BETWEEN_S))
    played = np.concatenate(parts)
    played *= np.float32(0.9 / max(float(np.abs(played).max()), 1e-9))
    return Concert(hall.chain(rng, snr_db).apply(played, SAMPLE_RATE_HZ), tuple(spans))


def _rms(audio: Floats) -> float:
    return float(np.sqrt(np.mean(np.square(audio), dtype=np.float64)))
