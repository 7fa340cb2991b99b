"""Make an index of a folder, or bring one up to date: every file is heard once, on all cores.

What was heard is kept beside the index until it is written, so a killed run goes on where it was. A file of the
same name and content is not heard again.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from tonewheel.core.errors import InputError, TonewheelError
from tonewheel.core.files import atomic_path, sha256
from tonewheel.core.progress import progress
from tonewheel.index.file import as_bytes, from_bytes
from tonewheel.manifest.tracks import Quarantined, Track, read_tracks
from tonewheel.systems.similar.backbones.base import Backbone
from tonewheel.systems.similar.hear import hear
from tonewheel.systems.similar.library import Library
from tonewheel.systems.similar.styles import Styles
from tonewheel.systems.similar.tracks import Entry, Heard

FEW = 4
"""Fewer tracks are heard in this process: starting others takes longer."""


@dataclass(frozen=True)
class Built:
    """An index that was made, and how."""

    library: Library
    heard: int
    kept: int
    left_out: tuple[Quarantined, ...]


def build(
    source: Path,
    backbone: Backbone,
    *,
    keep: Path,
    before: Library | None = None,
    styles: Styles | None = None,
    method: str = "exact",
    jobs: int | None = None,
) -> Built:
    """An index of a folder (or an index.csv, or a .jsonl of tracks), with what `before` knows already.

    `keep` is a folder for what was heard; it is removed when all is done. `jobs` None takes all cores.
    """
    tracks, root, left_out = music(source)
    known = {} if before is None else unchanged(before, tracks, root)
    old = [] if before is None else before.heard(known)
    wanted = [track for track in tracks if track.path not in known]
    heard: dict[str, Heard] = {one.entry.track: one for one in old}
    for track, outcome in zip(wanted, _all(wanted, root, backbone, keep, jobs), strict=True):
        if isinstance(outcome, Heard):
            heard[track.path] = outcome
        else:
            left_out.append(outcome)
    in_order = [heard[track.path] for track in tracks if track.path in heard]
    vectors = None
    if before is not None and before.vectors.method == method:
        # What is there stays in its place, so that nothing is built anew.
        vectors, names = before.vectors, {one.entry.track for one in old}
        vectors.remove([name for name in vectors.ids if name not in names])
        new = [one for one in in_order if one.entry.track not in names]
        if new:
            vectors.add([one.entry.track for one in new], np.stack([one.vector for one in new]))
        in_order = [heard[name] for name in vectors.ids]
    library = Library.of(in_order, root, backbone, styles=styles, method=method, vectors=vectors)
    shutil.rmtree(keep, ignore_errors=True)
    return Built(library, len(heard) - len(old), len(old), tuple(left_out))


def music(source: Path) -> tuple[list[Track], Path, list[Quarantined]]:
    """The tracks of a source, the folder they are below, and what was left out; each path once."""
    index = source / "index.csv" if (source / "index.csv").is_file() else source
    reading = read_tracks(index)
    root = index if index.is_dir() else index.parent
    found = {track.path: track for track in reading.tracks if track.kind == "music"}
    if not found:
        raise InputError(source, "holds no music")
    return list(found.values()), root, list(reading.quarantined)


def unchanged(before: Library, tracks: Sequence[Track], root: Path) -> list[str]:
    """Tracks that an index knows, whose file is still the same."""
    same = []
    for track in progress(tracks, "compare", unit="files"):
        entry = before.entries.get(track.path)
        if entry is not None and (root / track.path).is_file():
            about = (track.title, track.artist) == (entry.title, entry.artist)
            if about and sha256(root / track.path) == entry.features.content_sha256:
                same.append(track.path)
    return same


def _all(
    tracks: Sequence[Track], root: Path, backbone: Backbone, keep: Path, jobs: int | None
) -> Iterator[Heard | Quarantined]:
    work = partial(_one, root=root, keep=keep)
    jobs = min(jobs or os.cpu_count() or 1, len(tracks))
    if jobs <= 1 or len(tracks) < FEW:
        _begin(backbone)
        yield from (work(track) for track in progress(tracks, "listen", unit="tracks"))
        return
    context = get_context("spawn")  # a forked torch may wait for threads that are not there
    try:
        with ProcessPoolExecutor(jobs, context, initializer=_begin, initargs=(backbone,)) as pool:
            yield from progress(pool.map(work, tracks), "listen", total=len(tracks), unit="tracks")
    except BrokenProcessPool:
        raise TonewheelError(
            "a process that listened was killed; was there enough memory? --jobs 1 needs least"
        ) from None


_backbone: Backbone
"""Of this process: handed over once, not with every track."""


def _begin(backbone: Backbone) -> None:
    global _backbone
    _backbone = backbone


def _one(track: Track, root: Path, keep: Path) -> Heard | Quarantined:
    try:
        digest = sha256(root / track.path)
        kept = keep / f"{digest[:32]}-{_backbone.fingerprint[:16]}.safetensors"
        if kept.is_file() and (heard := _read(kept, track)) is not None:
            return heard
        heard = hear(root, track.path, track.title, track.artist, _backbone)
    except TonewheelError as error:
        return Quarantined(path=track.path, reason=str(error))
    _write(kept, heard)
    return heard


def _write(path: Path, heard: Heard) -> None:
    from safetensors.numpy import save

    arrays = {
        "entry": as_bytes(heard.entry),
        "vector": heard.vector,
        "hand": heard.hand,
        "moments": heard.moments,
        "kept": heard.kept,
        "whole": heard.whole,
    }
    with atomic_path(path) as temporary:
        temporary.write_bytes(save({name: np.ascontiguousarray(array) for name, array in arrays.items()}))


def _read(path: Path, track: Track) -> Heard | None:
    """What was heard before the run was killed; None when it cannot be used."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        arrays = load_file(path)
        entry = from_bytes(arrays.pop("entry"), Entry, path)
        entry = Entry(track=track.path, title=track.title, artist=track.artist, features=entry.features)
        return Heard(entry=entry, group=-1, **arrays)
    except (SafetensorError, InputError, OSError, ValueError, KeyError, TypeError):
        return None
