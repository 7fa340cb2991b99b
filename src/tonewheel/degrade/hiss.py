"""Hiss: stationary noise with the spectrum of worn shellac, tape or a preamplifier."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from tonewheel.core.errors import InputError
from tonewheel.core.seeds import draw_seed, generator
from tonewheel.degrade.base import Audio, Degradation
from tonewheel.degrade.noise_level import at_level, check_level

FILTER_S = 0.03
"""Length of the filter that gives the noise its colour: it resolves about 60 Hz."""

Points = tuple[tuple[float, float], ...]


class Hiss(Degradation):
    """Gaussian noise, independent in every channel, whose power density follows points of (Hz, dB).

    Between the points it is linear in dB over the logarithm of the frequency, beyond them constant; only its
    course counts, because the level is stated by `level_db` (RMS, of full scale) or `snr_db` (to the sound
    where it is active).

    >>> tone = 0.1 * np.sin(np.arange(44_100) * 0.1).astype(np.float32)
    >>> noise = Hiss(snr_db=20.0, seed=1).apply(tone, 44_100) - tone
    >>> round(float(20 * np.log10(tone.std() / noise.std())), 1)
    20.0
    """

    level_db: float | None = None
    snr_db: float | None = None
    spectrum: Points = ((100.0, 0.0), (10_000.0, 0.0))
    seed: int = 0

    def __post_init__(self) -> None:
        check_level("hiss", self.level_db, self.snr_db)
        frequencies = [frequency for frequency, _ in self.spectrum]
        if not frequencies or frequencies[0] <= 0 or sorted(set(frequencies)) != frequencies:
            raise InputError("hiss", f"spectrum {self.spectrum}: need points of rising Hz above 0, and dB")
        if not all(abs(level) <= 200 for _, level in self.spectrum):
            raise InputError("hiss", f"spectrum {self.spectrum}: levels are within +-200 dB")

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        *,
        snr_db: tuple[float, float] = (5.0, 40.0),
        slope_db: tuple[float, float] = (-6.0, 4.0),
        bend_db: float = 4.0,
    ) -> Self:
        """A slope in dB an octave, bent at random at every second octave from 50 Hz to 12.8 kHz."""
        slope = float(rng.uniform(*slope_db))
        points = tuple(
            (50.0 * 4.0**number, round(2 * slope * number + float(rng.normal(0, bend_db)), 2))
            for number in range(5)
        )
        return cls(snr_db=float(rng.uniform(*snr_db)), spectrum=points, seed=draw_seed(rng))

    def noise(self, channels: int, samples: int, sample_rate_hz: int) -> Audio:
        """The hiss alone, (channels, samples), at no particular level."""
        rng = generator(self.seed, "hiss")
        taps = colour(self.spectrum, sample_rate_hz)
        white = rng.standard_normal((channels, samples + len(taps) - 1), dtype=np.float32)
        coloured = signal.oaconvolve(white, taps[None].astype(np.float32), mode="valid", axes=-1)
        return np.asarray(coloured, np.float32)

    def process(self, audio: Audio, sample_rate_hz: int) -> Audio:
        noise = self.noise(len(audio), audio.shape[-1], sample_rate_hz)
        return at_level(audio, noise, sample_rate_hz, self.level_db, self.snr_db)


def colour(spectrum: Points, sample_rate_hz: int) -> NDArray[np.float64]:
    """A linear-phase filter of odd length with the course of a spectrum, loudest bin at gain 1.

    Source: the window method (scipy.signal.firwin2 does the same on a grid of its own), Hann window.

    >>> flat = colour(((100.0, -3.0),), 44_100)
    >>> round(float(abs(flat).max()), 3), round(float(abs(flat).sum()), 3)
    (1.0, 1.0)
    """
    half = max(8, round(FILTER_S * sample_rate_hz / 2))
    grid_hz = np.fft.rfftfreq(8 * half, 1 / sample_rate_hz)
    points = np.array(spectrum)
    level_db = np.interp(np.log(np.maximum(grid_hz, 1e-3)), np.log(points[:, 0]), points[:, 1])
    response = np.fft.irfft(10 ** ((level_db - level_db.max()) / 20))
    taps: NDArray[np.float64] = (
        np.roll(response, half)[: 2 * half + 1] * signal.windows.hann(2 * half + 3)[1:-1]
    )
    return taps
