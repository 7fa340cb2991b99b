"""Stitch manifests into one: lines as they are, in order, and a note beside it of where they came from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tonewheel import __version__
from tonewheel.core.files import atomic_path, sha256, write_json
from tonewheel.core.records import Record
from tonewheel.manifest.event_lines import Quarantine
from tonewheel.manifest.events.lines import good_blocks
from tonewheel.manifest.events.scan import Scan, Sources, admit, check_sources


class Part(Record):
    """One manifest that went into a merged one."""

    path: str
    sha256: str
    events: int
    quarantined: int
    dropped: int = 0
    """Events left out because their `sample_id` had been there before."""


class Merged(Record):
    """What a merge made; the provenance file beside the output holds just this."""

    output: str
    sha256: str
    events: int
    duplicates: int
    """Events whose `sample_id` had been there before, left out or not."""
    deduplicated: bool
    inputs: tuple[Part, ...]
    tonewheel: str = __version__


def provenance_path(out: str | Path) -> Path:
    """Where it is written what a merged manifest was made of.

    >>> provenance_path("data/all.jsonl").name
    'all.provenance.json'
    """
    return Path(out).with_name(f"{Path(out).stem}.provenance.json")


def merge(
    sources: Sources,
    out: str | Path,
    *,
    dedupe: bool = False,
    quarantine: Quarantine | None = None,
    strict: bool = False,
    **scan_options: Any,
) -> Merged:
    """Write the events of all sources to one manifest, whole or not at all, and its provenance.

    With `dedupe` the first event of every `sample_id` is kept. The output may be one of the sources.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "a.jsonl").write_text('{"sample_id": "1"}\\n{"sample_id":  "2", "new": [1.50]}\\n')
    >>> merged = merge([folder / "a.jsonl"] * 2, folder / "all.jsonl", dedupe=True)
    >>> merged.events, merged.duplicates, (folder / "all.jsonl").read_text().splitlines()[1]
    (2, 2, '{"sample_id":  "2", "new": [1.50]}')
    """
    check_sources(sources)
    apart = quarantine or Quarantine(None)
    digest = hashlib.sha256()
    counts: list[tuple[int, int]] = []
    with (
        atomic_path(out) as temporary,
        temporary.open("wb") as written,
        Scan(sources, apart, **scan_options) as scan,
    ):

        def keep(block: bytes) -> None:
            written.write(block)
            digest.update(block)

        for number, source in enumerate(sources):
            before = apart.count
            events = scan.load(f"ids{number}", [source], ["sample_id"], None if dedupe else keep)
            counts.append((events, apart.count - before))
        admit(apart, strict)
        repeated = _repeated(scan, len(sources))
        if dedupe:
            for source, rows in zip(sources, repeated, strict=True):
                for block in _without(good_blocks(source, Quarantine(None)), rows):
                    keep(block)
        parts = tuple(
            Part(
                path=str(source),
                sha256=sha256(source),
                events=events,
                quarantined=broken,
                dropped=len(rows) if dedupe else 0,
            )
            for source, (events, broken), rows in zip(sources, counts, repeated, strict=True)
        )
    merged = Merged(
        output=str(out),
        sha256=digest.hexdigest(),
        events=sum(part.events - part.dropped for part in parts),
        duplicates=sum(len(rows) for rows in repeated),
        deduplicated=dedupe,
        inputs=parts,
    )
    write_json(provenance_path(out), merged)
    return merged


def _repeated(scan: Scan, tables: int) -> list[np.ndarray]:
    """The rows of each table, in order, whose `sample_id` was there before."""
    union = " UNION ALL ".join(
        f"SELECT {number} AS part, rowid AS row, sample_id FROM ids{number}" for number in range(tables)
    )
    scan.connection.execute(f"CREATE VIEW ids AS {union}")
    # Few ids come twice, and only those are put in order.
    scan.connection.execute(
        "CREATE TABLE twice AS SELECT sample_id FROM ids GROUP BY sample_id HAVING count(*) > 1"
    )
    scan.connection.execute(
        "CREATE TABLE repeated AS SELECT part, row FROM (SELECT part, row, row_number() OVER "
        "(PARTITION BY sample_id ORDER BY part, row) AS place FROM ids SEMI JOIN twice USING (sample_id)) "
        "WHERE place > 1"
    )
    query = "SELECT row FROM repeated WHERE part = ? ORDER BY row"
    return [
        np.asarray(scan.connection.execute(query, [number]).fetchnumpy()["row"], np.int64)
        for number in range(tables)
    ]


def _without(blocks: Iterator[bytes], rows: Sequence[int] | np.ndarray) -> Iterator[bytes]:
    """The blocks without the lines of some row numbers, which are in order."""
    drop = np.asarray(rows, np.int64)
    first = 0
    for block in blocks:
        end = first + block.count(b"\n")
        low, high = np.searchsorted(drop, [first, end])
        if low == high:
            yield block
        else:
            lines = block.split(b"\n")[:-1]
            kept = np.ones(end - first, bool)
            kept[drop[low:high] - first] = False
            yield b"".join(line + b"\n" for line, keep in zip(lines, kept, strict=True) if keep)
        first = end
