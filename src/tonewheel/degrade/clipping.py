"""Clipping: a preamplifier or converter that has run out of room."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np

from tonewheel.core.errors import InputError
from tonewheel.degrade.base import Audio, Degradation


class Clipping(Degradation):
    """Flattens the loudest samples; how many is stated, so the damage does not depend on the input's level.

    `hard` holds them at the level that `fraction` of the samples exceed; `soft` bends everything along a
    tanh that is nearly straight below that level and never passes 4/3 of it.

    >>> ramp = np.linspace(-1, 1, 1001, dtype=np.float32)
    >>> clipped = Clipping(fraction=0.02).apply(ramp, 16000)
    >>> round(float(clipped.max()), 2), int((clipped == clipped.max()).sum())
    (0.98, 11)
    """

    fraction: float
    shape: Literal["hard", "soft"] = "hard"

    def __post_init__(self) -> None:
        if not 0 <= self.fraction < 1:
            raise InputError("clipping", f"fraction {self.fraction} of the samples: need 0 to below 1")

    @classmethod
    def draw(
        cls, rng: np.random.Generator, *, fraction: tuple[float, float] = (0.0, 0.03), soft_share: float = 0.4
    ) -> Self:
        """A fraction uniform within the bounds; the phones of TARGETS clip 0 to 3 % of the samples."""
        return cls(
            fraction=float(rng.uniform(*fraction)), shape="soft" if rng.random() < soft_share else "hard"
        )

    def process(self, audio: Audio, sample_rate_hz: int) -> Audio:
        above = int(self.fraction * audio.size)
        if above == 0:
            return audio
        magnitude = np.abs(audio).ravel()
        limit = np.partition(magnitude, audio.size - above - 1)[audio.size - above - 1]
        if not limit > 0:
            return audio
        if self.shape == "hard":
            return np.clip(audio, -limit, limit)
        ceiling = limit * np.float32(4 / 3)
        bent: Audio = np.tanh(audio / ceiling) * ceiling
        return bent
