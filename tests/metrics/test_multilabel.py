"""Multi-label scores against scikit-learn, intervals against a plain loop over resamples."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics as sk

from tonewheel.metrics import multilabel

LABELS = [f"label{n}" for n in range(5)]


def answers(n: int, seed: int = 0) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    rng = np.random.default_rng(seed)
    right = rng.random((n, len(LABELS))) < [0.5, 0.3, 0.2, 0.1, 0.05]
    return right, right ^ (rng.random(right.shape) < 0.1)


def loop(
    right: NDArray[np.bool_], said: NDArray[np.bool_], groups: NDArray[np.int64], resamples: int, seed: int
) -> tuple[float, float]:
    """Micro F of every resample, one after the other, one example after the other."""
    rng = np.random.default_rng(seed)
    members = [np.flatnonzero(groups == group).tolist() for group in np.unique(groups)]
    found = []
    for _ in range(resamples):
        hits = others = 0
        for group in rng.integers(0, len(members), len(members)):
            for example in members[group]:
                for a, b in zip(right[example].tolist(), said[example].tolist(), strict=True):
                    hits += a and b
                    others += a != b
        found.append(2 * hits / (2 * hits + others))
    low, high = np.quantile(found, [0.025, 0.975], method="nearest")
    return float(low), float(high)


def test_scores_equal_scikit_learns() -> None:
    right, said = answers(400)
    found = multilabel.evaluate(right, said)
    assert found["micro_f"] == pytest.approx(sk.f1_score(right, said, average="micro"))
    assert found["macro_f"] == pytest.approx(sk.f1_score(right, said, average="macro"))
    assert found["macro_recall"] == pytest.approx(sk.recall_score(right, said, average="macro"))
    assert found["micro_precision"] == pytest.approx(sk.precision_score(right, said, average="micro"))


def test_a_label_that_nobody_asked_for_lowers_scikit_learns_macro_only() -> None:
    right, said = answers(200)
    right[:, 4] = False
    said[0, 4] = True
    ours = multilabel.evaluate(right, said)["macro_f"]
    theirs = sk.f1_score(right, said, average="macro", zero_division=0)
    assert ours == pytest.approx(theirs * 5 / 4)


def test_groups_give_the_interval_of_a_plain_loop_exactly() -> None:
    right, said = answers(300)
    groups = np.random.default_rng(1).integers(0, 25, 300)
    found = multilabel.f_intervals(
        right, said, LABELS, rng=np.random.default_rng(7), groups=groups, resamples=200
    )["micro"]
    assert (found.low, found.high) == pytest.approx(loop(right, said, groups, 200, seed=7), abs=1e-12)
    assert (found.n, found.groups) == (300, 25)


def test_single_examples_give_the_interval_of_a_plain_loop_within_its_chance() -> None:
    right, said = answers(150)
    found = multilabel.f_intervals(right, said, LABELS, rng=np.random.default_rng(0), resamples=4000)["micro"]
    assert (found.low, found.high) == pytest.approx(loop(right, said, np.arange(150), 1500, 1), abs=0.006)


def test_sessions_that_stand_or_fall_whole_widen_the_interval() -> None:
    right = np.ones((1000, 1), bool)
    said = np.repeat(np.random.default_rng(3).random(20) < 0.7, 50)[:, None]
    options = {"labels": ["kick"], "resamples": 500}
    alone = multilabel.f_intervals(right, said, rng=np.random.default_rng(0), **options)["micro"]  # type: ignore[arg-type]
    whole = multilabel.f_intervals(
        right,
        said,
        rng=np.random.default_rng(0),
        groups=np.repeat(np.arange(20), 50),
        **options,  # type: ignore[arg-type]
    )["micro"]
    assert (whole.high or 0) - (whole.low or 0) > 4 * ((alone.high or 0) - (alone.low or 0))


def test_blocks_do_not_change_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    right, said = answers(80)
    groups = np.arange(80) // 3
    whole = multilabel.f_intervals(right, said, LABELS, rng=np.random.default_rng(3), groups=groups)
    monkeypatch.setattr("tonewheel.metrics.bootstrap.BLOCK_CELLS", 100)
    assert multilabel.f_intervals(right, said, LABELS, rng=np.random.default_rng(3), groups=groups) == whole


def test_one_group_has_no_interval_and_a_label_without_references_no_figure() -> None:
    right, said = np.array([[1, 0], [1, 0]]), np.array([[1, 1], [0, 0]])
    found = multilabel.f_intervals(right, said, ["a", "b"], rng=np.random.default_rng(0), groups=["x", "x"])
    assert sorted(found) == ["class.a", "macro", "micro"]
    assert found["micro"].low is None


@pytest.mark.parametrize(
    ("references", "estimates"),
    [([[0.5]], [[1]]), ([[1]], [[1, 0]]), ([], []), ([1, 0], [1, 0])],
)
def test_nonsense_is_refused(references: object, estimates: object) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        multilabel.evaluate(references, estimates)  # type: ignore[arg-type]
