"""Frames and bands that any language can repeat: a Hann window, a Fourier transform and sums, nothing else.

Frame f covers the samples [f * n_fft / 4, f * n_fft / 4 + n_fft), without centring; what is left at the end is too
short for a frame and is not heard. Sound shorter than one frame is followed by silence. All in double precision, so
that the browser's twin agrees to 1e-4 (it agrees to about 1e-9).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.spectra import frame_count, hann
from tonewheel.core.errors import InputError

Floats = NDArray[np.float64]
Spectra = NDArray[np.complex128]

EDGES_HZ = (
    *(30.0, 60.0, 90.0, 120.0, 160.0, 200.0, 250.0, 320.0, 400.0, 500.0, 640.0, 800.0, 1000.0),
    *(1250.0, 1600.0, 2000.0, 2500.0, 3200.0, 4000.0, 5000.0, 6400.0, 8000.0, 10000.0, 12500.0, 16000.0),
)
"""Edges of the bands: a third of an octave apart, wider below 120 Hz; 60 Hz is where `sub` ends."""
BANDS = len(EDGES_HZ) - 1


def frame_size(sample_rate_hz: float) -> int:
    """Samples of a frame: 4096 at 44.1 and 48 kHz, and the power of two of the same duration at other rates.

    >>> [frame_size(rate) for rate in (8000, 22050, 44100, 48000, 96000)]
    [1024, 2048, 4096, 4096, 8192]
    """
    if not 1000 <= sample_rate_hz <= 768_000:
        raise InputError("sample rate", f"{sample_rate_hz:g} Hz, expected 1000 to 768000")
    size = 4096
    while sample_rate_hz > 60_000 * size / 4096:
        size *= 2
    while sample_rate_hz < 30_000 * size / 4096:
        size //= 2
    return max(size, 256)


class Framer:
    """Cuts a stream of blocks into spectra; nothing of the past is kept but what the next frame needs.

    >>> framer = Framer(44100)
    >>> [framer.push(np.zeros((2, 5000))).shape[0] for _ in range(3)], framer.finish().shape[0]
    ([1, 5, 5], 0)
    """

    def __init__(self, sample_rate_hz: float) -> None:
        self.size = frame_size(sample_rate_hz)
        self.hop = self.size // 4
        self._window = hann(self.size)
        self._rest = np.zeros((2, 0))
        self._any = False

    def push(self, audio: NDArray[Any]) -> Spectra:
        """Spectra of the frames that `audio` completes: (channels, samples) -> (frames, 2, n_fft / 2 + 1)."""
        self._rest = np.concatenate([self._rest, stereo(audio)], axis=1)
        count = frame_count(self._rest.shape[1], self.size, self.hop)
        if not count:
            return np.zeros((0, 2, self.size // 2 + 1), np.complex128)
        self._any = True
        frames = np.lib.stride_tricks.sliding_window_view(self._rest, self.size, axis=1)[:, :: self.hop]
        spectra = np.fft.rfft(frames[:, :count].swapaxes(0, 1) * self._window, axis=-1)
        self._rest = self._rest[:, count * self.hop :]
        return np.asarray(spectra)

    def finish(self) -> Spectra:
        """The one frame of a sound that was shorter than a frame; otherwise none."""
        short = 0 if self._any else self.size - self._rest.shape[1]
        return self.push(np.zeros((2, short)))


def stereo(audio: NDArray[Any]) -> Floats:
    """Left and right of (channels, samples) or (samples,): one channel is both, of more than two all are mixed.

    InputError when there is something that is no number.
    """
    sound = np.atleast_2d(np.asarray(audio, np.float64))
    if sound.ndim != 2 or not np.isfinite(sound).all():
        raise InputError("audio", f"shape {sound.shape}; expected (channels, samples) of finite numbers")
    if sound.shape[0] == 2:
        return sound
    return np.repeat(sound.mean(axis=0, keepdims=True), 2, axis=0)


def bin_frequencies_hz(sample_rate_hz: float) -> Floats:
    """The frequency of each bin, (n_fft / 2 + 1,)."""
    size = frame_size(sample_rate_hz)
    return np.asarray(np.arange(size // 2 + 1) * (sample_rate_hz / size), np.float64)


def band_sums(values: NDArray[Any], sample_rate_hz: float) -> Floats:
    """Sums over the bins of each band: (..., bins) -> (..., 24); a bin on an edge belongs to the band above it.

    >>> band_sums(np.ones(2049), 44100)[:4].tolist()
    [3.0, 3.0, 3.0, 3.0]
    """
    edges = np.searchsorted(bin_frequencies_hz(sample_rate_hz), EDGES_HZ)
    return np.stack([values[..., low:high].sum(axis=-1) for low, high in pairwise(edges)], axis=-1)


def level(power: NDArray[Any], floor: float = 1e-12) -> Floats:
    """Mean square as a number from 0 (at the floor, -120 dB) to 1 (at 0 dB), straight in dB.

    >>> level(np.array([0.0, 1e-6, 1.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    return np.asarray(1.0 - np.log10(np.maximum(power, floor)) / np.log10(floor))
