"""Progress on stderr: a bar for a person at a terminal, a line now and then in a log, silence when asked."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

T = TypeVar("T")

LINE_EVERY_S = 10.0
_silent = False


def quiet(on: bool = True) -> None:
    """Switch all progress off (or on again) for this process."""
    global _silent
    _silent = on


def progress(iterable: Iterable[T], label: str, total: int | None = None, unit: str = "") -> Iterator[T]:
    """Yield the items of `iterable` while showing how far it is and how long it will take.

    `total` defaults to the length where there is one; `unit` names what is counted ("tracks").

    >>> list(progress([1, 2, 3], "counting"))
    [1, 2, 3]
    """
    if total is None and isinstance(iterable, Sized):
        total = len(iterable)
    if _silent:
        return iter(iterable)
    if sys.stderr.isatty():
        return _bar(iterable, label, total, unit)
    return _lines(iterable, label, total, unit)


def _bar(iterable: Iterable[T], label: str, total: int | None, unit: str) -> Iterator[T]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    # stdout is not ours: a JSON line printed while the bar is shown goes where the user sent it.
    with Progress(*columns, console=Console(stderr=True), redirect_stdout=False) as bar:
        task = bar.add_task(label, total=total)
        for item in iterable:
            yield item
            bar.advance(task)


def _lines(iterable: Iterable[T], label: str, total: int | None, unit: str) -> Iterator[T]:
    started = last = time.monotonic()
    of = "" if total is None else f"/{total}"
    for done, item in enumerate(iterable, start=1):
        yield item
        now = time.monotonic()
        # Quick loops stay silent; a slow one tells the log that it is alive.
        if now - last >= LINE_EVERY_S:
            last = now
            elapsed_s = now - started
            left = f", {elapsed_s / done * (total - done):.0f} s left" if total else ""
            line = f"{label}: {done}{of} {unit}".rstrip() + f", {elapsed_s:.0f} s{left}"
            print(line, file=sys.stderr, flush=True)
