"""What happens around the steps of a fit: seeds before each, progress, checkpoints and the journal after."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning import LightningModule, Trainer
from lightning.fabric.plugins import CheckpointIO
from lightning.pytorch.callbacks import Callback

from tonewheel.core.console import say
from tonewheel.core.errors import RecipeError, TonewheelError, nearest
from tonewheel.core.journal import Journal
from tonewheel.core.progress import progress
from tonewheel.core.seeds import generator
from tonewheel.learn.checkpoint import load_state, save_state
from tonewheel.learn.recipe import FitRecipe
from tonewheel.learn.stream import Stream


class StateIO(CheckpointIO):
    """Lets Lightning keep its checkpoints in our format; its own are pickled."""

    def __init__(self, about: Mapping[str, Any]) -> None:
        self.about = dict(about)

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None
    ) -> None:
        save_state(path, checkpoint, {**self.about, **(storage_options or {})})

    def load_checkpoint(
        self, path: Any, map_location: Any | None = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        return load_state(path)

    def remove_checkpoint(self, path: Any) -> None:
        Path(path).unlink(missing_ok=True)


class SeedEachStep(Callback):
    """Makes all randomness inside a step (dropout) and its batch a function of (seed, step, process).

    So there is no random state to store: it is the same at step k whether the run was interrupted or not, and
    whether or not a validation came before.
    """

    def __init__(self, seed: int, stream: Stream[Any]) -> None:
        self.seed = seed
        self.stream = stream

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        # Here and not before the fit: spawned processes learn only now which one they are.
        self.stream.rank = trainer.global_rank

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        rng = generator(self.seed, "step", trainer.global_step, trainer.global_rank)
        for_torch, for_numpy, for_python = (int(drawn) for drawn in rng.integers(2**32, size=3))
        torch.manual_seed(for_torch)
        np.random.seed(for_numpy)  # noqa: NPY002 - for libraries that still use the global state
        random.seed(for_python)


class ShowProgress(Callback):
    """Steps on stderr."""

    def __init__(self, first_step: int, max_steps: int) -> None:
        self.first_step = first_step
        self.max_steps = max_steps
        self.ticks: Iterator[int] = iter(())

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.is_global_zero:
            if self.first_step:
                say(f"going on at step {self.first_step} of {self.max_steps}")
            self.ticks = progress(range(self.first_step, self.max_steps), "training", unit="steps")
            next(self.ticks, None)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        next(self.ticks, None)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self.ticks = iter(())  # lets go of the bar, which then gives the terminal back


def out_of_patience(step: int, best_step: int | None, settings: FitRecipe) -> bool:
    """Whether a run has gone on for `patience` validations without a better score.

    It is decided by what every checkpoint holds, so a run that was killed as it ended is seen to have ended.

    >>> out_of_patience(400, 100, FitRecipe(patience=3, validate_every_steps=100))
    True
    """
    waited = step - (best_step or 0)
    return 0 < settings.patience * settings.validate_every_steps <= waited


class KeepCheckpoints(Callback):
    """Writes checkpoints/last every so many steps, and checkpoints/best when the score improves.

    At a step that is validated, `last` waits for the validation: a resumed run neither repeats nor skips it.
    """

    def __init__(self, folder: Path, settings: FitRecipe, journal: Journal, has_validation: bool) -> None:
        self.last = folder / "last.safetensors"
        self.best = folder / "best.safetensors"
        self.settings = settings
        self.journal = journal
        self.has_validation = has_validation
        self.best_score: float | None = None
        self.best_step: int | None = None
        self.scores: dict[str, float] = {}

    def state_dict(self) -> dict[str, Any]:
        return {"best_score": self.best_score, "best_step": self.best_step, "scores": self.scores}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best_score = state_dict["best_score"]
        self.best_step = state_dict["best_step"]
        self.scores = state_dict["scores"]

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        step = trainer.global_step
        validated = self.has_validation and step % self.settings.validate_every_steps == 0
        if self._is_due(step) and not validated:
            self._save(trainer, self.last)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        step = trainer.global_step
        scores = {name: float(value) for name, value in trainer.callback_metrics.items()}
        # Batch norm differs between processes, so scores may; all must agree on what is saved.
        self.scores = trainer.strategy.broadcast(scores)
        score = self._score()
        if self._is_better(score):
            self.best_score, self.best_step = score, step
            self._save(trainer, self.best)
        if trainer.is_global_zero:
            self.journal.write("validation", step=step, scores=self.scores, best_step=self.best_step)
            told = ", ".join(f"{name} {value:.4g}" for name, value in self.scores.items())
            say(f"step {step}: {told}{' (best so far)' if self.best_step == step else ''}")
        ended = out_of_patience(step, self.best_step, self.settings)
        if ended:
            trainer.should_stop = True
            if trainer.is_global_zero:
                self.journal.write("early stop", step=step, best_step=self.best_step)
        if self._is_due(step) or ended:
            self._save(trainer, self.last)

    def _is_due(self, step: int) -> bool:
        return step % self.settings.checkpoint_every_steps == 0 or step == self.settings.max_steps

    def _score(self) -> float:
        name = self.settings.score
        if name not in self.scores:
            logged = ", ".join(sorted(self.scores)) or "nothing"
            raise RecipeError(
                "recipe", [f'score: "{name}" is not logged{nearest(name, self.scores)}; logged: {logged}']
            )
        return self.scores[name]

    def _is_better(self, score: float) -> bool:
        if math.isnan(score):
            return False
        if self.best_score is None:
            return True
        return score < self.best_score if self.settings.score_mode == "min" else score > self.best_score

    def _save(self, trainer: Trainer, path: Path) -> None:
        step = trainer.global_step
        for name, parameter in trainer.lightning_module.named_parameters():
            if not bool(torch.isfinite(parameter).all()):
                # The last good checkpoint stays.
                raise TonewheelError(
                    f'step {step}: weight "{name}" is not finite; the run diverged. Lower learning_rate'
                )
        # On every process: gathering a sharded model takes all of them; only one writes.
        trainer.save_checkpoint(path, weights_only=False, storage_options={"step": step, **self.state_dict()})
        if trainer.is_global_zero:
            self.journal.write("checkpoint", step=step, file=path.name)
