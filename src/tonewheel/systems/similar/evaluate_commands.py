"""`tonewheel similar evaluate`: how good an index is, with a map."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tonewheel.core.console import show_scores


def evaluate(
    index: Annotated[Path, typer.Argument(help="An index made by `similar index`.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the report.")],
    labels: Annotated[
        Path | None, typer.Option(help="CSV of path and label, of styles say; default: the artists.")
    ] = None,
    changes: Annotated[
        int,
        typer.Option(min=0, help="So many tracks are changed (pitch, tempo, noise, crop) and sought again."),
    ] = 0,
    weights: Annotated[Path | None, typer.Option(help="Weights that made the index, if of your own.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of what is drawn.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Measure an index against labels: P@5, MAP@R, silhouette, NMI, AMI, hubness, lists, paths, latency."""
    from tonewheel.core.files import refuse_overwrite
    from tonewheel.systems.similar.api import Index
    from tonewheel.systems.similar.evaluate import evaluate as run

    refuse_overwrite(out / "scores.json", force)
    scores = run(Index.open(index, weights=weights), index.name, out, labels, changes, seed)
    show_scores(scores, out, as_json)
