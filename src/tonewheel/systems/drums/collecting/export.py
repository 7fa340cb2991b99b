"""Export a collection as a dataset: split manifests, clips, where every one of them comes from, and totals.

    train.jsonl valid.jsonl test.jsonl   events; `clip_path` relative to the dataset
    clips/ID.flac                        unless the clips are left where they are (references)
    provenance.jsonl                     the recordings: source, licence, sha256, events of each split
    metadata.json                        options, and totals a split and a source; written last

The folder appears when all of it is there. A slice K/N takes the events whose hash falls in the K-th of N
parts: slices are disjoint, together they are the whole, and an event stays in its slice as a collection grows.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from tonewheel.core.errors import InputError
from tonewheel.core.files import refuse_overwrite, sha256, write_json
from tonewheel.core.progress import progress
from tonewheel.core.records import Record
from tonewheel.manifest.event_lines import Event
from tonewheel.manifest.licence import classify
from tonewheel.manifest.split import SHARES
from tonewheel.systems.drums.collecting.collection import Collection, Source
from tonewheel.systems.drums.collecting.splits import GROUP_KEYS, split_events

KIND = "tonewheel drum dataset"


class Exported(Record):
    """What an export wrote; `metadata.json` holds it, with the options."""

    events: dict[str, int]
    seconds: dict[str, float]
    synthetic: int
    over_cap: int
    """Synthetic events left out of train by the cap."""
    warnings: tuple[str, ...]


def parse_slice(text: str) -> tuple[int, int]:
    """K/N with 0 <= K < N.

    >>> parse_slice("0/10")
    (0, 10)
    """
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text.strip())
    if found and int(found[1]) < int(found[2]):
        return int(found[1]), int(found[2])
    raise InputError("--slice", f'must be K/N with 0 <= K < N, as 0/10, got "{text[:20]}"')


def in_slice(sample_id: str, part: tuple[int, int]) -> bool:
    """Whether an event is in a slice; depends on its id alone.

    >>> sum(in_slice("a", (k, 7)) for k in range(7))
    1
    """
    return _number(f"slice\0{sample_id}") % part[1] == part[0]


def export(
    collection: Collection,
    out: str | Path,
    *,
    shares: Mapping[str, float] = SHARES,
    synthetic_cap: float = 0.5,
    part: tuple[int, int] = (0, 1),
    seed: int = 0,
    references: bool = False,
    any_licence: bool = False,
    force: bool = False,
) -> Exported:
    """Write a dataset folder; InputError when it cannot be, and nothing is left of it then."""
    target = Path(out)
    _refuse(target, force)
    if not 0 <= synthetic_cap <= 1:
        raise InputError("--synthetic-cap", f"must be 0..1, got {synthetic_cap:g}")
    events = sorted(collection.events.values(), key=lambda one: str(one["sample_id"]))
    if not events:
        raise InputError(collection.folder, "holds no events")
    for event in events:
        if not event.get("components"):
            raise InputError(collection.manifest, f'event "{event["sample_id"]}" has no components')
    barred, warnings = _licences(collection, events, any_licence)
    splits = split_events(events, shares=shares, seed=seed, evaluation_only=barred)
    chosen: dict[str, list[Event]] = {name: [] for name in shares}
    for event, where in zip(events, splits.split, strict=True):
        if where:
            chosen[where].append(event)
    chosen["train"], over_cap = _capped(chosen["train"], synthetic_cap, seed)
    groups = dict(zip((one["sample_id"] for one in events), splits.group, strict=True))
    chosen = {
        name: [event for event in some if in_slice(event["sample_id"], part)] for name, some in chosen.items()
    }
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    scratch.mkdir()
    try:
        result = Exported(
            events={name: len(some) for name, some in chosen.items()},
            seconds={name: round(sum(_seconds(one) for one in some), 3) for name, some in chosen.items()},
            synthetic=sum(bool(one.get("is_synthetic")) for one in chosen["train"]),
            over_cap=over_cap,
            warnings=(*warnings, *splits.warnings),
        )
        _write_splits(collection, chosen, scratch, target, references)
        _write_provenance(collection, chosen, scratch, target)
        options = {"shares": dict(shares), "synthetic_cap": synthetic_cap, "slice": f"{part[0]}/{part[1]}"}
        options |= {"seed": seed, "references": references, "any_licence": any_licence}
        metadata = _metadata(chosen, groups) | {"options": options, "result": result.to_dict()}
        metadata["events_sha256"] = sha256(collection.manifest)
        write_json(scratch / "metadata.json", {"kind": KIND, "version": 1} | metadata)
        if target.exists():
            shutil.rmtree(target)
        os.replace(scratch, target)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    return result


def _refuse(target: Path, force: bool) -> None:
    refuse_overwrite(target, force, folder=True)
    if not target.exists():
        return
    marker = target / "metadata.json"
    # --force must not remove a folder that no export made.
    if not (target.is_dir() and marker.is_file() and KIND in marker.read_text("utf-8", "replace")[:200]):
        raise InputError(target, "is no exported dataset; it is not replaced, even with --force")


def _licences(
    collection: Collection, events: list[Event], any_licence: bool
) -> tuple[list[bool], tuple[str, ...]]:
    use = {key: classify(one.license).use for key, one in collection.sources.items()}
    found = [use.get(event.get("audio_sha256", ""), "unknown") for event in events]
    warnings = []
    if unknown := found.count("unknown"):
        warnings.append(f"{unknown} events have no licence that we know; may you train on them?")
    barred = [not any_licence and one == "evaluation-only" for one in found]
    if held := sum(barred):
        warnings.append(f"{held} events are for evaluation only by their licence and never in train")
    return barred, tuple(warnings)


def _capped(train: list[Event], cap: float, seed: int) -> tuple[list[Event], int]:
    """Train with at most `cap` of it synthetic, chosen by hash."""
    made = [event for event in train if event.get("is_synthetic")]
    real = len(train) - len(made)
    room = len(made) if cap >= 1 else int(real * cap / (1 - cap) + 1e-9)
    if real == 0 and made and room < len(made):
        raise InputError(
            "--synthetic-cap", f"train has synthetic audio only; {cap:g} of it cannot be met (1 can)"
        )
    made.sort(key=lambda event: _number(f"cap\0{seed}\0{event['sample_id']}"))
    out = {event["sample_id"] for event in made[room:]}
    return [event for event in train if event["sample_id"] not in out], len(out)


def _write_splits(
    collection: Collection, chosen: dict[str, list[Event]], folder: Path, target: Path, references: bool
) -> None:
    encoder = msgspec.json.Encoder()
    home = target.resolve()
    if not references:
        (folder / "clips").mkdir()
    for name, events in chosen.items():
        with (folder / f"{name}.jsonl").open("wb") as lines:
            for event in progress(events, f"writing {name}", unit="events"):
                row = dict(event)
                clip = collection.folder / str(event.get("clip_path", ""))
                if not event.get("clip_path") or not clip.is_file():
                    raise InputError(clip, f'the clip of event "{event["sample_id"]}" is missing')
                if references:
                    row["clip_path"] = Path(os.path.relpath(clip.resolve(), home)).as_posix()
                else:
                    row["clip_path"] = f"clips/{clip.name}"
                    shutil.copyfile(clip, folder / "clips" / clip.name)
                recording = collection.folder / str(event.get("audio_path", ""))
                row["audio_path"] = Path(os.path.relpath(recording.resolve(), home)).as_posix()
                row["split"] = name
                lines.write(encoder.encode(row) + b"\n")


def _write_provenance(
    collection: Collection, chosen: dict[str, list[Event]], folder: Path, target: Path
) -> None:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for name, events in chosen.items():
        for event in events:
            counts[event.get("audio_sha256", "")][name] += 1
    with (folder / "provenance.jsonl").open("wb") as lines:
        for key in sorted(counts):
            source = collection.sources.get(key) or Source(
                audio_sha256=key, path="", seconds=None, sample_rate_hz=0
            )
            lines.write(msgspec.json.encode(source.to_dict() | {"events": dict(counts[key])}) + b"\n")


def _metadata(chosen: dict[str, list[Event]], groups: Mapping[str, int]) -> dict[str, Any]:
    splits: dict[str, Any] = {}
    sources: dict[str, dict[str, Any]] = defaultdict(lambda: {"events": 0, "duration_seconds": 0.0})
    for name, events in chosen.items():
        labels: Counter[str] = Counter(one["label"] for event in events for one in event["components"])
        synthetic = sum(bool(event.get("is_synthetic")) for event in events)
        splits[name] = {
            "events": len(events),
            "duration_seconds": round(sum(_seconds(event) for event in events), 3),
            "real": len(events) - synthetic,
            "synthetic": synthetic,
            "groups": len({groups[event["sample_id"]] for event in events}),
            "labels": dict(sorted(labels.items())),
            **{f"{key.removesuffix('_id')}s": len({event.get(key) for event in events} - {None, ""})
               for key in GROUP_KEYS if key.endswith("_id")},
        }  # fmt: skip
        for event in events:
            one = sources[event.get("source_set") or "unnamed"]
            one["events"] += 1
            one["duration_seconds"] = round(one["duration_seconds"] + _seconds(event), 3)
    by_source = dict(sorted(sources.items()))
    return {
        "splits": splits,
        "sources": by_source,
        # The same totals under the names that older health reports look for.
        "split_durations_seconds": {name: one["duration_seconds"] for name, one in splits.items()},
        "duration_seconds_by_source": {name: one["duration_seconds"] for name, one in by_source.items()},
    }


def _seconds(event: Event) -> float:
    context = event.get("context_ms") or {}
    return (float(context.get("pre") or 0) + float(context.get("post") or 0)) / 1000


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:8], "big")
