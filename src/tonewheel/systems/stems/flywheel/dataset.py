"""Sanitised snapshots as a data set: RUN/{train,validation}/{inputs,targets,metadata}.jsonl and a manifest.

Snapshots of one sound are never on both sides. The file is read twice and never held; the same snapshots, ratio and
seed give the same files and the same hash. Clients that lay their numbers out differently are taken in: the most
frequent length of a family is the data set's, others are cut or filled with zeros (and counted).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, NamedTuple

import msgspec

from tonewheel.core.errors import InputError
from tonewheel.core.files import atomic_path, sha256, write_json
from tonewheel.core.progress import progress
from tonewheel.core.records import read_jsonl
from tonewheel.core.seeds import generator
from tonewheel.manifest.split import assign
from tonewheel.manifest.stem_snapshot import FAMILIES, MusicalContext, Numbers
from tonewheel.manifest.stems import STEMS
from tonewheel.systems.stems.features.context import context_vector
from tonewheel.systems.stems.features.stem_vector import WIDTH
from tonewheel.systems.stems.flywheel import poison
from tonewheel.systems.stems.flywheel.corrected import targets_of
from tonewheel.systems.stems.flywheel.dataset_folder import (
    KIND,
    PARTS,
    SIDES,
    Inputs,
    Manifest,
    Metadata,
    SourceFile,
    Targets,
    content_hash,
    read_manifest,
)
from tonewheel.systems.stems.flywheel.poison import PoisonLimits
from tonewheel.systems.stems.flywheel.sanitized import SanitizedSnapshot, today

LOOKED_AT = 5000
"""Snapshots, drawn at random, that tell what is usual."""


class _Row(NamedTuple):
    source: str
    problem: str | None


def build_dataset(
    source: Path,
    out: Path,
    *,
    train_ratio: float = 0.8,
    seed: int = 0,
    limits: PoisonLimits | None = None,
    grown_from: Path | None = None,
) -> Manifest:
    """Write the data set folder `out` from a sanitised file; InputError when it holds too little to be split.

    What is left out is written to OUT/left_out.jsonl with its reason. Sounds that the data set `grown_from` has stay
    on the side where they are there, so that no model is ever judged by what an older one was trained on.
    """
    if not 0 < train_ratio < 1:
        raise InputError("--train-ratio", f"{train_ratio:g}; expected more than 0 and less than 1")
    limits = limits or PoisonLimits()
    widths, target_width = _layout(source)
    looked_at = _sample(source, generator(seed, "usual"))
    rows, reasons = _look(source, poison.usual(looked_at, widths), limits)
    kept = [row.source for row in rows if row.problem is None]
    side_of = _split(source, kept, train_ratio, seed, _sides(grown_from))
    verdict = poison.verdict(reasons, len(rows), limits)
    counts: Counter[str] = Counter()
    classes: Counter[str] = Counter()
    stem_counts: Counter[str] = Counter()
    days: list[int] = []
    with ExitStack() as stack:
        files: dict[tuple[str, str], IO[bytes]] = {}
        for side in SIDES:
            for part in PARTS:
                temporary = stack.enter_context(atomic_path(out / side / f"{part}.jsonl"))
                files[side, part] = stack.enter_context(temporary.open("wb"))
        left_out = stack.enter_context(stack.enter_context(atomic_path(out / "left_out.jsonl")).open("wb"))
        for row, record in zip(rows, progress(_records(source), "data set", unit="snapshots"), strict=True):
            if row.problem is not None:
                left_out.write(msgspec.json.encode({"id": record.id, "reason": row.problem}) + b"\n")
                continue
            side = side_of[record.source]
            lines = _lines(record, widths, target_width)
            for part, line in zip(PARTS, lines, strict=True):
                files[side, part].write(line.to_json().encode() + b"\n")
            counts[side] += 1
            counts["padded"] += any(len(getattr(record.features, name)) != widths[name] for name in FAMILIES)
            counts["corrected"] += bool(record.corrections)
            classes[record.metadata.classification] += 1
            stem_counts.update(lines[1].stems.keys())
            days.append(record.day)
    digest = content_hash(out)
    manifest = Manifest(
        kind=KIND,
        run_id=f"{out.name}-{digest[:12]}",
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        hash=digest,
        counts={
            "total": len(kept),
            "train": counts["train"],
            "validation": counts["validation"],
            "sources": len(side_of),
            "corrected": counts["corrected"],
            "padded": counts["padded"],
            "leftOut": len(rows) - len(kept),
        },
        classes=dict(sorted(classes.items())),
        source_files=(SourceFile(name=source.name, sha256=sha256(source)),),
        train_ratio=train_ratio,
        seed=seed,
        widths=widths,
        target_width=target_width,
        stem_counts={stem: stem_counts[stem] for stem in STEMS},
        days=(today(min(days)), today(max(days))),
        verdicts=(verdict,),
    )
    write_json(out / "manifest.json", manifest)
    return manifest


def _records(source: Path) -> Iterator[SanitizedSnapshot]:
    return read_jsonl(source, SanitizedSnapshot)


def _layout(source: Path) -> tuple[dict[str, int], int]:
    lengths: dict[str, Counter[int]] = {name: Counter() for name in FAMILIES}
    targets: Counter[int] = Counter()
    for record in _records(source):
        for name in FAMILIES:
            lengths[name][len(getattr(record.features, name))] += 1
        targets.update(len(values) for values in record.ground_truth.values() if values)
    if not any(lengths.values()):
        raise InputError(source, "holds no sanitised snapshot")
    usual = {name: max(found, key=lambda length: (found[length], length)) for name, found in lengths.items()}
    return usual, max(targets, key=lambda length: (targets[length], length), default=WIDTH)


def _sample(source: Path, rng: Any) -> list[SanitizedSnapshot]:
    """Some of the records, each as likely as any other (Vitter's algorithm R, 1985)."""
    held: list[SanitizedSnapshot] = []
    for number, record in enumerate(_records(source)):
        if number < LOOKED_AT:
            held.append(record)
        elif (place := int(rng.integers(number + 1))) < LOOKED_AT:
            held[place] = record
    return held


def _look(source: Path, usual: poison.Usual | None, limits: PoisonLimits) -> tuple[list[_Row], Counter[str]]:
    rows: list[_Row] = []
    reasons: Counter[str] = Counter()
    seen: dict[str, int] = defaultdict(int)
    for record in _records(source):
        kind, problem = "impossible", poison.impossible(record)
        if problem is None:
            kind, problem = "strange", poison.strange(record, usual)
        if problem is None:
            seen[record.source] += 1
            if seen[record.source] > limits.per_source:
                kind, problem = "flood", f"more than {limits.per_source} snapshots of one sound"
        reasons.update([kind] if problem else [])
        rows.append(_Row(record.source, problem))
    return rows, reasons


def _sides(folder: Path | None) -> dict[str, str]:
    if folder is None:
        return {}
    read_manifest(folder)
    lines = {side: read_jsonl(folder / side / "metadata.jsonl", Metadata) for side in SIDES}
    return {line.source: side for side in SIDES for line in lines[side]}


def _split(
    source: Path, kept: list[str], train_ratio: float, seed: int, fixed: dict[str, str]
) -> dict[str, str]:
    groups = sorted(set(kept))
    if len(groups) < 2:
        raise InputError(
            source, f"holds snapshots of {len(groups)} sounds; two are needed to train and to validate"
        )
    shares = {"train": train_ratio, "validation": 1 - train_ratio}
    sides = assign(kept, shares=shares, seed=seed, fixed=fixed)
    side_of = dict(zip(kept, sides, strict=True))
    for lacking in SIDES:
        if lacking not in side_of.values():
            sizes = Counter(kept)
            side_of[min(groups, key=lambda group: (sizes[group], group))] = lacking
    return side_of


def _lines(
    record: SanitizedSnapshot, widths: dict[str, int], target_width: int
) -> tuple[Inputs, Targets, Metadata]:
    context = record.context
    told = context_vector(
        MusicalContext(
            key=context.key,
            mode=context.mode,
            bpm=context.bpm,
            transients=(),
            harmonic_content=context.harmonic_content,
        )
    )
    pairs = targets_of(record, target_width)
    families = {name: getattr(record.features, name)[: widths[name]] for name in FAMILIES}
    return (
        Inputs(
            id=record.id,
            families={
                name: values + (0.0,) * (widths[name] - len(values)) for name, values in families.items()
            },
            context=(*(float(value) for value in told), context.transient_density / 50),
        ),
        Targets(
            id=record.id,
            stems={stem: _rounded(pairs[stem][0]) for stem in STEMS if stem in pairs},
            weights={stem: _rounded(pairs[stem][1]) for stem in STEMS if stem in pairs},
        ),
        Metadata(
            id=record.id,
            source=record.source,
            day=record.day,
            classification=record.metadata.classification,
            confidence=record.metadata.confidence,
            corrections=record.corrections,
        ),
    )


def _rounded(values: Any) -> Numbers:
    return tuple(round(float(value), 6) for value in values)
