"""A health report beside a blessed one: nothing may get worse by more than is allowed.

Both are plain JSON, so that reports written by older programs serve as baselines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tonewheel.core.errors import InputError
from tonewheel.core.records import Record, read_object
from tonewheel.gates.base import Finding, Verdict


class Tally(Record):
    """A count in both reports."""

    baseline: int
    candidate: int
    delta: int


class HealthDifference(Record):
    """What changed from the baseline to the candidate, and what of it fails."""

    passed: bool
    max_drop: int
    ignored_labels: tuple[str, ...]
    classes: dict[str, Tally]
    """Labels whose totals differ."""
    drops: dict[str, Tally]
    """Of these, the ones that lost more than `max_drop`."""
    newly_failing: tuple[str, ...]
    unknown_labels: Tally
    new_unknown_labels: tuple[str, ...]

    def verdicts(self) -> tuple[Verdict, ...]:
        """One verdict each for drops, gates that newly fail, and unknown labels."""
        drops = tuple(
            Finding(path=label, reason=f"{one.baseline} -> {one.candidate} ({one.delta:+d})")
            for label, one in self.drops.items()
        )
        failing = tuple(Finding(path=name, reason="passed before") for name in self.newly_failing)
        unknown = self.unknown_labels
        return (
            Verdict(
                gate="baseline_drop",
                passed=not drops,
                value=max([-one.delta for one in self.classes.values()], default=0),
                limit=self.max_drop,
                detail=f"{len(drops)} labels lost more than {self.max_drop} examples",
                findings=drops,
            ),
            Verdict(
                gate="baseline_gates",
                passed=not failing,
                value=len(failing),
                limit=0,
                detail=f"{len(failing)} gates fail that did not",
                findings=failing,
            ),
            Verdict(
                gate="baseline_unknown_labels",
                passed=unknown.delta <= 0,
                value=unknown.candidate,
                limit=unknown.baseline,
                detail=f"{unknown.candidate} components have an unknown label, {unknown.baseline} had",
                findings=tuple(Finding(path=name, reason="new") for name in self.new_unknown_labels),
            ),
        )


def compare_health(
    baseline: Mapping[str, Any],
    candidate: Mapping[str, Any],
    *,
    max_drop: int = 0,
    ignore_labels: Sequence[str] = (),
) -> HealthDifference:
    """The difference between two reports; ignored labels count neither as drops nor as unknown.

    >>> old = {"per_class_counts": {"kick": {"total": 9}}, "unknown_labels": {}}
    >>> new = {"per_class_counts": {"kick": {"total": 4}}, "unknown_labels": {"gong": 1}}
    >>> found = compare_health(old, new, max_drop=5)
    >>> list(found.drops), found.unknown_labels.delta, found.passed
    ([], 1, False)
    """
    ignored = set(ignore_labels)
    old, new = _totals(baseline, ignored), _totals(candidate, ignored)
    classes = {
        label: _tally(old.get(label, 0), new.get(label, 0))
        for label in sorted({*old, *new})
        if old.get(label, 0) != new.get(label, 0)
    }
    drops = {label: one for label, one in classes.items() if -one.delta > max_drop}
    failed_before = set(_failing(baseline, ignored))
    newly = tuple(name for name in _failing(candidate, ignored) if name not in failed_before)
    was, now = _unknown(baseline, ignored), _unknown(candidate, ignored)
    unknown = _tally(sum(was.values()), sum(now.values()))
    return HealthDifference(
        passed=not drops and not newly and unknown.delta <= 0,
        max_drop=max_drop,
        ignored_labels=tuple(sorted(ignored)),
        classes=classes,
        drops=drops,
        newly_failing=newly,
        unknown_labels=unknown,
        new_unknown_labels=tuple(name for name in sorted(now) if name not in was),
    )


def read_health(path: str | Path) -> dict[str, Any]:
    """A health report of any program; InputError when it has not the parts that are compared."""
    report = read_object(path)
    if "per_class_counts" not in report:
        raise InputError(path, 'is no health report: "per_class_counts" is missing')
    try:
        msgspec.convert(report, _Parts)
    except msgspec.ValidationError as error:
        raise InputError(path, f"is no health report: {error}") from None
    return report


class _Total(msgspec.Struct):
    total: int


class _Result(msgspec.Struct):
    name: str
    passed: bool


class _Parts(msgspec.Struct):
    per_class_counts: dict[str, _Total]
    unknown_labels: dict[str, int] = msgspec.field(default_factory=dict)
    gating_results: list[_Result] = msgspec.field(default_factory=list)


def _tally(baseline: int, candidate: int) -> Tally:
    return Tally(baseline=baseline, candidate=candidate, delta=candidate - baseline)


def _totals(report: Mapping[str, Any], ignored: set[str]) -> dict[str, int]:
    counts = report["per_class_counts"]
    return {label: one["total"] for label, one in counts.items() if label not in ignored}


def _unknown(report: Mapping[str, Any], ignored: set[str]) -> dict[str, int]:
    return {label: n for label, n in report.get("unknown_labels", {}).items() if label not in ignored}


def _failing(report: Mapping[str, Any], ignored: set[str]) -> list[str]:
    names = [one["name"] for one in report.get("gating_results", []) if not one["passed"]]
    return [name for name in names if not any(name.endswith(f"[{label}]") for label in ignored)]
