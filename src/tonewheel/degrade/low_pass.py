"""Low-pass filter: distance, a cheap capsule, a bag over the phone."""

from __future__ import annotations

from typing import ClassVar

from tonewheel.degrade.base import Audio
from tonewheel.degrade.butterworth import Butterworth


class LowPass(Butterworth):
    """Butterworth low-pass: -3 dB at the cutoff, 6 dB an octave and order above it; causal, as in a device.

    A cutoff at or above half the sample rate changes nothing. Source: scipy.signal.butter (bilinear
    transform).

    >>> import numpy as np
    >>> LowPass(cutoff_hz=1000.0, order=2).apply(np.ones(8000, np.float32), 8000)[-1].round(3) == 1
    np.True_
    """

    likely_hz: ClassVar[tuple[float, float]] = (2500.0, 10000.0)

    def process(self, audio: Audio, sample_rate_hz: int) -> Audio:
        if self.cutoff_hz >= 0.499 * sample_rate_hz:
            return audio
        return self.filtered("lowpass", audio, sample_rate_hz)
