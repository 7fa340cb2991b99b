"""The health check of drum manifests: figures, gates, and the baseline where there is one, in one report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tonewheel.core.files import write_json, write_text
from tonewheel.gates.base import Judgement
from tonewheel.gates.health_baseline import HealthDifference, compare_health, read_health
from tonewheel.gates.html import Markup
from tonewheel.gates.manifest_health import ManifestHealthGate, sections
from tonewheel.gates.report import Report
from tonewheel.manifest.events.health import Health, measure_health
from tonewheel.manifest.events.scan import setting_apart


class HealthReport(Report):
    """A report whose JSON is the figures themselves, with `gating_results`, so that it can be a baseline."""

    difference: HealthDifference | None = None
    """To the baseline, if one was given."""

    def html(self, more: Sequence[Markup] = ()) -> str:
        """The report as one self-contained page; the figures follow the verdicts."""
        own = sections(Health.from_dict(self.measured)) if self.measured else ()
        return Report.html(self, (*own, *more))

    def write(self, path: str | Path, more: Sequence[Markup] = ()) -> tuple[Path, Path]:
        """Write PATH.json (figures, gates, the difference) and PATH.html, each whole or not at all."""
        stem = Path(path)
        stem = stem.with_suffix("") if stem.suffix in (".json", ".html") else stem
        machine, page = stem.with_name(f"{stem.name}.json"), stem.with_name(f"{stem.name}.html")
        extra: dict[str, Any] = {"passed": self.passed}
        if self.difference is not None:
            extra["baseline_difference"] = self.difference.to_dict()
        write_json(machine, {**self.measured, **extra})
        write_text(page, self.html(more))
        return machine, page


def check_health(
    events: Sequence[str | Path],
    limits: ManifestHealthGate | None = None,
    *,
    dataset_metadata: str | Path | None = None,
    baseline: str | Path | None = None,
    max_drop: int = 0,
    ignore_labels: Sequence[str] = (),
    quarantine: str | Path | None = None,
    strict_lines: bool = False,
    title: str = "Health of drum manifests",
    **scan_options: Any,
) -> HealthReport:
    """Measure manifests together and judge them; for `drums check health`.

    `limits` has the gates (`gates.manifest_health.read_names` reads a file of required labels or techniques,
    `read_min_counts` one of least counts). Broken lines go to the file `quarantine` and are counted in
    `summary.events_quarantined`; with `strict_lines` they end the run with BrokenLinesError (exit status 1).
    `report.write(path)` writes JSON and HTML, `report.exit_status` is 0 or 1, `report.difference` the diff to
    the baseline (`.to_dict()` for --json-output).

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "events.jsonl"
    >>> _ = path.write_text('{"sample_id": "1", "components": [{"label": "kick"}]}\\n')
    >>> report = check_health([path], ManifestHealthGate(min_class_count=2))
    >>> report.exit_status, report.measured["gating_results"][0]["detail"]
    (1, 'kick comes 1 times, at least 2')
    """
    gate = limits or ManifestHealthGate()
    blessed = read_health(baseline) if baseline is not None else None
    with setting_apart(None if quarantine is None else Path(quarantine)) as apart:
        health = measure_health(
            events,
            components=gate.components,
            dataset_metadata=dataset_metadata,
            quarantine=apart,
            strict=strict_lines,
            **scan_options,
        )
    judgement: Judgement = gate.check(health)
    verdicts = judgement.verdicts
    difference = None
    if blessed is not None:
        difference = compare_health(
            blessed, judgement.measured, max_drop=max_drop, ignore_labels=ignore_labels
        )
        verdicts += difference.verdicts()
    return HealthReport(
        title=title,
        verdicts=verdicts,
        facts={
            "manifests": ", ".join(str(one) for one in events),
            "events": health.summary["events_total"],
            "broken lines set apart": health.summary["events_quarantined"],
            **({"baseline": str(baseline)} if baseline is not None else {}),
        },
        measured=judgement.measured,
        difference=difference,
    )


def compare_reports(
    baseline: str | Path,
    candidate: str | Path,
    *,
    max_drop: int = 0,
    ignore_labels: Sequence[str] = (),
) -> HealthReport:
    """Judge a health report that is there already against a blessed one; no manifest is read."""
    report = read_health(candidate)
    difference = compare_health(read_health(baseline), report, max_drop=max_drop, ignore_labels=ignore_labels)
    return HealthReport(
        title="Health beside the baseline",
        verdicts=difference.verdicts(),
        facts={"baseline": str(baseline), "candidate": str(candidate)},
        difference=difference,
    )
