"""Two samples: the same numbers as scipy, and p values and separability that behave as they must."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tonewheel.metrics.two_sample import energy_distance, energy_test, evaluate, ks, separability, validate


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_as_scipy_in_one_dimension(n: int, m: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.normal(size=n).round(1), rng.normal(0.5, 2, size=m).round(1)
    assert ks(one, other)[0] == pytest.approx(stats.ks_2samp(one, other).statistic)
    # scipy gives the root of the integral form, which is half of the expectation form under that root.
    assert energy_distance(one, other) == pytest.approx(stats.energy_distance(one, other) ** 2, abs=1e-9)


def test_p_values_of_equal_samples_are_uniform_and_of_shifted_ones_small() -> None:
    rng = np.random.default_rng(0)
    equal = [
        energy_test(rng.normal(size=(30, 3)), rng.normal(size=(30, 3)), rng, permutations=99)[1]
        for _ in range(60)
    ]
    assert 0.35 < np.mean(equal) < 0.65
    assert np.mean(np.array(equal) < 0.1) < 0.25
    assert energy_test(rng.normal(size=(30, 3)), rng.normal(1, 1, size=(30, 3)), rng)[1] < 0.01


def test_groups_are_permuted_whole() -> None:
    """Ten windows of each of four recordings that differ by recording alone: windows look significant, groups do
    not."""
    rng = np.random.default_rng(1)
    rows = np.repeat(rng.normal(size=8), 10)[:, None] + 0.01 * rng.normal(size=(80, 1))
    groups = np.repeat(np.arange(4), 10)
    together = energy_test(rows[:40], rows[40:], rng)[1]
    by_group = energy_test(rows[:40], rows[40:], rng, groups=(groups, groups))[1]
    assert together < 0.03 < by_group


def test_separability_holds_groups_out() -> None:
    """A classifier that learns recordings by heart tells nothing about recordings it has not heard."""
    rng = np.random.default_rng(2)
    rows = np.repeat(rng.normal(size=(20, 5)), 10, axis=0) + 0.01 * rng.normal(size=(200, 5))
    groups = np.repeat(np.arange(10), 10)
    assert separability(rows[:100], rows[100:]) > 0.6
    assert separability(rows[:100], rows[100:], groups=(groups, groups)) < 0.8
    assert separability(rows, rows + 10) == pytest.approx(1.0)
    assert separability(rows[:100], rows[100:], groups=(np.zeros(100), groups)) == 0.5


def test_what_is_no_sample_is_refused() -> None:
    for one, other in (([], [1.0]), ([[1.0, 2.0]], [1.0]), ([np.nan], [1.0])):
        with pytest.raises(ValueError, match=r"row|features|NaN"):
            validate(one, other)


def test_evaluate_does_not_depend_on_units() -> None:
    rng = np.random.default_rng(3)
    one, other = rng.normal(size=(40, 2)), rng.normal(0.5, 1, size=(40, 2))
    units = np.array([1000.0, 0.001])
    plain, scaled = evaluate(one, other), evaluate(one * units, other * units)
    assert plain == pytest.approx(scaled)
