"""A collection on a plane: tracks that are alike lie together (t-SNE, van der Maaten and Hinton, JMLR 2008).

Exact, so for some thousands of tracks; it begins at the principal components and draws nothing at random, so the
same collection always gives the same map. Distances between far groups mean nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NEIGHBOURS = 12.0
"""Perplexity: how many tracks each one keeps near."""
STEPS, EARLY_STEPS = 400, 100
EARLY = 12.0
"""Attraction is so much stronger during the first steps, so that groups form."""
LEAST_GAIN = 0.01


def on_a_plane(rows: NDArray[np.float32]) -> Floats:
    """Places (n, 2) of unit rows (n, size), centred, the furthest at a distance of about 1.

    >>> far = np.repeat(np.eye(2, 8, dtype=np.float32), 6, axis=0)
    >>> places = on_a_plane(far)
    >>> bool(np.linalg.norm(places[0] - places[5]) < 0.7 * np.linalg.norm(places[0] - places[6]))
    True
    """
    count = len(rows)
    if count < 3:
        return np.column_stack([np.linspace(-1.0, 1.0, count) * (count > 1), np.zeros(count)])
    table = rows.astype(np.float64)
    squared = np.maximum(0.0, 2 - 2 * table @ table.T)
    near = _affinities(squared, min(NEIGHBOURS, max(1.5, (count - 1) / 3)))
    near = (near + near.T) / (2 * count)
    centred = table - table.mean(axis=0)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    left = left[:, :2] * np.sign(left[np.abs(left[:, :2]).argmax(axis=0), [0, 1]])
    places: Floats = 1e-2 * left * values[:2] / max(float(values[0]), 1e-12)
    # Twins must not lie exactly on each other, or nothing ever parts them.
    places = places + 1e-6 * np.column_stack([np.cos(np.arange(count)), np.sin(np.arange(count))])
    speed, gains = np.zeros_like(places), np.ones_like(places)
    rate = max(count / EARLY / 4, 10.0)
    for step in range(STEPS):
        early = step < EARLY_STEPS
        pull = near * (EARLY if early else 1.0)
        apart = places[:, None] - places[None]
        weight = 1 / (1 + np.square(apart).sum(axis=2))
        np.fill_diagonal(weight, 0.0)
        force = (pull - weight / max(float(weight.sum()), 1e-12)) * weight
        slope = 4 * np.einsum("ij,ijk->ik", force, apart)
        gains = np.where(np.sign(slope) == np.sign(speed), gains * 0.8, gains + 0.2).clip(LEAST_GAIN)
        speed = (0.5 if early else 0.8) * speed - rate * gains * slope
        places = places + speed
        places -= places.mean(axis=0)
    return np.asarray(places / max(float(np.abs(places).max()), 1e-12))


def _affinities(squared: Floats, wanted: float) -> Floats:
    """Shares of attention (n, n), each row's as wide as to hold `wanted` neighbours (by entropy)."""
    count = len(squared)
    low, high = np.zeros(count), np.full(count, np.inf)
    beta = np.ones(count)
    for _ in range(60):
        shares = np.exp(np.minimum(0.0, _nearest(squared) - squared) * beta[:, None])
        np.fill_diagonal(shares, 0.0)
        shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1e-300)
        entropy = -(shares * np.log(np.maximum(shares, 1e-300))).sum(axis=1)
        wide = entropy > np.log(wanted)
        low, high = np.where(wide, beta, low), np.where(wide, high, beta)
        beta = np.where(np.isinf(high), beta * 2, (low + high) / 2)
    return np.asarray(shares)


def _nearest(squared: Floats) -> Floats:
    """The distance of each track to its nearest other, as a column: it keeps the exponentials from vanishing."""
    others = squared.copy()
    np.fill_diagonal(others, np.inf)
    return np.asarray(others.min(axis=1, keepdims=True))
