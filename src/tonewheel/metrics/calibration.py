"""Calibration: does 0.8 mean right eight times in ten, and how to make a score mean it.

Task: `confidences` (n,) in [0, 1] and `correct` (n,) booleans. Bins have equal width, [low, high), the last
one closed. Expected calibration error after Guo et al. (ICML 2017); torchmetrics' `BinaryCalibrationError`
puts a value on a bin's edge into the bin below.

`fit_logistic` is Platt's scaling (1999) for one to three features (score, lead over the second song, ...):
logistic regression with his smoothed targets, so that separable data has a finite answer. With many examples
it is scikit-learn's `LogisticRegression` without penalty.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tonewheel.core.records import Record

__all__ = [
    "Bin",
    "Logistic",
    "evaluate",
    "expected_calibration_error",
    "fit_logistic",
    "reliability",
    "validate",
]

Floats = NDArray[np.float64]

MOST_FEATURES = 8


class Bin(Record):
    """One bin of a reliability diagram."""

    low: float
    high: float
    n: int
    confidence: float
    """Mean confidence of its items; the middle of the bin where it is empty."""
    accuracy: float | None
    """Share of its items that were right; None where it is empty."""


class Logistic(Record):
    """probability = 1 / (1 + exp(-(weights . features + bias))).

    >>> Logistic(weights=(4.0,), bias=-2.0).predict([[0.5]]).tolist()
    [0.5]
    """

    weights: tuple[float, ...]
    bias: float

    def predict(self, features: ArrayLike) -> Floats:
        """Probabilities (n,) of features (n, k), or (n,) for one feature."""
        table = np.asarray(features, dtype=np.float64)
        table = table[:, None] if table.ndim == 1 else table
        if table.ndim != 2 or table.shape[1] != len(self.weights):
            raise ValueError(f"features must have the shape (n, {len(self.weights)}), got {table.shape}")
        logits = table @ np.array(self.weights) + self.bias
        return np.asarray(np.exp(-np.logaddexp(0.0, -logits)))


def validate(confidences: ArrayLike, correct: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    """Check shapes and that confidences lie in [0, 1]."""
    values, truth = np.asarray(confidences, dtype=np.float64), np.asarray(correct)
    if values.ndim != 1 or values.shape != truth.shape or values.size == 0:
        raise ValueError(f"confidences {values.shape} and correct {truth.shape} must be equally long vectors")
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError("confidences must lie in [0, 1]")
    if truth.dtype != np.bool_ and not np.isin(truth, (0, 1)).all():
        raise ValueError("correct must hold booleans")
    return values, truth.astype(bool)


def reliability(confidences: ArrayLike, correct: ArrayLike, bins: int = 15) -> list[Bin]:
    """The bins of a reliability diagram, from low to high confidence.

    >>> [(one.n, one.accuracy) for one in reliability([0.2, 0.9, 0.8], [False, True, False], bins=2)]
    [(1, 0.0), (2, 0.5)]
    """
    values, truth = validate(confidences, correct)
    if bins < 1:
        raise ValueError(f"bins must be at least 1, got {bins}")
    number = np.minimum((values * bins).astype(np.int64), bins - 1)
    counts = np.bincount(number, minlength=bins)
    sums = np.bincount(number, weights=values, minlength=bins)
    hits = np.bincount(number, weights=truth, minlength=bins)
    return [
        Bin(
            low=i / bins,
            high=(i + 1) / bins,
            n=int(counts[i]),
            confidence=float(sums[i] / counts[i]) if counts[i] else (i + 0.5) / bins,
            accuracy=float(hits[i] / counts[i]) if counts[i] else None,
        )
        for i in range(bins)
    ]


def expected_calibration_error(confidences: ArrayLike, correct: ArrayLike, bins: int = 15) -> float:
    """Mean |accuracy - confidence| over the bins, weighted by their items; 0 is perfect.

    >>> round(expected_calibration_error([0.9, 0.9], [True, False]), 3)
    0.4
    """
    found = [one for one in reliability(confidences, correct, bins) if one.accuracy is not None]
    total = sum(one.n for one in found)
    return sum(one.n * abs((one.accuracy or 0.0) - one.confidence) for one in found) / total


def fit_logistic(features: ArrayLike, correct: ArrayLike, *, shrink: float = 0.0) -> Logistic:
    """Fit the probability of being right to a few features (n, k), or (n,) for one; both outcomes are needed.

    `shrink` draws the weights of the standardised features towards 0 (ridge, half of it times their squares against
    the sum of the log losses): where examples are few, a formula is less sure on others than on those it was fitted to.

    >>> model = fit_logistic([0.1, 0.2, 0.3, 0.7, 0.8, 0.9], [0, 0, 0, 1, 1, 1])
    >>> bool(model.predict([0.2])[0] < 0.3 < 0.7 < model.predict([0.8])[0])
    True
    """
    from scipy.optimize import minimize

    table, truth = np.asarray(features, dtype=np.float64), np.asarray(correct).astype(bool)
    table = table[:, None] if table.ndim == 1 else table
    if table.ndim != 2 or len(table) != truth.size or not 1 <= table.shape[1] <= MOST_FEATURES:
        raise ValueError(
            f"features must have the shape ({truth.size}, 1 to {MOST_FEATURES}), got {table.shape}"
        )
    if not np.isfinite(table).all():
        raise ValueError("features contain NaN or infinity")
    positives, negatives = int(truth.sum()), int((~truth).sum())
    if not positives or not negatives:
        raise ValueError(f"both outcomes are needed, got {positives} right and {negatives} wrong")
    target = np.where(truth, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    centre, scale = table.mean(axis=0), table.std(axis=0)
    scale[scale == 0] = 1.0  # a constant feature gets no weight below
    unit = np.column_stack(((table - centre) / scale, np.ones(len(table))))

    def loss(weights: Floats) -> tuple[float, Floats]:
        logits = unit @ weights
        value = np.mean(np.logaddexp(0.0, logits) - target * logits)
        slope = unit.T @ (np.exp(-np.logaddexp(0.0, -logits)) - target) / len(target)
        drawn = shrink / len(target) * np.append(weights[:-1], 0.0)
        return float(value + drawn @ weights / 2), slope + drawn

    found = minimize(loss, np.zeros(unit.shape[1]), jac=True, method="BFGS", options={"gtol": 1e-9}).x
    weights = found[:-1] / scale
    bias = float(found[-1] - weights @ centre)
    return Logistic(weights=tuple(float(weight) for weight in weights), bias=bias)


def evaluate(confidences: ArrayLike, correct: ArrayLike, bins: int = 15) -> dict[str, float | int]:
    """Expected calibration error, Brier score (1950) and accuracy, with n.

    >>> evaluate([1.0, 0.0], [True, False])
    {'n': 2, 'ece': 0.0, 'brier': 0.0, 'accuracy': 0.5}
    """
    values, truth = validate(confidences, correct)
    return {
        "n": int(values.size),
        "ece": expected_calibration_error(values, truth, bins),
        "brier": float(np.mean((values - truth) ** 2)),
        "accuracy": float(np.mean(truth)),
    }
