"""Clustering metrics equal scikit-learn's, on random groups and on the cases at the edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonewheel.metrics import clustering

groups = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5)), min_size=1, max_size=40)


@settings(deadline=None, max_examples=80)
@given(groups)
def test_information_equals_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    from sklearn.metrics import adjusted_mutual_info_score, normalized_mutual_info_score

    labels, found = map(list, zip(*pairs, strict=True))
    assert clustering.normalised_mutual_information(labels, found) == pytest.approx(
        normalized_mutual_info_score(labels, found), abs=1e-9
    )
    assert clustering.adjusted_mutual_information(labels, found) == pytest.approx(
        adjusted_mutual_info_score(labels, found), abs=1e-7
    )


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.integers(2, 6))
def test_silhouette_equals_scikit_learn(seed: int, count: int) -> None:
    from sklearn.metrics import silhouette_score

    rng = np.random.default_rng(seed)
    names = np.concatenate([np.arange(count), rng.integers(0, count, 24)])
    rows = rng.normal(size=(count, 5))[names] + rng.normal(size=(len(names), 5))
    assert clustering.silhouette(rows, names) == pytest.approx(
        silhouette_score(rows, names, metric="cosine"), abs=1e-9
    )


def test_chance_is_zero_only_when_adjusted() -> None:
    rng = np.random.default_rng(0)
    labels, found = rng.integers(0, 10, 60), rng.integers(0, 10, 60)
    assert abs(clustering.adjusted_mutual_information(labels, found)) < 0.1
    assert clustering.normalised_mutual_information(labels, found) > 0.25


@pytest.mark.parametrize("names", [[0, 0, 0], [0, 1, 2]])
def test_a_silhouette_needs_groups(names: list[int]) -> None:
    with pytest.raises(ValueError, match="need 2 to 2 groups"):
        clustering.silhouette(np.eye(3), names)
