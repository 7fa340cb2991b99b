"""The search along diagonals, against a loop that anybody can check."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonewheel.systems.concert.match import LONGEST_QUERY, Catalogue, Floats, SongMatch


def unit_rows(rng: np.random.Generator, count: int, size: int = 8) -> Floats:
    rows = rng.normal(size=(count, size)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def naive(song: Floats, query: Floats) -> dict[int, float]:
    """Mean cosine for every start that shares at least one window with the song; outside it counts 0."""
    scores = {}
    for start in range(-(len(query) - 1), len(song)):
        total = 0.0
        for i, row in enumerate(query):
            if 0 <= start + i < len(song):
                total += float(np.dot(row.astype(np.float64), song[start + i].astype(np.float64)))
        scores[start] = total / len(query)
    return scores


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    counts=st.lists(st.integers(1, 12), min_size=1, max_size=4),
    windows=st.integers(1, 14),
)
def test_every_song_has_its_best_diagonal(seed: int, counts: list[int], windows: int) -> None:
    rng = np.random.default_rng(seed)
    songs = [unit_rows(rng, count) for count in counts]
    query = unit_rows(rng, windows)
    ranked = Catalogue(songs, hop_s=1.0).rank(query)
    assert sorted(match.song for match in ranked) == list(range(len(songs)))
    assert [match.score for match in ranked] == sorted((match.score for match in ranked), reverse=True)
    for match in ranked:
        reference = naive(songs[match.song], query)
        assert match.score == pytest.approx(max(reference.values()), abs=1e-5)
        # The place may be refined by half a hop at most, around a diagonal that is as good as the best.
        near = [s for start, s in reference.items() if abs(start - match.position_s) <= 0.5 + 1e-6]
        assert max(near) == pytest.approx(match.score, abs=1e-5)


@settings(deadline=None)
@given(seed=st.integers(0, 1000), start=st.integers(0, 20), windows=st.integers(2, 10))
def test_an_exact_excerpt_is_found_where_it_was_cut(seed: int, start: int, windows: int) -> None:
    rng = np.random.default_rng(seed)
    songs = [unit_rows(rng, 40, 32) for _ in range(3)]
    best = Catalogue(songs, hop_s=0.5).rank(songs[1][start : start + windows])[0]
    assert best.song == 1
    assert best.score == pytest.approx(1.0, abs=1e-5)
    assert best.position_s == pytest.approx(start * 0.5, abs=0.25)


def test_a_query_that_begins_before_the_song_has_a_negative_position() -> None:
    rng = np.random.default_rng(5)
    songs = [unit_rows(rng, 20, 64), unit_rows(rng, 20, 64)]
    query = np.concatenate([unit_rows(rng, 4, 64), songs[0][:6]])
    best = Catalogue(songs, hop_s=0.5).rank(query)[0]
    assert best.song == 0
    assert best.position_s == pytest.approx(-2.0, abs=0.25)


def test_a_diagonal_never_runs_from_one_song_into_the_next() -> None:
    rng = np.random.default_rng(6)
    first, second = unit_rows(rng, 10, 64), unit_rows(rng, 10, 64)
    across = np.concatenate([first[-5:], second[:5]])
    # Half of the windows fit each song, so no song scores as if all did.
    assert Catalogue([first, second], hop_s=0.5).rank(across)[0].score < 0.65


def test_of_several_references_of_a_song_the_best_counts() -> None:
    rng = np.random.default_rng(7)
    studio, live, other = (unit_rows(rng, 12, 32) for _ in range(3))
    ranked = Catalogue([studio, other, live], hop_s=0.5, song_of=[0, 1, 0]).rank(live[3:8])
    assert [match.song for match in ranked] == [0, 1]
    assert ranked[0] == SongMatch(0, pytest.approx(1.0, abs=1e-5), pytest.approx(1.5, abs=0.25))


def test_a_query_has_a_longest_and_a_shortest_length() -> None:
    catalogue = Catalogue([unit_rows(np.random.default_rng(0), 50)], hop_s=0.5)
    catalogue.rank(unit_rows(np.random.default_rng(1), LONGEST_QUERY))
    for count in (0, LONGEST_QUERY + 1):
        with pytest.raises(ValueError, match=f"got {count}"):
            catalogue.rank(unit_rows(np.random.default_rng(1), count))
