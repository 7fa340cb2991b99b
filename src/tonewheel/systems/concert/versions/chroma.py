"""The plain way to know a song played again: chroma, quantised and smoothed (CENS), matched in all keys.

Müller, Kurth and Clausen, "Audio matching via chroma-based statistical features" (ISMIR 2005): chroma, each
frame scaled to sum 1, quantised by 5, 10, 20 and 40 %, smoothed and thinned. The baseline of the
learned branch: same matching, no learning.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from tonewheel.audio.spectra import power
from tonewheel.systems.concert.versions.pitches import PitchSpec, filters
from tonewheel.systems.concert.versions.sequence import unit

Floats = NDArray[np.float32]
STEPS = (0.05, 0.1, 0.2, 0.4)
SMOOTH_S = 2.0


def cens(audio: Floats, spec: PitchSpec | None = None, *, hop_s: float = 0.5) -> Floats:
    """CENS chroma, one unit row every `hop_s`. Shape: (samples,) -> (windows, 12).

    >>> tone = np.sin(2 * np.pi * 440 * np.arange(48_000) / 16_000).astype(np.float32)
    >>> int(cens(tone)[1].argmax())  # A is pitch class 9
    9
    """
    spec = spec or PitchSpec()
    if len(audio) < spec.n_fft:
        audio = np.pad(audio, (0, spec.n_fft - len(audio)))
    pitches = filters(spec) @ power(audio, spec.n_fft, spec.hop_samples)
    half = pitches.reshape(spec.octaves, 12, spec.bins_per_semitone, -1)
    chroma = half[:, :, 0].sum(axis=0)  # the bins on the semitones
    chroma /= np.maximum(chroma.sum(axis=0, keepdims=True), 1e-10)
    steps = sum((chroma > step).astype(np.float32) for step in STEPS)
    smooth = uniform_filter1d(steps, round(SMOOTH_S * spec.frame_rate_hz), axis=1, mode="nearest")
    return unit(smooth[:, :: round(hop_s * spec.frame_rate_hz)].T)
