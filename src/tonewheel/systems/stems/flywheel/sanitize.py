"""Snapshots in, sanitised JSONL out: what does not fit is set apart, what came twice is kept once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from tonewheel.core.errors import InputError
from tonewheel.core.progress import progress
from tonewheel.core.pseudonyms import Pseudonyms, local_key
from tonewheel.core.records import LONGEST_LINE_BYTES, Record, write_jsonl
from tonewheel.manifest.event_lines import Quarantine, quarantine_path
from tonewheel.manifest.stem_snapshot import StemSnapshot
from tonewheel.manifest.stem_snapshot_check import parse_snapshot, unknown_keys
from tonewheel.systems.stems.flywheel.sanitized import (
    CLASSES,
    COMMON,
    SanitizedSnapshot,
    sanitized,
    source_of,
)

STORE = "feedback.sqlite3"


class Sanitized(Record):
    """What became of the snapshots."""

    output: str
    snapshots: int
    """Written."""
    duplicates: int
    """Of an id that came before."""
    quarantined: int
    corrected: int
    """With corrections."""
    with_truth: int
    unknown_keys: dict[str, int]
    """Keys that were left out, and how often."""


class Body(NamedTuple):
    """One snapshot as it came, or why it cannot be read."""

    path: Path
    line: int
    raw: bytes
    problem: str = ""


def sanitize(inputs: Path, output: Path, key_folder: Path | None = None) -> Sanitized:
    """Sanitise a file or folder (.json, .jsonl) into one JSONL; broken ones go to OUTPUT's .quarantine.jsonl.

    Ids become pseudonyms under the key in `key_folder` (OUTPUT's folder by default), drawn if there is none. InputError
    when there is nothing to sanitise.
    """
    files = snapshot_files(inputs)
    if output.resolve() in {path.resolve() for path in files}:
        raise InputError(output, "is what is to be read; write to another file")
    names = Pseudonyms(local_key(key_folder or output.parent))
    counts: dict[str, int] = defaultdict(int)
    unknown: dict[str, int] = defaultdict(int)
    classes = common_classes(files, names)
    first_problem = ""

    def lines() -> Iterator[SanitizedSnapshot]:
        nonlocal first_problem
        seen: set[str] = set()
        for body in progress(bodies(files), "sanitising", unit="snapshots"):
            try:
                snapshot = _parse(body)
            except InputError as error:
                # The reason and the place, never the text: it may hold what must not be kept.
                apart.add(body.path, body.line, error.reason, b"")
                first_problem = first_problem or str(error)
                continue
            for key in unknown_keys(msgspec.json.decode(body.raw)):
                unknown[key[:60]] += 1
            one = sanitized(snapshot, names, classes)
            if one.id in seen:
                counts["duplicates"] += 1
                continue
            seen.add(one.id)
            counts["corrected"] += bool(one.corrections)
            counts["with_truth"] += bool(one.ground_truth)
            yield one
        if not seen:  # what was written before stays as it is
            raise InputError(inputs, f"holds no snapshot{f' (as {first_problem})' if first_problem else ''}")

    apart = Quarantine(quarantine_path(output))
    with apart:
        written = write_jsonl(output, lines())
    return Sanitized(
        output=str(output),
        snapshots=written,
        duplicates=counts["duplicates"],
        quarantined=apart.count,
        corrected=counts["corrected"],
        with_truth=counts["with_truth"],
        unknown_keys=dict(sorted(unknown.items())[:50]),
    )


def snapshot_files(inputs: Path) -> list[Path]:
    """The files of snapshots at a path, in the order of their names; InputError when there are none."""
    if inputs.is_file():
        return [inputs]
    if not inputs.exists():
        raise InputError(inputs, "no such file or folder")
    found = sorted(
        path
        for path in inputs.rglob("*")
        if path.suffix.lower() in (".json", ".jsonl") and path.is_file() and ".quarantine" not in path.name
    )
    if found:
        return found
    hint = "; it is a store: write its snapshots to a file with `tonewheel feedback export` first"
    raise InputError(inputs, f"holds no .json or .jsonl{hint if (inputs / STORE).exists() else ''}")


def bodies(files: list[Path]) -> Iterator[Body]:
    """Every snapshot of the files: a .json holds one object or a list of them, a .jsonl one a line."""
    for path in files:
        try:
            if path.suffix.lower() == ".json":
                yield from _of_json(path)
            else:
                yield from _of_lines(path)
        except OSError as error:
            yield Body(path, 1, b"", error.strerror or "cannot be read")


def common_classes(files: list[Path], names: Pseudonyms) -> frozenset[str]:
    """The classes that are kept: known ones, and those that several different sounds were given."""
    told: dict[str, set[str]] = defaultdict(set)
    for body in bodies(files):
        try:
            snapshot = _parse(body)
        except InputError:
            continue
        sources = told[snapshot.metadata.classification]
        if len(sources) < COMMON:
            sources.add(names.of(source_of(snapshot)))
    return CLASSES | {name for name, sources in told.items() if len(sources) >= COMMON}


def _parse(body: Body) -> StemSnapshot:
    if body.problem:
        raise InputError(body.path, body.problem, body.line)
    return parse_snapshot(body.raw, body.path, trim=True)


def _of_json(path: Path) -> Iterator[Body]:
    if path.stat().st_size > LONGEST_LINE_BYTES:
        yield Body(
            path,
            1,
            b"",
            f"is larger than {LONGEST_LINE_BYTES // 2**20} MiB; write one snapshot a line, as .jsonl",
        )
        return
    raw = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    if not raw.lstrip().startswith(b"["):
        yield Body(path, 1, raw)
        return
    try:
        listed = msgspec.json.decode(raw, type=list[msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        yield Body(path, 1, b"", f"not JSON: {error}")
        return
    for number, one in enumerate(listed, 1):
        yield Body(path, number, bytes(one))


def _of_lines(path: Path) -> Iterator[Body]:
    with path.open("rb") as lines:
        number = 0
        while raw := lines.readline(LONGEST_LINE_BYTES):
            number += 1
            if len(raw) == LONGEST_LINE_BYTES and not raw.endswith(b"\n"):
                while (rest := lines.readline(LONGEST_LINE_BYTES)) and not rest.endswith(b"\n"):
                    pass
                yield Body(path, number, b"", f"the line is longer than {LONGEST_LINE_BYTES // 2**20} MiB")
            elif raw.strip():
                yield Body(path, number, raw.strip().removeprefix(b"\xef\xbb\xbf"))
