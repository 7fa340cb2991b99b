"""How far simulated sound is from the real: can a classifier tell them apart, and by what?

Rows of features (stretches of ten seconds of music) of recordings on one side, of clean music through the measured
venue on the other. Music is on both sides, and unless it is the same songs it tells something too: the same figure
for simulation that ignores the measurement stands beside it, and says what measuring was worth.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.errors import InputError
from tonewheel.core.records import Record
from tonewheel.core.seeds import generator
from tonewheel.metrics import two_sample
from tonewheel.systems.concert.venue.measure import COLUMNS

Floats64 = NDArray[np.float64]

LEAST_STRETCHES = 4
SHOWN = 12
LEAST_SPREAD = 0.05
"""In any unit of a feature; no feature is scaled finer."""


class Gap(Record):
    """One feature on both sides; `ks` is the largest gap of the distribution functions, 0 to 1."""

    feature: str
    ks: float
    real_median: float
    simulated_median: float


class Closeness(Record):
    """Two sets of stretches: how far apart, and what differs most."""

    real: int
    """Stretches of ten seconds."""
    simulated: int
    recordings: int
    separability: float
    """AUROC of a classifier on recordings that it has not heard; 0.5 is what simulation aims for."""
    energy_distance: float
    """Features in standard deviations; 0 for the same distribution."""
    p: float
    """That a random split of the recordings would be as far apart."""
    gaps: tuple[Gap, ...]
    """The features that differ most, worst first."""


def compare(real: Sequence[NDArray[Any]], simulated: Sequence[NDArray[Any]], seed: int = 0) -> Closeness:
    """Compare recordings, each with its rows (n, len(COLUMNS)); InputError where a side is too short.

    >>> rng = np.random.default_rng(0)
    >>> alike = [rng.normal(size=(6, len(COLUMNS))) for _ in range(8)]
    >>> other = [one + 2 for one in alike[4:]]
    >>> compare(alike[:4], alike[4:]).separability < 0.8 < compare(alike[:4], other).separability
    True
    """
    sides = [[np.asarray(one) for one in side if len(one)] for side in (real, simulated)]
    for name, side in zip(("the recordings", "the simulation"), sides, strict=True):
        if sum(map(len, side)) < LEAST_STRETCHES:
            raise InputError(
                name, f"gave fewer than {LEAST_STRETCHES} stretches of music; nothing can be compared"
            )
    first, second = (np.concatenate(side) for side in sides)
    scale = np.maximum(np.concatenate([first, second]).std(axis=0), LEAST_SPREAD)
    groups = [np.repeat(np.arange(len(side)), [len(one) for one in side]) for side in sides]
    # One recording a side cannot be held out as a whole; its stretches then have to do.
    of = (groups[0], groups[1]) if min(map(len, sides)) > 1 else None
    distance, p = two_sample.energy_test(
        first / scale, second / scale, generator(seed, "venue closeness"), groups=of
    )
    gaps = two_sample.ks(first, second)
    worst = np.argsort(-gaps, kind="stable")[:SHOWN]
    return Closeness(
        real=len(first),
        simulated=len(second),
        recordings=len(sides[0]),
        separability=round(two_sample.separability(first / scale, second / scale, groups=of), 4),
        energy_distance=round(distance, 4),
        p=round(p, 4),
        gaps=tuple(
            Gap(
                feature=COLUMNS[i],
                ks=round(float(gaps[i]), 4),
                real_median=round(float(np.median(first[:, i])), 3),
                simulated_median=round(float(np.median(second[:, i])), 3),
            )
            for i in worst
        ),
    )
