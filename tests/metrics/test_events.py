"""What counts as the time to identify, as a flip, as a position error."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewheel.metrics import events

SHOW = ([[0.0, 60.0], [60.0, 120.0]], [0, 1])


def test_a_song_that_is_never_named_takes_forever() -> None:
    assert events.time_to_identify([5.0], [0], *SHOW).tolist() == [5.0, np.inf]


def test_naming_a_song_too_late_or_too_early_does_not_count() -> None:
    assert events.time_to_identify([61.0, 121.0], [0, 1], *SHOW).tolist() == [np.inf, np.inf]


def test_the_same_song_played_again_is_known_at_once() -> None:
    spans = [[0.0, 60.0], [60.0, 120.0]]
    assert events.time_to_identify([5.0], [0], spans, [0, 0]).tolist() == [5.0, 0.0]


def test_a_drop_out_is_no_flip() -> None:
    assert events.flips([5.0, 20.0, 25.0], [0, -1, 0], *SHOW).tolist() == [0, 0]


def test_the_song_before_may_stand_for_a_while() -> None:
    times, songs = [5.0, 62.0, 64.0, 66.0], [0, 0, 0, 1]
    assert events.flips(times, songs, *SHOW).tolist() == [0, 0]
    assert events.time_to_identify(times, songs, *SHOW)[1] == 6.0


def test_a_wrong_song_first_is_one_flip() -> None:
    assert events.flips([3.0, 6.0], [7, 0], *SHOW).tolist() == [1, 0]


def test_going_back_to_the_song_before_is_a_flip() -> None:
    assert events.flips([5.0, 65.0, 70.0, 75.0], [0, 1, 0, 1], *SHOW).tolist() == [0, 2]


@given(st.lists(st.tuples(st.integers(0, 240), st.integers(-1, 2)), max_size=30).map(sorted))
def test_repeating_an_answer_changes_nothing(answers: list[tuple[int, int]]) -> None:
    times = np.array([time / 2 for time, _ in answers])
    songs = np.array([song for _, song in answers], dtype=int)
    # Later answers of the same moment replace earlier ones; keep one for each moment.
    keep = np.append(np.diff(times) > 0, True)[: times.size]
    times, songs = times[keep], songs[keep]
    twice_t, twice_s = np.repeat(times, 2), np.repeat(songs, 2)
    twice_t[1::2] += 0.25
    assert (events.flips(times, songs, *SHOW) == events.flips(twice_t, twice_s, *SHOW)).all()
    assert (
        events.time_to_identify(times, songs, *SHOW) == events.time_to_identify(twice_t, twice_s, *SHOW)
    ).all()


def test_position_errors_are_taken_where_the_song_is_right() -> None:
    times, songs = [10.0, 20.0, 70.0, 130.0], [0, 1, 1, 1]
    found = events.position_errors(times, songs, [10.5, 20.0, 9.75, 70.0], *SHOW)
    assert found.tolist() == [0.5, 0.25]
    assert events.position_errors(times, songs, [np.nan] * 4, *SHOW).size == 0
    assert events.position_errors([], [], [], [], []).size == 0


def test_unsorted_answers_are_refused() -> None:
    with pytest.raises(ValueError, match="sorted"):
        events.evaluate([2.0, 1.0], [0, 0], *SHOW)
    with pytest.raises(ValueError, match="no song"):
        events.evaluate([1.0], [0], [], [])
