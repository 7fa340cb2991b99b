"""The health gate of drum manifests: enough of everything, little twice, nothing without a name.

A limit that is not given is not held. The names of the verdicts (`min_class_count[kick]`) are those in the
`gating_results` of reports, by which a baseline is compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from tonewheel.core.errors import InputError
from tonewheel.core.files import read_text
from tonewheel.core.records import read_object
from tonewheel.gates import html
from tonewheel.gates.base import Judgement, Limits, Verdict
from tonewheel.manifest.components import label_names, plain
from tonewheel.manifest.events.health import Health


class ManifestHealthGate(Limits):
    """Figures of a manifest stay within limits; each limit is a verdict of its own."""

    name: ClassVar[str] = "manifest_health"

    max_duplication_rate: float | None = None
    """Share of events whose id was there before."""
    min_class_count: int | None = None
    """Of every label of `components` where that is given, of every label that was seen otherwise."""
    min_counts: dict[str, int] = msgspec.field(default_factory=dict)
    """Label to its own least count."""
    max_unknown_labels: int | None = None
    """How many components may have a label that the taxonomy does not know."""
    required_labels: tuple[str, ...] = ()
    required_techniques: tuple[str, ...] = ()
    components: str | None = None
    """A taxonomy file; the shipped one is used to follow aliases where this is None."""

    def check(self, health: Health) -> Judgement:
        """Hold the figures to the limits; what is measured is the whole report with its `gating_results`."""
        totals = {label: one.total for label, one in health.per_class_counts.items()}
        verdicts = [*self._duplicates(health), *self._counts(totals), *self._unknown(health)]
        verdicts += [
            _at_least(f"require_technique[{name}]", health.technique_counts.get(name, 0), 1, name)
            for name in self.required_techniques
        ]
        results = tuple({"name": one.gate, "passed": one.passed, "detail": one.detail} for one in verdicts)
        measured = msgspec.structs.replace(health, gating_results=results).to_dict()
        return Judgement(tuple(verdicts), measured, sections(health))

    def _duplicates(self, health: Health) -> list[Verdict]:
        if self.max_duplication_rate is None:
            return []
        rate = float(health.summary["duplication_rate"])
        detail = f"{rate:.6f} of the events have an id that was there before, at most {self.max_duplication_rate:g}"
        passed = rate <= self.max_duplication_rate
        return [_verdict("duplication_rate", passed, rate, self.max_duplication_rate, detail)]

    def _counts(self, totals: Mapping[str, int]) -> list[Verdict]:
        names = label_names(self.components)
        found = []
        if self.min_class_count is not None:
            labels = sorted(set(names.values())) if self.components else sorted(totals)
            found += [
                _at_least(f"min_class_count[{one}]", totals.get(one, 0), self.min_class_count, one)
                for one in labels
            ]
        found += [
            _at_least(f"min_counts[{one}]", _total(totals, one, names), least, one)
            for one, least in sorted(self.min_counts.items())
        ]
        found += [
            _at_least(f"require_label[{one}]", _total(totals, one, names), 1, one)
            for one in self.required_labels
        ]
        return found

    def _unknown(self, health: Health) -> list[Verdict]:
        if self.max_unknown_labels is None:
            return []
        count = sum(health.unknown_labels.values())
        most = sorted(health.unknown_labels.items(), key=lambda one: (-one[1], one[0]))[:5]
        which = f" ({', '.join(f'{name}: {n}' for name, n in most)})" if most else ""
        detail = f"{count} components have an unknown label{which}, at most {self.max_unknown_labels}"
        passed = count <= self.max_unknown_labels
        return [_verdict("max_unknown_labels", passed, count, self.max_unknown_labels, detail)]


def _total(totals: Mapping[str, int], label: str, names: Mapping[str, str]) -> int:
    return totals.get(label, 0) or totals.get(names.get(plain(label), label), 0)


def _at_least(gate: str, count: int, least: int, what: str) -> Verdict:
    return _verdict(gate, count >= least, count, least, f"{what} comes {count} times, at least {least}")


def _verdict(gate: str, passed: bool, value: float, limit: float, detail: str) -> Verdict:
    return Verdict(gate=gate, passed=passed, value=value, limit=limit, detail=detail)


def read_names(path: str | Path) -> tuple[str, ...]:
    """A required set: one name a line; what follows a `#` is a comment.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "required.txt"
    >>> _ = path.write_text("# of the release\\nhihat_bark\\n\\nvariable_meter  # since May\\n")
    >>> read_names(path)
    ('hihat_bark', 'variable_meter')
    """
    names = (line.partition("#")[0].strip() for line in read_text(path).splitlines())
    return tuple(dict.fromkeys(name for name in names if name))


def read_min_counts(path: str | Path) -> dict[str, int]:
    """Least counts by label from a JSON object."""
    try:
        return msgspec.convert(read_object(path), dict[str, int])
    except msgspec.ValidationError as error:
        raise InputError(path, f"expected a JSON object of label to count: {error}") from None


def sections(health: Health) -> tuple[html.Markup, ...]:
    """The figures as parts of a page."""
    summary = health.summary
    cards = [
        ("events", summary["events_total"], f"{summary['events_synthetic']} synthetic"),
        ("sessions", summary["unique_sessions"], f"{summary['unique_drummers']} drummers"),
        ("ids there before", f"{summary['duplication_rate']:.4%}", "share of events"),
        ("set apart", summary["events_quarantined"], "broken lines"),
    ]
    buckets = sorted(health.dynamic_bucket_counts)
    per_class = [
        (
            label + (" (unknown)" if label in health.unknown_labels else ""),
            one.total,
            one.real,
            one.synthetic,
            *(health.per_class_dynamic.get(label, {}).get(bucket, 0) for bucket in buckets),
        )
        for label, one in health.per_class_counts.items()
    ]
    known = any(one["count"] for one in health.openness_histogram)
    openness: list[Any] = [one.values() for one in health.openness_histogram] if known else []
    loudness = [(name, *one.values()) for name, one in health.loudness.items() if one]
    told: list[tuple[str, list[str], Any]] = [
        ("Labels", ["label", "total", "real", "synthetic", *buckets], per_class),
        ("Techniques", ["technique", "events"], health.technique_counts.items()),
        ("Hi-hat openness", ["range", "components"], openness),
        ("Bleed", ["level", "events"], health.bleed_level_distribution.items()),
        ("Mix context", ["context", "events"], health.mix_context_distribution.items()),
        ("Loudness", ["", "min", "max", "mean", "median"], loudness),
    ]
    # A table of what no event says would be empty.
    parts = [html.section("Figures", html.cards(cards))]
    parts += [html.section(title, html.table(header, rows)) for title, header, rows in told if rows]
    if health.split_durations_seconds or health.duration_seconds_by_source:
        rows: list[tuple[Any, ...]] = [
            (kind, name, seconds / 3600)
            for kind, one in (
                ("split", health.split_durations_seconds),
                ("source", health.duration_seconds_by_source),
            )
            for name, seconds in one.items()
        ]
        parts.append(html.section("Durations", html.table(["", "name", "hours"], rows)))
    return tuple(parts)
