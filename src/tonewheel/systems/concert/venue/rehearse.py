"""Simulate a measured venue with clean tracks, and say how far that is from the recordings themselves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.decode import load, probe
from tonewheel.core.errors import InputError
from tonewheel.core.progress import progress
from tonewheel.core.records import Record
from tonewheel.core.seeds import generator
from tonewheel.degrade.chain import Chain
from tonewheel.degrade.presets import hall
from tonewheel.systems.concert.venue.closeness import Closeness, compare
from tonewheel.systems.concert.venue.features import RATE_HZ
from tonewheel.systems.concert.venue.measure import Measured, observe
from tonewheel.systems.concert.venue.profile import Venue
from tonewheel.systems.concert.venue.simulate import Surroundings, matching, octaves_of

Floats = NDArray[np.float32]
Floats64 = NDArray[np.float64]

PART_S = 60.0
"""Of each clean track, so much from its middle is heard through the venue."""
MOST_TRACKS = 40


class Nearness(Record):
    """Three simulations against the recordings: as measured, of halls in general, and none at all."""

    venue: Closeness
    general: Closeness
    clean: Closeness

    def __str__(self) -> str:
        parts = (
            ("the venue as measured", self.venue),
            ("halls in general", self.general),
            ("clean", self.clean),
        )
        figures = "; ".join(
            f"{name} {x.separability:.2f} (distance {x.energy_distance:.2f})" for name, x in parts
        )
        return f"told apart from the recordings with AUROC (0.5: cannot be): {figures}"


def rehearse(
    real: Sequence[Measured],
    venue: Venue,
    tracks: Sequence[Path],
    surroundings: Surroundings | None = None,
    *,
    seed: int = 0,
) -> Nearness:
    """Clean tracks through the venue, against the recordings that it was measured on; InputError without tracks."""
    if not tracks:
        raise InputError("--music", "holds no tracks")
    around = surroundings or Surroundings()
    clean = [_middle(path) for path in progress(tracks[:MOST_TRACKS], "decode tracks")]
    return nearness([one.rows for one in real], clean, venue, around, seed=seed)


def nearness(
    real: Sequence[Floats64], clean: Sequence[Floats], venue: Venue, around: Surroundings, *, seed: int = 0
) -> Nearness:
    """The same for rows of features that were observed, and clean music, (samples,) each at 16 kHz."""

    def as_measured(number: int, audio: Floats) -> Chain:
        rng = generator(seed, "rehearse", number)
        return matching(venue, rng, music_db=octaves_of(audio), surroundings=around)

    def in_general(number: int, _audio: Floats) -> Chain:
        rooms = [path for _, path in around.rooms]
        return hall(generator(seed, "rehearse", number), rooms, around.crowds)

    chains = (as_measured, in_general, lambda _number, _audio: Chain())
    simulated = [
        [_rows(audio, chain(number, audio)) for number, audio in enumerate(progress(clean, "simulating"))]
        for chain in chains
    ]
    first, second, third = (compare(real, one, seed) for one in simulated)
    return Nearness(venue=first, general=second, clean=third)


def _rows(audio: Floats, chain: Chain) -> Floats64:
    return observe(chain.apply(audio, RATE_HZ))


def _middle(path: Path) -> Floats:
    seconds = probe(path).seconds  # None where a file does not say how long it is
    start_s = 0.0 if seconds is None else max(0.0, (seconds - PART_S) / 2)
    audio, _ = load(path, sample_rate_hz=RATE_HZ, start_s=start_s, duration_s=PART_S)
    return audio
