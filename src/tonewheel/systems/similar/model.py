"""The encoder of tracks: windows of log-mel to frames, frames to one embedding that holds identity and style.

A small residual CNN hears each window alone: strided 3x3 convolutions halve frequency and time, then mean and maximum
over time. The mean and the deviation of the frames of a track (statistics pooling, Snyder et al., "X-vectors", 2018)
go through two heads: one is trained to know the track again whatever happened to it, the other to bring tracks of one
style or source together. The embedding is both side by side, so its cosine is a weighted sum of the two.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from tonewheel.learn.residual import ResidualStage
from tonewheel.systems.similar.recipe import EncoderRecipe, HeadRecipe

DB = 0.1151292546  # dB of power to natural log


class Encoder(nn.Module):
    """Map windows to frames, and the frames of a track to its embedding.

    >>> encoder = Encoder(EncoderRecipe(), n_mels=64).eval()
    >>> frames = encoder(torch.zeros(5, 158, 64))
    >>> tuple(frames.shape), tuple(encoder.pool(frames[None]).shape)
    ((5, 192), (1, 256))
    """

    def __init__(self, recipe: EncoderRecipe, n_mels: int) -> None:
        super().__init__()
        widths = recipe.channels
        self.recipe = recipe
        self.stem = nn.Conv2d(1, widths[0], 5, stride=2, padding=2, bias=False)
        self.stem_norm = nn.BatchNorm2d(widths[0])
        self.stages = nn.Sequential(*(ResidualStage(i, o) for i, o in pairwise(widths)))
        bands = -(-n_mels // 2 ** len(widths))
        self.frame = nn.Linear(2 * widths[-1] * bands, recipe.width)
        self.identity = nn.Linear(2 * recipe.width, recipe.identity_size)
        self.style = nn.Linear(2 * recipe.width, recipe.style_size)

    def forward(self, log_mel: Tensor) -> Tensor:
        """Shape: (windows, frames >= 16, n_mels) natural-log mel -> (windows, width)."""
        x = self.normalise(log_mel).transpose(1, 2).unsqueeze(1)
        x = functional.relu(self.stem_norm(self.stem(x)))
        x = self.stages(x).flatten(1, 2)
        frame: Tensor = self.frame(torch.cat([x.mean(dim=2), x.amax(dim=2)], dim=1))
        return frame

    def normalise(self, log_mel: Tensor) -> Tensor:
        """Level each window: keep its upper dynamic range, take out the gain and contrast of the record."""
        peak = log_mel.amax(dim=(1, 2), keepdim=True)
        x = torch.maximum(log_mel, peak - self.recipe.dynamic_range_db * DB)
        x = x - x.mean(dim=(1, 2), keepdim=True)
        return x / (x.square().mean(dim=(1, 2), keepdim=True).sqrt() + 0.1)

    def parts(self, frames: Tensor, heard: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Identity and style, unit length each. Shape: (tracks, windows, width) -> (tracks, size) twice.

        Only windows that are `heard`, (tracks, windows), count; by default all.
        """
        counts = (heard if heard is not None else torch.ones_like(frames[..., 0])).to(frames)[..., None]
        count = counts.sum(dim=1)
        mean = (frames * counts).sum(dim=1) / count.clamp_min(1.0)
        # Of few windows the deviation comes out too small; the usual correction makes a moment like a track.
        variance = ((frames - mean[:, None]).square() * counts).sum(dim=1) / (count - 1).clamp_min(1.0)
        pooled = torch.cat([mean, (variance + 1e-4).sqrt()], dim=1)
        return (
            functional.normalize(self.identity(pooled).float(), dim=1),
            functional.normalize(self.style(pooled).float(), dim=1),
        )

    def pool(self, frames: Tensor, heard: Tensor | None = None) -> Tensor:
        """The embedding, unit length. Shape: (tracks, windows, width) -> (tracks, identity + style size)."""
        identity, style = self.parts(frames, heard)
        share = self.recipe.style_share
        return torch.cat([(1 - share) ** 0.5 * identity, share**0.5 * style], dim=1)


class Projection(nn.Module):
    """A head on an embedding of any backbone: linear, norm, GELU, dropout, linear, unit length.

    >>> head = Projection(6144, HeadRecipe()).eval()
    >>> tuple(head(torch.ones(2, 6144)).shape)
    (2, 256)
    """

    def __init__(self, dimension: int, recipe: HeadRecipe) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(dimension, recipe.hidden),
            nn.LayerNorm(recipe.hidden),
            nn.GELU(),
            nn.Dropout(recipe.dropout),
            nn.Linear(recipe.hidden, recipe.size),
        )

    def forward(self, embeddings: Tensor) -> Tensor:
        """Shape: (tracks, dimension) -> (tracks, size)."""
        return functional.normalize(self.layers(embeddings).float(), dim=1)
