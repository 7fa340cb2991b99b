"""All checks of a data set and its model in one go, from a YAML file of inputs.

    alignment: {manifest: session.json, report: reports/alignment.json}
    boundary: {ground_truth: boundary/labels.jsonl, predictions: boundary/said.jsonl, limits: {top_k: 2}}
    health: {events: events.jsonl, require_labels_file: labels.txt}

Paths are relative to the YAML file, a check that is not named is not made, and `limits` are the fields of the
gate. The order is fixed: cheap questions about data first, so that `halt` saves the long ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from tonewheel.core.errors import InputError, TonewheelError
from tonewheel.core.records import Record
from tonewheel.gates.alignment import AlignmentGate
from tonewheel.gates.base import Verdict
from tonewheel.gates.bootstrap import BootstrapGate
from tonewheel.gates.boundary import BoundaryGate
from tonewheel.gates.hits import HitsGate
from tonewheel.gates.label_errors import LabelErrorsGate
from tonewheel.gates.openset import OpenSetGate
from tonewheel.gates.report import Report
from tonewheel.manifest.tracks import Quarantined
from tonewheel.systems.drums.checks.checked import Checked, check_alignment, check_answers, check_duplicates
from tonewheel.systems.drums.checks.health_options import HealthOptions, health_checked


class AlignmentInput(Record):
    """One session, or several."""

    manifest: str | tuple[str, ...]
    report: str | None = None
    limits: AlignmentGate = AlignmentGate()


class _Answers(Record):
    ground_truth: str
    predictions: str
    report: str | None = None
    fold: int | None = None
    """Fold labels to 3, 5, 8 or 12 classes before they are compared."""


class BoundaryInput(_Answers):
    """A boundary pack and what the model found in it."""

    limits: BoundaryGate = BoundaryGate()


class OpenSetInput(_Answers):
    """Known and unknown examples."""

    unknown_field: str | None = None
    limits: OpenSetGate = OpenSetGate()


class BootstrapInput(_Answers):
    """A test split."""

    limits: BootstrapGate = BootstrapGate()


class LabelsInput(_Answers):
    """Labels, and the scores of a model that was trained on others."""

    limits: LabelErrorsGate = LabelErrorsGate()


class DuplicatesInput(Record):
    """Clips: a folder, an index or a manifest of events."""

    source: str
    report: str | None = None
    limits: HitsGate = HitsGate()


class Inputs(Record):
    """The YAML file: what is to be checked."""

    health: HealthOptions | None = None
    alignment: AlignmentInput | None = None
    boundary: BoundaryInput | None = None
    openset: OpenSetInput | None = None
    bootstrap: BootstrapInput | None = None
    labels: LabelsInput | None = None
    duplicates: DuplicatesInput | None = None


class Done(NamedTuple):
    """One check of many: its report, or why there is none."""

    name: str
    checked: Checked
    written: tuple[Path, Path] | None


def read_inputs(path: str | Path) -> Inputs:
    """The inputs of a YAML file; InputError names an unknown key and the nearest one."""
    from tonewheel.learn.recipe_yaml import parse_yaml

    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(path, getattr(error, "strerror", None) or "is not UTF-8 text") from None
    values, _, problems = parse_yaml(text, path)
    if problems:
        raise InputError(path, "; ".join(problems))
    inputs = Inputs.from_dict(values, path)
    if not values:
        raise InputError(path, f"names no check; there are {', '.join(Inputs.__struct_fields__)}")
    return inputs


def check_all(inputs: Inputs, root: Path, *, halt: bool = False) -> Iterator[Done]:
    """Make every check that is named, one after the other, and write its report if it has one.

    A check that cannot do its work has failed and says why. With `halt` the first failure is the last check.
    """
    for name, report, work in _works(inputs, root):
        try:
            checked = work()
        except TonewheelError as error:
            verdict = Verdict(gate=name, passed=False, value=None, limit=None, detail=str(error))
            checked = Checked(Report(title=name, verdicts=(verdict,)))
        written = checked.write(root / report) if report else None
        yield Done(name, checked, written)
        if halt and not checked.report.passed:
            return


def joined(done: list[Done], inputs: Inputs) -> Checked:
    """All reports as one; checks that were not made because one failed before are named."""
    planned = [name for name, _, _ in _works(inputs, Path())]
    made = [one.name for one in done]
    facts: dict[str, Any] = {
        one.name: f"{sum(v.passed for v in one.checked.report.verdicts)} of "
        f"{len(one.checked.report.verdicts)} gates passed"
        + (f", {one.written[1].name}" if one.written else "")
        for one in done
    }
    facts |= dict.fromkeys(planned[len(made) :], "not made")
    quarantined: list[Quarantined] = [line for one in done for line in one.checked.report.quarantined]
    report = Report(
        title="Readiness of the data set",
        verdicts=tuple(verdict for one in done for verdict in one.checked.report.verdicts),
        quarantined=tuple(quarantined),
        facts=facts,
        measured={one.name: one.checked.report.measured for one in done},
    )
    return Checked(report, tuple(part for one in done for part in one.checked.sections))


def _works(inputs: Inputs, root: Path) -> Iterator[tuple[str, str | None, Callable[[], Checked]]]:
    """Name, report and work of each check that is asked for."""
    if inputs.health:
        yield "health", inputs.health.report, partial(health_checked, inputs.health, root)
    if inputs.alignment:
        one = inputs.alignment
        manifests = (one.manifest,) if isinstance(one.manifest, str) else one.manifest
        for number, manifest in enumerate(manifests):
            report = one.report
            if report and len(manifests) > 1:
                report = str(Path(report).with_suffix("")) + f"_{number + 1}.json"
            yield "alignment", report, partial(check_alignment, root / manifest, one.limits)
    for name in ("boundary", "openset", "bootstrap", "labels"):
        asked: BoundaryInput | OpenSetInput | BootstrapInput | LabelsInput | None = getattr(inputs, name)
        if asked:
            work = partial(
                check_answers,
                root / asked.ground_truth,
                root / asked.predictions,
                asked.limits,
                fold=asked.fold,
                unknown_field=asked.unknown_field if isinstance(asked, OpenSetInput) else None,
            )
            yield name, asked.report, work
    if inputs.duplicates:
        yield (
            "duplicates",
            inputs.duplicates.report,
            partial(check_duplicates, root / inputs.duplicates.source, inputs.duplicates.limits),
        )
