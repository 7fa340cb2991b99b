"""One piece of work for every item, on all cores, in order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any, TypeVar

from tonewheel.core.errors import TonewheelError

Item = TypeVar("Item")
Result = TypeVar("Result")

FEW = 4
"""Fewer items are done in this process: starting others takes longer."""


def on_all_cores(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    jobs: int | None = None,
    begin: Callable[..., None] | None = None,
    arguments: tuple[Any, ...] = (),
) -> Iterator[Result]:
    """Yield `work(item)` for every item, in their order, from `jobs` processes (default: one a core).

    `begin(*arguments)` runs first in each process. Work and items must be picklable. TonewheelError when a process
    is killed, as the system does where memory runs out.

    >>> list(on_all_cores(abs, [-1, 2, -3]))
    [1, 2, 3]
    """
    count = min(jobs or os.cpu_count() or 1, len(items))
    if count <= 1 or len(items) < FEW:
        if begin is not None:
            begin(*arguments)
        yield from map(work, items)
        return
    # Spawned, not forked: a forked torch may wait for threads that are not there.
    pool = ProcessPoolExecutor(count, get_context("spawn"), initializer=begin, initargs=arguments)
    try:
        yield from pool.map(work, items)
    except BrokenProcessPool:
        raise TonewheelError("a process was killed; was there enough memory? --jobs 1 needs least") from None
    finally:
        pool.shutdown(cancel_futures=True)
