"""Write a network in a format, compare it with torch, and keep in the file what was found.

What differs from torch by more than it may is not written. A float32 export must give the same numbers to the
network's `limit`; one whose layers compute in 8 bits must point the same way (`LEAST_COSINE`), and its price is told
as answers that change.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import nn

from tonewheel.core.errors import InputError, ModelMismatchError, nearest
from tonewheel.core.records import Record
from tonewheel.export.int8_weights import rounded, with_int8_weights
from tonewheel.export.network import Answers, Example, Network, Outputs
from tonewheel.export.onnx_file import runner, traced, write_onnx
from tonewheel.export.parity import Parity, beside, by_torch, refuse_unlike
from tonewheel.export.recurrent import traceable
from tonewheel.export.sounds import Heard, synthesised
from tonewheel.export.static_int8 import static_int8

if TYPE_CHECKING:
    from onnx import ModelProto

FORMATS = ("onnx", "int8", "coreml")
LEAST_COSINE = 0.95
"""Of all numbers of an output; below that an int8 network is another network."""
CALIBRATION_SOUNDS = 8


class Exported(Record):
    """What was written, and how near it is to torch."""

    path: str
    sha256: str
    size_bytes: int
    format: str
    weights: str
    """float32, int8 (stored so, computed in float32) or static int8 (layers compute in 8 bits)."""
    weights_sha256: str
    sounds: str
    """At what it was compared."""
    parity: tuple[Parity, ...]
    """Against torch with the float32 weights."""
    answers: Answers | None
    checked: str
    """By what the file was run."""

    def table(self) -> str:
        """Lines for a person."""
        lines = [
            f"{self.path}: {self.size_bytes / 1e6:.2f} MB, {self.weights} weights; run by {self.checked},"
            f" beside torch, at {self.sounds}",
            f"{'output':<14}{'cosine':>10}{'max error':>12}",
        ]
        lines += [f"{row.output:<14}{row.cosine:>10.6f}{row.max_abs:>12.1e}" for row in self.parity]
        if (found := self.answers) is not None:
            line = f"{found.question}: {found.changed:.2%} of {found.count} answers changed"
            if found.right_torch is not None and found.right_export is not None:
                line += f"; right: torch {found.right_torch:.1%}, export {found.right_export:.1%}"
            lines.append(line)
        return "\n".join(lines)


def write(network: Network, to: str, out: Path, heard: Heard, graph: ModelProto | None = None) -> Exported:
    """Write `network` to `out`; ModelMismatchError, and no file, when it does not compute what torch does.

    A `graph` that `trace` made of the same network is used again.
    """
    if to not in FORMATS:
        raise InputError("--to", f'"{to}" is none of {", ".join(FORMATS)}{nearest(to, FORMATS)}')
    examples = network.examples(heard.sounds)
    if to == "coreml":
        from tonewheel.export.coreml import write_package

        return write_package(network, out, examples, heard.told)
    static = to == "int8" and network.int8 == "static"
    model = graph if graph is not None else trace(network)
    if static:
        calibration = network.examples(synthesised(network.sample_rate_hz, CALIBRATION_SOUNDS))
        model = static_int8(model, calibration)
    elif to == "int8":
        model = with_int8_weights(copy.deepcopy(model), traceable(network.module))
    weights = "float32" if to == "onnx" else "static int8" if static else "int8"
    trial = out.with_name(f".{out.name}.trial")
    try:
        write_onnx(model, trial, network.card())
        run = runner(trial)
        theirs = [run(example) for example in examples]
        ours = heard_by_torch(network.module, network, examples)
        parity = beside(ours, theirs)
        if not static:
            # Weights of 8 bits are exact to the network that has these weights.
            exact = heard_by_torch(rounded(network.module), network, examples) if to == "int8" else ours
            refuse_unlike(beside(exact, theirs), out, network.limit)
        refuse_far(parity, out)
        answers = None if network.answers is None else network.answers(ours, theirs)
    finally:
        trial.unlink(missing_ok=True)
    found = {"weights": weights, "compared": compared_card(parity, answers, heard.told, "onnxruntime")}
    digest = write_onnx(model, out, {**network.card(), **found})
    return Exported(
        path=str(out),
        sha256=digest,
        size_bytes=out.stat().st_size,
        format=to,
        weights=weights,
        weights_sha256=network.weights_sha256,
        sounds=heard.told,
        parity=tuple(parity),
        answers=answers,
        checked="onnxruntime",
    )


def trace(network: Network) -> ModelProto:
    """The float32 graph of a network."""
    return traced(
        traceable(network.module),
        network.example,
        [port.name for port in network.outputs],
        network.growing,
    )


def heard_by_torch(module: nn.Module, network: Network, examples: Sequence[Example]) -> list[Outputs]:
    """What a module of the network's shape says to every example."""
    names = [port.name for port in network.outputs]
    return [by_torch(module, names, example) for example in examples]


def refuse_far(rows: Sequence[Parity], path: Path) -> None:
    """ModelMismatchError when an output points another way than torch's."""
    for row in rows:
        if not (row.cosine >= LEAST_COSINE and np.isfinite(row.max_abs)):
            raise ModelMismatchError(
                f'{path}: output "{row.output}" has a cosine of {row.cosine:.3f} with torch\'s, at least'
                f" {LEAST_COSINE} is right"
            )


def compared_card(
    parity: Sequence[Parity], answers: Answers | None, told: str, checked: str
) -> Mapping[str, Any]:
    """What the card of a file says of how near it is to torch."""
    return {
        "sounds": told,
        "checked": checked,
        "parity": [row.to_dict() for row in parity],
        "answers": None if answers is None else answers.to_dict(),
    }
