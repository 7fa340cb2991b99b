"""The concert encoder: some seconds of log-mel in, one unit-length embedding out.

A small residual CNN in the manner of neural audio fingerprints (Chang et al. 2021, "Neural Audio
Fingerprint for High-specific Audio Retrieval"): strided 3x3 convolutions halve frequency and time
until about a second of context stands behind each cell, then mean and maximum over time make the
embedding independent of the window's length, and a linear layer keeps frequency apart.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from tonewheel.learn.residual import ResidualStage
from tonewheel.systems.concert.recipe import EncoderRecipe


class Encoder(nn.Module):
    """Map log-mel windows to unit-length embeddings.

    Shape: (n, n_mels, frames) natural-log mel, any number of frames >= 16 -> (n, embedding_size).

    >>> from tonewheel.systems.concert.recipe import EncoderRecipe
    >>> encoder = Encoder(EncoderRecipe(), n_mels=64).eval()
    >>> embedding = encoder(torch.zeros(3, 64, 122)).detach()
    >>> tuple(embedding.shape), round(float(embedding[0].norm()), 4)
    ((3, 128), 1.0)
    """

    def __init__(self, recipe: EncoderRecipe, n_mels: int) -> None:
        super().__init__()
        widths = recipe.channels
        self.dynamic_range = recipe.dynamic_range_db * 0.1151292546  # dB of power to natural log
        self.stem = nn.Conv2d(1, widths[0], 5, stride=2, padding=2, bias=False)
        self.stem_norm = nn.BatchNorm2d(widths[0])
        self.stages = nn.Sequential(*(ResidualStage(i, o) for i, o in pairwise(widths)))
        bands = -(-n_mels // 2 ** len(widths))
        self.project = nn.Linear(2 * widths[-1] * bands, recipe.embedding_size)
        # Music or not: trained on the same trunk so that applause and talk cost no second network.
        self.music = nn.Linear(2 * widths[-1] * bands, 1)

    def normalise(self, log_mel: Tensor) -> Tensor:
        """Level each window: keep its upper dynamic range, remove gain and contrast of the recording."""
        peak = log_mel.amax(dim=(1, 2), keepdim=True)
        x = torch.maximum(log_mel, peak - self.dynamic_range)
        x = x - x.mean(dim=(1, 2), keepdim=True)
        return x / (x.square().mean(dim=(1, 2), keepdim=True).sqrt() + 0.1)

    def trunk(self, log_mel: Tensor) -> Tensor:
        """Features before the heads. Shape: (n, n_mels, frames) -> (n, 2 * channels * bands)."""
        x = self.normalise(log_mel).unsqueeze(1)
        x = functional.relu(self.stem_norm(self.stem(x)))
        x = self.stages(x).flatten(1, 2)
        return torch.cat([x.mean(dim=2), x.amax(dim=2)], dim=1)

    def forward(self, log_mel: Tensor) -> Tensor:
        return functional.normalize(self.project(self.trunk(log_mel)).float(), dim=1)

    def embed_and_judge(self, log_mel: Tensor) -> tuple[Tensor, Tensor]:
        """Embedding (n, size) and the log-odds (n,) that the window holds music at all."""
        features = self.trunk(log_mel)
        embedding = functional.normalize(self.project(features).float(), dim=1)
        return embedding, self.music(features.float()).squeeze(1)
