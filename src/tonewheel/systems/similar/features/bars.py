"""Which beat is the first of the bar: the one where the harmony changes and the bass enters.

Bars of four beats are assumed: a pattern of sixteen is what producers compare, whatever the metre.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tonewheel.systems.similar.features.listen import FRAME_HZ, PITCH_FFT, PITCH_FRAME_HZ, RATE_HZ

Audio = NDArray[np.float32]

BEATS = 4
BASS = slice(0, 8)
"""Bands below 240 Hz."""
REACH_BEATS = 2
"""Harmony before and after a beat is compared over so many."""
NEAR_FRAMES = 3


def find_downbeat(beats: NDArray[np.int64], pitches: Audio, onsets_of_bands: Audio) -> int:
    """Number of the first beat (0 to 3) that begins a bar; 0 when the track is shorter than two bars.

    `beats` are frames of `onsets_of_bands` (bands, frames), `pitches` (frames, pitch classes) as `listen` gives.
    """
    from scipy.ndimage import gaussian_filter1d, maximum_filter1d

    if len(beats) < 2 * BEATS or not len(pitches):
        return 0
    bass = gaussian_filter1d(onsets_of_bands[BASS].mean(axis=0, dtype=np.float64), 2.0)
    enters = maximum_filter1d(bass, 2 * NEAR_FRAMES + 1)[beats.clip(0, len(bass) - 1)]
    changes = _changes(beats, gaussian_filter1d(pitches.astype(np.float64), 3.0, axis=1, mode="wrap"))
    return int((_folded(enters) + _folded(changes)).argmax())


def _changes(beats: NDArray[np.int64], pitches: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 minus the cosine between the harmony before and after each beat."""
    total = np.concatenate([np.zeros((1, pitches.shape[1])), np.cumsum(pitches, axis=0)])
    middle_s = PITCH_FFT / RATE_HZ / 2
    at = ((beats / FRAME_HZ - middle_s) * PITCH_FRAME_HZ + 0.5).round().astype(int).clip(0, len(total) - 1)
    out = np.zeros(len(beats))
    inside = np.arange(REACH_BEATS, len(beats) - REACH_BEATS)
    before = total[at[inside]] - total[at[inside - REACH_BEATS]]
    after = total[at[inside + REACH_BEATS]] - total[at[inside]]
    size = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    out[inside] = 1 - (before * after).sum(axis=1) / np.maximum(size, 1e-9)
    return out


def _folded(of_beats: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of each beat of the bar, relative to the mean of all."""
    mean = np.array([of_beats[number::BEATS].mean() for number in range(BEATS)])
    return np.asarray(mean / max(float(mean.mean()), 1e-9))
