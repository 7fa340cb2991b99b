"""Weights in a quarter of the size: a signed byte each, and a scale for each output of a layer.

Computing stays in float32, so a network sounds the same wherever it runs and only the file is small.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

SCALE = "::scale"
FEWEST = 256
"""Smaller tensors, and vectors, stay as they are: they weigh nothing and err most."""


def narrowed(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Matrices and kernels as int8 with a scale for each row of their first axis; the rest unchanged.

    >>> small = narrowed({"w": torch.linspace(-1, 1, 512).reshape(2, 256), "bias": torch.ones(2)})
    >>> [(name, tensor.dtype) for name, tensor in sorted(small.items())]
    [('bias', torch.float32), ('w', torch.int8), ('w::scale', torch.float32)]
    >>> bool((widened(small)["w"] - torch.linspace(-1, 1, 512).reshape(2, 256)).abs().max() <= 1 / 254)
    True
    """
    found: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if not tensor.is_floating_point() or tensor.ndim < 2 or tensor.numel() < FEWEST:
            found[name] = tensor
            continue
        rows = tensor.detach().float().reshape(len(tensor), -1)
        scale = (rows.abs().amax(dim=1) / 127).clamp_min(1e-12)
        found[name] = torch.round(rows / scale[:, None]).to(torch.int8).reshape(tensor.shape)
        found[name + SCALE] = scale
    return found


def widened(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Float32 weights of what `narrowed` made; what it did not make is returned as it is."""
    found: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if name.endswith(SCALE):
            continue
        scale = tensors.get(name + SCALE)
        fits = scale is not None and tensor.dtype == torch.int8 and scale.shape == tensor.shape[:1]
        found[name] = (
            tensor.float() * scale.reshape(-1, *[1] * (tensor.ndim - 1))
            if fits and scale is not None
            else tensor
        )
    return found
