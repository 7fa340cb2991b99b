"""High-pass filter: what a small microphone, a wind filter or a phone's speech path leaves of the bass."""

from __future__ import annotations

from typing import ClassVar

from tonewheel.core.errors import InputError
from tonewheel.degrade.base import Audio
from tonewheel.degrade.butterworth import Butterworth


class HighPass(Butterworth):
    """Butterworth high-pass: -3 dB at the cutoff, 6 dB an octave and order below it; causal, as in a device.

    Source: scipy.signal.butter (bilinear transform).

    >>> import numpy as np
    >>> HighPass(cutoff_hz=150.0, order=2).apply(np.ones(8000, np.float32), 8000)[-1].round(3) == 0
    np.True_
    """

    likely_hz: ClassVar[tuple[float, float]] = (60.0, 250.0)

    def process(self, audio: Audio, sample_rate_hz: int) -> Audio:
        if self.cutoff_hz >= sample_rate_hz / 2:
            raise InputError(
                "high_pass", f"cutoff {self.cutoff_hz} Hz would leave nothing at {sample_rate_hz} Hz"
            )
        return self.filtered("highpass", audio, sample_rate_hz)
