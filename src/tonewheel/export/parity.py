"""Whether an exported network computes what torch computes: worst difference and cosine, output by output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from tonewheel.core.errors import MissingDependencyError, ModelMismatchError
from tonewheel.core.records import Record

LIMIT = 1e-4


class Parity(Record):
    """How near one output is to torch's, at worst over all examples."""

    output: str
    shape: tuple[int, ...]  # of the last example
    max_abs: float
    cosine: float


def onnx_parity(
    module: nn.Module, path: str | Path, examples: Sequence[Mapping[str, Tensor]]
) -> list[Parity]:
    """Run every example through torch and through onnxruntime on one thread.

    Give examples of several lengths: a length that was baked in shows only at another.
    """
    try:
        import onnxruntime
    except ImportError:
        raise MissingDependencyError("onnxruntime", "comparing an export with torch", "export") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    pairs: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {name: [] for name in names}
    was_training = module.training
    module.eval()
    try:
        for example in examples:
            with torch.inference_mode():
                found = module(*example.values())
            theirs = session.run(names, {name: value.numpy() for name, value in example.items()})
            ours = [found] if isinstance(found, Tensor) else list(found)
            for name, one, other in zip(names, ours, theirs, strict=True):
                pairs[name].append((one.numpy(), other))
    finally:
        module.train(was_training)
    return [compared(name, pairs[name]) for name in names]


def compared(output: str, pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> Parity:
    """The worst of pairs of arrays of equal shape; ModelMismatchError when their shapes differ.

    >>> row = compared("score", [(np.array([1.0, 0.0]), np.array([1.0, 0.01]))])
    >>> row.max_abs, round(row.cosine, 5)
    (0.01, 0.99995)
    """
    worst, least = 0.0, 1.0
    for one, other in pairs:
        if one.shape != other.shape:
            raise ModelMismatchError(f'output "{output}" has shape {other.shape}, expected {one.shape}')
        a, b = one.astype(np.float64).ravel(), other.astype(np.float64).ravel()
        worst = float(np.maximum(worst, np.abs(a - b).max(initial=0.0)))  # a NaN stays one
        lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
        least = min(least, float(a @ b) / lengths if lengths > 0 else float(np.array_equal(a, b)))
    return Parity(output=output, shape=tuple(pairs[-1][1].shape), max_abs=worst, cosine=least)


def refuse_unlike(rows: Sequence[Parity], path: str | Path, limit: float = LIMIT) -> None:
    """ModelMismatchError when an output differs from torch's by more than `limit`, or is not a number."""
    for row in rows:
        if not row.max_abs <= limit:
            raise ModelMismatchError(
                f'{path}: output "{row.output}" differs from torch by {row.max_abs:.2g}, at most {limit:g} is right'
            )
