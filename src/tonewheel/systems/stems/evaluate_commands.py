"""The verb `stems evaluate`, of both models: what the folder holds decides which one it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tonewheel.core.console import show_scores
from tonewheel.core.errors import InputError
from tonewheel.core.verbs import Json
from tonewheel.systems.stems.options import DatasetDir, folders


def evaluate(
    data: Annotated[
        Path | None,
        typer.Argument(
            help="Songs whose stems are known: a folder of folders (one a song, files named by stem), an index.csv of"
            " parts, a folder of `stems prepare`; or a data set of snapshots."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", "--output-dir", "--outputDir", help="Folder of the report; a killed run continues."
        ),
    ] = None,
    dataset_dir: DatasetDir = None,
    stems: Annotated[int | None, typer.Option(help="6, 4 or 2; default: what the songs tell.")] = None,
    split: Annotated[
        str | None, typer.Option(help="Only songs of this split, where there are splits.")
    ] = None,
    songs: Annotated[int | None, typer.Option(min=1, help="Only so many songs.")] = None,
    bss: Annotated[bool, typer.Option(help="Also BSSEval v4, which takes longest.")] = True,
    ours: Annotated[
        bool, typer.Option(help="Also our separator, not the baselines and the oracle alone.")
    ] = True,
    weights: Annotated[
        Path | None,
        typer.Option("--weights", "--model", help="Weights of your training; default: those that ship."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure the separator beside baselines and the ideal mask; or the flywheel's transformer, on snapshots."""
    from tonewheel.systems.stems.flywheel_commands import evaluate_snapshots, holds_snapshots

    folder, out = folders("evaluate", data, dataset_dir, out)
    if holds_snapshots(folder):
        evaluate_snapshots(folder, out, weights, as_json)
        return
    from tonewheel.manifest.stems import FOLDS
    from tonewheel.systems.stems.evaluate import evaluate as run
    from tonewheel.systems.stems.masker import NetMasker

    if stems is not None and stems not in FOLDS:
        raise InputError("--stems", f"6, 4 or 2, got {stems}")
    masker = None
    if ours:
        masker = NetMasker.load(weights)
    scores = run(folder, masker, out, fold=stems, split=split, songs=songs, bss=bss)
    show_scores(scores, out, as_json)
