"""The denoiser: levels of rows in dB in, at every frame and row the share of the amplitude that is kept.

Two parts. One looks at the quantiles of every row over the whole recording and says how strong the hiss is (the
`floor`): a few dilated convolutions over the rows, because hiss has a smooth spectrum and music fills the gaps
between its rows unevenly. The other looks at the levels over that floor, a U-shaped network over rows (not over time)
with a context of `reach` frames to either side and nothing beyond: any cut of a recording into blocks that overlap
by so much gives the same gains.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from tonewheel.systems.restore.hiss.levels import QUANTILES
from tonewheel.systems.restore.hiss.recipe import NetworkRecipe

NATS_PER_DB = math.log(10) / 10
DEEPEST_DB = -30.0
"""How far under the quieter quantile of a row hiss is told at all; below that it does not matter."""
HIGHEST_ROW = 640
"""Rows up to 22 kHz; what lies above is treated like the highest."""
STATIC_INPUTS = 5


class Denoiser(nn.Module):
    """Floor and gains from levels.

    >>> model = Denoiser(NetworkRecipe()).eval()
    >>> levels, quantiles = torch.zeros(2, 640, 30), torch.zeros(2, 6, 640)
    >>> floor = model.floor(quantiles)
    >>> tuple(floor.shape), tuple(model(levels, quantiles, floor).shape)
    ((2, 640), (2, 640, 30))
    """

    def __init__(self, recipe: NetworkRecipe) -> None:
        super().__init__()
        wide = recipe.floor_channels
        self.floor_in = nn.Conv1d(len(QUANTILES) + 2, wide, 5, padding=2)
        self.floor_blocks = nn.ModuleList(
            nn.Conv1d(wide, wide, 5, padding=2 * dilation, dilation=dilation)
            for dilation in recipe.floor_dilations
        )
        self.floor_out = nn.Conv1d(wide, 1, 1)
        a, b, c, d = recipe.channels
        self.stem = nn.Conv2d(2 + STATIC_INPUTS, a, 3, padding=1)
        self.down1 = nn.Conv2d(a, b, (4, 3), (2, 1), 1)
        self.down2 = nn.Conv2d(b, c, (4, 3), (2, 1), 1)
        self.down3 = nn.Conv2d(c, d, (4, 3), (2, 1), 1)
        self.blocks = nn.ModuleList(
            nn.Conv2d(d, d, 3, padding=(1, dilation), dilation=(1, dilation)) for dilation in recipe.dilations
        )
        self.up3 = nn.Conv2d(d, c, 1)
        self.up2 = nn.Conv2d(c, b, 3, padding=1)
        self.up1 = nn.Conv2d(b, a, 3, padding=1)
        self.refine = nn.Conv2d(a, a, 3, padding=1)
        # Partials are steady lines: a longer look along single rows tells them from the noise.
        self.tracks = nn.ModuleList(
            nn.Conv2d(a, a, 3, padding=(1, dilation), dilation=(1, dilation))
            for dilation in recipe.track_dilations
        )
        self.head = nn.Conv2d(a, 1, 1)
        self.reach = 7 + sum(recipe.dilations) + sum(recipe.track_dilations)
        """Frames to either side that a gain depends on."""
        # Channels last in memory: 1.5 times as fast.
        nn.Module.to(self, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def floor(self, quantiles: Tensor) -> Tensor:
        """Level of the hiss of every row in dB. Shape: (n, 6, rows) -> (n, rows)."""
        quantiles = quantiles.float()
        # The loudness of a recording must not matter.
        level = quantiles[:, 1:2].mean(dim=2, keepdim=True)
        ones = torch.ones_like(quantiles[:, :1])
        x = torch.cat([(quantiles - level) / 20, ones * _places(quantiles), ones], dim=1)
        x = functional.relu(self.floor_in(x))
        for block in self.floor_blocks:
            x = x + functional.relu(block(x))
        offset = self.floor_out(x).float()[:, 0] * 10
        floor: Tensor = quantiles[:, 1] + offset.clamp_min(DEEPEST_DB)
        return floor

    def forward(self, levels: Tensor, quantiles: Tensor, floor: Tensor) -> Tensor:
        """Gains from 0 to 1. Shape: (n, rows, frames), (n, 6, rows), (n, rows) -> (n, rows, frames)."""
        rows = levels.shape[1]
        static = torch.stack(
            [
                (floor - quantiles[:, 1]) / 10,
                (quantiles[:, 3] - quantiles[:, 1]) / 10,
                (quantiles[:, 5] - quantiles[:, 3]) / 10,
                _places(quantiles).expand_as(floor),
                torch.ones_like(floor),
            ],
            dim=1,
        )[..., None].expand(-1, -1, -1, levels.shape[2])
        over_floor = ((levels - floor[..., None]) / 10).clamp(-2, 6)
        over_usual = ((levels - quantiles[:, 3, :, None]) / 10).clamp(-3, 3)
        x = torch.cat([torch.stack([over_floor, over_usual], dim=1), static], dim=1)
        x = functional.pad(x, (0, 0, 0, -rows % 8)).contiguous(memory_format=torch.channels_last)
        full = functional.relu(self.stem(x))
        half = functional.relu(self.down1(full))
        quarter = functional.relu(self.down2(half))
        x = functional.relu(self.down3(quarter))
        for block in self.blocks:
            x = x + functional.relu(block(x))
        x = functional.relu(self.up2(quarter + _doubled(self.up3(x))))
        x = functional.relu(self.up1(half + _doubled(x)))
        x = functional.relu(self.refine(full + _doubled(x)))
        for block in self.tracks:
            x = x + functional.relu(block(x))
        # A Wiener gain of a ratio that the network corrects: what towers above the hiss is kept from the start.
        return torch.sigmoid(self.head(x).float()[:, 0, :rows] + NATS_PER_DB * 10 * over_floor)


def _places(quantiles: Tensor) -> Tensor:
    """Where a row lies, from 0 to 1. Shape: (n, 6, rows) -> (rows,)."""
    rows = torch.arange(quantiles.shape[2], dtype=quantiles.dtype, device=quantiles.device)
    return rows.clamp_max(HIGHEST_ROW) / HIGHEST_ROW


def _doubled(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=(2.0, 1.0))
