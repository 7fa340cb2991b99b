"""Groups of tracks that were made alike: how many there are, which track is in which, and what sets each apart.

k-means (Lloyd, 1982; started as by Arthur and Vassilvitskii, 2007) on the measures, each in units of its spread.
The number of groups is the one with the best silhouette (Rousseeuw, 1987), if that beats what the same measures
reach when they are shuffled against each other; otherwise the collection is one group.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.seeds import generator
from tonewheel.systems.similar.features.record import Features

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

LEAST_SPREAD = {
    "tempo_bpm": 0.02,
    "energy_mean": 0.05,
    "energy_progression": 0.08,
    "kick_on_beats": 0.15,
    "sidechain_depth_db": 1.0,
    "stereo_width": 0.04,
    "brightness_hz": 0.15,
    "loudness_lufs": 1.5,
    "loudness_range_lu": 1.5,
    "minor": 0.5,
}
"""Standard deviations below these are not heard: they do not count as more. Of `LOGARITHMIC` measures in octaves."""
LOGARITHMIC = ("tempo_bpm", "brightness_hz")
FURTHEST = 3.0
"""One measure can set a track apart by no more spreads."""
FEWEST_A_CLUSTER = 3
MOST_CLUSTERS = 10
STARTS, ROUNDS, SHUFFLES = 6, 60, 4
MARGIN = 0.03
"""So much better than by chance a silhouette must be."""
SILHOUETTE_TRACKS = 1500
"""The silhouette compares all pairs, so in a larger collection it is that of a sample."""


class Grouping(NamedTuple):
    """The cluster of each track, (n,), numbered from the largest; the probability of it; the centres, (k, measures)."""

    labels: Labels
    scores: Floats
    centres: Floats
    silhouette: float | None
    """None for one cluster."""
    by_chance: float | None
    """The best silhouette of shuffled measures."""


def rows_of(tracks: Sequence[Features]) -> Floats:
    """The measures of each track, (n, measures), on scales on which equal steps sound equal."""
    rows = np.array([list(track.numbers().values()) for track in tracks], np.float64)
    for column, name in enumerate(LEAST_SPREAD):
        if name in LOGARITHMIC:
            rows[:, column] = np.log2(np.maximum(rows[:, column], 1e-3))
    return rows


def standardised(rows: Floats) -> Floats:
    """Each measure from its mean in units of its spread, but not of less than can be heard."""
    spread = np.maximum(rows.std(axis=0), list(LEAST_SPREAD.values()))
    return np.asarray(np.clip((rows - rows.mean(axis=0)) / spread, -FURTHEST, FURTHEST))


def group(rows: Floats, count: int | None = None, seed: int = 0) -> Grouping:
    """Group standardised rows, (n, measures), into `count` clusters, or as many as are found.

    Deterministic for a seed. ValueError when there are fewer tracks than clusters.

    >>> far = np.repeat([[0.0] * 4, [3.0] * 4], 10, axis=0) + np.random.default_rng(0).normal(0, 0.1, (20, 4))
    >>> found = group(far)
    >>> len(found.centres), np.bincount(found.labels).tolist(), round(found.silhouette, 1)
    (2, [10, 10], 1.0)
    """
    if count is not None and not 1 <= count <= len(rows):
        raise ValueError(f"cannot make {count} clusters of {len(rows)} tracks")
    rng = generator(seed, "clusters")
    if count is not None:
        labels = kmeans(rows, count, rng)
        score = silhouette(rows, labels, rng) if 1 < count < len(rows) else None
        return _described(rows, labels, score, None)
    one = _described(rows, np.zeros(len(rows), np.int64), None, None)
    most = min(MOST_CLUSTERS, len(rows) // FEWEST_A_CLUSTER)
    if most < 2:
        return one
    score, labels = _best(rows, most, rng)
    chance = 0.0
    for _ in range(SHUFFLES):
        shuffled = np.column_stack([rng.permutation(column) for column in rows.T])
        chance = max(chance, _best(shuffled, most, rng)[0])
    if score < chance + MARGIN:
        return one._replace(by_chance=chance)
    return _described(rows, labels, score, chance)


def _best(rows: Floats, most: int, rng: np.random.Generator) -> tuple[float, Labels]:
    """The best silhouette of 2 to `most` clusters, and the clusters."""
    return max((_tried(rows, count, rng) for count in range(2, most + 1)), key=lambda pair: pair[0])


def _tried(rows: Floats, count: int, rng: np.random.Generator) -> tuple[float, Labels]:
    labels = kmeans(rows, count, rng)
    sizes = np.bincount(labels, minlength=count)
    # A group of one or two tracks is an accident, however far away it lies.
    score = silhouette(rows, labels, rng) if sizes.min() >= FEWEST_A_CLUSTER else -1.0
    return score, labels


def kmeans(rows: Floats, count: int, rng: np.random.Generator) -> Labels:
    """The cluster of each row, (n,): the best of some starts."""
    best, least = np.zeros(len(rows), np.int64), np.inf
    for _ in range(STARTS if count > 1 else 1):
        centres = _start(rows, count, rng)
        labels = np.full(len(rows), -1)
        for _ in range(ROUNDS):
            distance = _squared(rows, centres)
            before, labels = labels, distance.argmin(axis=1)
            if (labels == before).all():
                break
            for number in range(count):
                inside = labels == number
                # An empty cluster begins again at the row that is worst off.
                centres[number] = (
                    rows[inside].mean(axis=0) if inside.any() else rows[distance.min(axis=1).argmax()]
                )
        cost = float(_squared(rows, centres).min(axis=1).sum())
        if cost < least - 1e-9:
            best, least = labels, cost
    return best


def _start(rows: Floats, count: int, rng: np.random.Generator) -> Floats:
    """k-means++: each next centre is drawn with the squared distance from those before."""
    chosen = [int(rng.integers(len(rows)))]
    while len(chosen) < count:
        distance = _squared(rows, rows[chosen]).min(axis=1)
        total = distance.sum()
        chosen.append(int(rng.choice(len(rows), p=distance / total if total > 0 else None)))
    return rows[chosen].copy()


def silhouette(rows: Floats, labels: Labels, rng: np.random.Generator) -> float:
    """Mean silhouette by Euclidean distance; in a large collection that of a sample of it."""
    if len(rows) > SILHOUETTE_TRACKS:
        sample = rng.choice(len(rows), SILHOUETTE_TRACKS, replace=False)
        rows, labels = rows[sample], labels[sample]
    _, labels = np.unique(labels, return_inverse=True)
    sizes = np.bincount(labels)
    if len(sizes) < 2:
        return -1.0
    sums = np.sqrt(_squared(rows, rows)) @ np.eye(len(sizes))[labels]
    own = np.arange(len(rows)), labels
    within = sums[own] / np.maximum(sizes[labels] - 1, 1)
    sums[own] = np.inf
    other = (sums / sizes).min(axis=1)
    larger = np.maximum(np.maximum(within, other), 1e-12)
    return float(np.where(sizes[labels] > 1, (other - within) / larger, 0.0).mean())


def _squared(rows: Floats, centres: Floats) -> Floats:
    """Squared distances, (n, k)."""
    product = rows @ centres.T
    squares = np.square(rows).sum(axis=1)[:, None] + np.square(centres).sum(axis=1)[None, :]
    return np.asarray(np.maximum(0.0, squares - 2 * product))


def _described(rows: Floats, labels: Labels, score: float | None, chance: float | None) -> Grouping:
    """Numbered by size; the probability is that under round clouds of one width about the centres."""
    sizes = np.bincount(labels)
    order = np.argsort(-sizes, kind="stable")
    order = order[sizes[order] > 0]
    rank = np.zeros(len(sizes), np.int64)
    rank[order] = np.arange(len(order))
    labels = rank[labels]
    centres = np.stack([rows[labels == number].mean(axis=0) for number in range(len(order))])
    distance = _squared(rows, centres)
    width = max(float(distance[np.arange(len(rows)), labels].mean()) / rows.shape[1], 1e-3)
    log_odds = np.log(sizes[order]) - 0.5 * distance / width
    odds = np.exp(log_odds - log_odds.max(axis=1, keepdims=True))
    scores = odds[np.arange(len(rows)), labels] / odds.sum(axis=1)
    return Grouping(labels, scores, centres, score, chance)
