"""Draw examples by the weight of their group: the batch of a step is a pure function of (seed, step).

An example is drawn with a probability in proportion to the weight of its group, so a group of n examples with
weight w gets n * w of all draws. Drawing is with replacement and costs the same for ten groups and for ten
million examples: first a group by its mass, then one of its examples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.errors import InputError
from tonewheel.core.seeds import generator


class WeightedSampler:
    """Draws indices of examples, each given by the name of its group.

    A group without a weight is not drawn from, unless `default` gives it one.

    >>> sampler = WeightedSampler(["a", "a", "b", "c"], {"a": 0.0, "b": 1.0}, seed=3)
    >>> sampler.draw(step=0, count=4).tolist()
    [2, 2, 2, 2]
    """

    def __init__(
        self, groups: Sequence[str], weights: Mapping[str, float], *, seed: int, default: float = 0.0
    ) -> None:
        numbers: dict[str, int] = {}
        of = np.fromiter((numbers.setdefault(group, len(numbers)) for group in groups), np.int64, len(groups))
        weight = np.array([weights.get(group, default) for group in numbers], dtype=np.float64)
        if not (np.isfinite(weight).all() and (weight >= 0).all()):
            raise ValueError("weights must be finite and at least 0")
        self.seed = seed
        self._order = np.argsort(of, kind="stable")
        self._sizes = np.bincount(of, minlength=len(numbers))
        self._starts = np.cumsum(self._sizes) - self._sizes
        self._mass = np.cumsum(weight * self._sizes)
        if not self._mass.size or self._mass[-1] <= 0:
            raise InputError("sampling weights", "no example belongs to a group that has a weight above 0")

    def draw(self, step: int, count: int) -> NDArray[np.int64]:
        """The examples of a step, shape (count,)."""
        rng = generator(self.seed, "weighted", step)
        places = rng.random(count) * self._mass[-1]
        # Rounding may put a place at the very end of the mass; groups without mass are never hit.
        last = int(np.searchsorted(self._mass, self._mass[-1], side="left"))
        groups = np.minimum(np.searchsorted(self._mass, places, side="right"), last)
        within = (rng.random(count) * self._sizes[groups]).astype(np.int64)
        return np.asarray(self._order[self._starts[groups] + within], dtype=np.int64)
