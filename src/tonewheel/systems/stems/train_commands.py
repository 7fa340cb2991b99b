"""The verb `stems train`, of both models: what the folder holds decides which one it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tonewheel.core.console import emit, say
from tonewheel.core.errors import InputError
from tonewheel.core.verbs import Json
from tonewheel.systems.stems.options import DatasetDir, folders, of_run


def train(
    source: Annotated[
        Path | None,
        typer.Argument(
            help="A folder made by `stems prepare` (the separator) or `stems dataset` (the flywheel)."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", "--output-dir", "--outputDir", help="Run folder; a killed run in it continues."
        ),
    ] = None,
    dataset_dir: DatasetDir = None,
    recipe: Annotated[str, typer.Option(help="Recipe by name (smoke, base) or a YAML file.")] = "base",
    settings: Annotated[
        list[str], typer.Option("--set", help="Change one setting, as fit.max_steps=500.")
    ] = [],  # noqa: B006 - typer never changes it, and None would make it import pydantic
    initial: Annotated[
        Path | None,
        typer.Option("--from", help="Separator: weights to start from, such as those of another run."),
    ] = None,
    beside: Annotated[
        Path | None,
        typer.Option("--mean-with", help="Separator: release the mean of the best weights and of these."),
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Flywheel: the same as --set epochs=N.")] = None,
    batch_size: Annotated[
        int | None,
        typer.Option("--batch-size", "--batchSize", min=1, help="The same as --set fit.batch_size=N."),
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option("--learning-rate", "--learningRate", help="The same as --set fit.learning_rate=X."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Train the separator on prepared multitracks, or the flywheel's transformer on snapshots."""
    from tonewheel.systems.stems.flywheel_commands import holds_snapshots, train_snapshots

    folder, out = folders("train", source, dataset_dir, out)
    named = {"fit.batch_size": batch_size, "fit.learning_rate": learning_rate}
    settings = [*settings, *(f"{name}={value}" for name, value in named.items() if value is not None)]
    if holds_snapshots(folder):
        for option, given in (("--from", initial), ("--mean-with", beside)):
            if given is not None:
                raise InputError(option, "is for the separator; a challenger starts afresh")
        train_snapshots(
            folder, out, recipe, settings + ([] if epochs is None else [f"epochs={epochs}"]), as_json
        )
        return
    if epochs is not None:
        raise InputError("--epochs", "is for snapshots; a separator's steps are fit.max_steps")
    from tonewheel.learn.recipe import load_recipe
    from tonewheel.systems.stems.making.takes import TAKES, Prepared
    from tonewheel.systems.stems.recipe import StemsRecipe
    from tonewheel.systems.stems.train import FILE
    from tonewheel.systems.stems.train import train as run

    if not (folder / TAKES).is_file():
        raise InputError(
            folder,
            "holds neither songs of `tonewheel stems prepare` nor snapshots of `tonewheel stems dataset`",
        )
    result = run(Prepared(folder), load_recipe(recipe, StemsRecipe, settings), out, initial, beside)
    if as_json:
        emit(result)
    else:
        say(f"{out / FILE}: {of_run(result)}")
