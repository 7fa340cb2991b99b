"""Clustering: do the groups that were found agree with labels, and do labels form groups in the embeddings?

Labels and estimates are any values, one a track; how they are called does not matter, only who is with whom. Mutual
information is normalised by the arithmetic mean of the entropies, as scikit-learn does by default; the adjusted one is
0 on average for chance, however many groups there are, and is the one to read where groups are small.

Shapes: `labels`, `estimates` (tracks,); `embeddings` (tracks, dimensions), any length: distance is 1 - cosine.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln

__all__ = [
    "adjusted_mutual_information",
    "contingency",
    "evaluate",
    "normalised_mutual_information",
    "silhouette",
    "validate",
]


def validate(labels: ArrayLike, estimates: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Check shapes; returns both as numbers from 0."""
    right, found = np.asarray(labels), np.asarray(estimates)
    if right.ndim != 1 or right.shape != found.shape or len(right) == 0:
        raise ValueError(
            f"labels {right.shape} and estimates {found.shape} must be equally long vectors, not empty"
        )
    first, second = (np.unique(values, return_inverse=True)[1] for values in (right, found))
    return first.astype(np.int64), second.astype(np.int64)


def contingency(labels: ArrayLike, estimates: ArrayLike) -> NDArray[np.int64]:
    """How many tracks have each label (rows) in each cluster (columns), both in sorted order.

    >>> contingency(["a", "a", "b"], [7, 7, 3]).tolist()
    [[0, 2], [1, 0]]
    """
    right, found = validate(labels, estimates)
    rows, columns = right.max() + 1, found.max() + 1
    return (
        np.bincount(right * columns + found, minlength=rows * columns).reshape(rows, columns).astype(np.int64)
    )


def normalised_mutual_information(labels: ArrayLike, estimates: ArrayLike) -> float:
    """2 I(labels; clusters) / (H(labels) + H(clusters)), 0 to 1; 1 where both have one group only.

    >>> round(normalised_mutual_information(["a", "a", "b", "b"], [1, 1, 0, 0]), 6)
    1.0
    """
    table = contingency(labels, estimates)
    if 1 in table.shape and table.shape[0] == table.shape[1]:
        return 1.0
    mean = (_entropy(table.sum(axis=1)) + _entropy(table.sum(axis=0))) / 2
    return float(max(0.0, _mutual_information(table) / mean)) if mean > 0 else 0.0


def adjusted_mutual_information(labels: ArrayLike, estimates: ArrayLike) -> float:
    """Mutual information above that of chance, divided by the most there could be above it; may be negative.

    Source: Vinh, Epps, Bailey, "Information theoretic measures for clusterings comparison", 2010, with the
    arithmetic mean of the entropies as the upper bound.

    >>> round(adjusted_mutual_information([0, 0, 1, 1], [0, 1, 0, 1]), 3)
    -0.5
    """
    table = contingency(labels, estimates)
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    if len(rows) == len(columns) and len(rows) in (1, int(table.sum())):
        return 1.0
    chance = _expected_information(rows, columns)
    room = (_entropy(rows) + _entropy(columns)) / 2 - chance
    above = _mutual_information(table) - chance
    # Rounding must not turn "no room at all" into a huge ratio.
    tiny = np.finfo(np.float64).eps
    return float(above / (min(room, -tiny) if room < 0 else max(room, tiny)))


def silhouette(embeddings: ArrayLike, labels: ArrayLike) -> float:
    """Mean over tracks of (b - a) / max(a, b), a the mean distance to the own group, b to the nearest other one.

    A track alone in its group counts 0. Source: Rousseeuw, "Silhouettes", 1987. ValueError for less than two groups,
    or where every track is a group.

    >>> round(silhouette([[1, 0], [1, 0], [0, 1], [0, 1]], ["a", "a", "b", "b"]), 3)
    1.0
    """
    rows = np.asarray(embeddings, dtype=np.float64)
    if rows.ndim != 2 or not np.isfinite(rows).all():
        raise ValueError(f"embeddings must be (tracks, dimensions) and finite, got {rows.shape}")
    names, _ = validate(labels, labels)
    if len(names) != len(rows):
        raise ValueError(f"labels {names.shape} do not fit embeddings {rows.shape}")
    sizes = np.bincount(names)
    if not 2 <= len(sizes) < len(rows):
        raise ValueError(f"need 2 to {len(rows) - 1} groups of {len(rows)} tracks, got {len(sizes)}")
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = rows / np.where(length > 0, length, 1)
    distance = 1 - unit @ unit.T
    np.fill_diagonal(distance, 0)
    sums = distance @ np.eye(len(sizes))[names]
    own = np.arange(len(rows)), names
    within = sums[own] / np.maximum(sizes[names] - 1, 1)
    sums[own] = np.inf
    other = (sums / sizes).min(axis=1)
    larger = np.maximum(within, other)
    score = np.where(larger > 0, (other - within) / np.where(larger > 0, larger, 1), 0)
    return float(np.mean(np.where(sizes[names] > 1, score, 0)))


def evaluate(labels: ArrayLike, estimates: ArrayLike) -> dict[str, float]:
    """Agreement of clusters with labels: NMI, AMI, the share in the majority of their cluster, and the counts.

    >>> evaluate(["a", "a", "b", "b"], [0, 0, 1, 1])
    {'n': 4, 'labels': 2, 'clusters': 2, 'nmi': 1.0, 'ami': 1.0, 'purity': 1.0}
    """
    table = contingency(labels, estimates)
    return {
        "n": int(table.sum()),
        "labels": table.shape[0],
        "clusters": table.shape[1],
        "nmi": round(normalised_mutual_information(labels, estimates), 12),
        "ami": round(adjusted_mutual_information(labels, estimates), 12),
        "purity": float(table.max(axis=0).sum() / table.sum()),
    }


def _entropy(counts: NDArray[np.int64]) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-np.sum(shares * np.log(shares)))


def _mutual_information(table: NDArray[np.int64]) -> float:
    total = table.sum()
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / total
    cells = table > 0
    return float(np.sum(table[cells] / total * np.log(table[cells] / expected[cells])))


def _expected_information(rows: NDArray[np.int64], columns: NDArray[np.int64]) -> float:
    """Mean mutual information of random groups of the same sizes (hypergeometric)."""
    n = int(rows.sum())
    total = 0.0
    for a in rows:
        for b in columns:
            shared = np.arange(max(1, a + b - n), min(a, b) + 1)
            log_chance = (
                gammaln(a + 1) + gammaln(b + 1) + gammaln(n - a + 1) + gammaln(n - b + 1)
                - gammaln(n + 1) - gammaln(shared + 1) - gammaln(a - shared + 1)
                - gammaln(b - shared + 1) - gammaln(n - a - b + shared + 1)
            )  # fmt: skip
            total += float(np.sum(shared / n * np.log(n * shared / (a * b)) * np.exp(log_chance)))
    return total
