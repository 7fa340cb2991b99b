"""Two samples: could they have been drawn from the same distribution, and if not, how far apart are they?

Task: simulated damage against real damage. Three answers: the largest gap between distribution functions, feature by
feature (Kolmogorov and Smirnov); the energy distance of all features together with a permutation test (Szekely and
Rizzo, "Energy statistics", J. Stat. Plan. Inference 143, 2013); and how well a linear classifier tells them apart on
examples that it has not seen (Lopez-Paz and Oquab, "Revisiting classifier two-sample tests", ICLR 2017).

Shapes: samples (n, features) and (m, features), finite; `groups` (n,) integers say which rows belong together, such
as windows of one recording: whole groups are permuted and held out. KS equals `scipy.stats.ks_2samp`, and the energy
distance in one dimension the square of `scipy.stats.energy_distance`; tests check both.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tonewheel.metrics.detection import auroc

__all__ = ["energy_distance", "energy_test", "evaluate", "ks", "separability", "validate"]

Floats = NDArray[np.float64]

PERMUTATIONS = 499
RIDGE = 0.05
"""Share of the identity in the covariance of the classifier: samples are small."""


def validate(one: ArrayLike, other: ArrayLike) -> tuple[Floats, Floats]:
    """Check that both have rows of the same features and no NaN; returns float64, a vector as one feature."""
    first, second = (np.asarray(sample, np.float64) for sample in (one, other))
    first, second = (sample[:, None] if sample.ndim == 1 else sample for sample in (first, second))
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
        raise ValueError(
            f"samples {first.shape} and {second.shape} must be (n, features) of the same features"
        )
    if not len(first) or not len(second):
        raise ValueError("both samples need at least one row")
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise ValueError("samples contain NaN or infinity")
    return first, second


def ks(one: ArrayLike, other: ArrayLike) -> Floats:
    """The largest difference of the two distribution functions, 0 to 1, for each feature: (features,).

    >>> ks([1.0, 2.0, 3.0, 4.0], [3.0, 4.0, 5.0, 6.0]).tolist()
    [0.5]
    """
    first, second = validate(one, other)
    gaps = []
    for a, b in zip(np.sort(first, axis=0).T, np.sort(second, axis=0).T, strict=True):
        every = np.concatenate((a, b))
        shares = (np.searchsorted(x, every, side="right") / len(x) for x in (a, b))
        gaps.append(float(np.max(np.abs(next(shares) - next(shares)))))
    return np.array(gaps)


def energy_distance(one: ArrayLike, other: ArrayLike) -> float:
    """Twice the mean distance between the samples less the mean distances within each; 0 if they are alike.

    Features count as they are: scale them first (`evaluate` does).

    >>> energy_distance([0.0, 0.0], [1.0, 1.0])
    2.0
    """
    first, second = validate(one, other)
    distances = _distances(np.concatenate((first, second)))
    return _energy(distances, np.arange(len(first) + len(second)) < len(first))


def energy_test(
    one: ArrayLike,
    other: ArrayLike,
    rng: np.random.Generator,
    *,
    groups: tuple[ArrayLike, ArrayLike] | None = None,
    permutations: int = PERMUTATIONS,
) -> tuple[float, float]:
    """The energy distance, and the share of random relabellings that give one as large (the p value).

    With groups whole groups change sides; of fewer than 8 of them no small p value can come.
    """
    first, second = validate(one, other)
    distances = _distances(np.concatenate((first, second)))
    side = np.arange(len(distances)) < len(first)
    of = np.arange(len(distances)) if groups is None else _numbered(groups)
    group_side = np.zeros(of.max() + 1, np.bool_)
    group_side[of[: len(first)]] = True
    observed = _energy(distances, side)
    larger = sum(
        _energy(distances, rng.permutation(group_side)[of]) >= observed - 1e-12 for _ in range(permutations)
    )
    return observed, (1 + larger) / (1 + permutations)


def separability(
    one: ArrayLike, other: ArrayLike, *, groups: tuple[ArrayLike, ArrayLike] | None = None, folds: int = 5
) -> float:
    """AUROC of Fisher's linear discriminant on rows of groups that it was not fitted on: 0.5 cannot tell, 1 can.

    >>> rng = np.random.default_rng(0)
    >>> same, far = rng.normal(size=(200, 2)), rng.normal(3.0, 1.0, size=(200, 2))
    >>> separability(same[:100], same[100:]) < 0.65 < 0.95 < separability(same, far)
    True
    """
    first, second = validate(one, other)
    rows, side = np.concatenate((first, second)), np.arange(len(first) + len(second)) < len(first)
    of = np.arange(len(rows)) if groups is None else _numbered(groups)
    fold = np.empty(of.max() + 1, np.int64)
    for mine in (True, False):
        # Each side is spread over the folds on its own, so that every fold has both.
        numbers = np.unique(of[side == mine])
        fold[numbers] = np.arange(len(numbers)) % folds
    scores = np.zeros(len(rows))
    for number in range(folds):
        held = fold[of] == number
        if not held.any():
            continue
        if not (side[~held].any() and (~side[~held]).any()):
            return 0.5  # a side of one group alone cannot be held out
        scores[held] = _discriminant(rows[~held], side[~held], rows[held])
    return auroc(scores, side)


def evaluate(one: ArrayLike, other: ArrayLike) -> dict[str, float | int]:
    """The three answers, features scaled to the standard deviation of both samples together.

    >>> sorted(evaluate([0.0, 1.0, 2.0], [0.0, 1.0, 2.0]))
    ['energy_distance', 'ks', 'n_one', 'n_other', 'p', 'separability']
    """
    first, second = validate(one, other)
    scale = np.maximum(np.concatenate((first, second)).std(axis=0), 1e-12)
    first, second = first / scale, second / scale
    distance, p = energy_test(first, second, np.random.default_rng(0))
    return {
        "ks": float(ks(first, second).max()),
        "energy_distance": distance,
        "p": p,
        "separability": separability(first, second),
        "n_one": len(first),
        "n_other": len(second),
    }


def _numbered(groups: tuple[ArrayLike, ArrayLike]) -> NDArray[np.int64]:
    """Group numbers of all rows, those of the two sides apart."""
    first = np.unique(np.asarray(groups[0]), return_inverse=True)[1]
    second = np.unique(np.asarray(groups[1]), return_inverse=True)[1]
    return np.concatenate((first, second + first.max() + 1)).astype(np.int64)


def _distances(rows: Floats) -> Floats:
    squares = np.sum(rows**2, axis=1)
    squared = np.maximum(squares[:, None] + squares[None, :] - 2 * rows @ rows.T, 0.0)
    np.fill_diagonal(squared, 0.0)
    distances: Floats = np.sqrt(squared)
    return distances


def _energy(distances: Floats, side: NDArray[np.bool_]) -> float:
    mine, yours = side / side.sum(), ~side / (~side).sum()
    towards = distances @ np.stack((mine, yours), axis=1)
    return float(2 * mine @ towards[:, 1] - mine @ towards[:, 0] - yours @ towards[:, 1])


def _discriminant(rows: Floats, side: NDArray[np.bool_], asked: Floats) -> Floats:
    """Scores of `asked`, higher on the side that is True."""
    scale = np.maximum(rows.std(axis=0), 1e-9)
    rows, asked = rows / scale, asked / scale
    within = sum(
        np.cov(part, rowvar=False, bias=True).reshape(rows.shape[1], -1) for part in (rows[side], rows[~side])
    )
    weights = np.linalg.solve(
        within + RIDGE * np.eye(rows.shape[1]), rows[side].mean(axis=0) - rows[~side].mean(axis=0)
    )
    scores: Floats = asked @ weights
    return scores
