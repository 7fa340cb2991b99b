"""The passes over manifests as anybody would write them: `json.loads` and dictionaries, one line at a time.

They are what `benchmarks/manifests.py` is measured against, and what the tests hold the results to. They share
nothing with the product but the file format.
"""

from __future__ import annotations

import json
import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TEXTS = (
    "session_id",
    "track_id",
    "drummer_id",
    "kit_id",
    "room_id",
    "source_set",
    "audio_path",
    "meter",
    "label_method",
    "bleed_level",
    "mix_context",
    "device_vendor",
    "device_model",
)


def number(value: Any, low: float = -math.inf, high: float = math.inf) -> bool:
    """Whether a value is null or a finite number from `low` to `high`."""
    if value is None:
        return True
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return math.isfinite(value) and low <= value <= high


def whole(value: Any, low: float = -(2.0**63), high: float = 2.0**63) -> bool:
    """Whether a value is null or a whole number."""
    return number(value, low, high) and (value is None or float(value).is_integer())


def is_event(row: Any) -> bool:
    """Whether a JSON value is an event."""
    if not isinstance(row, dict) or not isinstance(row.get("sample_id"), str) or not row["sample_id"]:
        return False
    if any(not isinstance(row.get(key), (str, type(None))) for key in TEXTS):
        return False
    if any(not isinstance(row.get(key), (bool, type(None))) for key in ("is_synthetic", "negative_example")):
        return False
    if not number(row.get("onset_time"), 0) or not number(row.get("offset_time"), 0):
        return False
    if (
        not number(row.get("tempo_bpm"), 5e-324)
        or not whole(row.get("bar_index"))
        or not whole(row.get("beat_index"))
    ):
        return False
    if any(not isinstance(row.get(key), (dict, type(None))) for key in ("context_ms", "qc", "loudness")):
        return False
    loudness = row.get("loudness") or {}
    if not number(loudness.get("LUFS_i")) or not number(loudness.get("peak_dbfs")):
        return False
    techniques = row.get("techniques")
    if techniques is not None and not (
        isinstance(techniques, list) and all(isinstance(one, str) for one in techniques)
    ):
        return False
    components = row.get("components")
    return components is None or (isinstance(components, list) and all(map(is_component, components)))


def is_component(one: Any) -> bool:
    """Whether a JSON value is a component of an event."""
    return (
        isinstance(one, dict)
        and isinstance(one.get("label"), str)
        and one["label"] != ""
        and number(one.get("velocity"), 0, 1)
        and number(one.get("openness"), 0, 1)
        and whole(one.get("openness_raw"), 0, 127)
        and all(
            isinstance(one.get(key), (str, type(None))) for key in ("dynamic_bucket", "openness_curve_id")
        )
    )


def no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def read(path: Path, check: bool = True) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """(line, event) of every good line."""
    with path.open("rb") as lines:
        for line in lines:
            if not check:
                yield line, json.loads(line)
                continue
            try:
                row = json.loads(line.decode("utf-8"), parse_constant=no_constant)
            except (ValueError, RecursionError):
                continue
            if is_event(row):
                yield line, row


def merge(paths: list[Path], out: Path, dedupe: bool = False, check: bool = True) -> tuple[int, int]:
    """Write all lines; returns (events, duplicates)."""
    seen: set[str] = set()
    events = duplicates = 0
    with out.open("wb") as written:
        for path in paths:
            for line, row in read(path, check):
                if row["sample_id"] in seen:
                    duplicates += 1
                    if dedupe:
                        continue
                seen.add(row["sample_id"])
                events += 1
                written.write(line if line.endswith(b"\n") else line + b"\n")
    return events, duplicates


def count(path: Path, check: bool = True) -> tuple[int, Counter[str], Counter[str], Counter[str]]:
    """(events, sessions, components, techniques)."""
    events = 0
    sessions: Counter[str] = Counter()
    components: Counter[str] = Counter()
    techniques: Counter[str] = Counter()
    for _, row in read(path, check):
        events += 1
        sessions[row.get("session_id") or "(no session)"] += 1
        for one in row.get("components") or [{"label": "(no components)"}]:
            components[one["label"]] += 1
        techniques.update(one for one in row.get("techniques") or [] if one)
    return events, sessions, components, techniques


def weights(
    paths: list[Path],
    *,
    group_by: str = "session_id",
    exponent: float = 0.5,
    smoothing: float = 0.0,
    boosts: dict[str, float] | None = None,
    min_count: int = 1,
    dedupe: tuple[str, ...] = (),
    max_per_group: int | None = None,
    techniques: tuple[str, ...] = (),
    match_all: bool = False,
    min_weight: float | None = None,
    max_weight: float | None = None,
    check: bool = True,
) -> dict[str, dict[str, Any]]:
    """Group to {count, weight, technique_counts}."""
    counts: Counter[str] = Counter()
    held: dict[str, Counter[str]] = defaultdict(Counter)
    seen = set()
    for path in paths:
        for _, row in read(path, check):
            group, own = row.get(group_by), row.get("techniques") or []
            if not group:
                continue
            if techniques and not (all if match_all else any)(one in own for one in techniques):
                continue
            if dedupe:
                key = tuple(json.dumps(row.get(name), sort_keys=True) for name in dedupe)
                if key in seen:
                    continue
                seen.add(key)
            if max_per_group is not None and counts[group] >= max_per_group:
                continue
            counts[group] += 1
            held[group].update(one for one in own if one)
    found = {}
    for group, n in counts.items():
        if n < min_count:
            continue
        weight = (n + smoothing) ** -exponent
        for name, factor in (boosts or {}).items():
            if held[group][name]:
                weight *= factor
        weight = max(weight, min_weight) if min_weight is not None else weight
        weight = min(weight, max_weight) if max_weight is not None else weight
        found[group] = {"count": n, "weight": weight, "technique_counts": dict(held[group])}
    return found


def health(paths: list[Path], names: dict[str, str], check: bool = True) -> dict[str, Any]:
    """The figures of a health report; `names` takes what is written to the label that it means."""
    ids: Counter[str] = Counter()
    audio: Counter[str] = Counter()
    sessions, drummers = set(), set()
    total = synthetic = negative = 0
    per_class: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    buckets: Counter[str] = Counter()
    dynamic: dict[str, Counter[str]] = defaultdict(Counter)
    bleed: Counter[str] = Counter()
    mix: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    crash: Counter[str] = Counter()
    techniques: Counter[str] = Counter()
    histogram = [0] * 10
    levels: dict[str, list[float]] = {"LUFS_i": [], "peak_dbfs": []}
    for path in paths:
        for _, row in read(path, check):
            total += 1
            ids[row["sample_id"]] += 1
            is_synthetic = bool(row.get("is_synthetic"))
            synthetic += is_synthetic
            negative += bool(row.get("negative_example"))
            for key, where in (("session_id", sessions), ("drummer_id", drummers)):
                if row.get(key):
                    where.add(row[key])
            for key, counts in (("audio_path", audio), ("bleed_level", bleed), ("mix_context", mix)):
                if row.get(key):
                    counts[row[key]] += 1
            for key, values in levels.items():
                if (value := (row.get("loudness") or {}).get(key)) is not None:
                    values.append(value)
            techniques.update(one for one in row.get("techniques") or [] if one)
            for one in row.get("components") or []:
                written = one["label"]
                label = names.get(written)
                if label is None:
                    label = written
                    unknown[written] += 1
                per_class[label][is_synthetic] += 1
                if label.startswith("crash"):
                    crash[label] += 1
                if bucket := one.get("dynamic_bucket"):
                    buckets[bucket] += 1
                    dynamic[label][bucket] += 1
                if (openness := one.get("openness")) is not None:
                    histogram[min(9, int(openness * 10))] += 1
    twice = {name: n for name, n in ids.items() if n > 1}
    return {
        "summary": {
            "events_total": total,
            "events_real": total - synthetic,
            "events_synthetic": synthetic,
            "unique_sessions": len(sessions),
            "unique_drummers": len(drummers),
            "duplication_rate": sum(n - 1 for n in twice.values()) / total if total else 0.0,
            "negative_examples": {"positive": negative, "non_negative": total - negative},
        },
        "per_class_counts": {
            label: {"total": sum(pair), "real": pair[0], "synthetic": pair[1]}
            for label, pair in per_class.items()
        },
        "dynamic_bucket_counts": dict(buckets),
        "per_class_dynamic": {label: dict(one) for label, one in dynamic.items()},
        "bleed_level_distribution": dict(bleed),
        "mix_context_distribution": dict(mix),
        "openness_histogram": histogram,
        "duplicates": {
            "sample_ids": twice,
            "audio_paths": {name: n for name, n in audio.items() if n > 1},
        },
        "loudness": {
            key: None
            if not values
            else {
                "min": min(values),
                "max": max(values),
                "mean": statistics.fmean(values),
                "median": statistics.median(values),
            }
            for key, values in levels.items()
        },
        "unknown_labels": dict(unknown),
        "crash_variant_counts": dict(crash),
        "technique_counts": dict(techniques),
    }
