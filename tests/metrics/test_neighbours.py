"""Neighbour metrics: equal to scikit-learn and pytorch-metric-learning, right on cases that one can count."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonewheel.metrics import neighbours


def grouped(
    seed: int, count: int = 60, labels: int = 6, spread: float = 0.8
) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    names = rng.integers(0, labels, count)
    return rng.normal(size=(labels, 12))[names] + spread * rng.normal(size=(count, 12)), names


@pytest.mark.parametrize("seed", range(4))
def test_r_precision_and_map_equal_pytorch_metric_learning(seed: int) -> None:
    torch = pytest.importorskip("torch")
    from pytorch_metric_learning.distances import CosineSimilarity
    from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator
    from pytorch_metric_learning.utils.inference import CustomKNN

    rows, names = grouped(seed)
    wanted = ("r_precision", "mean_average_precision_at_r", "precision_at_1")
    oracle = AccuracyCalculator(
        include=wanted, k="max_bin_count", knn_func=CustomKNN(CosineSimilarity()), device=torch.device("cpu")
    )
    expected = oracle.get_accuracy(torch.tensor(rows), torch.tensor(names))
    assert neighbours.r_precision(rows, names) == pytest.approx(expected["r_precision"], abs=1e-6)
    assert neighbours.map_at_r(rows, names) == pytest.approx(
        expected["mean_average_precision_at_r"], abs=1e-6
    )
    assert neighbours.precision_at_k(rows, names, 1) == pytest.approx(expected["precision_at_1"], abs=1e-6)


@pytest.mark.parametrize("k", [1, 5, 20])
def test_neighbours_equal_scikit_learn(k: int) -> None:
    from sklearn.neighbors import NearestNeighbors

    rows, names = grouped(7)
    found = NearestNeighbors(n_neighbors=k + 1, metric="cosine").fit(rows).kneighbors(rows)[1][:, 1:]
    assert np.array_equal(neighbours.nearest(rows, k), found)
    # The evaluation of the seed: the share of the k nearest with the label of the query.
    assert neighbours.precision_at_k(rows, names, k) == pytest.approx(np.mean(names[found] == names[:, None]))


def test_groups_far_apart_are_perfect_and_chance_is_chance() -> None:
    rows, names = grouped(1, spread=1e-3)
    scores = neighbours.evaluate(rows, names)
    assert scores["precision"] == scores["map_at_r"] == scores["r_precision"] == 1.0
    rng = np.random.default_rng(0)
    chance = neighbours.evaluate(rng.normal(size=(600, 20)), np.arange(600) % 4)
    assert chance["precision"] == pytest.approx(0.25, abs=0.03)


def test_a_track_without_mates_is_left_out_of_map_and_counts_in_precision() -> None:
    rows = [[1.0, 0.0], [0.99, 0.1], [0.0, 1.0]]
    assert neighbours.map_at_r(rows, ["a", "a", "b"]) == 1.0
    assert neighbours.precision_at_k(rows, ["a", "a", "b"], 1) == pytest.approx(2 / 3)


def test_one_track_near_all_is_a_hub() -> None:
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(80, 60))
    even = neighbours.hubness(rows, 5)
    rows[0] = rows[1:].sum(axis=0)  # the middle of all
    hub = neighbours.hubness(rows, 5)
    assert hub["skewness"] > even["skewness"] + 1
    assert hub["largest"] > 1.5 * even["largest"]


def test_recall_counts_a_tie_as_lost() -> None:
    assert neighbours.recall_at_1([[1, 0]], [[1, 0], [1, 0]], [0]) == 0.0
    assert neighbours.recall_at_1([[1, 0], [0, 2]], [[3, 0], [0, 1]], [0, 1]) == 1.0


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 8))
def test_scale_rotation_and_names_do_not_matter(seed: int, k: int) -> None:
    rows, names = grouped(seed, count=20, labels=3)
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(rng.normal(size=(12, 12)))[0]
    other = (rows * rng.uniform(0.1, 10, (20, 1))) @ turn
    renamed = np.array(["x", "yy", "z"])[names]
    assert neighbours.precision_at_k(other, renamed, k) == neighbours.precision_at_k(rows, names, k)
    assert 0 <= neighbours.precision_at_k(rows, names, k) <= 1
