"""Training data by step: batch k is a pure function of (seed, k), so a resumed run sees what it would have.

No sampler state is stored and no worker's place is remembered: to go on at step k, ask for batch k.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from tonewheel.core.seeds import generator

Batch = TypeVar("Batch", covariant=True)


class Stream(Dataset[Batch], Generic[Batch]):
    """A data set whose item k is batch k, drawn by `draw(rng, step)` and by nothing else.

    `draw` gets a Generator of its own for every step (and every process, when several train) and must not use
    any other randomness.

    >>> stream = Stream(lambda rng, step: torch.from_numpy(rng.random(2)), seed=1)
    >>> bool((stream[5] == Stream(stream.draw, seed=1)[5]).all())
    True
    """

    def __init__(self, draw: Callable[[np.random.Generator, int], Batch], seed: int) -> None:
        self.draw = draw
        self.seed = seed
        self.rank = 0

    def __getitem__(self, step: int) -> Batch:
        return self.draw(generator(self.seed, "batch", step, self.rank), step)

    def first(self, count: int) -> list[Batch]:
        """The first batches, to validate with: the same every time, so their noise cancels between validations."""
        return [self[step] for step in range(count)]


class Steps(Sampler[int]):
    """Steps from `first` up to, not including, `end`; it has no length: Lightning then counts steps alone."""

    def __init__(self, first: int, end: int) -> None:
        self.first = first
        self.end = end

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.first, self.end))


def step_loader(stream: Dataset[Any], first: int, end: int, workers: int = 0) -> DataLoader[Any]:
    """A loader of batches `first` up to `end`, the same ones in the same order for any number of workers."""
    return DataLoader(
        stream,
        batch_size=None,
        sampler=Steps(first, end),
        num_workers=workers,
        # Its own generator: the loader must not draw worker seeds from the state that dropout uses.
        generator=torch.Generator().manual_seed(first),
        worker_init_fn=_one_thread if workers else None,
        pin_memory=torch.cuda.is_available(),
    )


def _one_thread(_worker: int) -> None:
    torch.set_num_threads(1)


def shuffled_indices(count: int, batch_size: int, seed: int, step: int) -> np.ndarray:
    """The examples of batch `step` when `count` examples are gone through in a new order each round.

    Shape (batch_size,), int64. Every example is seen once before any is seen again; a batch may span rounds.

    >>> sorted(int(i) for step in range(2) for i in shuffled_indices(6, 3, seed=0, step=step))
    [0, 1, 2, 3, 4, 5]
    """
    if count < 1 or batch_size < 1:
        raise ValueError(f"count and batch_size are at least 1, got {count} and {batch_size}")
    places = np.arange(step * batch_size, (step + 1) * batch_size)
    rounds, offsets = places // count, places % count
    chosen = np.empty(batch_size, dtype=np.int64)
    for number in np.unique(rounds):
        here = rounds == number
        chosen[here] = _order(count, seed, int(number))[offsets[here]]
    return chosen


@lru_cache(maxsize=2)
def _order(count: int, seed: int, number: int) -> np.ndarray:
    return generator(seed, "order", number).permutation(count)
