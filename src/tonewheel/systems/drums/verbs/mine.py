"""The verb `drums mine`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tonewheel.core.console import emit, say
from tonewheel.systems.drums.verbs.left_out import tell_left_out


def mine(
    predictions: Annotated[Path, typer.Option("--predictions", help="What a model said, JSONL.")],
    ground_truth: Annotated[Path, typer.Option("--ground-truth", help="Annotated events, JSONL.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Manifest of hard negatives to write, JSONL.")
    ],
    min_confidence: Annotated[float, typer.Option(help="Least score of a mistake to keep.")] = 0.7,
    max_per_label: Annotated[int | None, typer.Option(min=1, help="Most negatives of one label.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 when lines were left out.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout.")] = False,
) -> None:
    """Collect confident false positives as negative examples for the next training."""
    from tonewheel.core.files import refuse_overwrite
    from tonewheel.systems.drums.collecting.hard_negatives import mine as run

    refuse_overwrite(output, force)
    found = run(predictions, ground_truth, output, min_confidence=min_confidence, max_per_label=max_per_label)
    tell_left_out(found.quarantined)
    if as_json:
        emit({"out": str(output), **found.to_dict(), "quarantined": len(found.quarantined)})
    else:
        tally = ", ".join(f"{label} {count}" for label, count in found.per_label.items())
        say(
            f"{output}: {found.negatives} hard negatives of {found.predictions} predictions ({tally or 'none'})"
        )
    if strict and found.quarantined:
        raise typer.Exit(1)
