"""Intervals: how far could a figure be off, had other songs or other queries been drawn?

Task: a percentile bootstrap (Efron, 1979) of a weighted statistic, and Wilson's interval for proportions
(1927). Queries cut from the same song are not independent: pass `groups` and whole songs are resampled.

A resample is a row of counts (how often each item was drawn), so a statistic is a function of weights and all
resamples are computed at once, in blocks of bounded memory. `scipy.stats.bootstrap` does the same item by
item with its percentile method; tests compare the two. It has no groups.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tonewheel.core.records import Record

__all__ = [
    "Interval",
    "draws",
    "evaluate",
    "interval",
    "mean",
    "median",
    "poisson_rate",
    "validate",
    "wilson",
]

Floats = NDArray[np.float64]
Statistic = Callable[[Floats, Floats], Floats]

BLOCK_CELLS = 4_000_000
"""Weights held at a time: 32 MB."""


class Interval(Record):
    """A figure with its interval; `low` and `high` are None where one group alone cannot tell.

    >>> wilson(8, 10).value
    0.8
    """

    value: float
    low: float | None
    high: float | None
    n: int
    """Items: queries, windows, events."""
    groups: int
    """What was resampled: songs, or the items themselves."""
    level: float = 0.95

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return f"{self.value:.3f} (n={self.n}, no interval from {self.groups} group)"
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}] (n={self.n})"


def mean(values: Floats, weights: Floats) -> Floats:
    """Weighted mean of `values` (n,) under each row of `weights` (resamples, n)."""
    return np.asarray(weights @ values / weights.sum(axis=1))


def median(values: Floats, weights: Floats) -> Floats:
    """Weighted median, the mean of the two middle items where their number is even; infinity is legal."""
    order = np.argsort(values, kind="stable")
    ordered, running = values[order], np.cumsum(weights[:, order], axis=1)
    total = running[:, -1:]
    lower = ordered[np.argmax(running >= np.floor((total + 1) / 2), axis=1)]
    upper = ordered[np.argmax(running >= np.floor(total / 2) + 1, axis=1)]
    # lower == upper first: half of infinity minus infinity is not a number.
    return np.asarray(np.where(lower == upper, lower, lower / 2 + upper / 2))


def validate(values: ArrayLike, groups: ArrayLike | None = None) -> tuple[Floats, NDArray[np.int64]]:
    """Check values (n,) and groups (n,), of any sortable kind; returns floats and group numbers from 0."""
    items = np.asarray(values, dtype=np.float64)
    if items.ndim != 1 or items.size == 0:
        raise ValueError(f"values must be a vector that is not empty, got the shape {items.shape}")
    if np.isnan(items).any():
        raise ValueError("values contain NaN")
    if groups is None:
        return items, np.arange(items.size)
    names = np.asarray(groups)
    if names.shape != items.shape:
        raise ValueError(f"groups {names.shape} and values {items.shape} must be equally long")
    return items, np.unique(names, return_inverse=True)[1].reshape(-1).astype(np.int64)


def interval(
    values: ArrayLike,
    *,
    rng: np.random.Generator,
    groups: ArrayLike | None = None,
    statistic: Statistic = mean,
    resamples: int = 1000,
    level: float = 0.95,
) -> Interval:
    """Percentile bootstrap interval of a statistic; whole groups are drawn where `groups` is given.

    >>> found = interval([0, 1] * 50, rng=np.random.default_rng(1))
    >>> found.value, 0.35 < found.low < 0.45
    (0.5, True)
    """
    items, group = validate(values, groups)
    if resamples < 1 or not 0 < level < 1:
        raise ValueError(f"resamples must be at least 1 and level in (0, 1), got {resamples} and {level}")
    count = int(group.max()) + 1
    whole = float(statistic(items, np.ones((1, items.size)))[0])
    if count < 2:
        return Interval(value=whole, low=None, high=None, n=items.size, groups=count, level=level)
    if statistic is mean and count == items.size:
        draws = _means(items, resamples, rng)
    else:
        draws = _draws(items, group, count, statistic, resamples, rng)
    # Sorting and indexing survive infinite draws, which interpolation between them would turn into NaN.
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], method="nearest")
    return Interval(value=whole, low=float(low), high=float(high), n=items.size, groups=count, level=level)


def _means(items: Floats, resamples: int, rng: np.random.Generator) -> Floats:
    """The mean of every resample of single items, shape (resamples,)."""
    distinct, counts = np.unique(items, return_counts=True)
    if distinct.size <= items.size // 8:  # right or wrong: how often each value is drawn is all that matters
        return np.asarray(rng.multinomial(items.size, counts / items.size, resamples) @ distinct / items.size)
    step = max(1, BLOCK_CELLS // items.size)
    blocks = [(start, min(step, resamples - start)) for start in range(0, resamples, step)]
    return np.concatenate(
        [items[rng.integers(0, items.size, (n, items.size))].mean(axis=1) for _, n in blocks]
    )


def _draws(
    items: Floats,
    group: NDArray[np.int64],
    count: int,
    statistic: Statistic,
    resamples: int,
    rng: np.random.Generator,
) -> Floats:
    """The statistic of every resample, shape (resamples,)."""
    if statistic is mean:  # the sums of each group are enough, and far smaller than all weights
        sums = np.bincount(group, weights=items, minlength=count)
        sizes = np.bincount(group, minlength=count).astype(np.float64)
    width = count if statistic is mean else items.size
    found = []
    for drawn in draws(count, resamples, rng, width):
        weights = drawn.astype(np.float64)
        found.append(
            (weights @ sums) / (weights @ sizes) if statistic is mean else statistic(items, weights[:, group])
        )
    return np.concatenate(found)


def draws(
    count: int, resamples: int, rng: np.random.Generator, width: int | None = None
) -> Iterator[NDArray[np.int64]]:
    """How often each of `count` items is drawn, (resamples, count) in blocks of rows of bounded memory.

    A row is what `np.bincount(rng.integers(0, count, count), minlength=count)` gives, in the same order of the
    stream, so a plain loop over resamples draws the same. `width` is what a row grows to at the caller's.

    >>> rows = np.concatenate(list(draws(3, 4, np.random.default_rng(0))))
    >>> rows.shape, rows.sum(axis=1).tolist()
    ((4, 3), [3, 3, 3, 3])
    """
    step = max(1, BLOCK_CELLS // max(width or count, 1))
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        picks = rng.integers(0, count, size=(rows, count)) + np.arange(rows)[:, None] * count
        yield np.bincount(picks.ravel(), minlength=rows * count).reshape(rows, count)


def wilson(successes: int, n: int, level: float = 0.95) -> Interval:
    """Wilson's score interval of a proportion (JASA 22, 1927), for independent trials.

    >>> print(wilson(0, 10))
    0.000 [0.000, 0.278] (n=10)
    """
    if n < 1 or not 0 <= successes <= n or not 0 < level < 1:
        raise ValueError(f"need 0 <= successes <= n, n > 0, level in (0, 1), got {successes}, {n}, {level}")
    z = NormalDist().inv_cdf((1 + level) / 2)
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == n else centre + half
    return Interval(value=share, low=low, high=high, n=n, groups=n, level=level)


def poisson_rate(count: int, hours: float, level: float = 0.95) -> Interval:
    """Exact interval of a rate an hour from a count (Garwood, Biometrika 28, 1936).

    It says what "no false identification in ten minutes" is worth: at most 22 an hour.

    >>> print(poisson_rate(0, 1.0))
    0.000 [0.000, 3.689] (n=0)
    """
    if count < 0 or hours <= 0 or not 0 < level < 1:
        raise ValueError(f"need count >= 0, hours > 0 and level in (0, 1), got {count}, {hours}, {level}")
    from scipy.special import gammaincinv

    tail = (1 - level) / 2
    low = 0.0 if count == 0 else float(gammaincinv(count, tail)) / hours
    high = float(gammaincinv(count + 1, 1 - tail)) / hours
    return Interval(value=count / hours, low=low, high=high, n=count, groups=count, level=level)


def evaluate(
    values: ArrayLike, groups: ArrayLike | None = None, *, seed: int = 0, resamples: int = 1000
) -> dict[str, float | int | None]:
    """Mean of values with its 95 % interval as a flat dictionary.

    >>> sorted(evaluate([1.0, 0.0, 1.0], seed=3))
    ['groups', 'high', 'low', 'n', 'value']
    """
    found = interval(values, groups=groups, resamples=resamples, rng=np.random.default_rng(seed))
    return {"value": found.value, "low": found.low, "high": found.high, "n": found.n, "groups": found.groups}
