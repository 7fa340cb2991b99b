"""The index finds what a plain sort finds, through any sequence of adding, removing, saving and opening."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tonewheel.core.errors import InputError
from tonewheel.index.exact import top
from tonewheel.index.vectors import METHODS, VectorIndex

SIZE = 24


def unit_rows(count: int, seed: int = 0, size: int = SIZE, styles: int = 12) -> NDArray[np.float32]:
    """Embeddings in styles, as music has them; isotropic noise has no neighbours worth finding."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(styles, size))
    rows = centres[rng.integers(styles, size=count)] + 0.7 * rng.normal(size=(count, size))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def names(count: int, first: int = 0) -> list[str]:
    return [f"t{number:05d}" for number in range(first, first + count)]


def filled(method: str, count: int = 800) -> tuple[VectorIndex, NDArray[np.float32]]:
    rows = unit_rows(count)
    index = VectorIndex(SIZE, method)
    index.add(names(count), rows)
    return index, rows


def test_exact_search_is_that_of_faiss() -> None:
    import faiss

    index, rows = filled("exact")
    flat = faiss.IndexFlatIP(SIZE)
    flat.add(rows)
    for query in unit_rows(20, seed=1):
        scores, numbers = flat.search(query[None], 10)
        found = index.search(query, 10)
        assert [match.id for match in found] == [f"t{number:05d}" for number in numbers[0]]
        np.testing.assert_allclose([match.score for match in found], scores[0], atol=1e-6)


@pytest.mark.parametrize(("method", "least"), [("hnsw", 0.99), ("ivf", 0.6)])
def test_approximate_search_finds_most_of_the_nearest(method: str, least: float) -> None:
    index, rows = filled(method, 3000)
    share = []
    for query in unit_rows(40, seed=1):
        right = {f"t{n:05d}" for n in np.argsort(-(rows @ query))[:10]}
        share.append(len(right & {match.id for match in index.search(query, 10)}) / 10)
    assert np.mean(share) >= least


@pytest.mark.parametrize("method", METHODS)
def test_what_was_removed_never_comes_back_and_what_was_added_does(method: str) -> None:
    index, rows = filled(method)
    gone = names(800)[::7]
    index.remove(gone)
    assert len(index) == 800 - len(gone)
    extra = unit_rows(50, seed=5)
    index.add(names(50, 2000), extra)
    for number, row in enumerate(extra):
        assert index.search(row, 1)[0].id == f"t{2000 + number:05d}"
    for number in range(0, 800, 7):
        assert not {match.id for match in index.search(rows[number], 10)} & set(gone)
    assert set(gone).isdisjoint(index.ids)
    assert index.vectors.shape == (len(index), SIZE)


@pytest.mark.parametrize("method", METHODS)
def test_an_identifier_that_was_removed_can_be_added_again(method: str) -> None:
    index, rows = filled(method, 200)
    index.remove(["t00003"])
    index.add(["t00003"], rows[3:4])
    assert index.search(rows[3], 1)[0].id == "t00003"
    assert index.ids[-1] == "t00003"


@pytest.mark.parametrize("method", METHODS)
def test_a_filter_leaves_only_what_it_allows(method: str) -> None:
    index, rows = filled(method)
    index.remove(names(100))
    among = np.arange(len(index)) % 3 == 0
    allowed = [name for name, kept in zip(index.ids, among, strict=True) if kept]
    vectors = index.vectors[among]
    for query in rows[:20]:
        right = [allowed[place] for place in np.argsort(-(vectors @ query), kind="stable")[:10]]
        # With so few rows every method looks at all that are allowed.
        assert [match.id for match in index.search(query, 10, among)] == right
    assert index.search(rows[0], 10, np.zeros(len(index), bool)) == []


@pytest.mark.parametrize("method", METHODS)
def test_packing_forgets_only_what_was_removed(method: str) -> None:
    index, rows = filled(method)
    index.remove(names(400))
    kept = index.ids
    assert len(index.stored()[0]) < 800  # more than a quarter was marked
    assert kept == names(400, 400)
    np.testing.assert_array_equal(index.vectors, rows[400:])
    assert index.search(rows[500], 1)[0].id == "t00500"


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.integers(1, 70))
def test_equal_scores_keep_their_order(levels: list[int], k: int) -> None:
    scores = np.array(levels, np.float32)
    places, values = top(scores, k)
    right = sorted(range(len(levels)), key=lambda place: -levels[place])[:k]
    assert places.tolist() == right
    assert values.tolist() == scores[right].tolist()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 15)), max_size=60), st.sampled_from(["exact", "ivf"]))
def test_any_sequence_of_changes_leaves_what_a_dictionary_would(
    changes: list[tuple[bool, int]], method: str
) -> None:
    rows = unit_rows(16)
    index, kept = VectorIndex(SIZE, method), dict[str, int]()
    for adding, number in changes:
        name = f"t{number:05d}"
        if adding and name not in kept:
            index.add([name], rows[number : number + 1])
            kept[name] = number
        elif not adding and name in kept:
            index.remove([name])
            del kept[name]
    assert index.ids == list(kept)
    found = index.search(rows[0], 16)
    right = sorted(kept.values(), key=lambda number: -float(rows[number] @ rows[0]))
    assert [match.id for match in found] == [f"t{number:05d}" for number in right]


def test_wrong_embeddings_change_nothing() -> None:
    index, rows = filled("exact", 10)
    wrong = rows[:2].copy()
    wrong[1] *= 2
    for bad in (wrong, rows[:2, :5], np.full((2, SIZE), np.nan), np.zeros((2, SIZE))):
        with pytest.raises(ValueError, match="row"):
            index.add(["a", "b"], bad)
    with pytest.raises(InputError, match="is in the index already"):
        index.add(["a", "t00003"], rows[:2])
    with pytest.raises(InputError, match="is in the index already"):
        index.add(["a", "a"], rows[:2])
    with pytest.raises(InputError, match=r'not in the index \(did you mean "t0000'):
        index.remove(["t00001", "t0000x"])
    assert index.ids == names(10)
    with pytest.raises(ValueError, match="shape"):
        index.search(rows[0][:5])
    with pytest.raises(ValueError, match="at least 1"):
        index.search(rows[0], 0)
    with pytest.raises(ValueError, match="booleans"):
        index.search(rows[0], 1, np.ones(3, bool))
    with pytest.raises(InputError, match=r'did you mean "hnsw"'):
        VectorIndex(4, "hsnw")


def test_an_empty_index_finds_nothing() -> None:
    for method in METHODS:
        assert VectorIndex(SIZE, method).search(unit_rows(1)[0]) == []
