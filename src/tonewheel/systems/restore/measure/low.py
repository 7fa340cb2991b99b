"""What lies in and below the bass: hum at the multiples of the mains, rumble, and where the music begins.

The sound is brought down to 1600 samples a second and looked at through windows of 2.6 s, 0.4 Hz a bin: notes come
and go, hum stays.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.resample import Resampler
from tonewheel.audio.spectra import hann
from tonewheel.systems.restore.measure.histogram import LOWEST_DB, Levels
from tonewheel.systems.restore.profile import HumProfile, RumbleProfile

Floats = NDArray[np.float64]

RATE_HZ, N_FFT = 1600, 4096
LEAST_FRAMES = 10
"""In fewer windows (8 s) every chord that lasts is a hum."""
MAINS_HZ = (50.0, 60.0)
OFF_MAINS = 0.006
HIGHEST_HARMONIC = 12
STAYS = 0.2
"""The level that a harmonic does not fall below in four fifths of the time is its level."""
PROMINENT_DB, TOGETHER_DB = 9.0, 24.0
"""Least height of a harmonic of hum over what lies beside it, and of all harmonics together."""
STEADY_DB = 3.0
"""Largest rise from that level to the one exceeded in two fifths of the time: hum is steady, a bass line is not."""
FAINTEST_DB = -90.0

RUMBLE_HZ, HIGHEST_RUMBLE_HZ = (5.5, 20.0), 60.0
ABOVE_BASS_DB, BELOW_BASS_DB, UNSTEADY_DB = 5.0, 24.0, 11.5
"""Rumble is stronger than what is between it and the bass, and not so weak that the strokes of a kick explain
it; and it is as steady as Gaussian noise, whose levels lie 8.6 dB apart at these quantiles, but for its swing.
"""
LEAST_RUMBLE_DB, LARGEST_GAP_DB = -65.0, 50.0
"""Least level of rumble, and how far it may be below the music and still matter."""

_GAUSSIAN_DB = 10 * np.log10(-np.log1p(-STAYS))  # the 20 % quantile of an exponential, below its mean


class LowMeter:
    """Fed with blocks, (samples,), of each channel by its number; what it keeps does not grow.

    >>> meter = LowMeter(8_000, channels=1)
    >>> time_s = np.arange(160_000) / 8_000
    >>> meter.add(0, 0.01 * np.sin(2 * np.pi * 50 * time_s) + 1e-4 * np.random.default_rng(0).standard_normal(160_000))
    >>> meter.finish()
    >>> hum = meter.hum()
    >>> hum.frequency_hz, round(hum.level_db)
    (50.0, -43)
    """

    def __init__(self, sample_rate_hz: int, channels: int) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.levels = Levels(N_FFT // 2 + 1)
        self.window = hann(N_FFT)
        self.bins_hz: Floats = np.arange(N_FFT // 2 + 1, dtype=np.float64) * (RATE_HZ / N_FFT)
        self.density_of_one = 2 / (RATE_HZ * np.sum(self.window**2))
        self.waiting = [np.zeros(0, np.float32) for _ in range(channels)]
        self.resamplers = [Resampler(sample_rate_hz, RATE_HZ) for _ in range(channels)]

    def add(self, channel: int, block: NDArray[np.floating], last: bool = False) -> None:
        """The next samples of a channel, (samples,)."""
        low = self.resamplers[channel].push(np.asarray(block, np.float32), last=last)
        waiting = np.concatenate((self.waiting[channel], low))
        self.waiting[channel] = waiting
        if len(waiting) < N_FFT:
            return
        frames = np.lib.stride_tricks.sliding_window_view(waiting, N_FFT)[:: N_FFT // 4]
        spectra = np.fft.rfft(frames * self.window, axis=1)
        density = (spectra.real**2 + spectra.imag**2) * self.density_of_one
        self.levels.add(10 * np.log10(density.T + 1e-30))
        self.waiting[channel] = waiting[len(frames) * (N_FFT // 4) :]

    @property
    def frames(self) -> int:
        """Windows seen so far, of all channels."""
        return int(self.levels.counts[0].sum())

    def finish(self) -> None:
        """Every channel has ended."""
        for channel in range(len(self.resamplers)):
            self.add(channel, np.zeros(0, np.float32), last=True)

    def hum(self) -> HumProfile | None:
        """The mains, if its harmonics stand steadily out of what is beside them."""
        if self.frames < LEAST_FRAMES:
            return None
        stays, usual = self.levels.quantile(STAYS), self.levels.quantile(0.6)
        beside = _beside(stays)
        best: tuple[float, float, list[float]] = (0.0, 0.0, [])
        for mains_hz in MAINS_HZ:
            for frequency_hz in mains_hz * (1 + np.linspace(-OFF_MAINS, OFF_MAINS, 49)):
                score, levels = self._harmonics(frequency_hz, stays, usual, beside)
                if score > best[0]:
                    best = (score, frequency_hz, levels)
        score, frequency_hz, levels = best
        # A chord that lasts has strong partials among the multiples too, but not from the first ones on.
        if score < TOGETHER_DB or int(np.argmax(levels)) > 2:
            return None
        frequency_hz = self._refined(frequency_hz, levels, stays)
        powers = 10 ** (np.array(levels) / 10)
        level_db = float(10 * np.log10(powers.sum()))
        if level_db < FAINTEST_DB:
            return None
        last = int(np.flatnonzero(powers > 0)[-1]) + 1
        relative = tuple(round(float(max(level - level_db, -90.0)), 1) for level in levels[:last])
        return HumProfile(
            frequency_hz=round(frequency_hz, 3), level_db=round(level_db, 2), harmonics_db=relative
        )

    def _harmonics(
        self, frequency_hz: float, stays: Floats, usual: Floats, beside: Floats
    ) -> tuple[float, list[float]]:
        """How prominent the multiples of a frequency are together, in dB, and their levels (-inf: not there)."""
        spacing_hz = RATE_HZ / N_FFT
        total, levels = 0.0, []
        for number in range(1, HIGHEST_HARMONIC + 1):
            place = number * frequency_hz / spacing_hz
            near = round(place)
            height = stays[near] - beside[near]
            steady = usual[near] - stays[near] < STEADY_DB
            local = stays[near] >= stays[near - 2 : near + 3].max() - 1.5
            if not (height > PROMINENT_DB and steady and local and stays[near] > LOWEST_DB + 1):
                levels.append(-np.inf)
                continue
            # Full where the harmonic is at the middle of the bin, so that the best frequency wins.
            total += min(height, 30.0) * (1 - 0.5 * abs(place - near))
            band = slice(near - 2, near + 3)
            power = np.sum(10 ** (stays[band] / 10)) * spacing_hz
            levels.append(float(10 * np.log10(power)))
        return total, levels

    def _refined(self, frequency_hz: float, levels: list[float], stays: Floats) -> float:
        """The frequency from the centres of its peaks, those of high harmonics counting more."""
        spacing_hz = RATE_HZ / N_FFT
        estimates, weights = [], []
        for number, level in enumerate(levels, start=1):
            if np.isfinite(level):
                near = round(number * frequency_hz / spacing_hz)
                near += int(np.argmax(stays[near - 1 : near + 2])) - 1
                below, here, above = stays[near - 1 : near + 2]
                shift = 0.5 * (below - above) / min(below - 2 * here + above, -1e-6)
                estimates.append((near + float(np.clip(shift, -0.5, 0.5))) * spacing_hz / number)
                weights.append(number)
        return float(np.average(estimates, weights=weights))

    def rumble(self, music_db: float) -> RumbleProfile | None:
        """Noise around the resonance of the arm, if it is steady, no skirt of the bass, and loud enough to matter
        beside music of this level."""
        if self.frames < LEAST_FRAMES:
            return None
        spacing_hz = RATE_HZ / N_FFT
        stays = self.levels.quantile(STAYS)
        # Hum is no rumble: its peaks are cut down to what is beside them.
        density = np.minimum(stays, _beside(stays) + 6) - _GAUSSIAN_DB
        smooth = np.convolve(density, np.ones(5) / 5, mode="same")
        low = (self.bins_hz >= RUMBLE_HZ[0]) & (self.bins_hz <= RUMBLE_HZ[1])
        top = int(np.argmax(np.where(low, smooth, -np.inf)))
        bass = (self.bins_hz > 22) & (self.bins_hz < 32)
        if smooth[top] < float(np.median(smooth[bass])) + ABOVE_BASS_DB:
            return None
        louder = self.levels.quantile(1 - STAYS)
        music = (self.bins_hz > 35) & (self.bins_hz < 150)
        if smooth[top] < float(louder[music].max()) - BELOW_BASS_DB:
            return None
        spread = louder - stays
        if float(np.median(spread[low & (smooth > smooth[top] - 10)])) > UNSTEADY_DB:
            return None
        # It ends 15 dB below its top, or where the bass begins to rise.
        after = smooth[top : int(HIGHEST_RUMBLE_HZ / spacing_hz) + 1]
        fallen = np.flatnonzero((after < after[0] - 15) | (after > np.minimum.accumulate(after) + 6))
        end = top + (int(np.argmin(after[: fallen[0] + 1])) if len(fallen) else len(after) - 1)
        first = int(RUMBLE_HZ[0] / spacing_hz) // 2
        cumulative = np.cumsum(10 ** (density[first : end + 1] / 10) * spacing_hz)
        level_db = float(10 * np.log10(cumulative[-1] + 1e-20))
        if level_db < max(LEAST_RUMBLE_DB, music_db - LARGEST_GAP_DB):
            return None
        ninety = first + int(np.searchsorted(cumulative, 0.9 * cumulative[-1]))
        return RumbleProfile(
            level_db=round(level_db, 2),
            cutoff_hz=round(float(self.bins_hz[ninety]), 1),
            resonance_hz=round(float(self.bins_hz[top]), 1),
        )

    def music_from_hz(self, rumble: RumbleProfile | None) -> float:
        """The lowest frequency, in steps of a sixth of an octave, at which there is music that comes and goes."""
        loud, stays = self.levels.quantile(0.95), self.levels.quantile(STAYS)
        edges = 15.0 * 2 ** (np.arange(31) / 6)
        edges = edges[edges < min(400.0, 0.45 * self.sample_rate_hz)]
        strongest = float(loud.max())
        start_hz = 0.0 if rumble is None else rumble.cutoff_hz
        for low_hz, high_hz in pairwise(edges):
            inside = (self.bins_hz >= low_hz) & (self.bins_hz < high_hz)
            if low_hz < start_hz or not inside.any():
                continue
            top, bottom = np.quantile(loud[inside], 0.75), np.median(stays[inside])
            # Gaussian noise is 10.3 dB apart at these two quantiles; music moves more.
            if top > strongest - 34 and top - bottom > 14:
                return round(float(low_hz), 1)
        return 0.0


def _beside(level_db: Floats) -> Floats:
    """The median of the levels 2 to 6 Hz away on either side, without the bin itself, (bins,)."""
    spacing_hz = RATE_HZ / N_FFT
    inner, outer = round(2 / spacing_hz), round(6 / spacing_hz)
    padded = np.pad(level_db, outer, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * outer + 1)
    kept = np.concatenate((windows[:, : outer - inner], windows[:, outer + inner + 1 :]), axis=1)
    beside: Floats = np.median(kept, axis=1)
    return beside
