"""Run the program of a Core ML package without Core ML: its file is read, its operations are done in torch, one by one.

An oracle for conversion, not a runtime: it knows the operations that our networks become, and names any other. What
they mean is Apple's "MIL ops" reference; values that a program keeps beside itself are in `weight.bin` (64 bytes of
description, then the numbers).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from tonewheel.core.errors import InputError, ModelMismatchError

FLOAT = 11
"""MIL's number of float32; of what else is kept beside a program there is int32 only."""
HEAD = struct.Struct("<IIQQ")
SENTINEL = 0xDEADBEEF
Values = Mapping[str, Any]


class Program:
    """A package's main function."""

    def __init__(self, package: Path, spec: Any) -> None:
        function = spec.mlProgram.functions["main"]
        self.block = function.block_specializations[function.opset]
        self.outputs = [feature.name for feature in spec.description.output]
        self.inputs = [feature.name for feature in spec.description.input]
        path = package / "Data" / "com.apple.CoreML" / "weights" / "weight.bin"
        self.blob = path.read_bytes() if path.is_file() else b""
        self.constants = {
            op.outputs[0].name: self._value(op.attributes["val"])
            for op in self.block.operations
            if op.type == "const"
        }

    @classmethod
    def read(cls, package: Path) -> Program:
        """Read a saved package; InputError when it is none."""
        from coremltools.proto import Model_pb2

        path = package / "Data" / "com.apple.CoreML" / "model.mlmodel"
        if not path.is_file():
            raise InputError(package, "not a Core ML package")
        spec = Model_pb2.Model()
        spec.ParseFromString(path.read_bytes())
        return cls(package, spec)

    def run(self, example: Mapping[str, Tensor]) -> dict[str, NDArray[np.float32]]:
        """Outputs by name of inputs by name."""
        known: dict[str, Any] = {**self.constants, **example}
        for op in self.block.operations:
            if op.type == "const":
                continue
            given = {name: self._argument(argument, known) for name, argument in op.inputs.items()}
            if op.type not in OPERATIONS:
                raise ModelMismatchError(f'operation "{op.type}" of Core ML is not one that we can check')
            found = OPERATIONS[op.type](given)
            results = found if isinstance(found, tuple) else (found,)
            for output, result in zip(op.outputs, results, strict=True):
                known[output.name] = result
        return {name: known[name].float().numpy() for name in self.outputs}

    def _argument(self, argument: Any, known: Values) -> Any:
        values = [
            known[one.name] if one.WhichOneof("binding") == "name" else self._value(one.value)
            for one in argument.arguments
        ]
        return values[0] if len(values) == 1 else values

    def _value(self, value: Any) -> Any:
        kind = value.type.tensorType
        shape = [int(dimension.constant.size) for dimension in kind.dimensions]
        if value.WhichOneof("value") == "blobFileValue":
            sentinel, _, size, start = HEAD.unpack_from(self.blob, value.blobFileValue.offset)
            if sentinel != SENTINEL:
                raise ModelMismatchError("the weights of the package are not where its program says")
            dtype = np.dtype(np.float32 if kind.dataType == FLOAT else np.int32)
            held = np.frombuffer(self.blob, dtype, size // dtype.itemsize, start)
            return torch.from_numpy(held.reshape(shape).copy())
        tensor = value.immediateValue.tensor
        which = tensor.WhichOneof("value")
        listed = list(getattr(tensor, which).values)
        if which == "strings":
            return listed[0]
        return torch.tensor(listed).reshape(shape) if shape else listed[0]


def _conv(given: Values) -> Tensor:
    weight, spatial = given["weight"], given["weight"].ndim - 2
    stride, dilation = (_numbers(given.get(name), [1] * spatial) for name in ("strides", "dilations"))
    kind = given.get("pad_type", "valid")
    pad = _numbers(given.get("pad"), [0] * 2 * spatial) if kind == "custom" else [0] * 2 * spatial
    if kind not in ("custom", "valid"):
        raise ModelMismatchError(f'padding "{kind}" of Core ML is not one that we can check')
    # Core ML pads the first axis first, torch the last.
    padded = functional.pad(
        given["x"], [pad[2 * axis + side] for axis in reversed(range(spatial)) for side in (0, 1)]
    )
    convolve: Callable[..., Tensor] = functional.conv1d if spatial == 1 else functional.conv2d
    return convolve(padded, weight, given.get("bias"), stride, 0, dilation, int(given.get("groups", 1)))


def _matmul(given: Values) -> Tensor:
    x, y = given["x"], given["y"]
    x = x.transpose(-1, -2) if given.get("transpose_x") else x
    y = y.transpose(-1, -2) if given.get("transpose_y") else y
    return torch.matmul(x, y)


def _slice(given: Values) -> Tensor:
    x = given["x"]
    begin, end = _numbers(given["begin"]), _numbers(given["end"])
    stride = _numbers(given.get("stride"), [1] * x.ndim)
    masks = {
        name: _numbers(given.get(name), [0] * x.ndim) for name in ("begin_mask", "end_mask", "squeeze_mask")
    }
    place: list[Any] = []
    for axis in range(x.ndim):
        if masks["squeeze_mask"][axis]:
            place.append(begin[axis])
            continue
        first = None if masks["begin_mask"][axis] else begin[axis]
        last = None if masks["end_mask"][axis] else end[axis]
        place.append(slice(first, last, stride[axis]))
    found: Tensor = x[tuple(place)]
    return found


def _numbers(value: Any, default: list[int] | None = None) -> list[int]:
    if value is None:
        return default or []
    return [int(one) for one in value.reshape(-1)] if isinstance(value, Tensor) else [int(value)]


def _two(operation: Callable[[Any, Any], Any]) -> Callable[[Values], Any]:
    def run(given: Values) -> Any:
        x, y = (torch.as_tensor(given[name]) for name in ("x", "y"))
        return operation(x, y)

    return run


def _over(operation: Callable[[Tensor, list[int], bool], Tensor]) -> Callable[[Values], Tensor]:
    def run(given: Values) -> Tensor:
        x = given["x"]
        axes = _numbers(given.get("axes"), list(range(x.ndim)))
        return operation(x, axes, bool(given.get("keep_dims", False)))

    return run


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


OPERATIONS: dict[str, Callable[[Values], Any]] = {
    "add": _two(torch.add),
    "sub": _two(torch.sub),
    "mul": _two(torch.mul),
    "real_div": _two(torch.true_divide),
    "maximum": _two(torch.maximum),
    "minimum": _two(torch.minimum),
    "pow": _two(torch.pow),
    "less": _two(torch.lt),
    "less_equal": _two(torch.le),
    "greater": _two(torch.gt),
    "greater_equal": _two(torch.ge),
    "equal": _two(torch.eq),
    "logical_and": _two(torch.logical_and),
    "logical_not": lambda given: torch.logical_not(given["x"]),
    "relu": lambda given: functional.relu(given["x"]),
    "sigmoid": lambda given: torch.sigmoid(given["x"]),
    "abs": lambda given: given["x"].abs(),
    "square": lambda given: given["x"].square(),
    "sqrt": lambda given: given["x"].sqrt(),
    "rsqrt": lambda given: (given["x"] + given.get("epsilon", 0.0)).rsqrt(),
    "log": lambda given: (given["x"] + given.get("epsilon", 0.0)).log(),
    "exp": lambda given: given["x"].exp(),
    "clip": lambda given: given["x"].clamp(given["alpha"], given["beta"]),
    "softmax": lambda given: given["x"].softmax(int(given["axis"])),
    "identity": lambda given: given["x"],
    "conv": _conv,
    "matmul": _matmul,
    "linear": lambda given: functional.linear(given["x"], given["weight"], given.get("bias")),
    "reduce_sum": _over(lambda x, axes, keep: x.sum(axes, keepdim=keep)),
    "reduce_mean": _over(lambda x, axes, keep: x.mean(axes, keepdim=keep)),
    "reduce_max": _over(lambda x, axes, keep: x.amax(axes, keepdim=keep)),
    "reduce_l2_norm": _over(lambda x, axes, keep: x.square().sum(axes, keepdim=keep).sqrt()),
    "select": lambda given: torch.where(
        given["cond"].bool(), torch.as_tensor(given["a"]), torch.as_tensor(given["b"])
    ),
    "cast": lambda given: given["x"].to(
        {"fp32": torch.float32, "int32": torch.int32, "bool": torch.bool}[given["dtype"]]
    ),
    "reshape": lambda given: given["x"].reshape(_numbers(given["shape"])),
    "transpose": lambda given: given["x"].permute(_numbers(given["perm"])),
    "tile": lambda given: given["x"].tile(_numbers(given["reps"])),
    "stack": lambda given: torch.stack(_list(given["values"]), int(given["axis"])),
    "concat": lambda given: torch.cat(_list(given["values"]), int(given["axis"])),
    "slice_by_index": _slice,
    "gather": lambda given: given["x"].index_select(
        int(given.get("axis", 0)), given["indices"].reshape(-1).long()
    ),
    "fill_like": lambda given: torch.full_like(given["ref_tensor"], given["value"], dtype=torch.float32),
    "batch_norm": lambda given: functional.batch_norm(
        given["x"],
        given["mean"],
        given["variance"],
        given.get("gamma"),
        given.get("beta"),
        eps=given["epsilon"],
    ),
    "scatter": lambda given: given["data"].index_add(
        int(given["axis"]), given["indices"].reshape(-1), given["updates"]
    ),
}


def _expanded(given: Values) -> Tensor:
    x: Tensor = given["x"]
    for axis in sorted(_numbers(given["axes"])):
        x = x.unsqueeze(axis)
    return x


def _squeezed(given: Values) -> Tensor:
    x: Tensor = given["x"]
    axes = [axis % x.ndim for axis in _numbers(given.get("axes"))]
    return x.squeeze(axes or [axis for axis, size in enumerate(x.shape) if size == 1])


def _max_pool(given: Values) -> Tensor:
    if given.get("pad_type", "valid") not in ("valid", "custom") or any(_numbers(given.get("pad"))):
        raise ModelMismatchError("padded pooling of Core ML is not one that we can check")
    kernel = _numbers(given["kernel_sizes"])
    pool: Callable[..., Tensor] = functional.max_pool1d if len(kernel) == 1 else functional.max_pool2d
    return pool(
        given["x"], kernel, _numbers(given.get("strides"), kernel), ceil_mode=bool(given.get("ceil_mode"))
    )


def _conv_transpose(given: Values) -> Tensor:
    spatial = given["weight"].ndim - 2
    if given.get("pad_type", "valid") not in ("valid", "custom") or any(_numbers(given.get("pad"))):
        raise ModelMismatchError("padded transposed convolution of Core ML is not one that we can check")
    stride, dilation = (_numbers(given.get(name), [1] * spatial) for name in ("strides", "dilations"))
    convolve: Callable[..., Tensor] = (
        functional.conv_transpose1d if spatial == 1 else functional.conv_transpose2d
    )
    groups = int(given.get("groups", 1))
    return convolve(given["x"], given["weight"], given.get("bias"), stride, 0, 0, groups, dilation)


def _upsample(given: Values) -> Tensor:
    scale = (float(given["scale_factor_height"]), float(given["scale_factor_width"]))
    return functional.interpolate(given["x"], scale_factor=scale, mode="nearest")


OPERATIONS |= {
    "expand_dims": _expanded,
    "squeeze": _squeezed,
    "max_pool": _max_pool,
    "conv_transpose": _conv_transpose,
    "upsample_nearest_neighbor": _upsample,
}
