"""Take the mains out: sinusoids that follow each harmonic of the hum, never stronger than the hum was measured.

Each harmonic is shifted to 0 Hz, smoothed over two seconds and shifted back: what is left is the sinusoid there, with
its slow changes, and that is subtracted. It is a notch of about 1 Hz without delay. A bass note on the same pitch is
louder than the hum, so the sinusoid is limited to a little more than the hum's measured amplitude: of such a note
hardly anything is lost.

The method is the coherent demodulation of lock-in amplifiers; limiting it is ours.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tonewheel.systems.restore.profile import HumProfile

Audio = NDArray[np.float32]

SMOOTHED_S = 2.0
STEP_S = 0.02
"""Multiples of 50 Hz fall on the zeros of a mean over 20 ms, so the harmonics do not disturb each other."""
HEADROOM_DB = 2.0
FAINTEST_DB = -100.0
"""Harmonics below this level, of full scale, are left."""


class HumRemover:
    """Subtracts the hum of a profile from one channel, whole or in parts.

    >>> hum = HumProfile(frequency_hz=50.0, level_db=-40.0, harmonics_db=(0.0,))
    >>> tone = 0.01 * 2**0.5 * np.sin(2 * np.pi * 50.0 * np.arange(88_200) / 44_100).astype(np.float32)
    >>> float(np.abs(HumRemover(hum, 44_100).process(tone)).max()) < 1e-5
    True
    """

    def __init__(self, hum: HumProfile, sample_rate_hz: int) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.step = max(1, round(STEP_S * sample_rate_hz))
        half = round(SMOOTHED_S / STEP_S / 2)
        self.weights = np.hanning(2 * half + 3)[1:-1]
        self.context_samples = (half + 2) * self.step
        """Samples before and after a part that must be given with it, for the part to be cleaned as in the whole."""
        power = sum(10 ** (level / 10) for level in hum.harmonics_db) or 1.0
        scale_db = hum.level_db - 10 * np.log10(power)
        self.harmonics = [
            (number * hum.frequency_hz, 2**0.5 * 10 ** ((scale_db + level + HEADROOM_DB) / 20))
            for number, level in enumerate(hum.harmonics_db, start=1)
            if scale_db + level > FAINTEST_DB and number * hum.frequency_hz < 0.45 * sample_rate_hz
        ]
        """Frequency in Hz and largest amplitude of each."""

    def process(self, audio: Audio, start: int = 0) -> Audio:
        """Samples [start, start + n) of a channel without hum, (n,); at its ends less is known, and so less exact."""
        return np.asarray(audio - self.hum(audio, start), np.float32)

    def hum(self, audio: Audio, start: int = 0) -> NDArray[np.float64]:
        """The hum alone, (n,)."""
        total = np.zeros(len(audio))
        if len(audio) == 0:
            return total
        at = start + np.arange(len(audio))
        block = at // self.step - start // self.step
        # The middle of each step's samples; a first or last step that is not whole lies elsewhere.
        count = np.bincount(block)
        middle = np.bincount(block, at - start) / count
        known = np.convolve(count, self.weights, mode="same") if len(count) >= len(self.weights) else None
        for frequency_hz, largest in self.harmonics:
            # Cycles are counted from sample 0 of the recording; whole ones do not matter.
            turns = np.mod(at * (frequency_hz / self.sample_rate_hz), 1.0)
            carrier = np.exp(2j * np.pi * turns)
            shifted = audio * carrier.conj()
            sums = np.bincount(block, shifted.real) + 1j * np.bincount(block, shifted.imag)
            if known is None:  # shorter than the smoothing: one constant sinusoid
                smooth = np.full(len(count), sums.sum() / count.sum())
            else:
                smooth = np.convolve(sums, self.weights, mode="same") / known
            smooth = 2 * smooth
            smooth *= np.minimum(1.0, largest / np.maximum(np.abs(smooth), 1e-12))
            followed = np.interp(at - start, middle, smooth)
            total += followed.real * carrier.real - followed.imag * carrier.imag
        return total
