"""Measure many tracks on all cores, once: what was measured is kept by the content of the file."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from tonewheel.core.errors import InputError
from tonewheel.core.files import sha256, write_text
from tonewheel.core.processes import on_all_cores
from tonewheel.systems.similar.features.record import VERSION, Features
from tonewheel.systems.similar.features.tempo import TempoPrior
from tonewheel.systems.similar.features.track import measure_track


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

    A file that cannot be measured gives its error instead, and the rest goes on.
    """
    return on_all_cores(partial(_measured, cache=cache, prior=prior), paths, jobs=jobs)


def _measured(path: Path, cache: Path | None, prior: TempoPrior | None) -> Features | InputError:
    try:
        return measure_cached(path, cache, prior)[0]
    except InputError as error:
        return error
