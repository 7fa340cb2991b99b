"""Weights of a graph as signed bytes with a scale for each output, computed in float32 as before.

The same rounding as `learn.int8`, so that a network whose weights ship as int8 loses nothing more by being exported.
Tables (a Fourier transform, mel filters) are no parameters and stay as they are. It buys size, not speed.
"""

from __future__ import annotations

import copy
import hashlib
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tonewheel.learn.int8 import SCALE, narrowed, widened

if TYPE_CHECKING:
    from onnx import ModelProto


def rounded(module: nn.Module) -> nn.Module:
    """A copy of `module` with the weights that int8 leaves of its own; the reference for parity."""
    twin = copy.deepcopy(module)
    twin.load_state_dict(widened(narrowed(module.state_dict())))
    return twin


def with_int8_weights(model: ModelProto, module: nn.Module) -> ModelProto:
    """The graph of `module` with what int8 can hold of its weights stored so; it is then that of `rounded(module)`.

    ValueError when the graph holds none of them: then it is not of that module.
    """
    from onnx.helper import make_node
    from onnx.numpy_helper import from_array, to_array

    known = _by_content(module.state_dict())
    graph = model.graph
    tensors, nodes = [], []
    for tensor in graph.initializer:
        found = known.get(_content(to_array(tensor)))
        if found is None:
            tensors.append(tensor)
            continue
        values, scale, axis = found
        names = [f"{tensor.name}.int8", f"{tensor.name}.scale"]
        tensors += [from_array(values, names[0]), from_array(scale, names[1])]
        nodes.append(
            make_node("DequantizeLinear", names, [tensor.name], name=f"widen {tensor.name}", axis=axis)
        )
    if not nodes:
        raise ValueError("the graph holds no weights of this module")
    nodes += graph.node
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(tensors)
    graph.node.extend(nodes)
    return model


Stored = tuple[NDArray[np.int8], NDArray[np.float32], int]


def _by_content(tensors: dict[str, Tensor]) -> dict[str, Stored]:
    """int8, scale and its axis, by the content of the float32 weights that they are taken from.

    By content and not by name, as the exporter stores matrices transposed under names of its own.
    """
    small = narrowed(tensors)
    found: dict[str, Stored] = {}
    for name, wide in tensors.items():
        values = small[name]
        if values.dtype != torch.int8:
            continue
        scale = small[name + SCALE].numpy()
        found[_content(wide.numpy())] = (values.numpy(), scale, 0)
        if values.ndim == 2:
            found[_content(wide.T.numpy())] = (np.ascontiguousarray(values.T.numpy()), scale, 1)
    return found


def _content(values: NDArray[np.generic]) -> str:
    return f"{values.shape} {hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()}"
