"""Level: everything louder or quieter."""

from __future__ import annotations

from typing import Self

import numpy as np

from tonewheel.core.units import db_to_amplitude
from tonewheel.degrade.base import Audio, Degradation


class Gain(Degradation):
    """Multiplies by a constant.

    >>> round(float(Gain(gain_db=-6.0206).apply(np.ones(4, np.float32), 16000)[0]), 4)
    0.5
    """

    gain_db: float

    @classmethod
    def draw(cls, rng: np.random.Generator, *, gain_db: tuple[float, float] = (-18.0, 6.0)) -> Self:
        """A gain uniform in decibels."""
        return cls(gain_db=float(rng.uniform(*gain_db)))

    def process(self, audio: Audio, sample_rate_hz: int) -> Audio:
        return audio * np.float32(db_to_amplitude(self.gain_db))
