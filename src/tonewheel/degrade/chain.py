"""Several degradations in order, as one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self

import numpy as np

from tonewheel.core.errors import InputError
from tonewheel.degrade import base
from tonewheel.degrade.base import Audio, Degradation

DEEPEST_NESTING = 8
"""A chain in a chain in a chain is fine; a file that nests without end is hostile."""


class Chain(Degradation):
    """Applies its steps one after another; it is a degradation itself, so it is stored and replayed like one.

    >>> from tonewheel.degrade.gain import Gain
    >>> chain = Chain(steps=(Gain(gain_db=-6.0), Gain(gain_db=6.0)))
    >>> Chain.from_json(chain.to_json()) == chain
    True
    """

    steps: tuple[Any, ...] = ()
    """Degradations, the first applied first (typed Any because JSON readers need the kind to choose the
    class)."""

    @classmethod
    def draw(cls, rng: np.random.Generator, *, kinds: tuple[type[Degradation], ...] = ()) -> Self:
        """One draw of each given class, in the given order."""
        return cls(steps=tuple(kind.draw(rng) for kind in kinds))

    def process(self, audio: Audio, sample_rate_hz: int) -> Audio:
        for step in self.steps:
            audio = step.apply(audio, sample_rate_hz)
        return audio

    @property
    def changes_length(self) -> bool:
        """True if one of the steps does not keep the length."""
        return any(
            step.changes_length if isinstance(step, Chain) else not step.keeps_length for step in self.steps
        )

    @classmethod
    def from_dict(cls, values: dict[str, Any], where: str | Path = "") -> Self:
        """Read the steps by their kinds; InputError says which step is wrong."""
        if _nesting(values) > DEEPEST_NESTING:
            raise InputError(where or "chain", f"chains are nested more than {DEEPEST_NESTING} deep")
        chain = super().from_dict(values, where=where)
        steps = tuple(
            base.from_dict(step, where=f"{where or 'chain'} step {number}")
            for number, step in enumerate(chain.steps)
        )
        return cls(steps=steps)

    @classmethod
    def from_json(cls, text: str | bytes, where: str | Path = "") -> Self:
        """Read what `to_json` wrote."""
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(where or "chain", f"not JSON: {error}") from None
        return cls.from_dict(values, where=where)


def _nesting(values: Any) -> int:
    """How many chains deep a description goes, stopping just past what is allowed."""
    depth, layer = 0, [values]
    while layer and depth <= DEEPEST_NESTING + 1:
        steps = [item.get("steps") for item in layer if isinstance(item, dict)]
        layer = [step for entry in steps if isinstance(entry, (list, tuple)) for step in entry]
        depth += 1
    return depth - 1
