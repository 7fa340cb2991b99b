"""The verbs `drums manifest annotate`, `openness` and `boundary`: events that are told more than they said."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tonewheel.core.console import emit, say
from tonewheel.core.verbs import Force, Json

Events = Annotated[Path, typer.Option("--events", "--input", "-i", help="The manifest, .jsonl.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="File to write.")]
InPlace = Annotated[bool, typer.Option("--in-place", help="Replace the manifest itself.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Count what would change, write nothing.")]
Strict = Annotated[bool, typer.Option("--strict", help="Exit status 1 and no output if a line is broken.")]


def annotate(
    events: Events,
    output: Output = None,
    in_place: InPlace = False,
    taxonomy: Annotated[
        Path | None, typer.Option("--taxonomy", help="Technique taxonomy, JSON; default: the shipped one.")
    ] = None,
    plain_list: Annotated[
        Path | None,
        typer.Option("--taxonomy-list", help="Older plain list, used when the JSON is missing."),
    ] = None,
    dry_run: DryRun = False,
    strict: Strict = False,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Add the techniques that tempo, meter, cymbals and hi-hats of a session tell."""
    from tonewheel.manifest.technique_taxonomy import load_taxonomy
    from tonewheel.manifest.techniques import annotate as run

    out = _out(events, output, in_place, dry_run, force)
    found = run(events, out, load_taxonomy(taxonomy, plain_list), strict=strict)
    if as_json:
        emit({"out": out and str(out), **found.to_dict()})
        return
    for technique, count in found.added.items():
        say(f"{technique}: {count} events")
    for technique, count in found.unknown.items():
        say(f"not in the taxonomy: {technique} ({count} events)")
    _tell(out, found.events, found.changed, found.quarantined)


def openness(
    events: Events,
    output: Output = None,
    in_place: InPlace = False,
    curves: Annotated[
        Path | None, typer.Option("--curves", help="Openness curves, JSON; default: generic ones.")
    ] = None,
    default_curve: Annotated[
        str | None, typer.Option("--default-curve", help="Curve id for modules that have no curve.")
    ] = None,
    dry_run: DryRun = False,
    strict: Strict = False,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Calibrate the hi-hat openness of e-drum modules by their curves; raw values stay."""
    from tonewheel.manifest.openness import GENERIC, Curves, calibrate

    out = _out(events, output, in_place, dry_run, force)
    known = Curves.read(curves or GENERIC)
    default = known.must(default_curve) if default_curve else None
    found = calibrate(events, out, known, default=default, strict=strict)
    for warning in found.warnings:
        say(f"warning: {warning}")
    if as_json:
        emit({"out": out and str(out), **found.to_dict()})
        return
    for curve, count in found.by_curve.items():
        say(f"{curve}: {count} hi-hat hits")
    for module, count in found.no_curve.items():
        say(f"no curve for {module}: {count} hi-hat hits left as they are")
    _tell(out, found.events, found.changed, found.quarantined)


def boundary(
    events: Events,
    output: Output = None,
    window_ms: Annotated[float, typer.Option(help="Length of a streaming window, ms.")] = 2048.0,
    hop_ms: Annotated[float, typer.Option(help="From window to window, ms.")] = 512.0,
    margin_ms: Annotated[float, typer.Option(help="How near an edge an event must be, ms.")] = 40.0,
    rate: Annotated[
        int, typer.Option(min=1000, help="Sample rate that windows are counted in, Hz.")
    ] = 44_100,
    edge: Annotated[list[str], typer.Option("--edge", help="leading or trailing; both by default.")] = [],  # noqa: B006
    max_per_edge: Annotated[int | None, typer.Option(min=1, help="Most events of an edge.")] = None,
    include_label: Annotated[list[str], typer.Option(help="Only events with this label.")] = [],  # noqa: B006
    exclude_label: Annotated[list[str], typer.Option(help="No events with this label.")] = [],  # noqa: B006
    dry_run: DryRun = False,
    strict: Strict = False,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Write the events near the edges of streaming windows, as truth for the boundary gate."""
    from tonewheel.manifest.boundary import EDGES, Windows, boundary_pack

    out = _out(events, output, None, dry_run, force)
    windows = Windows.of_ms(window_ms, hop_ms, margin_ms, rate)
    found = boundary_pack(
        events,
        out,
        windows,
        edges=edge or EDGES,
        max_per_edge=max_per_edge,
        include=include_label,
        exclude=exclude_label,
        strict=strict,
    )
    if as_json:
        emit({"out": out and str(out), **found.to_dict()})
    else:
        say(f"{found.leading} leading and {found.trailing} trailing of {found.events} events")
        if found.over_cap or found.no_onset:
            say(f"left out: {found.over_cap} over the cap, {found.no_onset} without a time")
        _tell(out, found.events, found.leading + found.trailing, found.quarantined, "lines")
    if not found.leading + found.trailing:
        raise typer.Exit(1)


def _out(events: Path, output: Path | None, in_place: bool | None, dry_run: bool, force: bool) -> Path | None:
    """Where to write, None for a dry run; refused before the work where it cannot be.

    `in_place` is None for a verb that has no such option.
    """
    from tonewheel.core.errors import InputError
    from tonewheel.core.files import refuse_overwrite

    if dry_run:
        return None
    if bool(in_place) == (output is not None):
        other = "" if in_place is None else ", or --in-place (not both)"
        raise InputError("--output", f"is needed{other}, or --dry-run")
    if in_place or output is None:
        return events
    if output.exists() and events.exists() and output.samefile(events):
        raise InputError(
            output, f"is the manifest itself{'' if in_place is None else '; --in-place replaces it'}"
        )
    refuse_overwrite(output, force)
    return output


def _tell(
    out: Path | None, events: int, changed: int, quarantined: int, what: str = "events changed"
) -> None:
    from tonewheel.manifest.event_lines import quarantine_path

    if quarantined:
        where = "" if out is None else f", see {quarantine_path(out)}"
        say(f"{quarantined} broken lines set apart{where}")
    if out is None:
        say(f"dry run: {changed} of {events} {what}" if what != "lines" else f"dry run: {changed} lines")
    else:
        say(f"{out}: {changed} of {events} {what}" if what != "lines" else f"{out}: {changed} lines")
