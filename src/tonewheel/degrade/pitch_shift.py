"""Pitch shift: another key at the same tempo."""

from __future__ import annotations

from typing import Self

import numpy as np

from tonewheel.core.errors import InputError
from tonewheel.degrade.base import Audio, Degradation
from tonewheel.degrade.time_stretch import stretch


class PitchShift(Degradation):
    """Moves every frequency by so many semitones: stretched in time, then resampled back to the old length.

    >>> PitchShift(semitones=-2.0).apply(np.zeros(16000, np.float32), 16000).shape
    (16000,)
    """

    semitones: float

    def __post_init__(self) -> None:
        if not abs(self.semitones) <= 24:
            raise InputError("pitch_shift", f"{self.semitones} semitones: need -24 to 24")

    @classmethod
    def draw(cls, rng: np.random.Generator, *, semitones: tuple[float, float] = (-2.0, 2.0)) -> Self:
        """A shift uniform in semitones, not rounded: recordings are out of tune too."""
        return cls(semitones=float(rng.uniform(*semitones)))

    def process(self, audio: Audio, sample_rate_hz: int) -> Audio:
        import soxr

        ratio = 2 ** (self.semitones / 12)
        longer = stretch(audio, 1 / ratio, sample_rate_hz)
        shifted = np.atleast_2d(soxr.resample(longer.T, sample_rate_hz * ratio, sample_rate_hz).T)
        out = np.zeros_like(audio)
        length = min(out.shape[-1], shifted.shape[-1])
        out[:, :length] = shifted[:, :length]
        return out
