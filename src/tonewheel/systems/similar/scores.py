"""What a similarity means: 0.9 is more alike than 90 % of the pairs of different tracks in the collection.

A cosine alone means little: with one model 0.6 is a twin, with another a stranger. The scale is made of the
collection's own pairs, so the similarity of a random pair is uniform in [0, 1], whatever the model.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tonewheel.core.records import Record

Floats = NDArray[np.float64]

MOST_PAIRS = 50_000
LEVELS = np.concatenate([np.linspace(0.0, 0.98, 99), 1 - np.geomspace(0.0199, 1e-5, 50)])
"""Finer towards 1: the ten best of thousands all lie there."""


class Scale(Record):
    """Scores of pairs at `LEVELS`, lowest first.

    >>> scale = scale_of(np.linspace(0.2, 0.8, 1001))
    >>> scale.similarity([0.1, 0.5, 0.9]).round(2).tolist()
    [0.0, 0.5, 1.0]
    """

    values: tuple[float, ...]

    def similarity(self, scores: ArrayLike) -> Floats:
        """The share of pairs that are less alike, for scores of any shape; it never falls as a score rises."""
        wanted = np.asarray(scores, np.float64)
        if not self.values:
            return np.clip(wanted, 0.0, 1.0)
        # A pair beyond all that were seen is beyond all: 1, and below all: 0.
        known = np.maximum.accumulate(np.asarray(self.values))
        inside = np.interp(wanted, known, LEVELS)
        return np.where(wanted > known[-1], 1.0, np.where(wanted < known[0], 0.0, inside))


def scale_of(scores: ArrayLike) -> Scale:
    """The scale of the scores of many pairs (n,); of fewer than two it says nothing and leaves scores as they are."""
    known = np.asarray(scores, np.float64)
    if known.size < 2:
        return Scale(values=())
    return Scale(values=tuple(np.quantile(known, LEVELS, method="hazen").tolist()))


def pairs(groups: NDArray[np.int64], rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Two arrays that name the pairs to compare: all of different `groups` (n,), or many drawn ones.

    >>> first, second = pairs(np.array([0, 0, 1]), np.random.default_rng(0))
    >>> list(zip(first.tolist(), second.tolist()))
    [(0, 2), (1, 2)]
    """
    count = len(groups)
    if count * (count - 1) // 2 <= MOST_PAIRS:
        first, second = np.triu_indices(count, 1)
    else:
        first, second = rng.integers(0, count, (2, MOST_PAIRS))
    different = groups[first] != groups[second]
    return np.asarray(first[different], np.int64), np.asarray(second[different], np.int64)
