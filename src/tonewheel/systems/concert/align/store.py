"""What an alignment keeps in its folder, so that a killed run goes on and a fix does not decode everything again."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np

from tonewheel.core.errors import InputError
from tonewheel.core.files import atomic_path, reading, write_json
from tonewheel.core.records import Record
from tonewheel.systems.concert.align.segments import Segment
from tonewheel.systems.concert.decode.emission import Emission
from tonewheel.systems.concert.decode.fixes import Fix
from tonewheel.systems.concert.decode.states import States
from tonewheel.systems.concert.decode.sweep import Decoding

RECORD, CACHE = "alignment.json", "cache"


class Alignment(Record):
    """A concert, aligned: what `alignment.json` holds."""

    recording: str
    seconds: float
    weights: str
    """SHA-256 of the weights that listened."""
    segments: tuple[Segment, ...]
    references: dict[str, tuple[str, ...]]
    """Files of the studio tracks of each song, by name."""
    fixes: tuple[Fix, ...] = ()
    not_in_pack: tuple[str, ...] = ()
    """Songs of the set list that the pack lacks: if they were played, they are an unknown song."""


class _Heard(Record):
    """Which recording the cache is of."""

    recording: str
    bytes: int
    modified_ns: int
    weights: str


def open_cache(out: Path, recording: Path, weights: str) -> Path:
    """The cache in an output folder, emptied when it is that of another recording or of other weights."""
    with reading(recording):
        about = recording.stat()
    key = _Heard(
        recording=str(recording.resolve()),
        bytes=about.st_size,
        modified_ns=about.st_mtime_ns,
        weights=weights,
    )
    cache = out / CACHE
    try:
        known = _Heard.read(cache / "recording.json") == key
    except InputError:
        known = False
    if not known:
        shutil.rmtree(cache, ignore_errors=True)
        write_json(cache / "recording.json", key)
    return cache


def read_before(out: Path) -> Alignment | None:
    """The alignment that an earlier run has left, if any."""
    return Alignment.read(out / RECORD) if (out / RECORD).is_file() else None


def decoding_key(states: States, emission: Emission) -> str:
    """Names everything that a decoding depends on but the recording and the fixes."""
    digest = sha256(emission.to_json().encode() + states.habits.to_json().encode())
    digest.update("\0".join(states.songs).encode("utf-8", "replace"))
    for values in (states.parts, states.order, states.straight):
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def write_decoding(cache: Path, made: Decoding, key: str) -> None:
    """Keep a decoding for `read_decoding`."""
    fixes = "\n".join(fix.to_json() for fix in made.fixes)
    with atomic_path(cache / "decoding.npz") as temporary, temporary.open("wb") as out:
        np.savez(
            out,
            path=made.path,
            posterior=made.posterior,
            best=made.best,
            ahead=made.ahead,
            behind=made.behind,
            about=np.frombuffer(f"{key}\n{fixes}".encode(), np.uint8),
        )


def read_decoding(cache: Path, key: str, shape: tuple[int, int]) -> Decoding | None:
    """The decoding of an earlier run, None where there is none that fits. `shape` is (steps, states)."""
    try:
        with np.load(cache / "decoding.npz", allow_pickle=False) as held:
            known, *fixes = held["about"].tobytes().decode().split("\n")
            if known != key:
                return None
            made = Decoding(
                **{name: held[name] for name in ("path", "posterior", "best", "ahead", "behind")},
                fixes=tuple(Fix.from_json(line) for line in fixes if line),
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, InputError):
        return None
    return made if (len(made.path), made.best.shape[1]) == shape else None


def merged(before: Sequence[Fix], new: Sequence[Fix]) -> tuple[Fix, ...]:
    """Earlier fixes and new ones; where both speak of the same time, the new one counts."""
    kept = [
        old
        for old in before
        if all(old.end_s <= fix.start_s or old.start_s >= fix.end_s for fix in new) and old not in new
    ]
    return tuple(sorted((*kept, *new), key=lambda fix: (fix.start_s, fix.end_s)))
