"""Music to put under rendered drums, with no drums of its own, because nobody has written them down.

Synthesised songs give every part but the drums. Real music goes through a filter that keeps what is steady in
time and drops what is broad in frequency, unless hardly anything in it is struck: then it stays as it is,
attacks and all. The filter is that of Fitzgerald (Harmonic/percussive separation using median filtering, DAFx
2010) with openings (a running minimum, then a running maximum) for medians: they take a hundredth of the time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Audio = NDArray[np.float32]

N_FFT = 2048
HOP_SAMPLES = 1024
STEADY_FRAMES = 7
BROAD_BINS = 17
LITTLE_STRUCK = 0.05
"""Share of percussive energy below which music is left alone."""


def without_drums(audio: Audio, sample_rate_hz: int) -> tuple[Audio, float]:
    """Music with what is struck taken out, and the share of its energy above 100 Hz that was struck.

    >>> tone = np.sin(2 * np.pi * 440 * np.arange(44_100) / 44_100).astype(np.float32)
    >>> kept, share = without_drums(tone, 44_100)
    >>> bool(share < 0.05), kept.shape
    (True, (44100,))
    """
    from scipy.ndimage import maximum_filter1d, minimum_filter1d
    from scipy.signal import istft, stft

    if len(audio) < 4 * N_FFT:
        return audio.copy(), 0.0
    frequency_hz, _, spectrum = stft(audio, fs=sample_rate_hz, nperseg=N_FFT, noverlap=N_FFT - HOP_SAMPLES)
    magnitude = np.abs(spectrum).astype(np.float32)
    steady, struck = (
        maximum_filter1d(minimum_filter1d(magnitude, span, axis=axis), span, axis=axis) ** 2
        for span, axis in ((STEADY_FRAMES, 1), (BROAD_BINS, 0))
    )
    mask = steady / (steady + struck + 1e-12)
    heard = frequency_hz > 100
    power = magnitude[heard] ** 2
    share = float(((1 - mask[heard]) * power).sum() / max(float(power.sum()), 1e-12))
    if share < LITTLE_STRUCK:
        return audio.copy(), share
    # Squared, since half-struck cells still hold the drums' attack.
    _, kept = istft(spectrum * mask**2, fs=sample_rate_hz, nperseg=N_FFT, noverlap=N_FFT - HOP_SAMPLES)
    out = np.zeros_like(audio)
    out[: min(len(out), len(kept))] = kept[: len(out)]
    return out, share
