"""Retrieval figures against scikit-learn, naive loops and their own definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, confusion_matrix, top_k_accuracy_score

from tonewheel.metrics import retrieval


def table(seed: int, queries: int = 40, songs: int = 12) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(queries, songs))
    references = rng.integers(0, songs, queries)
    scores[np.arange(queries), references] += 1.0
    return scores, references


@pytest.mark.parametrize("k", [1, 3, 11])
def test_top_k_equals_scikit_learn_without_ties(k: int) -> None:
    scores, references = table(1)
    expected = top_k_accuracy_score(references, scores, k=k, labels=np.arange(12))
    assert retrieval.top_k_accuracy(scores, references, k) == pytest.approx(expected)


def test_ranks_equal_a_sorted_list() -> None:
    scores, references = table(2)
    for row, reference, rank in zip(scores, references, retrieval.ranks(scores, references), strict=True):
        assert sorted(row, reverse=True).index(row[reference]) + 1 == rank


def test_a_model_that_says_nothing_is_worst() -> None:
    references = np.arange(5)
    assert retrieval.evaluate(np.zeros((5, 5)), references)["top1"] == 0.0
    assert (retrieval.ranks(np.zeros((5, 5)), references) == 5).all()


def test_a_candidate_that_was_ruled_out_never_wins() -> None:
    assert retrieval.ranks([[-np.inf, 0.0]], [0]).tolist() == [2]


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=30))
def test_average_precision_equals_scikit_learn_with_ties(items: list[tuple[int, bool]]) -> None:
    scores, relevant = np.array([score for score, _ in items]), np.array([hit for _, hit in items])
    if not relevant.any():
        with pytest.raises(ValueError, match="relevant"):
            retrieval.average_precision(scores, relevant)
    else:
        expected = average_precision_score(relevant, scores)
        assert retrieval.average_precision(scores, relevant) == pytest.approx(expected)


def test_mean_average_precision_leaves_out_queries_without_an_answer() -> None:
    scores, relevant = [[3.0, 2.0, 1.0], [3.0, 2.0, 1.0]], [[0, 1, 0], [0, 0, 0]]
    assert retrieval.mean_average_precision(scores, relevant) == 0.5


def test_confusion_equals_scikit_learn_and_counts_no_answer() -> None:
    rng = np.random.default_rng(3)
    references, estimates = rng.integers(0, 6, 100), rng.integers(-1, 6, 100)
    found = retrieval.confusion(references, estimates, songs=6)
    named = estimates >= 0
    assert (found[:, :6] == confusion_matrix(references[named], estimates[named], labels=range(6))).all()
    assert found.sum() == 100
    assert found[:, 6].sum() == (~named).sum()


def test_most_confused_leaves_out_what_was_right() -> None:
    found = retrieval.confusion([0, 0, 0, 1, 1], [0, 1, 1, 1, 0], songs=2)
    assert retrieval.most_confused(found) == [(0, 1, 2), (1, 0, 1)]


@pytest.mark.parametrize(
    ("scores", "references", "reason"),
    [
        ([0.1, 0.2], [0], "shape"),
        ([[0.1, 0.2]], [0, 1], "references must have the shape"),
        ([[0.1, np.nan]], [0], "NaN"),
        ([[0.1, np.inf]], [0], "infinity"),
        ([[0.1, 0.2]], [2], "lie in"),
        ([[0.1, 0.2]], [0.5], "integers"),
        (np.empty((0, 3)), np.empty(0, int), "no queries"),
    ],
)
def test_what_cannot_be_scored_is_refused(scores: object, references: object, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        retrieval.evaluate(scores, references)  # type: ignore[arg-type]
