"""A network small enough to be fitted in a test, with everything in it that a resumed run could get wrong.

Run as a script it fits in a folder; the resume test kills that process.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from torch import Tensor, nn

from tonewheel.learn.fit import RunResult, fit
from tonewheel.learn.recipe import FitRecipe
from tonewheel.learn.schedule import adamw
from tonewheel.learn.stream import Stream

SETTINGS = FitRecipe(
    max_steps=30,
    warm_up_steps=4,
    learning_rate=1e-2,
    checkpoint_every_steps=5,
    validate_every_steps=10,
    log_every_steps=3,
    accelerator="cpu",
)


class Toy(lightning.LightningModule):
    """Dropout (random state), batch norm (buffers), Adam (moments), a schedule; raises at step `stop_at`."""

    def __init__(self, settings: FitRecipe = SETTINGS, stop_at: int | None = None) -> None:
        super().__init__()
        self.settings = settings
        self.stop_at = stop_at
        self.network = nn.Sequential(
            nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 1)
        )
        rng = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=rng) * 0.3)

    def training_step(self, batch: tuple[Tensor, Tensor], step: int) -> Tensor:
        if self.global_step == self.stop_at:
            raise KilledError
        loss = self.loss(batch)
        self.log("train/loss", loss)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], step: int) -> None:
        torch.rand(1)  # validation may use randomness, and must not disturb training
        self.log("valid/loss", self.loss(batch), batch_size=len(batch[0]))

    def loss(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        inputs, targets = batch
        return (self.network(inputs) - targets).square().mean()

    def configure_optimizers(self) -> Any:
        return adamw(self, self.settings)


class KilledError(Exception):
    """Stands for a kill."""


def draw(rng: np.random.Generator, step: int) -> tuple[Tensor, Tensor]:
    inputs = torch.from_numpy(rng.standard_normal((32, 8), dtype=np.float32))
    return inputs, inputs[:, :3].sum(dim=1, keepdim=True)


VALID = [draw(np.random.default_rng(number), 0) for number in range(2)]


def fit_toy(folder: Path, settings: FitRecipe = SETTINGS, stop_at: int | None = None) -> RunResult:
    return fit(Toy(settings, stop_at), settings, Stream(draw, seed=settings.seed), VALID, folder)


if __name__ == "__main__":
    fit_toy(Path(sys.argv[1]), SETTINGS.model_copy(update=json.loads(sys.argv[2])))
