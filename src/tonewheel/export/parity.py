"""Whether an exported network computes what torch computes: worst difference and cosine, output by output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from tonewheel.core.errors import ModelMismatchError
from tonewheel.core.records import Record
from tonewheel.export.onnx_file import runner

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
    theirs = [runner(path)(example) for example in examples]
    ours = [by_torch(module, list(theirs[0]), example) for example in examples]
    return beside(ours, theirs)


def by_torch(module: nn.Module, names: Sequence[str], example: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """What a module says to an example, in evaluation mode, by the names of its outputs."""
    was_training = module.training
    module.eval()
    try:
        with torch.inference_mode():
            found = module(*example.values())
    finally:
        module.train(was_training)
    parts = [found] if isinstance(found, Tensor) else list(found)
    return {name: part.numpy() for name, part in zip(names, parts, strict=True)}


def beside(
    ours: Sequence[Mapping[str, np.ndarray]], theirs: Sequence[Mapping[str, np.ndarray]]
) -> list[Parity]:
    """Every output of torch beside that of an export, over all examples."""
    return [
        compared(name, [(a[name], b[name]) for a, b in zip(ours, theirs, strict=True)]) for name in ours[0]
    ]


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
