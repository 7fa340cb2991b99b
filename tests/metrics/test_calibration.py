"""Calibration against a naive loop and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression

from tonewheel.metrics import calibration


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=50), st.integers(1, 20))
def test_ece_equals_a_naive_loop(items: list[tuple[float, bool]], bins: int) -> None:
    total = 0.0
    for number in range(bins):
        own = [(value, right) for value, right in items if min(int(value * bins), bins - 1) == number]
        if own:
            confidence, accuracy = np.mean([value for value, _ in own]), np.mean([right for _, right in own])
            total += len(own) / len(items) * abs(accuracy - confidence)
    found = calibration.expected_calibration_error([v for v, _ in items], [r for _, r in items], bins)
    assert found == pytest.approx(total)


def test_bins_equal_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    values = rng.random(400)
    right = rng.random(400) < values
    accuracy, confidence = calibration_curve(right, values, n_bins=10)
    found = [one for one in calibration.reliability(values, right, 10) if one.accuracy is not None]
    assert [one.accuracy for one in found] == pytest.approx(list(accuracy))
    assert [one.confidence for one in found] == pytest.approx(list(confidence))
    assert sum(one.n for one in found) == 400


@pytest.mark.parametrize("features", [1, 2, 3])
def test_logistic_equals_scikit_learn_on_many_examples(features: int) -> None:
    rng = np.random.default_rng(features)
    x = rng.normal(size=(20_000, features)) * [5.0, 0.1, 1.0][:features] + [3.0, 1.0, 0.0][:features]
    truth = rng.random(20_000) < 1 / (1 + np.exp(-((x - x.mean(axis=0)) @ [0.3, -8.0, 0.5][:features] + 0.2)))
    theirs = LogisticRegression(C=1e6, solver="newton-cholesky", tol=1e-8).fit(x, truth)
    ours = calibration.fit_logistic(x, truth)
    assert ours.predict(x) == pytest.approx(theirs.predict_proba(x)[:, 1], abs=2e-3)
    even = (x - x.mean(axis=0)) / x.std(axis=0)
    theirs = LogisticRegression(C=1 / 3000, solver="newton-cholesky", tol=1e-8).fit(even, truth)
    shrunk = calibration.fit_logistic(x, truth, shrink=3000.0)
    assert shrunk.predict(x) == pytest.approx(theirs.predict_proba(even)[:, 1], abs=2e-3)
    assert np.abs(shrunk.predict(x) - ours.predict(x)).max() > 0.1


def test_a_fit_makes_scores_mean_what_they_say() -> None:
    rng = np.random.default_rng(9)
    score = rng.normal(size=4000)
    right = rng.random(4000) < 1 / (1 + np.exp(-3 * score))
    before = calibration.expected_calibration_error(np.clip(score / 6 + 0.5, 0, 1), right)
    fitted = calibration.fit_logistic(score[:2000], right[:2000])
    assert before > 0.1
    assert calibration.expected_calibration_error(fitted.predict(score[2000:]), right[2000:]) < 0.04


def test_separable_data_has_a_finite_fit_and_a_constant_feature_no_weight() -> None:
    model = calibration.fit_logistic([[0.0, 7.0], [1.0, 7.0]], [False, True])
    assert np.isfinite(model.weights).all()
    assert abs(model.weights[1]) < 1e-6
    assert model.predict([[0.0, 7.0]])[0] == pytest.approx(1 / 3, abs=1e-4)  # Platt's target for one example
    assert calibration.Logistic.from_json(model.to_json()) == model


def test_huge_logits_do_not_overflow() -> None:
    found = calibration.Logistic(weights=(1e6,), bias=0.0).predict([-1.0, 1.0])
    assert found.tolist() == [0.0, 1.0]


@pytest.mark.parametrize(("values", "right"), [([1.1], [True]), ([np.nan], [True]), ([], []), ([0.5], [0.3])])
def test_bad_confidences_are_refused(values: list[float], right: list[float]) -> None:
    with pytest.raises(ValueError, match=r"confidences|correct"):
        calibration.evaluate(values, right)


def test_one_outcome_cannot_be_fitted() -> None:
    with pytest.raises(ValueError, match="both outcomes"):
        calibration.fit_logistic([1.0, 2.0], [True, True])
