"""Data order: a function of seed, step and process alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tonewheel.learn.stream import Stream, shuffled_indices, step_loader


def draw(rng: np.random.Generator, step: int) -> torch.Tensor:
    return torch.from_numpy(np.append(rng.random(3), step))


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_any_number_of_workers_and_any_start_give_the_same_batches(workers: int) -> None:
    expected = [Stream(draw, seed=3)[step] for step in range(4, 9)]
    torch.manual_seed(0)
    before = torch.get_rng_state()
    batches = list(step_loader(Stream(draw, seed=3), 4, 9, workers))
    assert all(torch.equal(batch, wanted) for batch, wanted in zip(batches, expected, strict=True))
    assert torch.equal(torch.get_rng_state(), before)


def test_processes_and_seeds_have_their_own_batches() -> None:
    here, there = Stream(draw, seed=3), Stream(draw, seed=3)
    there.rank = 1
    assert not torch.equal(here[5], there[5])
    assert not torch.equal(here[5], Stream(draw, seed=4)[5])


@given(st.integers(1, 40), st.integers(1, 25), st.integers(0, 3))
def test_every_example_comes_once_a_round(count: int, batch_size: int, seed: int) -> None:
    steps = -(-3 * count // batch_size)
    order = np.concatenate([shuffled_indices(count, batch_size, seed, step) for step in range(steps)])
    for start in range(0, 3 * count, count):
        assert sorted(order[start : start + count]) == list(range(count))


def test_rounds_differ() -> None:
    first, second = (shuffled_indices(50, 50, seed=0, step=step) for step in range(2))
    assert not np.array_equal(first, second)
    with pytest.raises(ValueError, match="at least 1"):
        shuffled_indices(0, 4, seed=0, step=0)
