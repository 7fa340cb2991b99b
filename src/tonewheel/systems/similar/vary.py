"""Variation of a log-mel that a listener would overlook: pitch, tempo, noise, tone, bandwidth.

The same is done to sound by `damage.change`, once and for all; this costs a hundredth of it and differs at every
step. Shapes: (frames, n_mels) natural-log mel power.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.spectra import MelSpec, mel_filterbank
from tonewheel.systems.similar.recipe import ViewRecipe

Floats = NDArray[np.float32]


class Variation:
    """One draw for a view: the windows of one track go through the same.

    >>> variation = Variation(np.random.default_rng(0), ViewRecipe(), MelSpec())
    >>> variation.frames(158) > 100, variation.apply(np.zeros((variation.frames(158), 64)), 158).shape
    (True, (158, 64))
    """

    def __init__(self, rng: np.random.Generator, recipe: ViewRecipe, spec: MelSpec) -> None:
        self.rng, self.spec = rng, spec
        self.rate = float(np.exp(rng.uniform(-1, 1) * np.log1p(recipe.tempo)))
        self.semitones = float(rng.uniform(-recipe.semitones, recipe.semitones))
        loud = rng.random() < recipe.noise_share
        self.snr_db = float(rng.uniform(recipe.snr_min_db, recipe.snr_max_db)) if loud else None
        self.noise_tilt = float(rng.uniform(-1, 1))
        places = np.linspace(0, 1, spec.n_mels)
        swings = [
            rng.uniform(-1, 1) * np.cos(np.pi * (k * places + rng.uniform(0, 2))) / k for k in (1, 2, 3)
        ]
        self.tone = (recipe.tone_db * np.log(10) / 10 * np.sum(swings, axis=0) / 1.5).astype(np.float32)
        cut = rng.random() < recipe.low_pass_share
        self.highest = int(rng.uniform(0.7, 1.0) * spec.n_mels) if cut else spec.n_mels

    def frames(self, wanted: int) -> int:
        """How many frames of the track become `wanted` ones at the tempo of this variation."""
        return int(np.ceil((wanted - 1) * self.rate)) + 2

    def apply(self, mel: NDArray[np.floating], wanted: int) -> Floats:
        """Shape: (self.frames(wanted), n_mels) -> (wanted, n_mels)."""
        place = np.arange(wanted) * self.rate
        low = place.astype(int)
        share = (place - low).astype(np.float32)[:, None]
        rows = np.asarray(mel, np.float32)
        out: Floats = rows[low] * (1 - share) + rows[low + 1] * share
        out = out @ _shift(self.spec, round(self.semitones, 2)) + self.tone
        if self.snr_db is not None:
            power = np.exp(out)
            level = float(power.mean()) * 10 ** (-self.snr_db / 10)
            tilt = np.exp(self.noise_tilt * np.linspace(-1.5, 1.5, self.spec.n_mels, dtype=np.float32))
            table = _noise(self.spec.n_mels)
            start = int(self.rng.integers(len(table)))
            out = np.log(power + np.float32(level) * tilt * table[(start + np.arange(wanted)) % len(table)])
        out[:, self.highest :] = np.minimum(out[:, self.highest :], out.max() - 14)
        return out


@lru_cache(maxsize=512)
def _shift(spec: MelSpec, semitones: float) -> Floats:
    """Matrix that moves a log-mel by so many semitones. Shape: (n_mels from, n_mels to)."""
    centres = _centres_hz(spec)
    place = np.interp(centres / 2 ** (semitones / 12), centres, np.arange(len(centres)))
    low = np.minimum(place.astype(int), len(centres) - 2)
    share = place - low
    matrix = np.zeros((len(centres), len(centres)), np.float32)
    matrix[low, np.arange(len(centres))] = 1 - share
    matrix[low + 1, np.arange(len(centres))] += share
    return matrix


@lru_cache(maxsize=4)
def _noise(n_mels: int) -> Floats:
    """Mel power of white noise, mean 1. Shape: (frames, n_mels)."""
    # It scatters less the wider the band; eight degrees of freedom are about the mean.
    return np.random.default_rng(0).gamma(4, 0.25, (4096, n_mels)).astype(np.float32)


@lru_cache(maxsize=4)
def _centres_hz(spec: MelSpec) -> NDArray[np.float64]:
    filters = mel_filterbank(spec).astype(np.float64)
    bins_hz = np.arange(filters.shape[1]) * spec.sample_rate_hz / spec.n_fft
    centres: NDArray[np.float64] = filters @ bins_hz / np.maximum(filters.sum(axis=1), 1e-12)
    return np.maximum.accumulate(centres + 1e-6 * np.arange(len(centres)))
