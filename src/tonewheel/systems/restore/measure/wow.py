"""Wow, where it can be seen: all partials that last swing together, once a revolution.

From frame to frame each spectral peak that goes on has moved by some ratio; a disc that runs unevenly moves all of them
by the same one, so the median over peaks is the change of speed, and notes that end or begin fall out of it. A
singer's vibrato is five times faster than the fastest disc.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.resample import Resampler
from tonewheel.audio.spectra import hann
from tonewheel.systems.restore.profile import WowProfile

Floats = NDArray[np.float64]

RATE_HZ, N_FFT, HOP = 8000, 1024, 160
BAND_HZ = (250.0, 3000.0)
PEAKS, LEAST_PEAKS = 10, 3
WITHIN = 0.012
"""A peak that moved further between two frames, 20 ms apart, is another note."""
PROMINENT_DB = 12.0
"""A peak stands out of the median of the band by this."""

SPEEDS = (78.26, 45.0, 100 / 3)
OFF_SPEED = 0.02
LEAST_DEPTH_PERCENT, SURE = 0.04, 6.0
"""Least swing, and how far it stands out of the swings at other rates."""
LEAST_S, LEAST_SEEN = 12.0, 0.3
"""Shorter recordings, and those with steady partials in less of their time, tell nothing."""


class WowMeter:
    """Fed with the blocks, (samples,), of the first channel.

    >>> meter = WowMeter(8_000)
    >>> meter.add(np.random.default_rng(0).standard_normal(160_000))
    >>> meter.result() is None
    True
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self.resampler = Resampler(sample_rate_hz, RATE_HZ)
        self.waiting = np.zeros(0, np.float32)
        self.window = hann(N_FFT)
        self.last: Floats = np.zeros(0)
        self.changes: list[float] = []
        """Change of the natural logarithm of the speed from frame to frame; NaN where nothing tells."""

    def add(self, block: NDArray[np.floating], last: bool = False) -> None:
        """The next samples."""
        low = self.resampler.push(np.asarray(block, np.float32), last=last)
        self.waiting = np.concatenate((self.waiting, low))
        if len(self.waiting) < N_FFT:
            return
        frames = np.lib.stride_tricks.sliding_window_view(self.waiting, N_FFT)[::HOP]
        for first in range(0, len(frames), 512):
            spectra = np.fft.rfft(frames[first : first + 512] * self.window, axis=1)
            self._follow(10 * np.log10(spectra.real**2 + spectra.imag**2 + 1e-20))
        self.waiting = self.waiting[len(frames) * HOP :]

    def _follow(self, levels: Floats) -> None:
        low, high = (round(hz * N_FFT / RATE_HZ) for hz in BAND_HZ)
        inner = levels[:, low:high]
        top = (inner > levels[:, low - 1 : high - 1]) & (inner >= levels[:, low + 1 : high + 1])
        floor = np.median(inner, axis=1, keepdims=True) + PROMINENT_DB
        strength = np.where(top & (inner > floor), inner, -np.inf)
        best = np.sort(np.argpartition(-strength, PEAKS, axis=1)[:, :PEAKS], axis=1)
        for row, chosen in enumerate(best):
            bins = chosen[np.isfinite(strength[row, chosen])] + low
            below, here, above = levels[row, bins - 1], levels[row, bins], levels[row, bins + 1]
            # The peak of a Hann window is close to a parabola in dB: off by 0.02 bins at most.
            place = bins + 0.5 * (below - above) / np.minimum(below - 2 * here + above, -1e-9)
            self.changes.append(_common(self.last, np.log(place)))
            self.last = np.log(place)

    def result(self) -> WowProfile | None:
        """The swing at the rate of a turntable, if there is one."""
        changes = np.array(self.changes)
        rate = RATE_HZ / HOP
        seen = np.isfinite(changes)
        if len(changes) < LEAST_S * rate or seen.mean() < LEAST_SEEN:
            return None
        time_s = np.arange(len(changes)) / rate
        limit = 4 * float(np.median(np.abs(changes[seen]))) + 1e-6
        values = np.where(seen, np.clip(np.nan_to_num(changes), -limit, limit), 0.0)
        share = float(seen.mean())

        def swing(hertz: Floats) -> Floats:
            """Peak deviation of the speed at some rates."""
            # One rate at a time: all of them at once would take a gigabyte for three hours.
            turned = np.array([values @ np.exp(-2j * np.pi * one * time_s) for one in hertz])
            swings: Floats = 2 * np.abs(turned) / (share * len(values)) * rate / (2 * np.pi * hertz)
            return swings

        best: tuple[float, float, float] = (0.0, 0.0, 0.0)
        for speed in SPEEDS:
            centre = speed / 60
            near = centre * (1 + np.linspace(-OFF_SPEED, OFF_SPEED, 25))
            around = centre * np.concatenate((np.linspace(0.7, 0.9, 24), np.linspace(1.1, 1.4, 24)))
            at = swing(near)
            sure = float(at.max() / max(float(np.median(swing(around))), 1e-9))
            if sure > best[0]:
                best = (sure, float(at.max()), float(60 * near[int(at.argmax())]))
        sure, depth, turns = best
        if sure < SURE or 100 * depth < LEAST_DEPTH_PERCENT:
            return None
        return WowProfile(depth_percent=round(100 * depth, 3), revolutions_per_minute=round(turns, 2))


def _common(before: Floats, now: Floats) -> float:
    """The median step of the peaks that go on, NaN if there are too few."""
    if not len(before) or not len(now):
        return float("nan")
    nearest = np.abs(now[:, None] - before[None, :]).argmin(axis=1)
    steps = now - before[nearest]
    steps = steps[np.abs(steps) < WITHIN]
    return float(np.median(steps)) if len(steps) >= LEAST_PEAKS else float("nan")
