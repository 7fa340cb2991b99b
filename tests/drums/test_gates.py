"""Gates on answers: limits decide, figures equal plain counts, suspects are those that were planted."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

from tonewheel.core.errors import InputError
from tonewheel.gates.base import AnswersGate, Gate, Limits, Verdict, discover
from tonewheel.gates.bootstrap import BootstrapGate
from tonewheel.gates.boundary import BoundaryGate
from tonewheel.gates.label_errors import LabelErrorsGate
from tonewheel.gates.openset import OpenSetGate
from tonewheel.manifest.answers import Answers
from tonewheel.metrics.label_errors import suspects

LABELS = ("kick", "snare", "ride")


def answers(references: Any, scores: Any, **more: Any) -> Answers:
    right, said = np.asarray(references, bool), np.asarray(scores, np.float32)
    n = len(right)
    fields: dict[str, Any] = {
        "labels": LABELS[: right.shape[1]],
        "sample_ids": tuple(f"x{number}" for number in range(n)),
        "references": right,
        "scores": said,
        "sessions": ("",) * n,
        "edges": ("",) * n,
        "predicted": np.ones(n, bool),
        "known": np.full(n, -1, np.int8),
        "confidence": said.max(axis=1).astype(float) if said.size else np.full(n, np.nan),
        "unknown": np.full(n, np.nan),
    }
    return Answers(**{**fields, **more})


@pytest.mark.parametrize("gate", [*discover(AnswersGate).values(), *discover(Limits).values()])
def test_every_gate_is_a_closed_record_with_defaults_and_a_name(gate: type[Limits]) -> None:
    assert gate.name
    assert gate.from_json(gate().to_json()) == gate()
    assert len((gate.__doc__ or "").strip()) > 20
    with pytest.raises(InputError, match="nonsense"):
        gate.from_dict({"nonsense": 1})


@pytest.mark.parametrize("gate", discover(AnswersGate).values(), ids=lambda gate: gate.name)
def test_any_answers_get_verdicts_that_survive_json(gate: type[AnswersGate]) -> None:
    rng = np.random.default_rng(0)
    some = answers(rng.random((9, 3)) < 0.5, rng.random((9, 3)))
    nothing = answers(np.zeros((2, 0)), np.zeros((2, 0)))
    for one in (some, nothing, answers([[True]], [[0.0]])):
        judged = gate().check(one)
        assert judged.verdicts
        assert judged == gate().check(one)
        json.dumps(judged.measured)
        for verdict in judged.verdicts:
            assert Verdict.from_json(verdict.to_json()) == verdict
            assert verdict.gate.split(".")[0] == gate.name


def test_gates_of_tracks_are_not_mixed_with_the_others() -> None:
    assert set(discover()) == set(discover(Gate)) == {"duplicates", "health", "leakage", "licence"}
    assert {"boundary", "openset", "bootstrap", "labels"} == set(discover(AnswersGate))


def test_boundary_recall_is_macro_and_a_missing_prediction_is_a_miss() -> None:
    right = [[1, 0, 0]] * 8 + [[0, 1, 0]] * 2
    scores = np.array([[0.9, 0, 0]] * 8 + [[0, 0.9, 0], [0, 0.0, 0]])
    predicted = np.array([True] * 9 + [False])
    found = BoundaryGate().check(
        answers(right, scores, predicted=predicted, edges=("leading",) * 8 + ("leading", "trailing"))
    )
    verdict = found.verdicts[0]
    assert verdict.value == pytest.approx((1.0 + 0.5) / 2)
    assert not verdict.passed
    assert found.measured["micro_recall"] == pytest.approx(0.9)
    assert found.measured["per_label"]["snare"] == {
        "support": 2, "missed": 1, "recall": 0.5, "leading": 1.0, "trailing": 0.0,
    }  # fmt: skip
    assert verdict.findings[0].path == "x9"
    assert verdict.findings[0].reason == "snare at the trailing edge has no prediction"
    assert BoundaryGate(least_macro_recall=0.75).check(answers(right, scores)).verdicts[0].passed


def test_boundary_by_top_k() -> None:
    low = answers([[1, 0, 0]], [[0.2, 0.1, 0.05]])
    assert not BoundaryGate().check(low).verdicts[0].passed
    assert BoundaryGate(top_k=1).check(low).verdicts[0].passed


def open_set(separation: float, seed: int = 0) -> Answers:
    rng = np.random.default_rng(seed)
    known = np.arange(4000) % 2 == 0
    scores = rng.normal(np.where(known, separation, 0.0), 1.0)
    return answers(np.zeros((4000, 1)), np.zeros((4000, 1)), known=known.astype(np.int8), confidence=scores)


def test_open_set_figures_equal_scikit_learns() -> None:
    data = open_set(2.0)
    found = OpenSetGate().check(data).measured
    known = data.known == 1
    assert found["auroc"] == pytest.approx(sk.roc_auc_score(known, data.confidence))
    assert found["auprc"] == pytest.approx(sk.average_precision_score(known, data.confidence))
    fpr, tpr, _ = sk.roc_curve(known, data.confidence, drop_intermediate=False)
    assert found["fpr"] == pytest.approx(fpr[np.argmax(tpr >= 0.95)])
    assert found["auprc_unknown"] == pytest.approx(sk.average_precision_score(~known, -data.confidence))


def test_of_the_default_limits_the_false_positives_bind() -> None:
    # Normal scores that pass AUROC with room to spare and still fail FPR95: TARGETS' arithmetic.
    found = OpenSetGate().check(open_set(2.6))
    auroc, fpr = found.verdicts
    assert auroc.passed
    assert auroc.value is not None
    assert auroc.value > 0.96
    assert not fpr.passed
    assert found.measured["binding"] == "fpr"
    assert fpr.detail.endswith("this limit binds")
    assert OpenSetGate(most_fpr=0.9).check(open_set(1.0)).measured["binding"] == "auroc"


def test_a_stated_unknown_score_counts_instead_of_the_highest_score() -> None:
    data = open_set(3.5)
    turned = answers(np.zeros((4000, 1)), np.zeros((4000, 1)), known=data.known, unknown=-data.confidence)
    assert OpenSetGate().check(turned).measured["auroc"] == OpenSetGate().check(data).measured["auroc"]


def test_an_open_set_of_one_kind_fails_and_says_so() -> None:
    verdict = OpenSetGate().check(answers([[1]], [[0.5]], known=np.array([1], np.int8))).verdicts[0]
    assert not verdict.passed
    assert "both classes are needed" in verdict.detail


def test_bootstrap_draws_sessions_unless_asked_otherwise() -> None:
    right = np.ones((300, 1), bool)
    scores = np.repeat(np.random.default_rng(1).random(15) < 0.7, 20)[:, None].astype(float)
    data = answers(right, scores, sessions=tuple(f"s{n // 20}" for n in range(300)))
    whole, single = BootstrapGate().check(data), BootstrapGate(by="sample").check(data)
    assert (whole.measured["resampled"], single.measured["resampled"]) == ("sessions", "samples")

    def width(measured: dict[str, Any]) -> float:
        one: dict[str, float] = measured["intervals"]["micro"]
        return one["high"] - one["low"]

    assert width(whole.measured) > 2 * width(single.measured)
    assert whole.measured["seed"] == 0
    assert BootstrapGate(least_micro_f=0.99).check(data).verdicts[0].passed is False
    assert "names no sessions" in BootstrapGate().check(answers(right, scores)).verdicts[0].detail


def test_planted_label_errors_are_ranked_first() -> None:
    rng = np.random.default_rng(3)
    true = np.eye(3, dtype=bool)[rng.integers(0, 3, 600)]
    scores = np.clip(np.where(true, 0.85, 0.08) + rng.normal(0, 0.06, true.shape), 0, 1)
    given = true.copy()
    wrong = rng.choice(600, 20, replace=False)
    given[wrong] = np.roll(given[wrong], 1, axis=1)
    found = suspects(given, scores, LABELS)
    first = list(dict.fromkeys(one.row for one in found))[:20]
    assert set(first) <= set(wrong.tolist())
    assert len(first) >= 17
    kinds = {one.kind for one in found if one.row == wrong[0]}
    assert kinds == {"extra", "missing"}
    judged = LabelErrorsGate().check(answers(given, scores))
    assert judged.verdicts[0].passed
    assert set(first[:5]) == {int(one.path[1:]) for one in judged.verdicts[0].findings[:5]}
    assert not LabelErrorsGate(most_share=0.01).check(answers(given, scores)).verdicts[0].passed


def test_clean_labels_have_few_suspects() -> None:
    rng = np.random.default_rng(3)
    true = np.eye(3, dtype=bool)[rng.integers(0, 3, 600)]
    scores = np.clip(np.where(true, 0.85, 0.08) + rng.normal(0, 0.06, true.shape), 0, 1)
    assert not suspects(true, scores, LABELS)
