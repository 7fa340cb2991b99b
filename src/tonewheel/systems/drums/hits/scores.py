"""Scores of a classifier with one label an example: confusion, F a label, macro F with an interval."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tonewheel.metrics.bootstrap import Interval, draws

Floats = NDArray[np.float64]


def confusion(reference: ArrayLike, estimate: ArrayLike, labels: int) -> NDArray[np.int64]:
    """How often each label (row) was taken for each (column), (labels, labels).

    >>> confusion([0, 0, 1], [0, 1, 1], 2).tolist()
    [[1, 1], [0, 1]]
    """
    cells = np.asarray(reference, np.int64) * labels + np.asarray(estimate, np.int64)
    return np.bincount(cells, minlength=labels * labels).reshape(labels, labels)


def f_scores(table: ArrayLike) -> Floats:
    """F a label from confusion tables (..., labels, labels); NaN where a label has no reference.

    >>> f_scores([[1, 1], [0, 1]]).round(3).tolist()
    [0.667, 0.667]
    """
    counts = np.asarray(table, np.float64)
    hit = np.diagonal(counts, axis1=-2, axis2=-1)
    reference, estimate = counts.sum(axis=-1), counts.sum(axis=-2)
    with np.errstate(invalid="ignore"):
        return np.where(reference > 0, 2 * hit / np.maximum(reference + estimate, 1), np.nan)


def macro_f(reference: ArrayLike, estimate: ArrayLike, labels: int) -> float:
    """Mean F over the labels that have references; scikit-learn's `f1_score(average="macro")` over those.

    >>> round(macro_f([0, 0, 1], [0, 1, 1], 12), 3)
    0.667
    """
    return float(np.nanmean(f_scores(confusion(reference, estimate, labels))))


def macro_f_interval(
    reference: NDArray[np.int64],
    estimate: NDArray[np.int64],
    groups: list[tuple[str, str]],
    labels: int,
    rng: np.random.Generator,
    resamples: int = 1000,
) -> Interval:
    """Macro F with its percentile bootstrap interval; whole groups (drums) are drawn, not hits."""
    names = sorted(set(groups))
    number = np.array([names.index(group) for group in groups])
    tables = np.stack(
        [confusion(reference[number == i], estimate[number == i], labels) for i in range(len(names))]
    )
    there = tables.sum(axis=(0, 2)) > 0
    drawn = []
    for counts in draws(len(names), resamples, rng, width=labels * labels * len(names) // 8 + 1):
        table = np.tensordot(counts, tables, axes=1)
        # A label that a resample has no hit of is left out of that one's mean.
        drawn.append(np.nanmean(f_scores(table)[:, there], axis=1))
    low, high = np.quantile(np.concatenate(drawn), [0.025, 0.975], method="nearest")
    return Interval(
        value=macro_f(reference, estimate, labels),
        low=float(low) if len(names) > 1 else None,
        high=float(high) if len(names) > 1 else None,
        n=len(reference),
        groups=len(names),
    )
