"""Take out what lies below the music: rumble with a high-pass without phase, an offset as the constant that it is.

The filter is a windowed sinc (Hann) of linear phase, applied without its delay. It is as low as the rumble allows and
never reaches what the music uses.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from tonewheel.systems.restore.profile import RumbleProfile

Audio = NDArray[np.float32]

LOWEST_HZ, HIGHEST_HZ = 8.0, 60.0
PERIODS = 6.0
"""Half the filter's length in periods of its cutoff: what is 30 % away from the cutoff passes or goes."""


def cutoff_hz(rumble: RumbleProfile, music_from_hz: float) -> float:
    """Where to cut: just above the rumble, but below four fifths of the music's lowest frequency.

    >>> cutoff_hz(RumbleProfile(level_db=-40.0, cutoff_hz=20.0, resonance_hz=11.0), music_from_hz=80.0)
    28.0
    >>> cutoff_hz(RumbleProfile(level_db=-40.0, cutoff_hz=50.0, resonance_hz=11.0), music_from_hz=40.0)
    32.0
    """
    return round(float(np.clip(min(1.4 * rumble.cutoff_hz, 0.8 * music_from_hz), LOWEST_HZ, HIGHEST_HZ)), 2)


class RumbleRemover:
    """High-pass of one channel, whole or in parts; `offset` is subtracted first.

    >>> high_pass = RumbleRemover(30.0, 8_000, offset=0.5)
    >>> float(np.abs(high_pass.process(np.full(8_000, 0.5, np.float32))).max())
    0.0
    """

    def __init__(self, cutoff_hz: float | None, sample_rate_hz: int, offset: float = 0.0) -> None:
        self.offset = np.float32(offset)
        self.context_samples = 0
        """Samples before and after a part that must be given with it, for the part to be cleaned as in the whole."""
        self.low_pass: NDArray[np.float64] | None = None
        if cutoff_hz is not None:
            half = self.context_samples = round(PERIODS / cutoff_hz * sample_rate_hz)
            # A filter for silence as well: its sum is 1, so that an offset that was missed goes too.
            self.low_pass = signal.firwin(2 * half + 1, cutoff_hz, window="hann", fs=sample_rate_hz)

    def process(self, audio: Audio) -> Audio:
        """A channel, or a part of it, (samples,); before and after it there is silence."""
        moved = np.asarray(audio, np.float32) - self.offset
        if self.low_pass is None or len(moved) == 0:
            return moved
        low = signal.oaconvolve(moved.astype(np.float64), self.low_pass, mode="full")
        half = self.context_samples
        return np.asarray(moved - low[half : half + len(moved)], np.float32)
