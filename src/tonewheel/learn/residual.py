"""The block that encoders of pictures of sound are built of; after "Deep residual learning" (He et al., 2016)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class ResidualStage(nn.Module):
    """Halve frequency and time, then refine at the new size. Shape: (n, i, f, t) -> (n, o, f/2, t/2).

    >>> import torch
    >>> tuple(ResidualStage(1, 8)(torch.zeros(2, 1, 64, 32)).shape)
    (2, 8, 32, 16)
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.halve = nn.Conv2d(channels_in, channels_out, 3, stride=2, padding=1, bias=False)
        self.halve_norm = nn.BatchNorm2d(channels_out)
        self.refine = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)
        self.refine_norm = nn.BatchNorm2d(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.halve_norm(self.halve(x)))
        return functional.relu(x + self.refine_norm(self.refine(x)))
