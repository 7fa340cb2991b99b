"""Spectral flux in three bands with peak picking: what one writes in an afternoon.

Half-wave rectified differences of log power in a band of the kick, of the snare and of the hat, peaks above a
moving mean (Böck, Krebs, Schedl, Evaluating the online capabilities of onset detection methods, ISMIR 2012).
It knows three classes; toms and cymbals are never found.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.spectra import power

Audio = NDArray[np.float32]
Curve = NDArray[np.float32]

N_FFT = 2048
HOP_SAMPLES = 441
BANDS_HZ = {"kick": (30.0, 120.0), "snare": (150.0, 4000.0), "hihat": (7000.0, 16_000.0)}
MEAN_FRAMES = 20
LAG_FRAMES = 2
APART_FRAMES = 4


def flux(audio: Audio, sample_rate_hz: int = 44_100) -> dict[str, Curve]:
    """Flux of each class a frame, frame f at f * 441 / 44100 s, against its mean around."""
    half = N_FFT // 2
    # The level of a recording must not matter: against its loudest second.
    level = float(np.sqrt(np.mean(np.square(audio)))) or 1.0
    padded = np.pad(audio / np.float32(level), (half, half))
    spectrum = power(padded, N_FFT, HOP_SAMPLES)
    frequency_hz = np.linspace(0, sample_rate_hz / 2, len(spectrum))
    out = {}
    for name, (low, high) in BANDS_HZ.items():
        band = np.log1p(spectrum[(frequency_hz >= low) & (frequency_hz < high)])
        rise = np.maximum(band[:, LAG_FRAMES:] - band[:, :-LAG_FRAMES], 0).mean(axis=0)
        curve = np.concatenate([np.zeros(LAG_FRAMES, np.float32), rise])
        mean = np.convolve(curve, np.full(MEAN_FRAMES, 1 / MEAN_FRAMES), mode="same")
        out[name] = np.maximum(curve - mean, 0).astype(np.float32)
    return out


def pick(curve: Curve, threshold: float) -> NDArray[np.float64]:
    """Times in seconds of the peaks of one class.

    >>> pick(np.float32([0, 0, 1, 0, 0, 0, 0, .9, 0]), 0.5).round(2).tolist()
    [0.02, 0.07]
    """
    around = np.pad(curve, 2, constant_values=-1)
    highest = np.lib.stride_tricks.sliding_window_view(around, 5).max(axis=1)
    kept: list[int] = []
    for frame in np.flatnonzero((curve >= threshold) & (curve >= highest)):
        if not kept or frame - kept[-1] >= APART_FRAMES:
            kept.append(int(frame))
    return np.array(kept, dtype=np.float64) / 100.0
