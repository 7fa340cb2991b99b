"""Train the transformer on a data set of snapshots."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

import lightning
import torch
from torch import Tensor

from tonewheel.core.errors import InputError
from tonewheel.core.files import write_json
from tonewheel.core.records import Record
from tonewheel.learn.checkpoint import load_model, load_weights, save_model, state_weights
from tonewheel.learn.fit import RunResult, fit, versions
from tonewheel.learn.recipe import FitRecipe, parse_recipe
from tonewheel.learn.schedule import adamw
from tonewheel.learn.stream import Stream
from tonewheel.systems.stems.flywheel.data import Batch, Snapshots, draw, input_widths, read_snapshots
from tonewheel.systems.stems.flywheel.loss import loss, stem_errors
from tonewheel.systems.stems.flywheel.model import StemTransformer
from tonewheel.systems.stems.flywheel.recipe import FlywheelRecipe

KIND = "stems.flywheel"
FILE = "flywheel.safetensors"


class TrainedOn(Record):
    """Which data set a run folder belongs to."""

    hash: str
    run_id: str


class FlywheelModule(lightning.LightningModule):
    """The transformer with its loss, as the trainer sees it."""

    def __init__(self, recipe: FlywheelRecipe, snapshots: Snapshots) -> None:
        super().__init__()
        self.recipe = recipe
        manifest = snapshots.manifest
        self.transformer = StemTransformer(recipe.transformer, input_widths(manifest), manifest.target_width)
        whole = snapshots.train.batch()
        self.transformer.input_mean = whole.inputs.mean(0)
        # A number that never moves in training says nothing; a small scale would make it shout in use.
        self.transformer.input_scale = whole.inputs.std(0, correction=0).clamp(min=0.01)
        total = whole.weights.sum(0)
        mean = (whole.weights * whole.targets).sum(0) / total.clamp(min=1e-9)
        self.transformer.target_mean = torch.where(total > 0, mean, 0.0)

    def training_step(self, batch: Batch, _step: int) -> Tensor:
        noise = self.recipe.input_noise * torch.randn_like(batch.inputs) * self.transformer.input_scale
        value = loss(self.transformer(batch.inputs + noise), batch.targets, batch.weights)
        self.log("train/loss", value, prog_bar=True)
        return value

    def validation_step(self, batch: Batch, _step: int) -> None:
        errors = stem_errors(self.transformer(batch.inputs), batch.targets, batch.weights)
        self.log("valid/loss", errors[~errors.isnan()].mean(), batch_size=len(batch.inputs))

    def configure_optimizers(self) -> Any:
        return adamw(self, self.recipe.fit)


def train(folder: Path, recipe: FlywheelRecipe, run_dir: Path) -> RunResult:
    """Train in `run_dir`, or go on where a killed run stopped, and write RUN/flywheel.safetensors.

    InputError when the run folder belongs to another data set.
    """
    snapshots = read_snapshots(folder)
    _same_data(run_dir / "trained_on.json", snapshots)
    recipe = with_steps(recipe, len(snapshots.train.inputs))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.fit.seed)  # the same recipe gives the same weights, from the first ones on
        module = FlywheelModule(recipe, snapshots)
    settings = recipe.fit
    stream = Stream(
        lambda _rng, step: draw(snapshots.train, settings.batch_size, settings.seed, step), settings.seed
    )
    valid = [snapshots.validation.batch()] if snapshots.validation.weights.any() else None
    result = fit(module, settings, stream, valid, run_dir, recipe=recipe)
    load_weights(module, state_weights(result.best), result.best)
    save_model(
        run_dir / FILE,
        module.transformer.state_dict(),
        {
            "kind": KIND,
            "recipe": recipe.to_dict(),
            "widths": input_widths(snapshots.manifest),
            "target_width": snapshots.manifest.target_width,
            "data": {
                "run_id": snapshots.manifest.run_id,
                "hash": snapshots.manifest.hash,
                "counts": snapshots.manifest.counts,
            },
            "run": {"steps": result.steps, "best_step": result.best_step, "best_score": result.best_score},
            "versions": versions(),
        },
    )
    return result


def with_steps(recipe: FlywheelRecipe, snapshots: int) -> FlywheelRecipe:
    """The recipe with its epochs as steps: validated after each, patience told in validations.

    >>> with_steps(FlywheelRecipe(epochs=3), 100).fit.max_steps
    12
    """
    steps = math.ceil(snapshots / recipe.fit.batch_size)
    fit_recipe = recipe.fit.to_dict() | {
        "max_steps": steps * recipe.epochs,
        "validate_every_steps": steps,
        "checkpoint_every_steps": steps,
        "patience": recipe.patience_epochs,
        "log_every_steps": min(recipe.fit.log_every_steps, steps),
        "warm_up_steps": min(recipe.fit.warm_up_steps, steps * recipe.epochs),
    }
    return recipe.model_copy(update={"fit": FitRecipe.model_validate(fit_recipe)})


class Trained(NamedTuple):
    """A transformer that was read, and what its file says of it."""

    transformer: StemTransformer
    about: dict[str, Any]
    sha256: str


def load_transformer(path: Path) -> Trained:
    """A trained transformer, ready to be used; InputError or ModelMismatchError when the file holds none."""
    saved = load_model(path, kind=KIND)
    about = saved.metadata
    recipe = parse_recipe("", FlywheelRecipe).model_validate(about["recipe"])
    transformer = StemTransformer(recipe.transformer, about["widths"], about["target_width"])
    load_weights(transformer, saved.tensors, path)
    return Trained(transformer.eval(), about, saved.sha256)


def _same_data(path: Path, snapshots: Snapshots) -> None:
    told = TrainedOn(hash=snapshots.manifest.hash, run_id=snapshots.manifest.run_id)
    if not path.exists():
        write_json(path, told)
    elif (before := TrainedOn.read(path)).hash != told.hash:
        raise InputError(
            path.parent,
            f"has a run on the data set {before.run_id}, this is {told.run_id}; take another folder",
        )
