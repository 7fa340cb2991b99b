"""The hit classifier: 128 x 128 log-mel of one hit in, scores of 12 labels out, and three smaller answers.

Four blocks of convolution, batch norm, ReLU and pooling, 1 -> 32 -> 64 -> 128 -> 256 channels, a mean over what
is left, dropout, one linear layer. That is 391,404 parameters (convolutions without bias, since batch norm has
one). The heads for velocity, openness and "is it a drum" add 773, and an offset a band after the first block
2,048: a mean over all bands forgets where a partial lay, but the pitch of a tom is all there is to tell it by.
Together 394,225.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from tonewheel.systems.drums.families import LABELS
from tonewheel.systems.drums.hits.recipe import HitNetworkRecipe

NATS_PER_DB = math.log(10) / 10
LEVEL_SCALE_DB = 30.0


class HitAnswers(NamedTuple):
    """Before softmax and sigmoid. Shapes: label (n, 12), velocity, openness and known (n,)."""

    label: Tensor
    velocity: Tensor
    openness: Tensor
    known: Tensor


class Block(nn.Sequential):
    """Convolution, batch norm, ReLU, pool. Shape: (n, i, f, t) -> (n, o, f/2, t/2), or (n, o, 1, 1) at the end."""

    def __init__(self, channels_in: int, channels_out: int, *, last: bool = False) -> None:
        super().__init__(
            nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1) if last else nn.MaxPool2d(2),
        )


class HitNet(nn.Module):
    """Map log-mel clips to answers about the hit in each.

    Shape: (n, n_mels, frames) natural-log mel, and the level of each hit against the loudest of its recording
    (n,) in dB, NaN where nobody knows, -> `HitAnswers`. The picture is taken against its own peak, so that only
    the velocity knows how loud a hit was.

    >>> net = HitNet(HitNetworkRecipe(), n_mels=128).eval()
    >>> answers = net(torch.zeros(2, 128, 128))
    >>> tuple(answers.label.shape), tuple(answers.velocity.shape)
    ((2, 12), (2,))
    """

    def __init__(self, recipe: HitNetworkRecipe, n_mels: int) -> None:
        super().__init__()
        self.range = recipe.range_db * NATS_PER_DB
        a, b, c, d = recipe.channels
        self.block1 = Block(1, a)
        self.place = nn.Parameter(0.1 * torch.randn(a, n_mels // 2, 1))
        self.block2 = Block(a, b)
        self.block3 = Block(b, c)
        self.block4 = Block(c, d, last=True)
        self.dropout = nn.Dropout(recipe.dropout)
        self.label = nn.Linear(d, len(LABELS))
        self.velocity = nn.Linear(d + 2, 1)
        self.openness = nn.Linear(d, 1)
        self.known = nn.Linear(d, 1)
        for block in (self.block2, self.block3, self.block4):  # a quarter faster on a CPU
            kernels = block.get_parameter("0.weight")
            kernels.data = kernels.data.contiguous(memory_format=torch.channels_last)

    def forward(self, log_mel: Tensor, level_db: Tensor | None = None) -> HitAnswers:
        peak = log_mel.amax(dim=(1, 2), keepdim=True)
        x = (log_mel - peak).clamp_min(-self.range) * (2 / self.range) + 1
        x = self.block1(x.unsqueeze(1)) + self.place
        x = self.block2(x.contiguous(memory_format=torch.channels_last))
        x = self.block4(self.block3(x)).flatten(1)
        x = self.dropout(x).float()
        if level_db is None:
            level_db = torch.full((len(x),), torch.nan, device=x.device)
        told = level_db.abs() < torch.inf  # not NaN either; Core ML has no isfinite
        level = torch.where(told, level_db, torch.zeros_like(level_db)) / LEVEL_SCALE_DB
        loudness = torch.stack([level, told.float()], dim=1)
        return HitAnswers(
            self.label(x).float(),
            self.velocity(torch.cat([x, loudness], dim=1)).squeeze(1).float(),
            self.openness(x).squeeze(1).float(),
            self.known(x).squeeze(1).float(),
        )


def energy(label: Tensor) -> Tensor:
    """Log of the summed exponentials of the label scores: low where no label fits. Shape: (n, 12) -> (n,).

    Source: Liu et al., Energy-based out-of-distribution detection, NeurIPS 2020.
    """
    return torch.logsumexp(label, dim=1)
