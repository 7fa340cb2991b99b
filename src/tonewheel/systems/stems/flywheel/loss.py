"""Mean squared error, stem by stem, over what is known; a stem of which a batch knows nothing has no say."""

from __future__ import annotations

import torch
from torch import Tensor


def stem_errors(outputs: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean squared error of each stem, (6,); NaN where all weights are 0. Shape of each: (n, 6, width).

    >>> outputs, targets, weights = torch.zeros(1, 6, 2), torch.ones(1, 6, 2), torch.zeros(1, 6, 2)
    >>> weights[0, 1] = torch.tensor([1.0, 0.0])
    >>> stem_errors(outputs, targets, weights)[:2]
    tensor([nan, 1.])
    """
    squared = weights * (outputs - targets) ** 2
    return squared.sum((0, 2)) / weights.sum((0, 2))


def loss(outputs: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """The mean of `stem_errors` over the stems that are known; 0 when none is."""
    known = weights.sum((0, 2)) > 0
    squared = (weights * (outputs - targets) ** 2).sum((0, 2))
    # Dividing first and masking after would make NaN gradients.
    errors = squared / weights.sum((0, 2)).clamp(min=1e-9)
    return torch.where(known, errors, 0.0).sum() / known.sum().clamp(min=1)
