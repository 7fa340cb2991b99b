"""Two manifests side by side: which sessions, components and techniques came, went or changed in number."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tonewheel.core.records import Record
from tonewheel.manifest.event_lines import Quarantine
from tonewheel.manifest.events.scan import Scan, admit, check_sources

NO_SESSION = "(no session)"
NO_COMPONENTS = "(no components)"


class Counts(Record):
    """What a manifest holds, counted; labels and techniques are taken as they are written."""

    total_events: int
    session_counts: dict[str, int]
    component_counts: dict[str, int]
    technique_counts: dict[str, int]


class Change(Record):
    """One count in both manifests."""

    baseline: int
    candidate: int
    delta: int


class Difference(Record):
    """What differs between two sets of counts; the three hold only what is not equal, by name."""

    added: dict[str, int]
    removed: dict[str, int]
    changed: dict[str, Change]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)

    def largest(self, count: int) -> list[tuple[str, int, int]]:
        """The largest differences: (name, baseline, candidate)."""
        rows = [(name, 0, n) for name, n in self.added.items()]
        rows += [(name, n, 0) for name, n in self.removed.items()]
        rows += [(name, one.baseline, one.candidate) for name, one in self.changed.items()]
        return sorted(rows, key=lambda row: (-abs(row[2] - row[1]), row[0]))[:count]


class Comparison(Record):
    """The whole difference between two manifests."""

    baseline: Counts
    candidate: Counts
    sessions: Difference
    components: Difference
    techniques: Difference

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return self.baseline == self.candidate

    def summary(self, shown: int = 15) -> str:
        """A few lines for people, the largest differences first."""
        a, b = self.baseline, self.candidate
        lines = [
            f"events   {a.total_events} -> {b.total_events} ({b.total_events - a.total_events:+d})",
            f"sessions {len(a.session_counts)} -> {len(b.session_counts)} "
            f"({len(b.session_counts) - len(a.session_counts):+d})",
        ]
        for name in ("sessions", "components", "techniques"):
            one: Difference = getattr(self, name)
            lines.append(
                f"{name}: {len(one.added)} added, {len(one.removed)} removed, {len(one.changed)} changed"
            )
            rows = one.largest(shown)
            lines += [f"  {label[:40]:40} {old:>12} {new:>12} {new - old:>+10}" for label, old, new in rows]
            left = len(one.added) + len(one.removed) + len(one.changed) - len(rows)
            if left:
                lines.append(f"  and {left} more")
        return "\n".join(lines)


def difference(baseline: Mapping[str, int], candidate: Mapping[str, int]) -> Difference:
    """How one set of counts became another.

    >>> difference({"kick": 3, "gong": 1}, {"kick": 5, "ride": 2}).to_dict()
    {'added': {'ride': 2}, 'removed': {'gong': 1}, 'changed': {'kick': {'baseline': 3, 'candidate': 5, 'delta': 2}}}
    """
    both = [name for name in sorted(baseline) if name in candidate]
    return Difference(
        added={name: n for name, n in sorted(candidate.items()) if name not in baseline},
        removed={name: n for name, n in sorted(baseline.items()) if name not in candidate},
        changed={
            name: Change(
                baseline=baseline[name], candidate=candidate[name], delta=candidate[name] - baseline[name]
            )
            for name in both
            if baseline[name] != candidate[name]
        },
    )


def compare(
    baseline: str | Path,
    candidate: str | Path,
    *,
    quarantine: Quarantine | None = None,
    strict: bool = False,
    **scan_options: Any,
) -> Comparison:
    """Count both manifests and tell the difference.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "a.jsonl").write_text('{"sample_id": "1", "session_id": "x"}\\n')
    >>> compare(folder / "a.jsonl", folder / "a.jsonl").equal
    True
    """
    check_sources([baseline, candidate])
    apart = quarantine or Quarantine(None)
    with Scan([baseline, candidate], apart, **scan_options) as scan:
        a, b = count(scan, baseline), count(scan, candidate)
    admit(apart, strict)
    return Comparison(
        baseline=a,
        candidate=b,
        sessions=difference(a.session_counts, b.session_counts),
        components=difference(a.component_counts, b.component_counts),
        techniques=difference(a.technique_counts, b.technique_counts),
    )


def count(scan: Scan, source: str | Path) -> Counts:
    """The counts of one manifest."""
    total = scan.load("events", [source], ["session_id", "components", "techniques"])
    sessions = f"SELECT coalesce(nullif(session_id, ''), '{NO_SESSION}') FROM events"
    components = (
        f"SELECT '{NO_COMPONENTS}' FROM events WHERE coalesce(len(components), 0) = 0 UNION ALL "
        "SELECT one.label FROM (SELECT unnest(components) AS one FROM events)"
    )
    return Counts(
        total_events=total,
        session_counts=counted(scan, sessions),
        component_counts=counted(scan, components),
        technique_counts=counted(scan, "SELECT unnest(techniques) FROM events"),
    )


def counted(scan: Scan, names: str) -> dict[str, int]:
    """How often each name comes in the only column of a query, by name; empty ones are left out."""
    query = f"SELECT name, count(*) FROM ({names}) AS t(name) WHERE name <> '' GROUP BY name"
    return dict(sorted(scan.rows(query)))
