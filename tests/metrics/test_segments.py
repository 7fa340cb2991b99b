"""Segment figures against mir_eval where the two mean the same."""

from __future__ import annotations

import mir_eval
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewheel.metrics import segments

TIMES = st.lists(st.integers(0, 400).map(lambda n: n / 4), max_size=20, unique=True).map(sorted)


def concert(seed: int, songs: int = 8) -> tuple[np.ndarray, list[str]]:
    rng = np.random.default_rng(seed)
    edges = np.cumsum(rng.uniform(5, 40, songs + 1))
    return np.stack((edges[:-1], edges[1:]), axis=1), [f"song {n % 5}" for n in range(songs)]


def test_frame_accuracy_is_the_limit_of_mir_evals_frames() -> None:
    reference, labels = concert(1)
    estimate, guesses = concert(2)
    hop_s = 0.01
    span = (reference[0, 0], reference[-1, 1])
    grid_right, grid_answer = (
        mir_eval.util.intervals_to_samples(
            spans, names, offset=span[0] + hop_s / 2, sample_size=hop_s, fill_value=""
        )[1]
        for spans, names in ((reference, labels), (estimate, guesses))
    )
    count = int((span[1] - span[0]) / hop_s)
    right = np.array(grid_right[:count])
    answer = np.array((grid_answer + [""] * count)[:count])
    ours = segments.frame_accuracy(reference, labels, estimate, guesses)
    assert ours == pytest.approx(np.mean(right == answer), abs=hop_s * 20 / (span[1] - span[0]))


def test_frame_accuracy_counts_no_song_as_an_answer() -> None:
    assert segments.frame_accuracy([[0, 50], [60, 100]], ["a", "b"], [[0, 50], [60, 100]], ["a", "b"]) == 1.0
    assert segments.frame_accuracy([[0, 50], [60, 100]], ["a", "b"], [[0, 60], [60, 100]], ["a", "b"]) == 0.9
    assert segments.frame_accuracy([[0, 50], [60, 100]], ["a", "b"], np.empty((0, 2)), []) == 0.1


@given(TIMES, TIMES)
def test_boundary_f_measure_equals_mir_eval(reference: list[float], estimate: list[float]) -> None:
    ours = segments.boundary_f_measure(reference, estimate, 3.0)
    if not reference or not estimate:
        assert ours == (0.0, 0.0, 0.0)
        return
    matched = len(mir_eval.util.match_events(np.array(reference), np.array(estimate), 3.0))
    assert ours[0] == pytest.approx(matched / len(estimate))
    assert ours[1] == pytest.approx(matched / len(reference))


def test_detection_and_deviation_equal_mir_eval_segment() -> None:
    (reference, labels), (estimate, guesses) = concert(3), concert(4)
    right, answer = segments.boundaries(reference, labels), segments.boundaries(estimate, guesses)
    assert segments.boundary_f_measure(right, answer, 3.0) == pytest.approx(
        mir_eval.segment.detection(reference, estimate, window=3.0)
    )
    assert segments.boundary_deviation(right, answer) == pytest.approx(
        mir_eval.segment.deviation(reference, estimate)
    )


@given(TIMES, TIMES)
def test_every_boundary_has_its_own_partner(reference: list[float], estimate: list[float]) -> None:
    errors = segments.boundary_errors(reference, estimate)
    assert np.isfinite(errors).sum() == min(len(reference), len(estimate))
    back = segments.boundary_errors(estimate, reference)
    assert np.sort(errors[np.isfinite(errors)]).sum() == pytest.approx(np.sort(back[np.isfinite(back)]).sum())


def test_one_estimate_near_two_boundaries_serves_one() -> None:
    assert segments.boundary_errors([10.0, 11.0], [10.5]).tolist().count(np.inf) == 1
    assert segments.boundary_deviation([10.0, 11.0], [10.5])[0] == 0.5


def test_songs_found_needs_half_of_the_song() -> None:
    reference, labels = [[0, 100], [100, 200]], ["a", "b"]
    assert segments.songs_found(reference, labels, [[50, 100], [151, 200]], ["a", "b"]) == 0.5


def test_evaluate_of_the_reference_itself_is_perfect() -> None:
    spans, labels = concert(5)
    found = segments.evaluate(spans, labels, spans, labels)
    assert found == {
        "songs": 8,
        "frame_accuracy": 1.0,
        "songs_found": 1.0,
        "boundary_error_median_s": 0.0,
        "boundary_f_3s": 1.0,
    }


@pytest.mark.parametrize(
    ("intervals", "labels", "reason"),
    [
        ([[0, 1], [0.5, 2]], ["a", "b"], "overlap"),
        ([[1, 0]], ["a"], "ends before"),
        ([[0, 1]], ["a", "b"], "shape"),
        ([[0, np.nan]], ["a"], "NaN"),
    ],
)
def test_broken_segments_are_refused(intervals: list[list[float]], labels: list[str], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        segments.evaluate(intervals, labels, intervals, labels)
