"""Make an index of a folder, or bring one up to date: every file is heard once, on all cores.

What was heard is kept beside the index until it is written, so a killed run goes on where it was. A file of the
same name and content is not heard again.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from tonewheel.core.errors import InputError, TonewheelError
from tonewheel.core.files import atomic_path, sha256
from tonewheel.core.processes import on_all_cores
from tonewheel.core.progress import progress
from tonewheel.index.file import as_bytes, from_bytes
from tonewheel.manifest.tracks import Quarantined, Track, read_tracks
from tonewheel.systems.similar.backbones.base import Backbone
from tonewheel.systems.similar.hear import hear
from tonewheel.systems.similar.library import Library
from tonewheel.systems.similar.profile import FEW_TRACKS, Profile, make_profile
from tonewheel.systems.similar.styles import Styles
from tonewheel.systems.similar.tracks import Entry, Heard


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

    `keep` is a folder for what was heard; it is removed when all is done. `jobs` None takes all cores, and
    `styles` None the clusters of what is measured of the tracks.
    """
    tracks, root, left_out = music(source)
    try:
        keep.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(keep.parent, f"cannot be written: {error.strerror}") from None
    known = {} if before is None else unchanged(before, tracks, root)
    old = [] if before is None else before.heard(known)
    wanted = [track for track in tracks if track.path not in known]
    heard: dict[str, Heard] = {one.entry.track: one for one in old}
    for track, outcome in zip(wanted, _all(wanted, root, backbone, keep, jobs), strict=True):
        if isinstance(outcome, Heard):
            heard[track.path] = outcome
        else:
            left_out.append(outcome)
    if not any(keep.iterdir()):
        keep.rmdir()
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
    if styles is None:
        styles = styles_of(in_order, root)
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


def styles_of(heard: Sequence[Heard], root: Path) -> Styles | None:
    """The clusters of the tracks' own measures; None where there are too few tracks, or they are one cluster."""
    if len(heard) < FEW_TRACKS:
        return None
    features = [replace(one.entry.features, path=one.entry.track) for one in heard]
    return styles_of_profile(make_profile(features, name=root.name))


def styles_of_profile(profile: Profile) -> Styles | None:
    """The clusters of a style profile as styles; None for a single one, which tells nothing apart."""
    if len(profile.clusters) < 2:
        return None
    number = {cluster.cluster_id: i for i, cluster in enumerate(profile.clusters)}
    return Styles(
        names=tuple(cluster.name for cluster in profile.clusters),
        style_of={
            one.filename: number[one.cluster] for one in profile.track_metadata if one.cluster in number
        },
    )


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
    outcomes = on_all_cores(work, tracks, jobs=jobs, begin=_begin, arguments=(backbone,))
    return progress(outcomes, "listen", total=len(tracks), unit="tracks")


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
    except InputError as error:
        return Quarantined(path=track.path, reason=error.reason)
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
