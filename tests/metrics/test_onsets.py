"""Onset figures equal mir_eval's, whatever the times."""

from __future__ import annotations

import mir_eval
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewheel.metrics import onsets

times = st.lists(st.integers(0, 3000).map(lambda ms: ms / 1000), max_size=25)
# mir_eval compares binary fractions without a guard: keep clear of differences equal to the tolerance.
TOLERANCES_S = (0.0503, 0.0303, 0.0203)


@given(reference=times, estimate=times, tolerance_s=st.sampled_from(TOLERANCES_S))
def test_f_equals_mir_eval(reference: list[float], estimate: list[float], tolerance_s: float) -> None:
    ours = onsets.f_measure(reference, estimate, tolerance_s)
    a, b = np.sort(np.array(reference)), np.sort(np.array(estimate))
    if len(a) and len(b):
        assert ours == pytest.approx(mir_eval.onset.f_measure(a, b, window=tolerance_s))
    else:
        assert ours == (0, 0, 0)


@given(reference=times, estimate=times)
def test_a_matching_is_one_to_one_and_within_reach(reference: list[float], estimate: list[float]) -> None:
    pairs = onsets.match(reference, estimate, 0.05)
    assert len(set(pairs[:, 0])) == len(set(pairs[:, 1])) == len(pairs)
    apart = np.sort(estimate)[pairs[:, 1]] - np.sort(reference)[pairs[:, 0]] if len(pairs) else np.zeros(1)
    assert np.abs(apart).max() <= 0.05 + 1e-9


def test_exactly_the_tolerance_is_inside() -> None:
    assert onsets.count([1.0], [1.05]).matched == 1
    assert onsets.count([0.1], [0.15]).matched == 1  # 0.15 - 0.1 > 0.05 in binary
    assert onsets.count([1.0], [1.0501]).matched == 0


def test_classes_are_never_mixed_and_pooled_by_hits() -> None:
    found = onsets.evaluate(
        {"kick": [0, 1, 2], "snare": [0.5]}, {"kick": [0, 1, 2], "snare": [], "tom": [0.5]}
    )
    assert found["micro_f"] == pytest.approx(2 * 3 / (4 + 4))
    assert found["macro_f"] == pytest.approx(0.5)
    assert found["tom_f"] == 0


def test_late_is_positive() -> None:
    assert onsets.evaluate({"kick": [1.0, 2.0]}, {"kick": [1.012, 2.012]})["offset_median_ms"] == 12.0


@pytest.mark.parametrize("wrong", [[-0.1], [np.nan], [[0.1]]])
def test_times_that_are_none_are_refused(wrong: list[float]) -> None:
    with pytest.raises(ValueError, match="finite times"):
        onsets.count(wrong, [])
