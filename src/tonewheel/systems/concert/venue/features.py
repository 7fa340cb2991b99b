"""What of a stretch of sound tells of the hall and the phone, rather than of the music.

Sound in a room cannot die away faster than the room does: how fast the envelopes of narrow bands ever fall, over
several lengths of time, is the trace of reverberation (as in Prego et al., "A blind algorithm for reverberation-time
estimation using subband decomposition of speech signals", J. Acoust. Soc. Am. 131, 2012). Reverberation also takes
the quick modulation out of envelopes (Falk and Chan, "A non-intrusive quality and intelligibility measure of
reverberant and dereverberated speech", IEEE TASLP 18, 2010), a crowd fills their gaps, and a compressor and clipping
flatten the amplitudes.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.spectra import power

Floats = NDArray[np.float32]
Floats64 = NDArray[np.float64]

RATE_HZ = 16_000
STRETCH_S = 10.0
"""Length of sound that one row of features is of; less than a second has too few frames."""
N_FFT, HOP = 512, 128
GROUPS_HZ = (200.0, 500.0, 1000.0, 2000.0, 4000.0, 7000.0)
"""Edges of the groups of bands that have figures of their own."""
BANDS_A_GROUP = 3
FALLS_S = (0.12, 0.24, 0.48)
"""Lengths of time over which a fall is looked for."""
FALL_QUANTILES = (0.9, 0.98)
MODULATIONS_HZ = (0.5, 2.0, 4.0, 8.0, 16.0, 31.0)
RANGE_DB = 70.0
"""Envelopes are cut this far below the loudest frame of their stretch."""
FLAT = 0.9
"""Samples above this share of the peak of their block count as flattened."""
BLOCK_S = 0.25

_NAMES = [
    *(f"fall over {length:g} s, quantile {q:g} (ln dB/s)" for length in FALLS_S for q in FALL_QUANTILES),
    *(f"modulation {low:g}-{high:g} Hz (ln)" for low, high in pairwise(MODULATIONS_HZ)),
    "envelope, median over lowest (dB)",
    "envelope, highest over median (dB)",
]
NAMES = (
    *(f"{low:g}-{high:g} Hz: {name}" for low, high in pairwise(GROUPS_HZ) for name in _NAMES),
    "crest (dB)",
    "flattened samples (ln)",
    "kurtosis (ln)",
)


def features(audio: Floats) -> Floats64:
    """One row of figures, named by NAMES, of mono sound at 16 kHz; silence gives finite figures too.

    Shape: (samples,) -> (len(NAMES),). Shorter sound than a second is padded with silence.

    >>> noise = np.random.default_rng(0).normal(size=32_000).astype(np.float32)
    >>> features(noise).shape == (len(NAMES),), bool(np.allclose(features(noise), features(noise / 100), atol=0.05))
    (True, True)
    """
    audio = np.asarray(audio, np.float32)
    if len(audio) < RATE_HZ:
        audio = np.pad(audio, (0, RATE_HZ - len(audio)))
    envelopes_db = _envelopes_db(audio)
    rows = [_of_envelopes(group) for group in np.split(envelopes_db, len(GROUPS_HZ) - 1)]
    return np.concatenate([*rows, _of_amplitudes(audio)])


def stretches(audio: Floats) -> list[Floats]:
    """Sound in stretches of STRETCH_S; a rest of less than half of that is dropped, unless there is nothing else."""
    size = round(STRETCH_S * RATE_HZ)
    parts = [audio[first : first + size] for first in range(0, len(audio), size)]
    return [part for part in parts if len(part) >= size // 2] or parts[:1]


def _envelopes_db(audio: Floats) -> Floats64:
    """Level of narrow bands over time, (bands, frames), at most RANGE_DB below the loudest of the stretch."""
    spectrum = power(audio, N_FFT, HOP)
    frequency_hz = np.linspace(0, RATE_HZ / 2, len(spectrum))
    edges_hz = [
        edge
        for low, high in pairwise(GROUPS_HZ)
        for edge in np.geomspace(low, high, BANDS_A_GROUP, endpoint=False)
    ]
    bounds = np.searchsorted(frequency_hz, [*edges_hz, GROUPS_HZ[-1]])
    bands = np.stack([spectrum[first:last].sum(axis=0) for first, last in pairwise(bounds)])
    loudest = max(float(bands.max()), 1e-12)
    levels: Floats64 = 10 * np.log10(np.maximum(bands / loudest, 10 ** (-RANGE_DB / 10)).astype(np.float64))
    return levels


def _of_envelopes(levels_db: Floats64) -> Floats64:
    """Figures of one group of bands, (bands, frames) in dB: the mean of those of its bands."""
    frame_s = HOP / RATE_HZ
    found: list[Any] = []
    for length_s in FALLS_S:
        falls = -_slopes(levels_db, round(length_s / frame_s)) / frame_s
        for quantile in FALL_QUANTILES:
            found.append(np.log(np.maximum(np.quantile(falls, quantile, axis=1), 1.0)).mean())
    moving = levels_db - levels_db.mean(axis=1, keepdims=True)
    spectrum = np.abs(np.fft.rfft(moving * np.hanning(moving.shape[1]), axis=1)) ** 2
    rate_hz = np.linspace(0, 0.5 / frame_s, spectrum.shape[1])
    total = spectrum[:, 1:].sum(axis=1) + 1e-9
    for low, high in pairwise(MODULATIONS_HZ):
        share = spectrum[:, (rate_hz >= low) & (rate_hz < high)].sum(axis=1) / total
        found.append(np.log(share + 1e-4).mean())
    low_db, middle_db, high_db = np.quantile(levels_db, (0.05, 0.5, 0.98), axis=1)
    return np.array([*found, (middle_db - low_db).mean(), (high_db - middle_db).mean()])


def _slopes(levels: Floats64, length: int) -> Floats64:
    """Slope of the straight line through every `length` frames, a frame; (bands, frames) -> (bands, starts)."""
    place = np.arange(length) - (length - 1) / 2
    weights = place / np.sum(place**2)
    return np.stack([np.correlate(row, weights, "valid") for row in levels])


def _of_amplitudes(audio: Floats) -> Floats64:
    """Crest factor, how many samples lie near the peak of their block, and how heavy the tails are."""
    size = round(BLOCK_S * RATE_HZ)
    blocks = np.abs(audio[: len(audio) // size * size].reshape(-1, size).astype(np.float64))
    peaks, rms = blocks.max(axis=1), np.sqrt(np.mean(blocks**2, axis=1))
    heard = rms > 0.05 * max(float(rms.max()), 1e-9)
    if not heard.any():
        return np.zeros(3)
    blocks, peaks, rms = blocks[heard], peaks[heard], rms[heard]
    flat = np.mean(blocks >= FLAT * peaks[:, None])
    tails = np.mean(blocks**4, axis=1) / rms**4
    return np.array([20 * np.log10(peaks / rms).mean(), np.log(flat + 1e-5), np.log(tails).mean()])
