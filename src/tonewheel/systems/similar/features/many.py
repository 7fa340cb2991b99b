"""Measure many tracks on all cores, once: what was measured is kept by the content of the file."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from tonewheel.core.errors import InputError, TonewheelError
from tonewheel.core.files import sha256, write_text
from tonewheel.systems.similar.features.record import VERSION, Features
from tonewheel.systems.similar.features.tempo import TempoPrior
from tonewheel.systems.similar.features.track import measure_track

FEWEST_FOR_PROCESSES = 4


def default_cache() -> Path:
    """Where measures are kept unless told otherwise: `tonewheel/features` in the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "tonewheel" / "features"


def measure_cached(
    path: Path, cache: Path | None = None, prior: TempoPrior | None = None
) -> tuple[Features, bool]:
    """The measures of a file, and whether they were known; `cache` None keeps nothing.

    The name in the cache is the hash of the content, so a renamed file is known and a changed one is not; it also
    holds the version of the measures and the prior. An unreadable entry is measured anew.
    """
    prior = prior or TempoPrior()
    if cache is None:
        return measure_track(path, prior=prior), False
    digest = sha256(path)
    entry = cache / digest[:2] / f"{digest}.v{VERSION}.{prior.bpm:g}-{prior.octaves:g}.json"
    try:
        return replace(Features.read(entry), path=str(path)), True
    except InputError:
        pass
    measured = measure_track(path, prior=prior)
    # A cache that cannot be written costs time, not the work.
    with contextlib.suppress(InputError, OSError):
        write_text(entry, measured.to_json() + "\n")
    return measured, False


def measure_all(
    paths: Sequence[Path],
    *,
    cache: Path | None = None,
    prior: TempoPrior | None = None,
    jobs: int | None = None,
) -> Iterator[Features | InputError]:
    """The measures of every file, in the order of `paths`, on `jobs` cores (default: all of them).

    A file that cannot be measured gives its error instead, and the rest goes on. More than a handful of files are
    measured in processes of their own, each with one thread.
    """
    count = max(1, min(jobs or os.cpu_count() or 1, len(paths)))
    tasks = [(path, cache, prior) for path in paths]
    if count == 1 or len(paths) < FEWEST_FOR_PROCESSES:
        yield from map(_measured, tasks)
        return
    # Spawned, not forked: a fork of a process that runs torch threads may hang.
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(count, mp_context=spawn, initializer=_one_thread)
    try:
        yield from pool.map(_measured, tasks)
    except BrokenProcessPool:
        raise TonewheelError(
            "a process that measured tracks died; is there too little memory for --jobs?"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _one_thread() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"


def _measured(task: tuple[Any, ...]) -> Features | InputError:
    path, cache, prior = task
    try:
        return measure_cached(path, cache, prior)[0]
    except InputError as error:
        return error
    except (TonewheelError, OSError, MemoryError) as error:
        return InputError(path, str(error))
