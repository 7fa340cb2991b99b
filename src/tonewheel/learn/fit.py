"""Fit a Lightning module in a run folder that can be killed at any moment and continued on any machine.

    RUN/recipe.yaml                     every setting, spelled out
    RUN/versions.json                   of the software and the machine that ran it last
    RUN/journal.jsonl                   what happened when
    RUN/metrics.csv, RUN/tensorboard/   step, name, value
    RUN/checkpoints/last.safetensors    the state to go on from
    RUN/checkpoints/best.safetensors    the same at the best validation

`fit` looks for checkpoints/last and goes on from there; on a CPU, with one thread count, the result is equal,
bit for bit, to that of an uninterrupted run.
"""

from __future__ import annotations

import logging
import os
import platform
import secrets
import warnings
from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import safetensors
import torch
from torch.utils.data import DataLoader

import tonewheel
from tonewheel.core.errors import RecipeError
from tonewheel.core.files import write_json
from tonewheel.core.journal import Journal
from tonewheel.core.records import Record
from tonewheel.learn.callbacks import KeepCheckpoints, SeedEachStep, ShowProgress, StateIO, out_of_patience
from tonewheel.learn.checkpoint import describe_state, load_weights, state_weights
from tonewheel.learn.loggers import require_wandb, run_loggers
from tonewheel.learn.recipe import FitRecipe, Recipe, parse_recipe
from tonewheel.learn.stream import Stream, step_loader

FREE_TO_CHANGE = frozenset(
    {"accelerator", "checkpoint_every_steps", "devices", "loader_workers", "num_nodes", "strategy", "wandb"}
)
"""These say how a run is carried out, not what it computes, so a continued run may have others."""


class RunResult(Record):
    """How a run ended: its folder, steps done, where the best score was reached, and the last scores."""

    run_dir: str
    steps: int
    best_step: int | None
    best_score: float | None
    scores: dict[str, float]

    @property
    def last(self) -> Path:
        """The last checkpoint."""
        return Path(self.run_dir) / "checkpoints" / "last.safetensors"

    @property
    def best(self) -> Path:
        """The best checkpoint; the last one when nothing was validated."""
        return self.last if self.best_step is None else self.last.with_name("best.safetensors")


def fit(
    module: lightning.LightningModule,
    settings: FitRecipe,
    train: Stream[Any],
    valid: Iterable[Any] | None,
    run_dir: str | PathLike[str],
    *,
    recipe: Recipe | None = None,
    about: Mapping[str, Any] | None = None,
) -> RunResult:
    """Train `module` for `settings.max_steps` batches of `train`, or go on where a killed run stopped.

    With `settings.patience` it ends before that, once so many validations have brought no better score.

    `valid` are the batches of a validation (a list, or a loader). `recipe` is the whole recipe of the run,
    saved beside the checkpoints and inside them (`settings` alone by default); `about` says more of the model
    (its constructor's values) and of the data. InputError or ModelMismatchError when the checkpoint in the
    folder cannot be used, RecipeError when the folder belongs to another recipe, MissingDependencyError when
    Weights & Biases is asked for and not installed, TonewheelError when the weights stop being finite.
    """
    if settings.wandb:
        require_wandb()
    folder = Path(run_dir)
    recipe = recipe or settings
    _same_recipe(folder / "recipe.yaml", recipe)
    journal = Journal(folder / "journal.jsonl")
    last = folder / "checkpoints" / "last.safetensors"
    first_step, ended = 0, False
    if last.exists():
        load_weights(module, state_weights(last), last)
        told = describe_state(last)
        first_step = int(told["step"])
        ended = valid is not None and out_of_patience(first_step, told["best_step"], settings)
    if first_step >= settings.max_steps or ended:
        return _result(folder, last)

    run_id = _run_id(journal)
    keep = KeepCheckpoints(folder / "checkpoints", settings, journal, has_validation=valid is not None)
    made_by = versions()
    description = {
        "module": type(module).__qualname__,
        "recipe": recipe.to_dict(),
        "versions": made_by,
        "about": dict(about or {}),
    }
    # Lightning greets, tips and advertises at INFO.
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        # Advice on loaders that ours do not need, and a deprecation inside Lightning itself.
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*LeafSpec.*")
        trainer = lightning.Trainer(
            accelerator=settings.accelerator,
            devices=settings.devices,
            num_nodes=settings.num_nodes,
            strategy=settings.strategy,
            precision="bf16-mixed" if settings.precision == "bf16" else "32-true",
            max_steps=settings.max_steps,
            max_epochs=-1,
            gradient_clip_val=settings.gradient_clip or None,
            val_check_interval=settings.validate_every_steps if valid is not None else None,
            check_val_every_n_epoch=None,
            limit_val_batches=None if valid is not None else 0,
            num_sanity_val_steps=0,
            log_every_n_steps=settings.log_every_steps,
            logger=run_loggers(
                folder, first_step, run_id=run_id, wandb=settings.wandb, recipe=recipe.to_dict()
            ),
            callbacks=[
                SeedEachStep(settings.seed, train),
                ShowProgress(first_step, settings.max_steps),
                keep,
            ],
            plugins=[StateIO(description)],
            default_root_dir=folder,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
        )
        if trainer.is_global_zero:
            # What a killed process was writing.
            for part in last.parent.glob(".*.part.safetensors"):
                part.unlink(missing_ok=True)
            recipe.save(folder / "recipe.yaml")
            write_json(folder / "versions.json", made_by)
            journal.write(
                "resume" if first_step else "start", run_id=run_id, step=first_step, versions=made_by
            )
        loader = step_loader(train, first_step, settings.max_steps, settings.loader_workers)
        trainer.fit(module, loader, _as_one_loader(valid), ckpt_path=str(last) if first_step else None)
    result = _result(folder, last)
    if trainer.is_global_zero:
        journal.write("done", step=result.steps, scores=result.scores)
    return result


def versions() -> dict[str, str]:
    """Versions of all that a result depends on, and the machine."""
    return {
        "tonewheel": tonewheel.__version__,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "lightning": lightning.__version__,
        "numpy": np.__version__,
        "safetensors": safetensors.__version__,
        "platform": platform.platform(),
        "processor": torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine(),
        "threads": str(torch.get_num_threads()),
        "cores": str(os.cpu_count()),
    }


def _as_one_loader(valid: Iterable[Any] | None) -> Iterable[Any] | None:
    # Lightning takes a list for several loaders.
    return DataLoader(_Listed(valid), batch_size=None) if isinstance(valid, list | tuple) else valid


class _Listed(torch.utils.data.Dataset[Any]):
    def __init__(self, batches: list[Any] | tuple[Any, ...]) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, number: int) -> Any:
        return self.batches[number]


def _same_recipe(path: Path, recipe: Recipe) -> None:
    """RecipeError when a run folder has another recipe."""
    if not path.exists():
        return
    before = parse_recipe(path.read_text(encoding="utf-8"), type(recipe), where=path)
    changed = _differences(before.to_dict(), recipe.to_dict())
    if changed:
        raise RecipeError(path, ["this folder has a run of another recipe; take another folder", *changed])


def _differences(before: Any, now: Any, place: str = "") -> list[str]:
    if isinstance(before, dict) and isinstance(now, dict):
        return [
            difference
            for key in {**before, **now}
            if key not in FREE_TO_CHANGE
            for difference in _differences(before.get(key), now.get(key), f"{place}.{key}".lstrip("."))
        ]
    return [] if before == now else [f"{place} was {before!r}, is {now!r}"]


def _run_id(journal: Journal) -> str:
    """One identifier for the whole life of a run folder."""
    entries = Journal.read(journal.path) if journal.path.exists() else []
    known = [str(entry["run_id"]) for entry in entries if "run_id" in entry]
    return known[0] if known else secrets.token_hex(4)


def _result(folder: Path, last: Path) -> RunResult:
    about = describe_state(last)
    return RunResult(
        run_dir=str(folder),
        steps=about["step"],
        best_step=about["best_step"],
        best_score=about["best_score"],
        scores=about["scores"],
    )
