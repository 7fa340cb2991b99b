"""The click detector: features of every sample in, out come how likely it is hit and how hard.

Convolutions alone, over neighbouring samples stacked eight at a time (a reshape, so nothing is lost and the
convolutions are cheap): its receptive field is finite, and any cut of a recording at a multiple of eight samples with
enough context around gives the same answers.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from tonewheel.systems.restore.clicks.recipe import NetworkRecipe

STACKED = 8
SIZES = (-8.0, 16.0)
"""Bounds of the natural log of the damage's size over the residual's scale: beyond them exponentials overflow."""


class Judged(NamedTuple):
    """A sample's verdict, each (n, samples): logit of being hit, log of the damage's size, if it is hit, in scales."""

    hit: Tensor
    size: Tensor


class ClickNet(nn.Module):
    """Map features to verdicts.

    Shape: (n, features, samples) -> `Judged`, samples a multiple of `STACKED`.

    >>> net = ClickNet(NetworkRecipe(), features=8)
    >>> tuple(net(torch.zeros(2, 8, 64)).hit.shape)
    (2, 64)
    """

    def __init__(self, recipe: NetworkRecipe, features: int) -> None:
        super().__init__()
        width = recipe.width
        self.stem = nn.Conv1d(features * STACKED, width, 1)
        self.layers = nn.ModuleList(
            nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation) for dilation in recipe.dilations
        )
        self.heads = nn.Conv1d(width, 2 * STACKED, 1)
        self.context_samples = STACKED * (1 + sum(recipe.dilations))
        """Samples on either side that a verdict depends on, at most."""
        nn.init.zeros_(self.heads.weight)
        assert self.heads.bias is not None
        with torch.no_grad():
            start = torch.tensor([-3.0, 2.0])  # few samples are hit
            self.heads.bias.copy_(start.repeat_interleave(STACKED))

    def forward(self, features: Tensor) -> Judged:
        return self.judge(self.describe(features))

    def describe(self, features: Tensor) -> Tensor:
        """What is known of each group of `STACKED` samples: (n, features, samples) -> (n, width, groups)."""
        count, channels, samples = features.shape
        stacked = features.reshape(count, channels, samples // STACKED, STACKED)
        x: Tensor = self.stem(stacked.transpose(2, 3).reshape(count, channels * STACKED, samples // STACKED))
        for layer in self.layers:
            x = x + layer(functional.relu(x))
        return functional.relu(x)

    def judge(self, described: Tensor) -> Judged:
        """The verdicts on what `describe` gave."""
        count, _, groups = described.shape
        out = self.heads(described).float()
        out = out.reshape(count, 2, STACKED, groups).transpose(2, 3).reshape(count, 2, groups * STACKED)
        return Judged(out[:, 0], out[:, 1].clamp(*SIZES))
