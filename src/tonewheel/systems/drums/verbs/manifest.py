"""The verbs of `tonewheel drums manifest`: stitch, compare and weigh, and those of `verbs.annotate`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tonewheel.core.console import emit, say
from tonewheel.core.verbs import Force, Json, verbs
from tonewheel.systems.drums.verbs.annotate import annotate, boundary, openness

app = verbs("Manifests of drum events: merge, compare, annotate, weigh.")

Strict = Annotated[bool, typer.Option("--strict", help="Exit status 1 and no output if a line is broken.")]
SetApart = Annotated[
    Path | None,
    typer.Option("--quarantine", help="File for broken lines; default: beside the output."),
]


class Group(StrEnum):
    """What events are grouped by."""

    session_id = "session_id"
    audio_path = "audio_path"


@app.command()
def merge(
    inputs: Annotated[list[Path], typer.Option("--input", "-i", help="A manifest; may be given often.")],
    out: Annotated[Path, typer.Option("--output", "-o", help="The manifest to write, .jsonl.")],
    dedupe: Annotated[
        bool, typer.Option("--dedupe", help="Keep the first event of every sample_id.")
    ] = False,
    quarantine: SetApart = None,
    strict: Strict = False,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Stitch manifests into one, lines as they are, with their provenance beside it."""
    from tonewheel.core.files import refuse_overwrite
    from tonewheel.manifest.event_lines import quarantine_path
    from tonewheel.manifest.events.merge import merge as run
    from tonewheel.manifest.events.merge import provenance_path
    from tonewheel.manifest.events.scan import setting_apart

    refuse_overwrite(out, force)
    with setting_apart(quarantine or quarantine_path(out)) as apart:
        merged = run(inputs, out, dedupe=dedupe, quarantine=apart, strict=strict)
    _tell_broken(apart.count, apart.path)
    if as_json:
        emit({**merged.to_dict(), "quarantined": apart.count})
        return
    for part in merged.inputs:
        say(f"{part.path}: {part.events} events")
    what = "left out" if dedupe else "kept"
    say(f"{out}: {merged.events} events; {merged.duplicates} had an id that was there before ({what})")
    say(f"provenance: {provenance_path(out)}")


@app.command()
def compare(
    baseline: Annotated[Path, typer.Argument(help="The manifest as it was.")],
    candidate: Annotated[Path, typer.Argument(help="The manifest as it is to be.")],
    json_output: Annotated[Path | None, typer.Option("--json-output", help="The whole difference.")] = None,
    limit: Annotated[int, typer.Option(min=0, help="Rows to show of each kind.")] = 15,
    quarantine: SetApart = None,
    strict: Strict = False,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Tell which sessions, components and techniques were added, removed or changed in number."""
    from tonewheel.core.files import refuse_overwrite, write_json
    from tonewheel.manifest.events.compare import compare as run
    from tonewheel.manifest.events.scan import setting_apart

    if json_output is not None:
        refuse_overwrite(json_output, force)
    with setting_apart(quarantine) as apart:
        found = run(baseline, candidate, quarantine=apart, strict=strict)
    _tell_broken(apart.count, apart.path)
    whole = {
        **found.to_dict(),
        "baseline_path": str(baseline),
        "candidate_path": str(candidate),
        "quarantined": apart.count,
    }
    if json_output is not None:
        write_json(json_output, whole)
        say(f"difference: {json_output}")
    if as_json:
        emit(whole)
    else:
        print(found.summary(limit))


@app.command()
def weights(
    manifests: Annotated[list[Path], typer.Argument(help="Manifests, taken together.")],
    out: Annotated[Path, typer.Option("--output", "-o", help="The weights to write, .json.")],
    group_field: Annotated[Group, typer.Option(help="Key that groups events.")] = Group.session_id,
    exponent: Annotated[float, typer.Option(help="weight = (count + smoothing) ** -exponent.")] = 0.5,
    smoothing: Annotated[float, typer.Option(min=0, help="Added to the count of a group.")] = 0.0,
    technique_boost: Annotated[
        list[str], typer.Option(help="TECHNIQUE=FACTOR for groups that hold it; may be given often.")
    ] = [],  # noqa: B006
    min_count: Annotated[int, typer.Option(min=0, help="Groups with fewer events get no weight.")] = 1,
    dedupe_key: Annotated[
        str, typer.Option(help="Keys of an event, with commas, that together count once.")
    ] = "",
    max_events_per_group: Annotated[
        int | None, typer.Option(min=1, help="Further events of a group are not counted.")
    ] = None,
    filter_technique: Annotated[
        list[str], typer.Option(help="Count only events with this technique; may be given often.")
    ] = [],  # noqa: B006
    filter_match_all: Annotated[bool, typer.Option(help="With all of them, not any.")] = False,
    min_weight: Annotated[float | None, typer.Option(min=0, help="Weights are at least this.")] = None,
    max_weight: Annotated[float | None, typer.Option(min=0, help="Weights are at most this.")] = None,
    quarantine: SetApart = None,
    strict: Strict = False,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Derive sampling weights of sessions or audio files, for training to draw by."""
    from tonewheel.core.files import refuse_overwrite, write_json
    from tonewheel.manifest.event_lines import quarantine_path
    from tonewheel.manifest.events.scan import setting_apart
    from tonewheel.manifest.events.weights import WeightOptions, derive_weights, parse_boosts

    refuse_overwrite(out, force)
    options = WeightOptions(
        group_by=group_field.value,
        exponent=exponent,
        smoothing=smoothing,
        boosts=parse_boosts(technique_boost),
        min_count=min_count,
        dedupe=tuple(key.strip() for key in dedupe_key.split(",") if key.strip()),
        max_per_group=max_events_per_group,
        techniques=tuple(filter_technique),
        match_all=filter_match_all,
        min_weight=min_weight,
        max_weight=max_weight,
    )
    with setting_apart(quarantine or quarantine_path(out)) as apart:
        made = derive_weights(manifests, options, quarantine=apart, strict=strict)
    _tell_broken(apart.count, apart.path)
    write_json(out, made)
    if as_json:
        emit({"weights": str(out), **made.metadata})
    else:
        low, high = made.metadata["weight_range"] or (None, None)
        spread = f", weights {low:.4g} to {high:.4g}" if low is not None else ""
        say(
            f"{out}: {made.metadata['groups']} groups, {made.metadata['events_counted']} of "
            f"{made.metadata['events_total']} events counted{spread}"
        )


for verb in (annotate, openness, boundary):
    app.command()(verb)


def _tell_broken(count: int, path: Path | None) -> None:
    if count:
        say(f"{count} broken lines set apart" + (f": {path}" if path else ""))
