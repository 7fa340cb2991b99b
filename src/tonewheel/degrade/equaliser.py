"""Equaliser: a loudspeaker system, a desk, a phone's voicing; shelves at both ends and peaks between."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np

from tonewheel.core.errors import InputError
from tonewheel.core.records import Record
from tonewheel.degrade.base import Audio, Degradation
from tonewheel.degrade.butterworth import cascade

Shape = Literal["low_shelf", "peak", "high_shelf"]


class Band(Record):
    """One second-order section of an equaliser."""

    shape: Shape
    frequency_hz: float
    gain_db: float
    q: float = 0.707


class Equaliser(Degradation):
    """Bands in series; a band at or above half the sample rate is left out.

    Source: R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients".

    >>> flat = Equaliser(bands=(Band(shape="peak", frequency_hz=1000.0, gain_db=0.0),))
    >>> flat.apply(np.float32([1, 0, 0]), 16000).round(6).tolist()
    [1.0, 0.0, 0.0]
    """

    bands: tuple[Band, ...]

    def __post_init__(self) -> None:
        for band in self.bands:
            if not (band.frequency_hz > 0 and band.q > 0 and abs(band.gain_db) <= 60):
                raise InputError("equaliser", f"{band}: need frequency and q above 0, gain within +-60 dB")

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        *,
        shelf_db: tuple[float, float] = (-9.0, 6.0),
        peak_db: tuple[float, float] = (-8.0, 8.0),
        peaks: tuple[int, int] = (0, 3),
        frequency_hz: tuple[float, float] = (200.0, 6000.0),
    ) -> Self:
        """Two shelves and a few peaks, frequencies uniform in octaves."""

        def between(low_hz: float, high_hz: float) -> float:
            return float(np.exp(rng.uniform(np.log(low_hz), np.log(high_hz))))

        bands = [
            Band(shape="low_shelf", frequency_hz=between(80, 300), gain_db=float(rng.uniform(*shelf_db))),
            Band(shape="high_shelf", frequency_hz=between(2000, 6000), gain_db=float(rng.uniform(*shelf_db))),
        ]
        for _ in range(int(rng.integers(peaks[0], peaks[1] + 1))):
            gain_db, q = float(rng.uniform(*peak_db)), between(0.5, 3.0)
            bands.append(Band(shape="peak", frequency_hz=between(*frequency_hz), gain_db=gain_db, q=q))
        return cls(bands=tuple(bands))

    def process(self, audio: Audio, sample_rate_hz: int) -> Audio:
        sections = [
            section(band, sample_rate_hz) for band in self.bands if band.frequency_hz < 0.499 * sample_rate_hz
        ]
        return cascade(np.array(sections), audio) if sections else audio


def section(band: Band, sample_rate_hz: int) -> list[float]:
    """b0, b1, b2, a0 = 1, a1, a2 of a band, in the cookbook's formulae."""
    a = 10 ** (band.gain_db / 40)
    w = 2 * np.pi * band.frequency_hz / sample_rate_hz
    cos, alpha = np.cos(w), np.sin(w) / (2 * band.q)
    if band.shape == "peak":
        b = [1 + alpha * a, -2 * cos, 1 - alpha * a]
        d = [1 + alpha / a, -2 * cos, 1 - alpha / a]
    else:
        # The two shelves are mirror images: swapping the sign of the cosine swaps low for high.
        sign = 1 if band.shape == "low_shelf" else -1
        c, beta = sign * cos, 2 * np.sqrt(a) * alpha
        b = [
            a * (a + 1 - (a - 1) * c + beta),
            sign * 2 * a * (a - 1 - (a + 1) * c),
            a * (a + 1 - (a - 1) * c - beta),
        ]
        d = [a + 1 + (a - 1) * c + beta, sign * -2 * (a - 1 + (a + 1) * c), a + 1 + (a - 1) * c - beta]
    return [float(value / d[0]) for value in (*b, *d)]
