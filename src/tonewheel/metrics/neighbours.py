"""Neighbours: do the nearest tracks have the same label, and are some tracks everybody's neighbour?

Task: every track is a query against all others (never against itself). Nearness is the cosine; labels come from
elsewhere than the embeddings.

Shapes: `embeddings` (tracks, dimensions), any length, scaled to unit length here; `labels` (tracks,), any values.

Precision at k divides by k even where a label has fewer other members, as pytorch-metric-learning and the seed's
evaluation do; where R is the number of a track's label mates, R-precision and MAP@R (Musgrave et al., "A metric
learning reality check", 2020) reach 1 for every label. A track without mates is left out of these two, and counts as 0
in precision at k. Ties keep the order of the tracks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "evaluate",
    "hubness",
    "map_at_r",
    "nearest",
    "precision_among",
    "precision_at_k",
    "r_precision",
    "recall_at_1",
    "validate",
]


def validate(embeddings: ArrayLike, labels: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Check shapes and values; returns unit rows as float64 and labels as numbers from 0."""
    rows = np.asarray(embeddings, dtype=np.float64)
    names = np.asarray(labels)
    if rows.ndim != 2 or len(rows) < 2 or rows.shape[1] == 0:
        raise ValueError(f"embeddings must be (tracks, dimensions), at least two tracks, got {rows.shape}")
    if not np.isfinite(rows).all():
        raise ValueError("embeddings contain NaN or infinity")
    if names.shape != (len(rows),):
        raise ValueError(f"labels must have the shape ({len(rows)},), got {names.shape}")
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    numbers = np.unique(names, return_inverse=True)[1]
    return rows / np.where(length > 0, length, 1), numbers.astype(np.int64)


def nearest(embeddings: ArrayLike, k: int | None = None) -> NDArray[np.int64]:
    """The k (all others by default) nearest tracks of each track, nearest first. Shape: (tracks, k).

    >>> nearest([[1, 0], [0, 1], [0.9, 0.1]]).tolist()
    [[2, 1], [2, 0], [0, 1]]
    """
    rows, _ = validate(embeddings, np.zeros(len(np.asarray(embeddings))))
    k = len(rows) - 1 if k is None else k
    if not 1 <= k < len(rows):
        raise ValueError(f"k must be 1 to {len(rows) - 1}, one less than there are tracks, got {k}")
    cosine = rows @ rows.T
    np.fill_diagonal(cosine, -np.inf)
    return np.argsort(-cosine, axis=1, kind="stable")[:, :k].astype(np.int64)


def precision_at_k(embeddings: ArrayLike, labels: ArrayLike, k: int = 5) -> float:
    """Mean share of the k nearest tracks that have the label of the query.

    >>> precision_at_k([[1, 0], [0.9, 0.1], [0, 1], [0.1, 0.9]], ["a", "a", "b", "b"], k=1)
    1.0
    """
    rows, names = validate(embeddings, labels)
    return float(np.mean(names[nearest(rows, k)] == names[:, None]))


def precision_among(
    queries: ArrayLike,
    query_labels: ArrayLike,
    embeddings: ArrayLike,
    labels: ArrayLike,
    k: int = 5,
    *,
    itself: bool = False,
) -> float:
    """Mean share of the k tracks of a collection that are nearest to each query and have its label.

    With `itself`, query i is track i of the collection and does not find itself. Shapes: queries (n, dimensions).

    >>> precision_among([[1, 0.1]], ["a"], [[1, 0], [0, 1]], ["a", "b"], k=1)
    1.0
    """
    asked = np.asarray(queries, np.float64)
    wanted, known = np.asarray(query_labels), np.asarray(labels)
    rows, _ = validate(embeddings, known)
    if asked.ndim != 2 or asked.shape[1:] != rows.shape[1:] or wanted.shape != (len(asked),):
        raise ValueError(
            f"queries {asked.shape}, labels {wanted.shape} and embeddings {rows.shape} do not fit"
        )
    if not 1 <= k <= len(rows) - itself:
        raise ValueError(f"k must be 1 to {len(rows) - itself}, got {k}")
    cosine = asked @ rows.T
    if itself:
        np.fill_diagonal(cosine, -np.inf)
    found = np.argsort(-cosine, axis=1, kind="stable")[:, :k]
    return float(np.mean(known[found] == wanted[:, None]))


def r_precision(embeddings: ArrayLike, labels: ArrayLike) -> float:
    """Mean share of label mates among the R nearest, R being how many mates the query has.

    >>> r_precision([[1, 0], [0.9, 0.1], [0, 1], [0.1, 0.9]], ["a", "a", "b", "b"])
    1.0
    """
    hits, mates = _hits(embeddings, labels)
    return float(np.mean([row[:r].mean() for row, r in zip(hits, mates, strict=True)]))


def map_at_r(embeddings: ArrayLike, labels: ArrayLike) -> float:
    """Mean over queries of the precision at each mate among the R nearest, divided by R.

    >>> round(map_at_r([[1, 0], [0.9, 0.1], [0, 1], [0.6, 0.4]], ["a", "a", "b", "b"]), 2)
    0.75
    """
    hits, mates = _hits(embeddings, labels)
    scores = []
    for row, r in zip(hits, mates, strict=True):
        first = row[:r]
        scores.append(np.sum(first * np.cumsum(first) / np.arange(1, r + 1)) / r)
    return float(np.mean(scores))


def recall_at_1(queries: ArrayLike, embeddings: ArrayLike, references: ArrayLike) -> float:
    """Share of queries whose nearest embedding is the one they were made from.

    Shapes: queries (n, dimensions), embeddings (tracks, dimensions), references (n,) integers. Ties lose.

    >>> recall_at_1([[1, 0.1], [0.5, 0.5]], [[1, 0], [0, 1]], [0, 0])
    0.5
    """
    asked, right = np.asarray(queries, np.float64), np.asarray(references)
    rows, _ = validate(embeddings, np.zeros(len(np.asarray(embeddings))))
    if asked.ndim != 2 or asked.shape[1:] != rows.shape[1:] or right.shape != (len(asked),):
        raise ValueError(
            f"queries {asked.shape}, embeddings {rows.shape} and references {right.shape} differ"
        )
    cosine = asked @ rows.T
    own = cosine[np.arange(len(asked)), right]
    return float(np.mean((cosine >= own[:, None] - 1e-12).sum(axis=1) == 1))


def hubness(embeddings: ArrayLike, k: int = 10) -> dict[str, float]:
    """How unevenly tracks occur among the k nearest of others.

    `skewness` of the counts is 0 when nobody is preferred and above 1 where hubs rule; `orphans` is the share of
    tracks in nobody's list. Source: Radovanovic et al., "Hubs in space", 2010.

    >>> hubness(np.eye(4), k=3)
    {'skewness': 0.0, 'orphans': 0.0, 'largest': 1.0}
    """
    found = nearest(embeddings, k)
    counts = np.bincount(found.ravel(), minlength=len(found)).astype(np.float64)
    centred = counts - counts.mean()
    deviation = counts.std()
    return {
        "skewness": float(np.mean(centred**3) / deviation**3) if deviation > 0 else 0.0,
        "orphans": float(np.mean(counts == 0)),
        "largest": float(counts.max() / k),
    }


def evaluate(embeddings: ArrayLike, labels: ArrayLike, k: int = 5) -> dict[str, float]:
    """Precision at k, R-precision, MAP@R and hubness, with n; k is as large as there are other tracks at most.

    >>> scores = evaluate([[1, 0], [0.9, 0.1], [0, 1], [0.1, 0.9]], ["a", "a", "b", "b"], k=1)
    >>> scores["n"], scores["k"], scores["precision"], scores["map_at_r"]
    (4, 1, 1.0, 1.0)
    """
    rows, names = validate(embeddings, labels)
    k = min(k, len(rows) - 1)
    hubs = hubness(rows, min(10, len(rows) - 1))
    return {
        "n": len(rows),
        "k": k,
        "precision": precision_at_k(rows, names, k),
        "r_precision": r_precision(rows, names),
        "map_at_r": map_at_r(rows, names),
        "hubness": hubs["skewness"],
        "orphans": hubs["orphans"],
    }


def _hits(embeddings: ArrayLike, labels: ArrayLike) -> tuple[list[NDArray[np.bool_]], list[int]]:
    """For each query that has mates: which of its neighbours are mates, nearest first, and how many it has."""
    rows, names = validate(embeddings, labels)
    mates = np.bincount(names)[names] - 1
    hit = names[nearest(rows)] == names[:, None]
    asked = np.flatnonzero(mates > 0)
    if len(asked) == 0:
        raise ValueError("every label has one track alone; there is nothing to find")
    return [hit[i] for i in asked], [int(mates[i]) for i in asked]
