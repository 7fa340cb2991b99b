"""Detection: does one score separate what is there (positive) from what is not (negative)?

Task: "a song of the pack is playing" against applause, speech, silence and songs outside the pack; also known
against unknown. A query is accepted when score >= threshold.

Shapes: `scores` (n,) floats, higher means more positive; `references` (n,) booleans.

AUROC, AUPRC and the false positive rate at a true positive rate equal scikit-learn's `roc_auc_score`,
`average_precision_score` and the first point of `roc_curve` which reaches that rate; tests check it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tonewheel.metrics.retrieval import average_precision

__all__ = [
    "auprc",
    "auroc",
    "evaluate",
    "false_identifications_per_hour",
    "fpr_at_tpr",
    "identifications",
    "threshold_at_tpr",
    "validate",
]


def validate(scores: ArrayLike, references: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Check that both classes are there and every score is a number; returns float64 and bool arrays."""
    values, truth = np.asarray(scores, dtype=np.float64), np.asarray(references)
    if values.ndim != 1 or values.shape != truth.shape:
        raise ValueError(f"scores {values.shape} and references {truth.shape} must be equally long vectors")
    if np.isnan(values).any():
        raise ValueError("scores contain NaN")
    if truth.dtype != np.bool_ and not np.isin(truth, (0, 1)).all():
        raise ValueError("references must be booleans")
    truth = truth.astype(bool)
    if truth.all() or not truth.any():
        raise ValueError(f"both classes are needed, got {int(truth.sum())} positives of {truth.size}")
    return values, truth


def auroc(scores: ArrayLike, references: ArrayLike) -> float:
    """Chance that a positive scores above a negative, ties counted half (Mann-Whitney U).

    >>> auroc([0.9, 0.8, 0.3, 0.1], [True, False, True, False])
    0.75
    """
    values, truth = validate(scores, references)
    negatives = np.sort(values[~truth])
    below = np.searchsorted(negatives, values[truth], side="left")
    below_or_equal = np.searchsorted(negatives, values[truth], side="right")
    return float(np.mean(below + below_or_equal) / (2 * negatives.size))


def auprc(scores: ArrayLike, references: ArrayLike) -> float:
    """Area under precision over recall as average precision (no interpolation).

    >>> round(auprc([0.9, 0.8, 0.3], [True, False, True]), 4)
    0.8333
    """
    values, truth = validate(scores, references)
    return average_precision(values, truth)


def threshold_at_tpr(scores: ArrayLike, references: ArrayLike, tpr: float = 0.95) -> float:
    """The highest threshold that still accepts the stated share of the positives.

    >>> threshold_at_tpr([0.9, 0.8, 0.7, 0.1], [True, True, False, False], tpr=0.95)
    0.8
    """
    values, truth = validate(scores, references)
    if not 0 < tpr <= 1:
        raise ValueError(f"tpr must lie in (0, 1], got {tpr}")
    positives = np.sort(values[truth])[::-1]
    # The tolerance keeps 0.95 * 20 = 19.000000000000004 from asking for all 20.
    needed = int(np.ceil(tpr * positives.size - 1e-9))
    return float(positives[max(needed, 1) - 1])


def fpr_at_tpr(scores: ArrayLike, references: ArrayLike, tpr: float = 0.95) -> float:
    """Share of negatives accepted at `threshold_at_tpr`.

    >>> fpr_at_tpr([0.9, 0.5, 0.7, 0.1], [True, True, False, False])
    0.5
    """
    values, truth = validate(scores, references)
    return float(np.mean(values[~truth] >= threshold_at_tpr(values, truth, tpr)))


def identifications(songs: ArrayLike) -> int:
    """How often a song was announced in a row of answers; -1 is "no song".

    An announcement is a run of windows with the same song: a song held for ten windows counts once, one that
    drops out and comes back counts twice.

    >>> identifications([-1, 3, 3, -1, 3, 4])
    3
    """
    answer = np.asarray(songs, dtype=np.int64)
    if answer.ndim != 1:
        raise ValueError(f"songs must be a vector, got the shape {answer.shape}")
    before = np.concatenate(([-1], answer[:-1]))
    return int(np.sum((answer >= 0) & (answer != before)))


def false_identifications_per_hour(songs: ArrayLike, hop_s: float) -> float:
    """Announcements an hour in audio in which no song of the pack plays; `songs` (steps,), one each `hop_s`.

    >>> false_identifications_per_hour([-1] * 3599 + [7], hop_s=1.0)
    1.0
    """
    answer = np.asarray(songs, dtype=np.int64)
    if hop_s <= 0 or answer.size == 0:
        raise ValueError(f"hop_s must be positive and songs not empty, got {hop_s} and {answer.size} steps")
    return identifications(answer) / (answer.size * hop_s / 3600.0)


def evaluate(scores: ArrayLike, references: ArrayLike, tpr: float = 0.95) -> dict[str, float]:
    """AUROC, AUPRC, and the false positive rate and threshold at a true positive rate, with both counts.

    >>> evaluate([0.9, 0.8, 0.2, 0.1], [True, True, False, False])["auroc"]
    1.0
    """
    values, truth = validate(scores, references)
    return {
        "positives": int(truth.sum()),
        "negatives": int((~truth).sum()),
        "auroc": auroc(values, truth),
        "auprc": auprc(values, truth),
        "fpr": fpr_at_tpr(values, truth, tpr),
        "tpr": tpr,
        "threshold": threshold_at_tpr(values, truth, tpr),
    }
