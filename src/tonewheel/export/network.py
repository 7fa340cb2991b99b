"""What a system says of a network that it can export: the module with its front end, names, units, and how to ask it.

A system's `export.py` has `NETWORKS`: name -> function from a weights file (None: those that ship) to a `Network`.
Everything else, the files, their cards, the comparison with torch, is done here, once for all systems.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from tonewheel.core.records import Record

Sound = NDArray[np.float32]
"""(channels, samples) at the network's rate."""
Example = Mapping[str, Tensor]
Outputs = Mapping[str, NDArray[np.float32]]
INSIDE = "inside"


class Port(Record):
    """One input or output: its name, what its axes are, and the unit of its numbers."""

    name: str
    axes: tuple[str, ...]
    unit: str


class Answers(Record):
    """What a user would notice: how many answers are others than torch's, and how many were right, where that is known.

    >>> Answers.of("which label", [1, 2, 3, 4], [1, 2, 3, 0], [1, 2, 0, 4])
    Answers(question='which label', count=4, changed=0.25, right_torch=0.75, right_export=0.5)
    """

    question: str
    count: int
    changed: float
    """Share of the answers that differ; no more than that can be lost."""
    right_torch: float | None = None
    right_export: float | None = None

    @classmethod
    def of(
        cls,
        question: str,
        torch_says: Sequence[int] | NDArray[np.integer],
        export_says: Sequence[int] | NDArray[np.integer],
        truth: Sequence[int] | NDArray[np.integer] | None = None,
    ) -> Answers:
        """Count answers (n,) of both, and the right ones."""
        ours, theirs = np.asarray(torch_says), np.asarray(export_says)
        right = None if truth is None else np.asarray(truth)
        return cls(
            question=question,
            count=len(ours),
            changed=float(np.mean(ours != theirs)) if len(ours) else 0.0,
            right_torch=None if right is None else float(np.mean(ours == right)),
            right_export=None if right is None else float(np.mean(theirs == right)),
        )


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network as it leaves torch."""

    kind: str
    module: nn.Module
    """From the inputs to the outputs, in evaluation mode."""
    sample_rate_hz: int
    front_end: str
    """`INSIDE`: audio goes in. Otherwise why it is not."""
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    example: Example
    """What is traced."""
    growing: Mapping[str, Mapping[int, int | None]]
    """Axes that may be longer or shorter: `onnx_file.traced`."""
    examples: Callable[[Sequence[Sound]], list[Example]]
    """Inputs from held-out sounds: at these the export is compared with torch."""
    weights_sha256: str
    recipe: Mapping[str, Any]
    answers: Callable[[Sequence[Outputs], Sequence[Outputs]], Answers] | None = None
    """From the outputs of torch and of the export to every example, what became of the answers."""
    int8: Literal["static", "weights"] = "weights"
    """static: layers compute in 8 bits. weights: they are stored in 8 bits and computed in float32."""
    limit: float = 1e-4
    """Worst difference from torch of a float32 export."""
    still: Example | None = None
    """Has the shapes of a Core ML package, which are fixed; default: `example`."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """What else a caller needs to use it, in the file's card."""

    def card(self) -> dict[str, Any]:
        """What every export says of itself."""
        return {
            "kind": self.kind,
            "sample_rate_hz": self.sample_rate_hz,
            "front_end": self.front_end,
            "inputs": [port.to_dict() for port in self.inputs],
            "outputs": [port.to_dict() for port in self.outputs],
            "weights_sha256": self.weights_sha256,
            "recipe": dict(self.recipe),
            **self.about,
        }
