"""Detection figures against scikit-learn, ties included."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from tonewheel.metrics import detection

ITEMS = st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=60).filter(
    lambda items: len({truth for _, truth in items}) == 2
)


@given(ITEMS, st.sampled_from([0.5, 0.8, 0.95, 1.0]))
def test_figures_equal_scikit_learn(items: list[tuple[int, bool]], tpr: float) -> None:
    scores, truth = np.array([score for score, _ in items], float), np.array([one for _, one in items])
    assert detection.auroc(scores, truth) == pytest.approx(roc_auc_score(truth, scores))
    assert detection.auprc(scores, truth) == pytest.approx(average_precision_score(truth, scores))
    false, true, thresholds = roc_curve(truth, scores, drop_intermediate=False)
    first = int(np.argmax(true >= tpr - 1e-9))
    assert detection.fpr_at_tpr(scores, truth, tpr) == pytest.approx(false[first])
    assert detection.threshold_at_tpr(scores, truth, tpr) == thresholds[first]


def test_the_threshold_accepts_the_stated_share_and_no_higher_one_does() -> None:
    rng = np.random.default_rng(0)
    scores, truth = rng.normal(size=500), rng.random(500) < 0.4
    threshold = detection.threshold_at_tpr(scores, truth, 0.95)
    positives = scores[truth]
    assert np.mean(positives >= threshold) >= 0.95
    assert np.mean(positives > threshold) < 0.95


def test_twenty_positives_at_95_percent_are_nineteen() -> None:
    scores = np.concatenate((np.arange(20.0), [-1.0]))
    assert detection.threshold_at_tpr(scores, np.arange(21) < 20, 0.95) == 1.0


def test_a_held_song_is_one_identification() -> None:
    assert detection.identifications([-1, 2, 2, 2, -1, -1]) == 1
    assert detection.identifications([2, 3, 2]) == 3
    assert detection.identifications([]) == 0


def test_false_identifications_an_hour_do_not_depend_on_the_hop() -> None:
    slow = detection.false_identifications_per_hour([-1, 5, -1, -1], hop_s=2.0)
    fast = detection.false_identifications_per_hour(
        [-1, -1, -1, -1, 5, 5, -1, -1, -1, -1, -1, -1][:16], hop_s=8 / 12
    )
    assert slow == pytest.approx(fast) == pytest.approx(450.0)


@pytest.mark.parametrize("references", [[True, True], [False, False]])
def test_one_class_alone_is_refused(references: list[bool]) -> None:
    with pytest.raises(ValueError, match="both classes"):
        detection.evaluate([0.1, 0.2], references)


def test_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        detection.auroc([np.nan, 0.2], [True, False])
