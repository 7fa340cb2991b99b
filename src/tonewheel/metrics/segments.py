"""Segments: is every moment of a concert given to the right song, are the boundaries where they should be?

Task: reference and estimate are labelled, non-overlapping intervals (n, 2) in seconds, sorted by start; label
"" and time that no interval covers are "no song".

Frame accuracy here is the exact share of time, the limit of a frame grid for a hop towards 0; a grid, such as
`mir_eval.util.intervals_to_samples` makes, differs by at most a hop for each boundary. Boundary deviation is
`mir_eval.segment.deviation` and the F-measure is `mir_eval.segment.detection`; both count any boundary as a
match for any other. `boundary_errors` differs: it pairs boundaries one to one and counts a missed one as
infinite.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "boundaries",
    "boundary_deviation",
    "boundary_errors",
    "boundary_f_measure",
    "evaluate",
    "frame_accuracy",
    "songs_found",
    "validate",
]

Floats = NDArray[np.float64]


def validate(intervals: ArrayLike, labels: Sequence[str]) -> Floats:
    """Check that intervals are (n, 2), finite, sorted and do not overlap, and that each has a label."""
    spans = (
        np.asarray(intervals, dtype=np.float64).reshape(-1, 2) if len(labels) == 0 else np.asarray(intervals)
    )
    spans = spans.astype(np.float64)
    if spans.ndim != 2 or spans.shape != (len(labels), 2):
        raise ValueError(
            f"intervals must have the shape ({len(labels)}, 2) as there are labels, got {spans.shape}"
        )
    if not np.isfinite(spans).all():
        raise ValueError("intervals contain NaN or infinity")
    if (spans[:, 1] < spans[:, 0]).any():
        raise ValueError(f"interval {int(np.argmax(spans[:, 1] < spans[:, 0]))} ends before it starts")
    if (spans[1:, 0] < spans[:-1, 1]).any():
        raise ValueError(f"intervals {int(np.argmax(spans[1:, 0] < spans[:-1, 1]))} and the next overlap")
    return spans


def _labels_at(times: Floats, spans: Floats, labels: Sequence[str]) -> list[str]:
    index = np.searchsorted(spans[:, 0], times, side="right") - 1
    return [
        labels[i] if i >= 0 and time < spans[i, 1] else ""
        for time, i in zip(times, index.tolist(), strict=True)
    ]


def _pieces(
    reference: Floats, reference_labels: Sequence[str], estimate: Floats, estimate_labels: Sequence[str]
) -> tuple[Floats, list[str], list[str]]:
    """Durations of the pieces between all boundaries, with both labels of each."""
    edges = np.unique(np.concatenate((reference.ravel(), estimate.ravel())))
    middles = (edges[:-1] + edges[1:]) / 2
    return (
        np.diff(edges),
        _labels_at(middles, reference, reference_labels),
        _labels_at(middles, estimate, estimate_labels),
    )


def frame_accuracy(
    reference: ArrayLike, reference_labels: Sequence[str], estimate: ArrayLike, estimate_labels: Sequence[str]
) -> float:
    """Share of the reference's time span in which both have the same label, "no song" included.

    >>> frame_accuracy([[0, 60], [60, 100]], ["a", "b"], [[0, 70], [70, 100]], ["a", "b"])
    0.9
    """
    spans, guessed = validate(reference, reference_labels), validate(estimate, estimate_labels)
    if len(spans) == 0 or spans[-1, 1] <= spans[0, 0]:
        raise ValueError("the reference has no length")
    inside = np.clip(guessed, spans[0, 0], spans[-1, 1])
    seconds, right, answer = _pieces(spans, reference_labels, inside, estimate_labels)
    same = np.array([a == b for a, b in zip(right, answer, strict=True)], dtype=bool)
    return float(seconds[same].sum() / (spans[-1, 1] - spans[0, 0]))


def songs_found(
    reference: ArrayLike,
    reference_labels: Sequence[str],
    estimate: ArrayLike,
    estimate_labels: Sequence[str],
    least_share: float = 0.5,
) -> float:
    """Share of reference songs (label not "") with at least `least_share` of their time labelled right.

    >>> songs_found([[0, 60], [60, 100]], ["a", "b"], [[0, 90], [90, 100]], ["a", "b"])
    0.5
    """
    spans, guessed = validate(reference, reference_labels), validate(estimate, estimate_labels)
    found = []
    for (start, end), label in zip(spans, reference_labels, strict=True):
        if label and end > start:
            own = np.array([other == label for other in estimate_labels], dtype=bool)
            overlap = np.minimum(guessed[own, 1], end) - np.maximum(guessed[own, 0], start)
            found.append(np.clip(overlap, 0, None).sum() >= least_share * (end - start))
    if not found:
        raise ValueError("the reference has no song")
    return float(np.mean(found))


def boundaries(intervals: ArrayLike, labels: Sequence[str]) -> Floats:
    """Times at which the label changes, sorted; equal labels that touch have none between.

    >>> boundaries([[0, 60], [60, 70], [80, 90]], ["a", "a", "b"]).tolist()
    [0.0, 70.0, 80.0, 90.0]
    """
    spans = validate(intervals, labels)
    edges = np.unique(spans)
    if edges.size == 0:
        return edges
    middles = (edges[:-1] + edges[1:]) / 2
    sequence = ["", *_labels_at(middles, spans, labels), ""]
    change = [a != b for a, b in pairwise(sequence)]
    return np.asarray(edges[np.array(change, dtype=bool)])


def boundary_errors(reference: ArrayLike, estimate: ArrayLike) -> Floats:
    """Distance of each reference boundary to its own estimated one, (n,) seconds, `inf` where none is left.

    Boundaries are paired one to one so that as many as possible have a partner and the sum of distances is
    least (assignment problem, Kuhn 1955).

    >>> boundary_errors([10.0, 20.0, 30.0], [11.0, 29.5]).tolist()
    [1.0, inf, 0.5]
    """
    from scipy.optimize import linear_sum_assignment

    right = np.asarray(reference, dtype=np.float64).ravel()
    answer = np.asarray(estimate, dtype=np.float64).ravel()
    errors = np.full(right.size, np.inf)
    if right.size and answer.size:
        distance = np.abs(right[:, None] - answer[None, :])
        rows, columns = linear_sum_assignment(distance)
        errors[rows] = distance[rows, columns]
    return errors


def boundary_deviation(reference: ArrayLike, estimate: ArrayLike) -> tuple[float, float]:
    """Median distances (reference to nearest estimate, estimate to nearest reference), seconds.

    Equal to `mir_eval.segment.deviation`, in this order of its results; NaN where one side has no boundary.

    >>> boundary_deviation([10.0, 20.0], [11.0, 20.5, 40.0])
    (0.75, 1.0)
    """
    right, answer = np.asarray(reference, dtype=np.float64), np.asarray(estimate, dtype=np.float64)
    if right.size == 0 or answer.size == 0:
        return float("nan"), float("nan")
    distance = np.abs(right[:, None] - answer[None, :])
    return float(np.median(distance.min(axis=1))), float(np.median(distance.min(axis=0)))


def boundary_f_measure(
    reference: ArrayLike, estimate: ArrayLike, window_s: float = 3.0
) -> tuple[float, float, float]:
    """Precision, recall and F of boundaries matched one to one within `window_s` (inclusive).

    Equal to `mir_eval.segment.detection`. On a line the greedy pairing from the left is a largest one.

    >>> boundary_f_measure([10.0, 20.0], [11.0, 11.5, 26.0])[0:2]
    (0.3333333333333333, 0.5)
    """
    right, answer = np.sort(np.asarray(reference, float)), np.sort(np.asarray(estimate, float))
    if right.size == 0 or answer.size == 0:
        return 0.0, 0.0, 0.0
    hits = i = j = 0
    while i < right.size and j < answer.size:
        if abs(right[i] - answer[j]) <= window_s:
            hits, i, j = hits + 1, i + 1, j + 1
        elif right[i] < answer[j]:
            i += 1
        else:
            j += 1
    precision, recall = hits / answer.size, hits / right.size
    return precision, recall, 2 * precision * recall / (precision + recall) if hits else 0.0


def evaluate(
    reference: ArrayLike, reference_labels: Sequence[str], estimate: ArrayLike, estimate_labels: Sequence[str]
) -> dict[str, float]:
    """Frame accuracy, songs found, and boundary figures of one concert.

    >>> found = evaluate([[0, 60], [60, 100]], ["a", "b"], [[0, 58], [58, 100]], ["a", "b"])
    >>> found["frame_accuracy"], found["boundary_error_median_s"]
    (0.98, 0.0)
    """
    right = boundaries(reference, reference_labels)
    answer = boundaries(estimate, estimate_labels)
    errors = boundary_errors(right, answer)
    return {
        "songs": sum(1 for label in reference_labels if label),
        "frame_accuracy": frame_accuracy(reference, reference_labels, estimate, estimate_labels),
        "songs_found": songs_found(reference, reference_labels, estimate, estimate_labels),
        "boundary_error_median_s": float(np.median(errors)),
        "boundary_f_3s": boundary_f_measure(right, answer)[2],
    }
