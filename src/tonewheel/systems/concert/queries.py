"""Degraded queries with known answers, from the tracks, rooms, crowds and microphones of one split."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.errors import InputError
from tonewheel.core.seeds import generator
from tonewheel.degrade.chain import Chain
from tonewheel.degrade.presets import hall
from tonewheel.systems.concert.ambience import SHARES, draw_ambience
from tonewheel.systems.concert.prepare import SAMPLE_RATE_HZ, Prepared, PreparedTrack

Floats = NDArray[np.float32]
RUN_UP_S = 3.0
"""Music before the query that the room still carries into it; a query at a song's start has none."""


class Query(NamedTuple):
    """A clip as a phone in the hall heard it, the index of its song in the split, its place in the song."""

    song: int
    start_s: float
    audio: Floats


class Hall:
    """Everything of one split: songs, and what they are heard through."""

    def __init__(self, prepared: Prepared, split: str, *, shortest_s: float = 12.0) -> None:
        self.prepared = prepared
        self.tracks = [
            t for t in prepared.tracks if t.split == split and not t.synthetic and t.seconds >= shortest_s
        ]
        if not self.tracks:
            raise InputError(prepared.folder, f"has no {split} tracks of at least {shortest_s:g} s")
        self.rooms = prepared.paths("room", split)
        self.crowds = prepared.paths("crowd", split)
        self.microphones = prepared.paths("microphone", split)
        self.bank = {kind: prepared.paths(kind, split) for kind in SHARES}

    def song(self, track: PreparedTrack) -> Floats:
        """The whole clean song, mono at 16 kHz."""
        return self.prepared.floats(track)

    def chain(self, rng: np.random.Generator, snr_db: float) -> Chain:
        """A room, a crowd at this signal-to-noise ratio, a microphone and a phone: TARGETS.md, concert.

        Measured rooms and microphones where the split has any, always with a lossy codec.
        """
        return hall(
            rng,
            self.rooms,
            self.crowds,
            self.microphones,
            snr_db,
            measured_share=1.0 if self.rooms else 0.0,
            synthetic_crowd_share=0.0 if self.crowds else 1.0,
        )

    def queries(self, count: int, snr_db: float, seconds: float, *seed: int | str) -> Iterator[Query]:
        """Random re-cuts of random songs, each through a chain of its own."""
        for number in range(count):
            rng = generator(0, "query", *seed, f"{snr_db:g}", number)
            song = int(rng.integers(len(self.tracks)))
            length = round(seconds * SAMPLE_RATE_HZ)
            samples = round(self.tracks[song].seconds * SAMPLE_RATE_HZ)
            start = int(rng.integers(0, samples - length + 1))
            run_up = min(start, round(RUN_UP_S * SAMPLE_RATE_HZ))
            clean = self.prepared.floats(self.tracks[song], start - run_up, start + length)
            heard = self.chain(rng, snr_db).apply(clean, SAMPLE_RATE_HZ)[run_up:]
            yield Query(song, start / SAMPLE_RATE_HZ, heard)

    def ambience(self, count: int, seconds: float, *seed: int | str) -> Iterator[Floats]:
        """Applause, talk and room noise without music, through the same rooms and phones."""
        for number in range(count):
            rng = generator(0, "ambience", *seed, number)
            quiet = draw_ambience(rng, round(seconds * SAMPLE_RATE_HZ), SAMPLE_RATE_HZ, self.bank)
            yield self.chain(rng, 60.0).apply(quiet, SAMPLE_RATE_HZ)
