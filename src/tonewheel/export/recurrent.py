"""Recurrent layers for ONNX: torch's exporter takes them apart step by step and fails; here they are one node each.

ONNX names the gates in another order (update, reset, candidate) and calls torch's way of the candidate
`linear_before_reset`.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class OnnxGru(nn.Module):
    """A `nn.GRU` of one layer, batch first, as the node of ONNX; it can be traced and not be run."""

    def __init__(self, gru: nn.GRU) -> None:
        super().__init__()
        if gru.num_layers != 1 or gru.bidirectional or not gru.batch_first or not gru.bias:
            raise ValueError("only a GRU of one layer, one direction, with biases and the batch first")
        self.size = gru.hidden_size
        parts = {name: value.detach() for name, value in gru.named_parameters()}
        self.input = nn.Parameter(self._ordered(parts["weight_ih_l0"]))
        self.recurrence = nn.Parameter(self._ordered(parts["weight_hh_l0"]))
        self.bias = nn.Parameter(
            torch.cat([self._ordered(parts["bias_ih_l0"]), self._ordered(parts["bias_hh_l0"])])
        )

    def _ordered(self, weight: Tensor) -> Tensor:
        reset, update, candidate = torch.split(weight, self.size)
        return torch.cat([update, reset, candidate])

    def forward(self, x: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Shape: (n, steps, inputs), (1, n, size) -> (n, steps, size), (1, n, size)."""
        count, steps = x.shape[:2]
        seen, last = torch.onnx.ops.symbolic_multi_out(
            "GRU",
            (x.transpose(0, 1), self.input[None], self.recurrence[None], self.bias[None], None, hidden),
            attrs={"hidden_size": self.size, "linear_before_reset": 1},
            dtypes=(x.dtype, x.dtype),
            shapes=((steps, 1, count, self.size), (1, count, self.size)),
        )
        return seen.squeeze(1).transpose(0, 1), last


def traceable(module: nn.Module) -> nn.Module:
    """`module` itself, or a copy of it in which every GRU is ONNX's."""
    if not any(isinstance(part, nn.GRU) for part in module.modules()):
        return module
    twin = copy.deepcopy(module)
    for parent in list(twin.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.GRU):
                setattr(parent, name, OnnxGru(child))
    return twin
