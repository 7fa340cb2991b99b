"""The long-term spectrum of a recording at its own rate: levels by octave, tilt, and where a codec has cut it off."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.spectra import power
from tonewheel.systems.concert.venue.profile import OCTAVES_HZ

Floats = NDArray[np.float32]
Floats64 = NDArray[np.float64]

N_FFT = 4096
EDGE_HZ = 500.0
"""A codec's edge is looked for as a drop from the band below to the band above, each so wide."""
EDGE_DB = 20.0
FAINTEST_DB = -75.0
"""A band so far below the strongest octave holds nothing that is heard."""
TILT_HZ = (250.0, 4000.0)


class SpectrumMeter:
    """Mean power of each frequency over what was added; memory does not grow.

    >>> meter = SpectrumMeter(48_000)
    >>> meter.add(np.random.default_rng(0).normal(size=96_000).astype(np.float32))
    >>> meter.bandwidth_hz()[1] > 23_000, [round(level) for level in meter.octaves_db()][-1]
    (True, 0)
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self.frequency_hz = np.linspace(0, sample_rate_hz / 2, N_FFT // 2 + 1)
        self._sum = np.zeros(N_FFT // 2 + 1)
        self._frames = 0

    def add(self, audio: Floats) -> None:
        """More sound, mono: (samples,); what is shorter than a frame does not count."""
        found = power(audio, N_FFT, N_FFT)
        self._sum += found.sum(axis=1, dtype=np.float64)
        self._frames += found.shape[1]

    @property
    def mean(self) -> Floats64:
        """Mean power of each bin."""
        return self._sum / max(self._frames, 1)

    def octaves_db(self) -> tuple[float, float, float, float, float, float, float, float]:
        """Level of each octave of OCTAVES_HZ against the strongest, at least -120 dB."""
        a, b, c, d, e, f, g, h = octave_levels_db(self.frequency_hz, self.mean)
        return a, b, c, d, e, f, g, h

    def tilt_db_per_octave(self) -> float:
        """Slope of the density, in dB an octave, over third octaves from 250 Hz to 4 kHz."""
        edges = np.geomspace(*TILT_HZ, 13)
        bounds = np.searchsorted(self.frequency_hz, edges)
        density = [self.mean[a : max(b, a + 1)].mean() for a, b in pairwise(bounds)]
        levels_db = 10 * np.log10(np.maximum(density, 1e-15 * max(float(np.max(density)), 1e-12)))
        return round(float(np.polyfit(np.arange(12) / 3, levels_db, 1)[0]), 2)

    def bandwidth_hz(self) -> tuple[float, float]:
        """Lowest and highest frequency of what is there: where a codec drops off steeply, or where all has faded.

        Shape of the answer: (low, high), both at most half the sample rate.
        """
        step = self.frequency_hz[1]
        width = max(1, round(EDGE_HZ / step))
        levels_db = 10 * np.log10(np.maximum(self.mean, 1e-12 * max(float(self.mean.max()), 1e-9)))
        strongest_db = float(levels_db.max())
        sums = np.concatenate([[0.0], np.cumsum(levels_db)])
        bands = (sums[width:] - sums[:-width]) / width  # mean over [i, i + width)
        there = np.flatnonzero(bands > strongest_db + FAINTEST_DB)
        if not there.size:
            return 0.0, float(self.frequency_hz[-1])
        high = int(there[-1]) + width - 1
        # Above 1 kHz only: music's own gaps in the bass are no codec.
        first = max(width, round(1000.0 / step))
        drops = bands[first - width : len(bands) - width] - bands[first:]
        if drops.size and float(drops.max()) >= EDGE_DB:
            high = min(high, first + int(np.argmax(drops)))
        octave_db = np.interp(
            np.log2(np.maximum(self.frequency_hz, 1)), np.log2(OCTAVES_HZ), self.octaves_db()
        )
        low = int(np.argmax(octave_db > -25.0))
        return round(float(self.frequency_hz[low]), 0), round(float(self.frequency_hz[high]), 0)


def octave_levels_db(frequency_hz: Floats64, mean_power: Floats64) -> Floats64:
    """Power of each octave in dB against the strongest octave. Shapes: (bins,), (bins,) -> (octaves,)."""
    root = np.sqrt(2.0)
    bounds = [np.searchsorted(frequency_hz, (centre / root, centre * root)) for centre in OCTAVES_HZ]
    sums = np.array([float(mean_power[a:b].sum()) for a, b in bounds])
    levels: Floats64 = 10 * np.log10(np.maximum(sums / max(float(sums.max()), 1e-20), 1e-12))
    return np.round(levels, 2)
