"""High-pass filter: what a small microphone, a wind filter or a phone's speech path leaves of the bass."""

from __future__ import annotations

from typing import Self

import numpy as np
from scipy import signal

from tonewheel.core.errors import InputError
from tonewheel.degrade.base import Audio, Degradation
from tonewheel.degrade.low_pass import cascade


class HighPass(Degradation):
    """Butterworth high-pass: -3 dB at the cutoff, 6 dB an octave and order below it; causal, as in a device.

    Source: scipy.signal.butter (bilinear transform).

    >>> HighPass(cutoff_hz=150.0, order=2).apply(np.ones(8000, np.float32), 8000)[-1].round(3) == 0
    np.True_
    """

    cutoff_hz: float
    order: int = 2

    def __post_init__(self) -> None:
        if not (self.cutoff_hz > 0 and 1 <= self.order <= 12):
            raise InputError(
                "high_pass", f"cutoff {self.cutoff_hz} Hz, order {self.order}: need > 0 Hz, 1 to 12"
            )

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        *,
        cutoff_hz: tuple[float, float] = (60.0, 250.0),
        orders: tuple[int, ...] = (1, 2, 4),
    ) -> Self:
        """A cutoff uniform in octaves and one of the orders."""
        cutoff = float(np.exp(rng.uniform(*np.log(cutoff_hz))))
        return cls(cutoff_hz=cutoff, order=int(rng.choice(orders)))

    def process(self, audio: Audio, sample_rate_hz: int) -> Audio:
        if self.cutoff_hz >= sample_rate_hz / 2:
            raise InputError(
                "high_pass", f"cutoff {self.cutoff_hz} Hz would leave nothing at {sample_rate_hz} Hz"
            )
        return cascade(
            signal.butter(self.order, self.cutoff_hz, "highpass", output="sos", fs=sample_rate_hz), audio
        )
