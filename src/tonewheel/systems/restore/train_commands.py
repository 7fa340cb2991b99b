"""The verb `restore train`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tonewheel.core.console import emit, say


class Net(StrEnum):
    """What can be trained alone."""

    clicks = "clicks"
    hiss = "hiss"


def train(
    prepared: Annotated[Path, typer.Argument(help="A folder made by `restore prepare`.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Run folder; a killed run in it continues.")],
    recipe: Annotated[
        str,
        typer.Option(
            help="Recipe by name (smoke, base, adaptive, mixed, contrastive, curriculum, pseudo) or a YAML file."
        ),
    ] = "base",
    settings: Annotated[
        list[str],
        typer.Option("--set", help="Change one setting, as clicks.fit.max_steps=500."),
    ] = [],  # noqa: B006 - typer never changes it, and None would make it import pydantic
    initial: Annotated[
        Path | None, typer.Option("--from", help="Folder with weights to start from, such as another run's.")
    ] = None,
    only: Annotated[Net | None, typer.Option(help="Train this net alone.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Train the click detector and the denoiser; the weights are OUT/clicks.safetensors and OUT/hiss.safetensors."""
    from tonewheel.learn.recipe import load_recipe
    from tonewheel.systems.restore.prepare import Prepared
    from tonewheel.systems.restore.recipe import RestoreRecipe
    from tonewheel.systems.restore.train import NETS
    from tonewheel.systems.restore.train import train as run

    nets = NETS if only is None else tuple(net for net in NETS if net == only.value)
    results = run(Prepared(prepared), load_recipe(recipe, RestoreRecipe, settings), out, nets, initial)
    if as_json:
        emit({net: result.to_dict() for net, result in results.items()})
        return
    for net, result in results.items():
        say(f"{out / net}.safetensors: {result.steps} steps, best {result.best_score} at {result.best_step}")
