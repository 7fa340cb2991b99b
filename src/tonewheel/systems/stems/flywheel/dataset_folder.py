"""The files of a data set of snapshots, line by line, and the manifest that says what they are."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tonewheel.core.errors import InputError
from tonewheel.core.files import sha256
from tonewheel.core.records import Record
from tonewheel.gates.base import Verdict
from tonewheel.manifest.stem_snapshot import Numbers
from tonewheel.systems.stems.flywheel.sanitized import SanitizedCorrection

KIND = "stem-snapshots"
SIDES = ("train", "validation")
PARTS = ("inputs", "targets", "metadata")


class Inputs(Record):
    """A line of inputs.jsonl; `context` is what `context_vector` says, and attacks a second over 50."""

    id: str
    families: dict[str, Numbers]
    context: Numbers


class Targets(Record):
    """A line of targets.jsonl; a stem of which nothing is known is not there."""

    id: str
    stems: dict[str, Numbers]
    weights: dict[str, Numbers]


class Metadata(Record):
    """A line of metadata.jsonl."""

    id: str
    source: str
    day: int
    classification: str
    confidence: float
    corrections: tuple[SanitizedCorrection, ...]


class SourceFile(Record):
    """What a data set was made from."""

    name: str
    sha256: str


class Manifest(
    Record,
    rename={
        "run_id": "runId",
        "created_at": "createdAt",
        "classes": "classificationDistribution",
        "source_files": "sourceFiles",
        "train_ratio": "trainRatio",
        "target_width": "targetWidth",
        "stem_counts": "stemCounts",
    },
):
    """manifest.json of a data set; `hash` is of the six files' contents, and so of nothing that changes by itself."""

    kind: str
    run_id: str
    created_at: str
    hash: str
    counts: dict[str, int]
    classes: dict[str, int]
    source_files: tuple[SourceFile, ...]
    train_ratio: float
    seed: int
    widths: dict[str, int]
    target_width: int
    stem_counts: dict[str, int]
    """In how many snapshots something is known of each stem."""
    days: tuple[str, str]
    verdicts: tuple[Verdict, ...]


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a data set; InputError when the folder is none, or a file was changed after it was made."""
    path = folder / "manifest.json"
    if not path.is_file():
        raise InputError(
            folder, "is no data set: it has no manifest.json; `tonewheel stems dataset` makes one"
        )
    manifest = Manifest.read(path)
    if manifest.kind != KIND:
        raise InputError(path, f'is of kind "{manifest.kind}", expected "{KIND}"')
    if content_hash(folder) != manifest.hash:
        raise InputError(folder, "was changed since it was made: its hash differs from that in manifest.json")
    return manifest


def content_hash(folder: Path) -> str:
    """The SHA-256 of the six files by their names and contents."""
    parts = [f"{side}/{part}.jsonl" for side in SIDES for part in PARTS]
    return hashlib.sha256("\n".join(f"{part} {sha256(folder / part)}" for part in parts).encode()).hexdigest()
