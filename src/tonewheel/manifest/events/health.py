"""The health of drum manifests in figures: what they hold of everything, twice, and without a name.

The shape of the report is that of the files that readiness checks have written so far; `gating_results` are
added by the gate (`gates/manifest_health.py`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from tonewheel.core.errors import InputError
from tonewheel.core.records import Record, read_object
from tonewheel.manifest.components import label_names, plain
from tonewheel.manifest.event_lines import Quarantine
from tonewheel.manifest.events.compare import counted
from tonewheel.manifest.events.scan import Scan, Sources, admit, check_sources

COLUMNS = (
    "sample_id",
    "session_id",
    "drummer_id",
    "audio_path",
    "is_synthetic",
    "negative_example",
    "bleed_level",
    "mix_context",
    "components",
    "techniques",
    "loudness",
)
SHOWN = 1000
"""How many ids and paths that come twice are listed, the most frequent first; the totals count all."""
BINS = 10


class LabelCount(Record):
    """How often a label comes."""

    total: int = 0
    real: int = 0
    synthetic: int = 0


class Health(Record):
    """Figures of one or more manifests together."""

    summary: dict[str, Any]
    """events_total, _real, _synthetic, unique_sessions, unique_drummers, duplication_rate (the share of events
    whose id was there before), negative_examples {positive, non_negative}, events_quarantined."""
    per_class_counts: dict[str, LabelCount]
    """By label, aliases followed; labels that the taxonomy does not know are in here, too."""
    dynamic_bucket_counts: dict[str, int]
    per_class_dynamic: dict[str, dict[str, int]]
    bleed_level_distribution: dict[str, int]
    mix_context_distribution: dict[str, int]
    openness_histogram: tuple[dict[str, Any], ...]
    duplicates: dict[str, Any]
    """sample_ids and audio_paths: name to count where it is above 1; .._total: how many such names."""
    loudness: dict[str, dict[str, float] | None]
    """LUFS_i and peak_dbfs: min, max, mean, median."""
    unknown_labels: dict[str, int]
    crash_variant_counts: dict[str, int]
    technique_counts: dict[str, int]
    split_durations_seconds: dict[str, float] = msgspec.field(default_factory=dict)
    duration_seconds_by_source: dict[str, float] = msgspec.field(default_factory=dict)
    gating_results: tuple[dict[str, Any], ...] = ()


def measure_health(
    sources: Sources,
    *,
    components: str | Path | None = None,
    dataset_metadata: str | Path | None = None,
    quarantine: Quarantine | None = None,
    strict: bool = False,
    **scan_options: Any,
) -> Health:
    """The figures of manifests together; `components` is a taxonomy in place of the shipped one.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "events.jsonl"
    >>> _ = path.write_text('{"sample_id": "1", "components": [{"label": "gong"}, {"label": "BD"}]}\\n' * 2)
    >>> health = measure_health([path])
    >>> health.summary["duplication_rate"], health.unknown_labels, health.per_class_counts["kick"].total
    (0.5, {'gong': 2}, 2)
    """
    check_sources(sources)
    names = label_names(components)
    durations = read_durations(dataset_metadata) if dataset_metadata else {}
    apart = quarantine or Quarantine(None)
    with Scan(sources, apart, **scan_options) as scan:
        scan.load("events", sources, COLUMNS)
        admit(apart, strict)
        return Health(
            summary=_summary(scan, apart.count),
            **_struck(scan, names),
            bleed_level_distribution=counted(scan, "SELECT bleed_level FROM events"),
            mix_context_distribution=counted(scan, "SELECT mix_context FROM events"),
            duplicates={**_twice(scan, "sample_id"), **_twice(scan, "audio_path")},
            loudness={name: _spread(scan, f"loudness.{name}") for name in ("LUFS_i", "peak_dbfs")},
            technique_counts=counted(scan, "SELECT unnest(techniques) FROM events"),
            **durations,
        )


def read_durations(path: str | Path) -> dict[str, Any]:
    """Seconds a split and a source from a dataset's `metadata.json`."""
    found = read_object(path)
    durations: dict[str, Any] = {}
    for key in ("split_durations_seconds", "duration_seconds_by_source"):
        try:
            durations[key] = msgspec.convert(found.get(key) or {}, dict[str, float])
        except msgspec.ValidationError as error:
            raise InputError(path, f"{key}: {error}") from None
    return durations


def _summary(scan: Scan, quarantined: int) -> dict[str, Any]:
    total, synthetic, negative, sessions, drummers = scan.rows(
        "SELECT count(*), count(*) FILTER (is_synthetic), count(*) FILTER (negative_example), "
        "count(DISTINCT nullif(session_id, '')), count(DISTINCT nullif(drummer_id, '')) FROM events"
    )[0]
    scan.connection.execute(
        "CREATE TABLE twice_sample_id AS SELECT sample_id AS name, count(*) AS n FROM events "
        "GROUP BY sample_id HAVING count(*) > 1"
    )
    again = int(scan.rows("SELECT coalesce(sum(n - 1), 0) FROM twice_sample_id")[0][0])
    scan.connection.execute(
        "CREATE TABLE twice_audio_path AS SELECT audio_path AS name, count(*) AS n FROM events "
        "WHERE audio_path <> '' GROUP BY audio_path HAVING count(*) > 1"
    )
    return {
        "events_total": total,
        "events_real": total - synthetic,
        "events_synthetic": synthetic,
        "unique_sessions": sessions,
        "unique_drummers": drummers,
        "duplication_rate": again / total if total else 0.0,
        "negative_examples": {"positive": negative, "non_negative": total - negative},
        "events_quarantined": quarantined,
    }


def _twice(scan: Scan, column: str) -> dict[str, Any]:
    table = f"twice_{column}"
    most = scan.rows(f"SELECT name, n FROM {table} ORDER BY n DESC, name LIMIT {SHOWN}")
    return {f"{column}s": dict(most), f"{column}s_total": scan.rows(f"SELECT count(*) FROM {table}")[0][0]}


def _struck(scan: Scan, names: Mapping[str, str]) -> dict[str, Any]:
    """Everything about components, from one pass that leaves few rows."""
    totals: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    buckets: Counter[str] = Counter()
    dynamics: dict[str, Counter[str]] = defaultdict(Counter)
    unknown: Counter[str] = Counter()
    crashes: Counter[str] = Counter()
    histogram = [0] * BINS
    # least() passes over nulls, so the openness of a kick would be 1.
    openness = f"CASE WHEN one.openness IS NOT NULL THEN least(floor(one.openness * {BINS}), {BINS - 1}) END"
    for written, synthetic, bucket, openness_bin, count in scan.rows(
        "SELECT one.label, coalesce(is_synthetic, false), coalesce(one.dynamic_bucket, ''), "
        f"({openness})::INTEGER, count(*) "
        "FROM (SELECT unnest(components) AS one, is_synthetic FROM events) GROUP BY ALL"
    ):
        label = names.get(written) or names.get(plain(written))
        if label is None:
            label = written
            unknown[written] += count
        totals[label][synthetic] += count
        if label.startswith("crash"):
            crashes[label] += count
        if bucket:
            buckets[bucket] += count
            dynamics[label][bucket] += count
        if openness_bin is not None:
            histogram[openness_bin] += count
    return {
        "per_class_counts": {
            label: LabelCount(total=sum(pair), real=pair[0], synthetic=pair[1])
            for label, pair in sorted(totals.items())
        },
        "dynamic_bucket_counts": dict(sorted(buckets.items())),
        "per_class_dynamic": {label: dict(sorted(one.items())) for label, one in sorted(dynamics.items())},
        "openness_histogram": tuple(
            {"range": f"{number / BINS:.1f}-{(number + 1) / BINS:.1f}", "count": count}
            for number, count in enumerate(histogram)
        ),
        "unknown_labels": dict(sorted(unknown.items())),
        "crash_variant_counts": dict(sorted(crashes.items())),
    }


def _spread(scan: Scan, column: str) -> dict[str, float] | None:
    query = f"SELECT min({column}), max({column}), avg({column}), median({column}) FROM events"
    values = scan.rows(query)[0]
    if values[0] is None:
        return None
    return {
        name: round(float(value), 4)
        for name, value in zip(("min", "max", "mean", "median"), values, strict=True)
    }
