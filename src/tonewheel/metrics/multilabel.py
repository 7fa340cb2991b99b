"""Multi-label answers: which labels were found, micro, macro and per class, with intervals.

Task: `references` (n, k) and `estimates` (n, k) booleans, one column a label; an example may have several
labels or none. Micro pools all counts, macro is the mean over the labels that occur in the references: a label
that nobody was asked for has no recall. scikit-learn's `f1_score(average="macro")` averages over all columns
instead and counts such a label as 0 (`zero_division`); on the labels that occur the two are equal.

Intervals are percentile bootstraps (Efron, 1979) over examples, or over whole groups (sessions): hits of one
recording are not independent. All resamples are computed at once from the counts of each group. Single
examples are drawn as counts of equal outcomes (a multinomial), which is the same distribution and far quicker.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tonewheel.metrics.bootstrap import BLOCK_CELLS, Interval, draws

__all__ = ["counts", "evaluate", "f_intervals", "f_score", "macro", "recall", "validate"]

Floats = NDArray[np.float64]


def validate(references: ArrayLike, estimates: ArrayLike) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Check that both are tables of booleans of one shape (n, k), n and k at least 1."""
    tables = []
    for name, values in (("references", references), ("estimates", estimates)):
        table = np.asarray(values)
        if table.ndim != 2 or table.size == 0:
            raise ValueError(f"{name} must have the shape (examples, labels), got {table.shape}")
        if table.dtype != np.bool_ and not np.isin(table, (0, 1)).all():
            raise ValueError(f"{name} must hold booleans")
        tables.append(table.astype(bool))
    if tables[0].shape != tables[1].shape:
        raise ValueError(f"references {tables[0].shape} and estimates {tables[1].shape} must be alike")
    return tables[0], tables[1]


def counts(references: ArrayLike, estimates: ArrayLike) -> NDArray[np.int64]:
    """True positives, false positives and misses of each label, shape (3, k).

    >>> counts([[1, 0], [1, 1]], [[1, 1], [0, 1]]).tolist()
    [[1, 1], [0, 1], [1, 0]]
    """
    right, said = validate(references, estimates)
    return np.stack([(right & said).sum(axis=0), (~right & said).sum(axis=0), (right & ~said).sum(axis=0)])


def f_score(table: ArrayLike) -> Floats:
    """F1 = 2 TP / (2 TP + FP + FN) of counts (..., 3, k), shape (..., k); NaN where there is nothing at all.

    >>> f_score([[8], [2], [2]]).tolist()
    [0.8]
    """
    hits, wrong, missed = np.moveaxis(np.asarray(table, dtype=np.float64), -2, 0)
    with np.errstate(invalid="ignore"):
        return np.asarray(2 * hits / (2 * hits + wrong + missed))


def recall(table: ArrayLike) -> Floats:
    """TP / (TP + FN) of counts (..., 3, k), shape (..., k); NaN for a label without references.

    >>> recall([[9, 0], [5, 1], [1, 0]]).tolist()
    [0.9, nan]
    """
    hits, _, missed = np.moveaxis(np.asarray(table, dtype=np.float64), -2, 0)
    with np.errstate(invalid="ignore"):
        return np.asarray(hits / (hits + missed))


def macro(values: ArrayLike, table: ArrayLike) -> Floats:
    """Mean of `values` (..., k) over the labels with references in counts (..., 3, k); NaN if none has.

    >>> macro([0.5, 1.0, 0.0], [[1, 1, 0], [1, 0, 3], [1, 0, 0]]).tolist()
    0.75
    """
    scores, found = np.asarray(values, dtype=np.float64), np.asarray(table)
    asked = (found[..., 0, :] + found[..., 2, :]) > 0
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(asked, scores, 0.0).sum(axis=-1) / asked.sum(axis=-1))


def f_intervals(
    references: ArrayLike,
    estimates: ArrayLike,
    labels: Sequence[str],
    *,
    rng: np.random.Generator,
    groups: ArrayLike | None = None,
    resamples: int = 1000,
    level: float = 0.95,
) -> dict[str, Interval]:
    """F1 with intervals: "micro", "macro", and "class.LABEL" for every label that occurs.

    `groups` (n,) of any sortable kind are resampled whole; without them single examples are. A resample in
    which a label does not occur says nothing about it and is left out of that label's interval.

    >>> found = f_intervals([[1], [1], [0], [1]], [[1], [0], [0], [1]], ["kick"], rng=np.random.default_rng(0))
    >>> found["micro"].value, found["class.kick"].groups
    (0.8, 4)
    """
    right, said = validate(references, estimates)
    if len(labels) != right.shape[1]:
        raise ValueError(f"{len(labels)} labels for {right.shape[1]} columns")
    if resamples < 1 or not 0 < level < 1:
        raise ValueError(f"resamples must be at least 1 and level in (0, 1), got {resamples} and {level}")
    table, weights = _by_group(right, said, groups)
    count = int(weights.sum())
    whole = _scores((weights @ table).reshape(1, 3, -1))[0]
    drawn = np.concatenate(
        [_scores((rows @ table).reshape(len(rows), 3, -1)) for rows in _rows(weights, resamples, rng)]
    )
    low, high = np.full((2, whole.size), np.nan)
    for column in range(whole.size):
        kept = drawn[~np.isnan(drawn[:, column]), column]
        if count > 1 and kept.size:
            low[column], high[column] = np.quantile(
                kept, [(1 - level) / 2, (1 + level) / 2], method="nearest"
            )
    names = ["micro", "macro", *(f"class.{label}" for label in labels)]
    return {
        name: Interval(
            value=float(value),
            low=None if np.isnan(a) else float(a),
            high=None if np.isnan(b) else float(b),
            n=len(right),
            groups=count,
            level=level,
        )
        for name, value, a, b in zip(names, whole, low, high, strict=True)
        if not np.isnan(value)
    }


def _by_group(
    right: NDArray[np.bool_], said: NDArray[np.bool_], groups: ArrayLike | None
) -> tuple[Floats, NDArray[np.int64]]:
    """Counts (rows, 3k) of each kind of group, and how many groups are of that kind."""
    cells = np.concatenate([right & said, ~right & said, right & ~said], axis=1)
    if groups is None:
        packed = np.packbits(cells, axis=1)  # as bytes, so that sorting compares whole rows
        _, first, number = np.unique(
            np.ascontiguousarray(packed).view(f"V{packed.shape[1]}").ravel(),
            return_index=True,
            return_inverse=True,
        )
        return cells[first].astype(np.float64), np.bincount(number.ravel())
    names = np.asarray(groups)
    if names.shape != (len(right),):
        raise ValueError(f"groups {names.shape} must be as many as examples ({len(right)})")
    kinds, number = np.unique(names, return_inverse=True)
    order = np.argsort(number, kind="stable")
    starts = np.searchsorted(number[order], np.arange(kinds.size))
    sums = np.add.reduceat(cells[order].astype(np.int32), starts, axis=0)
    return sums.astype(np.float64), np.ones(kinds.size, np.int64)


def _rows(weights: NDArray[np.int64], resamples: int, rng: np.random.Generator) -> Iterator[Floats]:
    """How often each kind is drawn, (some resamples, kinds) at a time."""
    total = int(weights.sum())
    if weights.size == total:
        return (rows.astype(np.float64) for rows in draws(total, resamples, rng))
    step = max(1, BLOCK_CELLS // weights.size)
    sizes = [min(step, resamples - start) for start in range(0, resamples, step)]
    return (rng.multinomial(total, weights / total, size).astype(np.float64) for size in sizes)


def _scores(table: Floats) -> Floats:
    """Micro, macro and each label's F1 of counts (rows, 3, k); shape (rows, 2 + k)."""
    each = f_score(table)
    each[(table[:, 0] + table[:, 2]) == 0] = np.nan
    micro = f_score(table.sum(axis=-1, keepdims=True))
    return np.concatenate([micro, macro(each, table)[:, None], each], axis=1)


def evaluate(references: ArrayLike, estimates: ArrayLike) -> dict[str, float | int]:
    """Micro and macro F1, macro recall, micro precision and recall, with n.

    >>> found = evaluate([[1, 0], [0, 1]], [[1, 0], [1, 1]])
    >>> found["n"], found["micro_f"], round(found["macro_f"], 3)
    (2, 0.8, 0.833)
    """
    table = counts(references, estimates)
    hits, wrong, missed = table.sum(axis=1).tolist()
    each = f_score(table)
    return {
        "n": len(np.asarray(references)),
        "micro_f": float(f_score(table.sum(axis=1, keepdims=True))[0]),
        "macro_f": float(macro(each, table)),
        "macro_recall": float(macro(recall(table), table)),
        "micro_precision": hits / (hits + wrong) if hits + wrong else math.nan,
        "micro_recall": hits / (hits + missed) if hits + missed else math.nan,
    }
