"""Label errors: which given labels does a model contradict so clearly that a person should look?

Task: `given` (n, k) booleans, the labels in a manifest; `scores` (n, k) in 0..1 of a model that was not trained
on these examples (out of sample, or it has learned the errors by heart).

Confident learning (Northcutt, Jiang and Chuang, "Confident learning: estimating uncertainty in dataset labels",
JAIR 70, 2021): each class sets itself what is clear, the mean score where it is given. The examples that clearly
belong where they are, and those that clearly do not, give the share of wrong labels (the calibrated confident
joint); so many are reported, those that the model contradicts most ("prune by noise rate"). With several labels
an example, each label is a question of its own, yes or no (Thyagarajan et al., "Identifying incorrect
annotations in multi-label classification data", 2022). Where cleanlab asks that the other answer scores above
0.5, here the score has to lie beyond the middle of the two thresholds, so that it need not be a probability.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tonewheel.core.records import Record

__all__ = ["Suspect", "evaluate", "suspects", "thresholds", "validate"]

Floats = NDArray[np.float64]


class Suspect(Record):
    """One label that is probably wrong: given and not there, or there and not given."""

    row: int
    label: str
    kind: str
    """extra (given, but not heard) or missing (heard, but not given)."""
    score: float
    """What the model gives the label."""
    margin: float
    """How far the score lies beyond the middle of the label's two thresholds; the list is ranked by it."""


def validate(given: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.bool_], Floats]:
    """Check two tables (n, k), booleans and scores in 0..1."""
    labels, values = np.asarray(given), np.asarray(scores, dtype=np.float64)
    if labels.ndim != 2 or labels.size == 0 or labels.shape != values.shape:
        raise ValueError(f"given {labels.shape} and scores {values.shape} must be tables of one shape")
    if labels.dtype != np.bool_ and not np.isin(labels, (0, 1)).all():
        raise ValueError("given must hold booleans")
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError("scores must lie in 0..1")
    return labels.astype(bool), values


def thresholds(given: ArrayLike, scores: ArrayLike) -> tuple[Floats, Floats]:
    """Each label's mean score where it is given, and mean of 1 - score where it is not, both (k,).

    NaN for a label that is given everywhere or nowhere.

    >>> yes, no = thresholds([[1], [1], [0]], [[0.9], [0.7], [0.2]])
    >>> yes.round(2).tolist(), no.round(2).tolist()
    ([0.8], [0.8])
    """
    labels, values = validate(given, scores)
    with np.errstate(invalid="ignore"):
        yes = np.where(labels, values, 0.0).sum(axis=0) / labels.sum(axis=0)
        no = np.where(labels, 0.0, 1 - values).sum(axis=0) / (~labels).sum(axis=0)
    return yes, no


def suspects(given: ArrayLike, scores: ArrayLike, labels: Sequence[str]) -> list[Suspect]:
    """The labels that are probably wrong, the clearest first.

    >>> said = [[0.9, 0.1], [0.8, 0.1], [0.1, 0.9], [0.1, 0.8], [0.95, 0.05]]
    >>> given = [[1, 0], [1, 0], [0, 1], [0, 1], [0, 1]]
    >>> [(one.row, one.label, one.kind) for one in suspects(given, said, ["kick", "snare"])]
    [(4, 'kick', 'missing'), (4, 'snare', 'extra')]
    """
    named, values = validate(given, scores)
    if len(labels) != named.shape[1]:
        raise ValueError(f"{len(labels)} labels for {named.shape[1]} columns")
    yes, no = thresholds(named, values)
    middle = (yes + 1 - no) / 2
    with np.errstate(invalid="ignore"):
        clear_yes, clear_no = values >= yes, 1 - values >= no
    clear_yes, clear_no = clear_yes & ~clear_no, clear_no & ~clear_yes
    extra = _most_wrong(named, clear_yes, clear_no, values - middle)
    missing = _most_wrong(~named, clear_no, clear_yes, middle - values)
    margins = np.abs(values - middle)
    rows, columns = np.nonzero(extra | missing)
    order = np.lexsort((columns, rows, -margins[rows, columns].round(9)))
    return [
        Suspect(
            row=int(rows[i]),
            label=labels[int(columns[i])],
            kind="extra" if extra[rows[i], columns[i]] else "missing",
            score=float(values[rows[i], columns[i]]),
            margin=float(margins[rows[i], columns[i]]),
        )
        for i in order
    ]


def _most_wrong(
    asked: NDArray[np.bool_],
    clearly_right: NDArray[np.bool_],
    clearly_wrong: NDArray[np.bool_],
    agrees: Floats,
) -> NDArray[np.bool_]:
    """Of the labels asked about, as many as the clear ones say are wrong: those that agree least, and below 0."""
    chosen = np.zeros_like(asked)
    for column in range(asked.shape[1]):
        own = asked[:, column]
        wrong, right = (
            int((own & clearly_wrong[:, column]).sum()),
            int((own & clearly_right[:, column]).sum()),
        )
        count = round(wrong / (wrong + right) * int(own.sum())) if wrong else 0
        doubted = np.flatnonzero(own & (agrees[:, column] < 0))
        order = np.argsort(agrees[doubted, column], kind="stable")
        chosen[doubted[order[:count]], column] = True
    return chosen


def evaluate(given: ArrayLike, scores: ArrayLike) -> dict[str, float | int]:
    """How many labels are suspect, as counts and as a share of the examples.

    >>> evaluate([[1], [1], [0], [0]], [[0.9], [0.8], [0.1], [0.2]])
    {'n': 4, 'extra': 0, 'missing': 0, 'suspect_share': 0.0}
    """
    named, values = validate(given, scores)
    found = suspects(named, values, [str(column) for column in range(named.shape[1])])
    extra = sum(one.kind == "extra" for one in found)
    share = len({one.row for one in found}) / len(named)
    return {"n": len(named), "extra": extra, "missing": len(found) - extra, "suspect_share": share}
