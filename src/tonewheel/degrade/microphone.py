"""Microphone: the colour of a capsule and its housing, measured or invented."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Self

import numpy as np
from scipy import fft

from tonewheel.core.errors import InputError
from tonewheel.degrade.base import Audio, Degradation
from tonewheel.degrade.responses import Response, convolve, level, load

POINTS_HZ = (50.0, 100.0, 200.0, 400.0, 800.0, 1600.0, 3200.0, 6400.0, 12800.0)


class Microphone(Degradation):
    """Convolution with the response of a microphone, direct sound at time 0, level kept for music-like
    spectra.

    With a `path`, a measured response; else one of minimum phase with the gains `response_db` an octave
    apart from 50 Hz to 12.8 kHz (phase from the folded real cepstrum: Oppenheim and Schafer, "Discrete-time
    signal processing").

    >>> Microphone().apply(np.float32([1, 0, 0, 0]), 16000).round(5).tolist()
    [1.0, 0.0, 0.0, 0.0]
    """

    path: str = ""
    response_db: tuple[float, ...] = (0.0,) * len(POINTS_HZ)

    def __post_init__(self) -> None:
        if len(self.response_db) != len(POINTS_HZ) or not all(abs(gain) <= 80 for gain in self.response_db):
            raise InputError("microphone", f"response_db needs {len(POINTS_HZ)} gains within +-80 dB")

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        *,
        paths: Sequence[str] = (),
        unevenness_db: tuple[float, float] = (1.0, 5.0),
    ) -> Self:
        """One of the measured responses; without any, an uneven one that falls off at both ends like a
        phone's."""
        if paths:
            return cls(path=str(paths[int(rng.integers(len(paths)))]))
        gains = rng.normal(0, rng.uniform(*unevenness_db), len(POINTS_HZ))
        gains[0] -= rng.uniform(6, 24)
        gains[1] -= rng.uniform(0, 12)
        gains[-1] -= rng.uniform(0, 12)
        return cls(response_db=tuple(float(gain) for gain in np.clip(gains, -60, 12)))

    def process(self, audio: Audio, sample_rate_hz: int) -> Audio:
        response = (
            load(self.path, 0, sample_rate_hz)
            if self.path
            else _minimum_phase(self.response_db, sample_rate_hz)
        )
        return convolve(audio, response)


@lru_cache(maxsize=64)
def _minimum_phase(response_db: tuple[float, ...], sample_rate_hz: int) -> Response:
    size = 1 << max(9, (sample_rate_hz // 25).bit_length())
    frequency_hz = np.maximum(np.linspace(0, sample_rate_hz / 2, size // 2 + 1), 1.0)
    gain_db = np.interp(np.log2(frequency_hz), np.log2(POINTS_HZ), response_db)
    cepstrum = fft.irfft(gain_db * (np.log(10) / 20), size)
    # Folding the anticausal half onto the causal one keeps the magnitude and makes the phase minimal.
    cepstrum[1 : size // 2] *= 2
    cepstrum[size // 2 + 1 :] = 0
    samples = fft.irfft(np.exp(fft.rfft(cepstrum)), size)[: size // 2]
    return Response(level(samples.astype(np.float32), sample_rate_hz), 0)
