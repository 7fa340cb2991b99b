"""What `drums check health` can be asked, as one record: options of the command and keys of a YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from tonewheel.core.errors import InputError
from tonewheel.core.files import write_json, write_text
from tonewheel.core.records import Record
from tonewheel.gates.manifest_health import ManifestHealthGate, read_min_counts, read_names
from tonewheel.systems.drums.checks.checked import Checked
from tonewheel.systems.drums.checks.health import HealthReport, check_health, compare_reports


class HealthOptions(Record):
    """Manifests to measure and the limits to hold them to; a limit that is not given is not held."""

    events: str | tuple[str, ...] = ()
    """One manifest of events, or several that are measured as one."""
    report: str | None = None
    """JSON report, with the page beside it."""
    html_output: str | None = None
    """The page somewhere else."""
    json_output: str | None = None
    """The difference to the baseline."""
    components: str | None = None
    dataset_metadata: str | None = None
    baseline: str | None = None
    candidate: str | None = None
    """A report that is there already, compared with the baseline instead of measuring events."""
    max_drop: int = 0
    ignore_labels: tuple[str, ...] = ()
    max_duplication_rate: float | None = None
    min_class_count: int | None = None
    min_counts_json: str | None = None
    max_unknown_labels: int | None = None
    require_labels: tuple[str, ...] = ()
    require_labels_file: str | None = None
    require_techniques: tuple[str, ...] = ()
    require_techniques_file: str | None = None

    @property
    def manifests(self) -> tuple[str, ...]:
        """The manifests, however many."""
        return (self.events,) if isinstance(self.events, str) else self.events

    def below(self, root: Path) -> HealthOptions:
        """The same with every path relative to `root`; where reports are written stays as it is.

        >>> HealthOptions(events="events.jsonl").below(Path("data")).manifests
        ('data/events.jsonl',)
        """
        changed: dict[str, Any] = {"events": tuple(str(root / one) for one in self.manifests)}
        for name in _INPUTS:
            if (value := getattr(self, name)) is not None:
                changed[name] = str(root / value)
        return msgspec.structs.replace(self, **changed)

    def limits(self) -> ManifestHealthGate:
        """The gate with these limits; files of names and counts are read."""
        labels, techniques = (
            (*named, *(read_names(file) if file else ()))
            for named, file in (
                (self.require_labels, self.require_labels_file),
                (self.require_techniques, self.require_techniques_file),
            )
        )
        return ManifestHealthGate(
            max_duplication_rate=self.max_duplication_rate,
            min_class_count=self.min_class_count,
            min_counts=read_min_counts(self.min_counts_json) if self.min_counts_json else {},
            max_unknown_labels=self.max_unknown_labels,
            required_labels=tuple(dict.fromkeys(labels)),
            required_techniques=tuple(dict.fromkeys(techniques)),
            components=self.components,
        )


_INPUTS = (
    "components",
    "dataset_metadata",
    "baseline",
    "candidate",
    "min_counts_json",
    "require_labels_file",
    "require_techniques_file",
)


def judge_health(options: HealthOptions) -> HealthReport:
    """Measure, judge and compare as asked; InputError when there is nothing to look at."""
    if options.candidate is not None and not options.manifests:
        if options.baseline is None:
            raise InputError("--candidate", "needs --baseline to be compared with")
        return compare_reports(
            options.baseline,
            options.candidate,
            max_drop=options.max_drop,
            ignore_labels=options.ignore_labels,
        )
    if not options.manifests or options.candidate is not None:
        raise InputError(
            "--events", "name manifests of events, or --candidate, a report that is there already"
        )
    return check_health(
        options.manifests,
        options.limits(),
        dataset_metadata=options.dataset_metadata,
        baseline=options.baseline,
        max_drop=options.max_drop,
        ignore_labels=options.ignore_labels,
    )


def health_checked(options: HealthOptions, root: Path) -> Checked:
    """The health check of a YAML file of inputs, with what it writes besides its report."""
    report = judge_health(options.below(root))
    write_extras(report, options, root)
    return Checked(report)


def write_extras(report: HealthReport, options: HealthOptions, root: Path = Path()) -> list[Path]:
    """Write the page and the difference where they were asked to be; returns the paths."""
    written = []
    if options.html_output:
        written.append(root / options.html_output)
        write_text(written[-1], report.html())
    if options.json_output:
        if report.difference is None:
            raise InputError("--json-output", "is the difference to a baseline; --baseline names it")
        written.append(root / options.json_output)
        write_json(written[-1], report.difference)
    return written
