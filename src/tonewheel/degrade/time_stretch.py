"""Time stretch: another tempo at the same pitch."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from scipy import fft, signal

from tonewheel.core.errors import InputError
from tonewheel.degrade.base import Audio, Degradation

WINDOW_S = 0.07
"""Two notes a semitone apart near 300 Hz can just be told apart in it, and a drum stroke is not smeared
much."""


class TimeStretch(Degradation):
    """Plays `rate` times as fast: what was at t seconds is then at t / rate, and the length changes likewise.

    >>> TimeStretch(rate=1.25).apply(np.zeros(16000, np.float32), 16000).shape
    (12800,)
    """

    keeps_length: ClassVar[bool] = False

    rate: float

    def __post_init__(self) -> None:
        if not 0.25 <= self.rate <= 4:
            raise InputError("time_stretch", f"rate {self.rate}: need 0.25 to 4")

    @classmethod
    def draw(cls, rng: np.random.Generator, *, rate: tuple[float, float] = (0.94, 1.06)) -> Self:
        """A rate uniform in octaves; 6 % either way is what another performance of a song may differ by."""
        return cls(rate=float(np.exp(rng.uniform(*np.log(rate)))))

    def process(self, audio: Audio, sample_rate_hz: int) -> Audio:
        return stretch(audio, self.rate, sample_rate_hz)


def stretch(audio: Audio, rate: float, sample_rate_hz: int) -> Audio:
    """(channels, samples) to (channels, round(samples / rate)), at least one sample.

    Phase vocoder with identity phase locking: J. Laroche, M. Dolson, "Improved phase vocoder time-scale
    modification of audio", IEEE Trans. Speech Audio Process. 7(3), 1999. Both frames of a step are read
    from the input one synthesis hop apart, so that phases need no unwrapping. All channels are turned by
    the phases of the loudest one, which keeps the stereo image.
    """
    window_samples = 1 << max(4, round(np.log2(WINDOW_S * sample_rate_hz)))
    hop, half = window_samples // 4, window_samples // 2
    length = max(1, round(audio.shape[-1] / rate))
    window = signal.get_window("hann", window_samples).astype(np.float32)
    steps = length // hop + 2
    # A hop and half a window before the start, and silence behind the end for the last frames.
    behind = window_samples + round(steps * hop * rate) + hop - audio.shape[-1]
    padded = np.pad(audio, ((0, 0), (half + hop, max(0, behind))))
    loudest = int(np.argmax(np.sum(audio.astype(np.float64) ** 2, axis=-1)))
    out = np.zeros((len(audio), steps * hop + window_samples), np.float32)
    weight = np.zeros(out.shape[-1], np.float32)
    last: np.ndarray[Any, Any] | None = None
    for step in range(steps):
        position = hop + round(step * hop * rate)
        now = fft.rfft(padded[:, position : position + window_samples] * window, axis=-1)
        if last is not None:
            before = fft.rfft(padded[loudest, position - hop : position - hop + window_samples] * window)
            now = now * _turn(now[loudest], before, last)
        last = now[loudest]
        span = slice(step * hop, step * hop + window_samples)
        out[:, span] += fft.irfft(now, window_samples, axis=-1) * window
        weight[span] += window**2
    out /= np.maximum(weight, 1e-3)
    return out[:, half : half + length]


def _turn(now: np.ndarray[Any, Any], before: np.ndarray[Any, Any], last: np.ndarray[Any, Any]) -> Any:
    """Unit phasors that continue the last output frame: each bin is turned like the spectral peak next to
    it."""
    magnitude = np.abs(now)
    inner = magnitude[2:-2]
    is_peak = inner >= np.maximum(
        np.maximum(magnitude[:-4], magnitude[1:-3]), np.maximum(magnitude[3:-1], magnitude[4:])
    )
    peaks = np.flatnonzero(is_peak) + 2
    if len(peaks) == 0:
        return 1.0
    turn = last[peaks] * np.conj(before[peaks])
    size = np.abs(turn)
    turn = np.where(size > 1e-20, turn / np.maximum(size, 1e-20), 1.0)
    borders = (peaks[1:] + peaks[:-1]) // 2 + 1
    nearest = np.searchsorted(borders, np.arange(len(now)), side="right")
    return turn[nearest].astype(np.complex64)
