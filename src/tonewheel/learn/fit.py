"""Fit a Lightning module in a run folder that can be killed at any moment and continued on any machine.

    RUN/recipe.yaml              every setting, spelled out
    RUN/versions.json            of the software and machine that ran it last
    RUN/journal.jsonl            what happened when
    RUN/metrics.csv              step, name, value
    RUN/tensorboard/             the same for TensorBoard
    RUN/checkpoints/last.safetensors, best.safetensors

`fit` looks for checkpoints/last and goes on from there; on one CPU with one thread count the result is equal, bit
for bit, to that of an uninterrupted run.
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
from lightning.pytorch.utilities.rank_zero import rank_zero_only
from torch import Tensor
from torch.utils.data import DataLoader

import tonewheel
from tonewheel.core.errors import InputError, RecipeError
from tonewheel.core.files import write_json
from tonewheel.core.journal import Journal
from tonewheel.core.records import Record
from tonewheel.learn.callbacks import KeepCheckpoints, SeedEachStep, ShowProgress, StateIO
from tonewheel.learn.checkpoint import describe_state, load_state
from tonewheel.learn.loggers import require_wandb, run_loggers
from tonewheel.learn.recipe import FitRecipe, Recipe, parse_recipe
from tonewheel.learn.stream import Stream, step_loader

# These change how a run is carried out, not what it computes, so a continued run may have others.
FREE_TO_CHANGE = frozenset(
    {"accelerator", "checkpoint_every_steps", "devices", "loader_workers", "num_nodes", "strategy", "wandb"}
)


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
        best = Path(self.run_dir) / "checkpoints" / "best.safetensors"
        return best if self.best_step is not None else self.last


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

    `valid` are the batches of a validation (a list, or a loader). `recipe` is the whole recipe of the run, saved
    beside the checkpoints and inside them (`settings` alone by default); `about` says more of the model and its data.
    InputError when the folder or its checkpoint cannot be used, RecipeError when the folder belongs to another
    recipe, MissingDependencyError when Weights & Biases is asked for and not installed.
    """
    folder = Path(run_dir)
    recipe = recipe or settings
    if settings.wandb:
        require_wandb()
    journal = Journal(folder / "journal.jsonl")
    last = folder / "checkpoints" / "last.safetensors"
    described = describe_state(last) if last.exists() else {}
    first_step = int(described.get("step", 0))
    _claim(folder, recipe)
    if first_step >= settings.max_steps:
        return _result(folder, described)

    run_id = _run_id(journal)
    if rank_zero_only.rank == 0:
        write_json(folder / "versions.json", versions())
        journal.write("resume" if first_step else "start", run_id=run_id, step=first_step, versions=versions())
    keep = KeepCheckpoints(folder / "checkpoints", settings, journal, has_validation=valid is not None)
    whole = {
        "module": type(module).__qualname__,
        "recipe": recipe.to_dict(),
        "versions": versions(),
        "about": dict(about or {}),
    }
    # Lightning greets, tips and advertises at INFO.
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        # Our streams have no length and need few workers; the advice is for other loaders.
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*isinstance.treespec, LeafSpec.*")
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
            callbacks=[SeedEachStep(settings.seed), ShowProgress(first_step, settings.max_steps), keep],
            plugins=[StateIO(whole)],
            default_root_dir=folder,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            benchmark=False,
        )
        train.rank = trainer.global_rank
        loader = step_loader(train, first_step, settings.max_steps, settings.loader_workers)
        trainer.fit(module, loader, _valid_loader(valid), ckpt_path=str(last) if first_step else None)
    if trainer.is_global_zero:
        journal.write("done", step=trainer.global_step, scores=keep.scores)
    return _result(folder, describe_state(last))


def _valid_loader(valid: Iterable[Any] | None) -> Iterable[Any] | None:
    # Lightning takes a list for several loaders.
    return DataLoader(valid, batch_size=None) if isinstance(valid, list | tuple) else valid  # type: ignore[arg-type]


def load_module_state(path: str | PathLike[str], prefix: str = "") -> dict[str, Tensor]:
    """The weights in a run's checkpoint; with `prefix` ("encoder.") those of one part, the prefix taken off."""
    weights: dict[str, Tensor] = load_state(path).get("state_dict", {})
    found = {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
    if not found:
        raise InputError(str(path), f'holds no weights whose names start with "{prefix}"')
    return found


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


def _claim(folder: Path, recipe: Recipe) -> None:
    """Save the recipe into the folder, or see that the one in there is the same."""
    path = folder / "recipe.yaml"
    if path.exists():
        before = parse_recipe(path.read_text(encoding="utf-8"), type(recipe), where=path)
        changed = _differences(before.to_dict(), recipe.to_dict())
        if changed:
            raise RecipeError(path, [f"{folder} holds a run of another recipe: take another folder, or this recipe", *changed])
    if rank_zero_only.rank == 0:
        recipe.save(path)


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
    if journal.path.exists():
        for entry in Journal.read(journal.path):
            if isinstance(entry.get("run_id"), str):
                return str(entry["run_id"])
    return secrets.token_hex(4)


def _result(folder: Path, described: Mapping[str, Any]) -> RunResult:
    return RunResult(
        run_dir=str(folder),
        steps=described["step"],
        best_step=described["best_step"],
        best_score=described["best_score"],
        scores=described["scores"],
    )
