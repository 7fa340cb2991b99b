"""Onsets: were the hits found, in time, and given to the right class?

Task: `reference` and `estimate` are times in seconds of one recording, or one such list a class. An estimate
within `tolerance_s` of a reference (inclusive) may be matched with it; each is matched at most once, and as
many as possible are. That is the rule of `mir_eval.onset` and `mir_eval.transcription`, and the numbers equal
theirs: on a line the pairing from the left that takes the earliest partner is a largest one. Classes are
never mixed; hits of one class at one time count as often as they are given.

mir_eval compares times as floating point numbers; so do we, with its guard: a difference counts as within
the tolerance when it is so after rounding to ten decimals.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Counts", "count", "evaluate", "f_measure", "macro_f", "match", "merge_close", "micro", "validate"]

Floats = NDArray[np.float64]
DECIMALS = 10


class Counts(NamedTuple):
    """Hits matched, hits in the reference, hits in the estimate; they add up over songs and classes."""

    matched: int = 0
    reference: int = 0
    estimate: int = 0

    def plus(self, other: Counts) -> Counts:
        """The sum of both."""
        return Counts(*(a + b for a, b in zip(self, other, strict=True)))

    @property
    def precision(self) -> float:
        """Share of the estimate that was matched; 0 when it is empty."""
        return self.matched / self.estimate if self.estimate else 0.0

    @property
    def recall(self) -> float:
        """Share of the reference that was matched; 0 when it is empty."""
        return self.matched / self.reference if self.reference else 0.0

    @property
    def f(self) -> float:
        """Harmonic mean of both; 0 when nothing was matched.

        >>> Counts(matched=3, reference=4, estimate=6).f
        0.6
        """
        both = self.reference + self.estimate
        return 2 * self.matched / both if both else 0.0


def validate(reference: ArrayLike, estimate: ArrayLike, tolerance_s: float = 0.05) -> tuple[Floats, Floats]:
    """Check two lists of times; returns them sorted."""
    out = []
    for name, times in (("reference", reference), ("estimate", estimate)):
        array = np.asarray(times, dtype=np.float64)
        if array.ndim != 1 or not np.isfinite(array).all() or (array < 0).any():
            raise ValueError(f"{name} must be a list of finite times of at least 0 s")
        out.append(np.sort(array))
    if not tolerance_s >= 0:
        raise ValueError(f"tolerance_s is {tolerance_s}; it must be at least 0")
    return out[0], out[1]


def match(reference: ArrayLike, estimate: ArrayLike, tolerance_s: float = 0.05) -> NDArray[np.int64]:
    """A largest one-to-one matching: rows (place in the sorted reference, place in the sorted estimate).

    >>> match([0.1, 0.2], [0.14, 0.15, 0.9]).tolist()
    [[0, 0], [1, 1]]
    """
    right, found = validate(reference, estimate, tolerance_s)
    pairs, i, j = [], 0, 0
    while i < len(right) and j < len(found):
        apart = round(found[j] - right[i], DECIMALS)
        if abs(apart) <= tolerance_s:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif apart < 0:
            j += 1
        else:
            i += 1
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def count(reference: ArrayLike, estimate: ArrayLike, tolerance_s: float = 0.05) -> Counts:
    """Matched, reference and estimate of one class in one recording.

    >>> count([0.1, 0.5], [0.12])
    Counts(matched=1, reference=2, estimate=1)
    """
    right, found = validate(reference, estimate, tolerance_s)
    return Counts(len(match(right, found, tolerance_s)), len(right), len(found))


def f_measure(
    reference: ArrayLike, estimate: ArrayLike, tolerance_s: float = 0.05
) -> tuple[float, float, float]:
    """F, precision, recall, in the order of `mir_eval.onset.f_measure`.

    >>> [round(value, 3) for value in f_measure([0.1, 0.5], [0.12])]
    [0.667, 1.0, 0.5]
    """
    found = count(reference, estimate, tolerance_s)
    return found.f, found.precision, found.recall


def deviations(reference: ArrayLike, estimate: ArrayLike, tolerance_s: float = 0.05) -> Floats:
    """Estimate minus reference of every matched pair, s: positive is late.

    >>> deviations([0.1, 0.5], [0.11, 0.49]).round(3).tolist()
    [0.01, -0.01]
    """
    right, found = validate(reference, estimate, tolerance_s)
    pairs = match(right, found, tolerance_s)
    return np.asarray(found[pairs[:, 1]] - right[pairs[:, 0]])


def merge_close(times: ArrayLike, within_s: float = 0.0) -> Floats:
    """Times sorted, those within `within_s` after a kept one dropped: hits of two labels folded to one class.

    >>> merge_close([0.2, 0.1, 0.201], 0.005).tolist()
    [0.1, 0.2]
    """
    kept: list[float] = []
    for time in np.sort(np.asarray(times, dtype=np.float64)):
        if not kept or time - kept[-1] > within_s:
            kept.append(float(time))
    return np.array(kept)


def micro(counts: Mapping[str, Counts]) -> Counts:
    """All classes pooled."""
    total = Counts()
    for one in counts.values():
        total = total.plus(one)
    return total


def macro_f(counts: Mapping[str, Counts]) -> float:
    """Mean F over the classes that the reference has.

    >>> macro_f({"kick": Counts(2, 2, 2), "snare": Counts(0, 1, 0), "tom": Counts(0, 0, 3)})
    0.5
    """
    there = [one.f for one in counts.values() if one.reference]
    if not there:
        raise ValueError("the reference has no hits of any class")
    return float(np.mean(there))


def evaluate(
    reference: Mapping[str, ArrayLike], estimate: Mapping[str, ArrayLike], tolerance_s: float = 0.05
) -> dict[str, float]:
    """Micro precision, recall and F, macro F, F of every class, and the median signed offset in ms.

    >>> found = evaluate({"kick": [0.0, 1.0], "snare": [0.5]}, {"kick": [0.01], "snare": [0.5]})
    >>> found["micro_f"], round(found["kick_f"], 3), found["offset_median_ms"]
    (0.8, 0.667, 5.0)
    """
    for side, classes in (("reference", reference), ("estimate", estimate)):
        if not isinstance(classes, Mapping):
            raise ValueError(f"{side} must map each class to its times")
    names = sorted({*reference, *estimate})
    counts = {name: count(reference.get(name, ()), estimate.get(name, ()), tolerance_s) for name in names}
    total = micro(counts)
    late = [deviations(reference.get(name, ()), estimate.get(name, ()), tolerance_s) for name in names]
    every = np.concatenate([*late, np.empty(0)])
    return {
        "micro_precision": total.precision,
        "micro_recall": total.recall,
        "micro_f": total.f,
        "macro_f": macro_f(counts),
        "offset_median_ms": round(float(np.median(every)) * 1000, 6) if len(every) else float("nan"),
        **{f"{name}_f": one.f for name, one in counts.items()},
    }
