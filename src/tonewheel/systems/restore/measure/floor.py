"""The noise floor, its spectrum, and how far and how wide the music stands out of it.

Between the partials of music and in its quiet moments the noise shows: in each band the lower third of the bins of a
long window, and of that over time the lowest twentieth, both corrected for what Gaussian noise would give. After
minimum statistics: R. Martin, "Noise power spectral density estimation based on optimal smoothing and minimum
statistics", IEEE Trans. Speech Audio Process. 9(5), 2001.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from tonewheel.audio.spectra import hann
from tonewheel.systems.restore.measure.histogram import LOWEST_DB, Levels
from tonewheel.systems.restore.profile import HissProfile, Points

Floats = NDArray[np.float64]

WINDOW_S = 0.186
LOWEST_HZ, BANDS_AN_OCTAVE, LEAST_BINS = 40.0, 4, 8
VALLEY, QUIET = 0.3, 0.05
INDEPENDENT = 1.4
"""Neighbouring bins of a Hann window share noise: so many count as one."""

EVIDENT, EVIDENT_LOW = 0.55, 0.85
"""Least share of frames that a band spends at its floor for that floor to be noise: from 2.5 kHz up, and below,
where the music of an orchestra is as steady."""
JUDGED_HZ, LOW_HZ = 700.0, 2500.0
LEAST_BANDS = 3
NOISIEST_DB, FAINTEST_DB = 60.0, -85.0
"""Hiss that is further below the music, or fainter than dither, is left alone."""

CLEAR_DB = 6.0
"""Where the loud moments of a band are this far above its floor there is music."""
DEEPEST_DB = 70.0
"""Music ends where its density is this far below its strongest band, floor or no floor."""


class FloorMeter:
    """Fed with mono blocks, (samples,), of one or more channels; what it keeps does not grow.

    Arrays have the shape (bands,); densities are dB of full scale in 1 Hz.

    >>> meter = FloorMeter(44_100)
    >>> meter.add(0.001 * np.random.default_rng(0).standard_normal(882_000))
    >>> round(meter.level_db), meter.hiss(music_db=-20.0) is not None
    (-60, True)
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.n_fft = 1 << round(np.log2(WINDOW_S * sample_rate_hz))
        spacing_hz = sample_rate_hz / self.n_fft
        edges = [LOWEST_HZ]
        while edges[-1] < 0.49 * sample_rate_hz:
            edges.append(max(edges[-1] * 2 ** (1 / BANDS_AN_OCTAVE), edges[-1] + LEAST_BINS * spacing_hz))
        if len(edges) > 2:
            edges.pop(-2)  # the last band is wide rather than thin
        self.edges = np.ceil(np.minimum(edges, 0.49 * sample_rate_hz) / spacing_hz).astype(int)
        self.sizes = np.diff(self.edges)
        self.centres_hz: Floats = (self.edges[:-1] + self.sizes / 2) * spacing_hz
        self.widths_hz: Floats = self.sizes * spacing_hz
        self.valleys, self.means = Levels(len(self.sizes)), Levels(len(self.sizes))
        self.window = hann(self.n_fft)
        # A one-sided density: white noise of variance 1 reads 2 / sample rate in every bin.
        self.scale = 2 / (sample_rate_hz * np.sum(self.window**2))

    def add(self, block: NDArray[np.floating]) -> None:
        """Count the frames of a block; they do not reach across blocks."""
        if len(block) < self.n_fft:
            return
        frames = np.lib.stride_tricks.sliding_window_view(block, self.n_fft)[:: self.n_fft // 2]
        for first in range(0, len(frames), 64):
            spectra = np.fft.rfft(frames[first : first + 64] * self.window, axis=1)
            density = (spectra.real**2 + spectra.imag**2) * self.scale + 1e-30
            valleys, means = np.empty((2, len(self.sizes), len(density)))
            for band, (low, size) in enumerate(zip(self.edges[:-1], self.sizes, strict=True)):
                bins = density[:, low : low + size]
                place = int(VALLEY * (size - 1) + 0.5)
                valleys[band] = np.partition(bins, place, axis=1)[:, place]
                means[band] = bins.mean(axis=1)
            self.valleys.add(10 * np.log10(valleys))
            self.means.add(10 * np.log10(means))
        self.__dict__.pop("_found", None)

    def _bias_db(self, share: float) -> Floats:
        """How far from the density of Gaussian noise the `share` quantile of its valleys is, (bands,).

        An order statistic of exponentials: exact for independent bins.
        """
        bins = self.sizes / INDEPENDENT
        rank = VALLEY * bins + 0.5
        bias: Floats = 10 * np.log10(-np.log1p(-betaincinv(rank, bins - rank + 1, share)))
        return bias

    @cached_property
    def _found(self) -> tuple[Floats, Floats]:
        lowest = self.valleys.quantile(QUIET) - self._bias_db(QUIET)
        near = lowest + self._bias_db(0.95)
        return lowest, np.minimum(self.valleys.share_below(near) / 0.95, 1.0)

    @property
    def lowest_db(self) -> Floats:
        """The quietest that each band gets, noise or music."""
        return self._found[0]

    @property
    def evident(self) -> NDArray[np.bool_]:
        """Which bands spend their time at their floor, as only noise does."""
        lowest, steady = self._found
        least = np.where(self.centres_hz < LOW_HZ, EVIDENT_LOW, EVIDENT)
        sure: NDArray[np.bool_] = (steady >= least) & (self.centres_hz > JUDGED_HZ) & (lowest > LOWEST_DB)
        return sure

    @property
    def density_db(self) -> Floats:
        """The floor: as found where it is evident, elsewhere no higher than the evident bands beside let expect."""
        lowest, _ = self._found
        evident = self.evident
        if evident.sum() < LEAST_BANDS:
            return lowest
        course = np.interp(np.log(self.centres_hz), np.log(self.centres_hz[evident]), lowest[evident])
        # Below the evident bands: surface noise rises towards the bass, by about 3 dB an octave.
        first = self.centres_hz[evident][0]
        rise = 3 * np.log2(np.maximum(first / self.centres_hz, 1.0))
        return np.where(evident, lowest, np.minimum(lowest, course + rise))

    @property
    def level_db(self) -> float:
        """RMS of the floor, dB of full scale."""
        return float(10 * np.log10(np.sum(10 ** (self.density_db / 10) * self.widths_hz) + 1e-20))

    @property
    def is_noise(self) -> bool:
        """Whether the floor is noise; it is noise at the top of the spectrum or nowhere."""
        top = self.centres_hz > min(LOW_HZ, 0.25 * self.sample_rate_hz)
        return int((self.evident & top).sum()) >= LEAST_BANDS

    def snr_db(self, music_db: float) -> float:
        """Music of this level, of which the noise is a part, to the noise; 120 where there is none."""
        if not self.is_noise:
            return 120.0
        ratio = 10 ** ((music_db - self.level_db) / 10) - 1
        return float(np.clip(10 * np.log10(max(ratio, 1e-6)), -60.0, 120.0))

    def hiss(self, music_db: float) -> HissProfile | None:
        """The noise, if it is loud enough to be worth taking out of music of this level."""
        if not self.is_noise or self.level_db < max(music_db - NOISIEST_DB, FAINTEST_DB):
            return None
        return HissProfile(level_db=round(self.level_db, 2), spectrum=self.spectrum)

    @property
    def spectrum(self) -> Points:
        """The floor as points of (Hz, dB in 1 Hz); bands of digital silence have none."""
        rows = zip(self.centres_hz, self.density_db, strict=True)
        return tuple((round(float(hz), 1), round(float(db), 1)) for hz, db in rows if db > LOWEST_DB)

    @property
    def loud_db(self) -> Floats:
        """The density that 2 % of the frames exceed, as mean of the band."""
        return self.means.quantile(0.98)

    @property
    def highest_hz(self) -> float:
        """Up to where the music stands out of the floor; 0 where it nowhere does."""
        loud = self.loud_db
        spread = 2.05 * 4.34 / np.sqrt(self.sizes / INDEPENDENT)  # of the mean of a band, at 2 %
        # Without evidence of noise the floor is the music's own quiet, and no limit to it.
        floor = self.density_db if self.evident.sum() >= LEAST_BANDS else np.full(len(loud), LOWEST_DB)
        music = (loud > floor + spread + CLEAR_DB) & (loud > loud.max() - DEEPEST_DB) & (loud > LOWEST_DB + 1)
        there = np.flatnonzero(music)
        return (
            round(float(self.centres_hz[there[-1]] + self.widths_hz[there[-1]] / 2), 1) if len(there) else 0.0
        )
