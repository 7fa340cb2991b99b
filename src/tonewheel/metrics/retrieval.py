"""Retrieval: was the right song ranked first, and if not, which song was taken for it?

Task: every query has one right song (`references`) in a closed catalogue, or, for average precision, any
number of relevant candidates. Scores are "higher is better" and need no unit.

Shapes: `scores` (queries, songs), `references` (queries,) integers in [0, songs).

Ties: a candidate with the same score as the right one counts as ranked before it, so that a model which gives
one score to everything is worst, not best. scikit-learn's `top_k_accuracy_score` breaks ties by column order
instead; without ties the two are equal. Average precision groups ties into one threshold, as scikit-learn
does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "average_precision",
    "confusion",
    "evaluate",
    "mean_average_precision",
    "mean_reciprocal_rank",
    "most_confused",
    "ranks",
    "top_k_accuracy",
    "validate",
]


def validate(scores: ArrayLike, references: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Check shapes and values; returns (scores, references) as float64 and int64.

    Minus infinity is a legal score (a candidate that was ruled out); NaN and plus infinity are not.
    """
    table = np.asarray(scores, dtype=np.float64)
    right = np.asarray(references)
    if table.ndim != 2 or table.shape[1] == 0:
        raise ValueError(f"scores must have the shape (queries, songs), got {table.shape}")
    if right.shape != (table.shape[0],):
        raise ValueError(f"references must have the shape ({table.shape[0]},), got {right.shape}")
    if table.shape[0] == 0:
        raise ValueError("there are no queries to score")
    if np.isnan(table).any() or np.isposinf(table).any():
        raise ValueError("scores contain NaN or plus infinity")
    if not np.issubdtype(right.dtype, np.integer):
        raise ValueError(f"references must be integers, got {right.dtype}")
    if right.min() < 0 or right.max() >= table.shape[1]:
        raise ValueError(f"references must lie in [0, {table.shape[1]}), got {right.min()} to {right.max()}")
    return table, right.astype(np.int64)


def ranks(scores: ArrayLike, references: ArrayLike) -> NDArray[np.int64]:
    """Rank of the right song of each query, 1 is best; shape (queries,). Ties rank last.

    >>> ranks([[0.9, 0.1, 0.3], [0.5, 0.5, 0.1]], [0, 1]).tolist()
    [1, 2]
    """
    table, right = validate(scores, references)
    own = table[np.arange(len(right)), right]
    return np.asarray((table >= own[:, None]).sum(axis=1), dtype=np.int64)


def top_k_accuracy(scores: ArrayLike, references: ArrayLike, k: int = 1) -> float:
    """Share of queries whose right song is among the first k.

    >>> top_k_accuracy([[0.9, 0.1, 0.3], [0.2, 0.5, 0.1]], [0, 0])
    0.5
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    return float(np.mean(ranks(scores, references) <= k))


def mean_reciprocal_rank(scores: ArrayLike, references: ArrayLike) -> float:
    """Mean of 1 / rank over the queries (Voorhees, TREC-8 question answering track, 1999).

    >>> mean_reciprocal_rank([[0.9, 0.1, 0.3], [0.2, 0.5, 0.1]], [0, 0])
    0.75
    """
    return float(np.mean(1.0 / ranks(scores, references)))


def average_precision(scores: ArrayLike, relevant: ArrayLike) -> float:
    """Average precision of one ranking: precision at each threshold, weighted by the recall it adds.

    `scores` and `relevant` have the shape (candidates,). Without a relevant candidate it is undefined:
    `ValueError`.

    >>> round(average_precision([0.9, 0.8, 0.7], [True, False, True]), 4)
    0.8333
    """
    values = np.asarray(scores, dtype=np.float64)
    truth = np.asarray(relevant, dtype=bool)
    if values.ndim != 1 or values.shape != truth.shape:
        raise ValueError(f"scores {values.shape} and relevant {truth.shape} must be equally long vectors")
    if np.isnan(values).any():
        raise ValueError("scores contain NaN")
    if not truth.any():
        raise ValueError("average precision needs at least one relevant candidate")
    order = np.argsort(-values, kind="stable")
    values, truth = values[order], truth[order]
    last_of_tie = np.append(values[1:] != values[:-1], True)
    hits = np.cumsum(truth)[last_of_tie]
    seen = np.flatnonzero(last_of_tie) + 1
    return float(np.sum(np.diff(hits, prepend=0) * hits / seen) / truth.sum())


def mean_average_precision(scores: ArrayLike, relevant: ArrayLike) -> float:
    """Mean over queries of `average_precision`; both have the shape (queries, candidates).

    Queries without a relevant candidate are left out, as the field does; if none is left: `ValueError`.

    >>> round(mean_average_precision([[0.9, 0.8, 0.7], [0.1, 0.2, 0.3]], [[1, 0, 1], [0, 0, 0]]), 4)
    0.8333
    """
    table = np.asarray(scores, dtype=np.float64)
    truth = np.asarray(relevant, dtype=bool)
    if table.ndim != 2 or table.shape != truth.shape:
        raise ValueError(f"scores {table.shape} and relevant {truth.shape} must have one shape")
    scored = [average_precision(row, hit) for row, hit in zip(table, truth, strict=True) if hit.any()]
    if not scored:
        raise ValueError("no query has a relevant candidate")
    return float(np.mean(scored))


def confusion(references: ArrayLike, estimates: ArrayLike, songs: int) -> NDArray[np.int64]:
    """Counts of (reference, estimate) pairs, shape (songs, songs + 1); the last column is "no answer" (-1).

    >>> confusion([0, 0, 1], [0, 1, -1], songs=2).tolist()
    [[1, 1, 0], [0, 0, 1]]
    """
    right, answer = np.asarray(references, dtype=np.int64), np.asarray(estimates, dtype=np.int64)
    if right.shape != answer.shape or right.ndim != 1:
        raise ValueError(f"references {right.shape}, estimates {answer.shape}: must be equally long vectors")
    if right.size and (right.min() < 0 or right.max() >= songs or answer.min() < -1 or answer.max() >= songs):
        raise ValueError(f"songs must lie in [0, {songs}), an estimate may be -1")
    column = np.where(answer < 0, songs, answer)
    table = np.bincount(right * (songs + 1) + column, minlength=songs * (songs + 1))
    return np.asarray(table.reshape(songs, songs + 1), dtype=np.int64)


def most_confused(table: ArrayLike, limit: int = 10) -> list[tuple[int, int, int]]:
    """The most frequent mistakes of a `confusion` table as (reference, estimate, count), most frequent first.

    >>> most_confused([[5, 2, 0], [0, 4, 1]])
    [(0, 1, 2)]
    """
    counts = np.array(table, dtype=np.int64)[:, :-1]
    np.fill_diagonal(counts, 0)
    order = np.argsort(-counts, axis=None, kind="stable")[:limit]
    pairs = [divmod(int(cell), counts.shape[1]) for cell in order]
    return [(row, column, int(counts[row, column])) for row, column in pairs if counts[row, column] > 0]


def evaluate(scores: ArrayLike, references: ArrayLike) -> dict[str, float]:
    """Top-1, top-5 and mean reciprocal rank of a table of scores, with n.

    >>> evaluate([[0.9, 0.1], [0.2, 0.5]], [0, 0])
    {'n': 2, 'top1': 0.5, 'top5': 1.0, 'mrr': 0.75}
    """
    rank = ranks(scores, references)
    return {
        "n": len(rank),
        "top1": float(np.mean(rank <= 1)),
        "top5": float(np.mean(rank <= 5)),
        "mrr": float(np.mean(1.0 / rank)),
    }
