"""Streams are the same on every machine, and independent of each other."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tonewheel.core.seeds import draw_seed, generator

names = st.lists(st.text(max_size=5) | st.integers(-5, 5), max_size=4)


@given(st.integers(0, 2**63), names, names)
def test_the_stream_depends_on_the_seed_and_the_names_alone(seed: int, one: list, other: list) -> None:
    first, again = generator(seed, *one), generator(seed, *one)
    numbers = first.integers(2**63, size=4)
    assert (numbers == again.integers(2**63, size=4)).all()
    # repr tells 1 from "1"; lists that differ must give other numbers.
    if repr(one) != repr(other):
        assert (numbers != generator(seed, *other).integers(2**63, size=4)).any()


def test_numbers_stay_the_same_from_version_to_version() -> None:
    # Data sets and songs are identified by their seed: a change here changes every one of them.
    assert generator(0).integers(1000, size=3).tolist() == FIRST
    assert generator(7, "room", 3).integers(1000, size=3).tolist() == NAMED


def test_neighbouring_streams_are_uncorrelated() -> None:
    one = generator(1, "a", 0).standard_normal(20_000)
    other = generator(1, "a", 1).standard_normal(20_000)
    assert abs(np.corrcoef(one, other)[0, 1]) < 4 / np.sqrt(20_000)


def test_a_drawn_seed_fits_in_json() -> None:
    assert all(0 <= draw_seed(generator(n)) < 2**32 for n in range(100))


FIRST = [798, 626, 399]
NAMED = [512, 983, 336]
