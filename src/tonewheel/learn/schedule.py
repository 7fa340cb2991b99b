"""The learning rate over a run, and the optimiser that goes with it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from tonewheel.learn.recipe import FitRecipe

if TYPE_CHECKING:
    from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig


def warm_up_cosine(step: int, max_steps: int, warm_up_steps: int = 0, final: float = 0.0) -> float:
    """The share of the peak learning rate at `step` (from 0): a linear rise, then half a cosine to `final`.

    Step `warm_up_steps` has the peak; `max_steps` and beyond have `final`.
    Source: Loshchilov & Hutter, SGDR, 2017 (one period), with the linear warm-up of Goyal et al., 2017.

    >>> [round(warm_up_cosine(step, 8, 2), 3) for step in range(9)]
    [0.333, 0.667, 1.0, 0.933, 0.75, 0.5, 0.25, 0.067, 0.0]
    """
    if step < warm_up_steps:
        # Never 0, or the first batch would be thrown away.
        return (step + 1) / (warm_up_steps + 1)
    if step >= max_steps:
        return final
    done = (step - warm_up_steps) / (max_steps - warm_up_steps)
    return final + (1.0 - final) * 0.5 * (1.0 + math.cos(math.pi * done))


def adamw(module: nn.Module, settings: FitRecipe) -> OptimizerLRSchedulerConfig:
    """What a LightningModule's `configure_optimizers` returns: AdamW, stepped through warm-up and cosine.

    Weight decay acts on matrices and kernels only, not on biases, norms and other vectors.
    """
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    optimiser = AdamW([group for group in groups if group["params"]], lr=settings.learning_rate)
    final = settings.final_learning_rate / settings.learning_rate

    def share(step: int) -> float:
        return warm_up_cosine(step, settings.max_steps, settings.warm_up_steps, final)

    scheduler: torch.optim.lr_scheduler.LRScheduler = LambdaLR(optimiser, share)
    return {"optimizer": optimiser, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}
