"""How a check ends: its report written, its verdicts told, its exit status."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tonewheel.core.console import emit, say
from tonewheel.systems.drums.verbs.left_out import tell_left_out

if TYPE_CHECKING:
    from tonewheel.gates.report import Report
    from tonewheel.systems.drums.checks.checked import Checked

ReportFile = Annotated[Path | None, typer.Option("--report", help="Report: .json, with .html beside it.")]
Strict = Annotated[
    bool, typer.Option("--strict", help="Exit 1 when a gate failed or a line was left out; else only tell.")
]


def finish(
    checked: Checked,
    report: Path | None,
    as_json: bool,
    strict: bool,
    *,
    always: bool = False,
    told: bool = False,
) -> None:
    """Write, tell, and leave with the exit status; `always` fails for a gate without being strict."""
    found = checked.report
    written: Any = checked.write(report) if report is not None else ()
    if not told:
        tell(found, as_json)
    if written:
        say(f"report: {written[0]} and {written[1]}")
    left_out = len(found.quarantined) + int(found.facts.get("broken lines set apart", 0))
    failed = not found.passed
    if failed and not (strict or always):
        say("a gate failed; --strict makes this the exit status")
    if (failed and (strict or always)) or (strict and left_out):
        raise typer.Exit(1)


def tell(report: Report, as_json: bool) -> None:
    """The verdicts, and what was left out."""
    for verdict in report.verdicts:
        emit(verdict) if as_json else say(str(verdict))
    tell_left_out(report.quarantined, "the report")
