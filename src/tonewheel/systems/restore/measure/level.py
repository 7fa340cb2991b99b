"""How loud the music is, its offset, its peak, and whether it was clipped."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLOCK_S = 0.1
ACTIVE_DB = 40.0
"""Blocks this far below the loudest are pauses, and do not count towards the level of the music."""

FLAT_RUN = 4
"""So many equal samples in a row, near the peak, stand at a rail."""
FLAT, NEAR_PEAK = 2e-5, 0.9
_STEPS = 2000


class LevelMeter:
    """Fed with blocks of (channels, samples), and with the same once their impulses are out.

    >>> meter = LevelMeter(channels=1)
    >>> wave = np.clip(1.5 * np.sin(np.arange(8_000) * 0.05), -0.9, 0.9)[None]
    >>> meter.add(wave)
    >>> bool(abs(meter.clipped - np.mean(np.abs(wave) > 0.899)) < 0.01), round(meter.peak, 3)
    (True, 0.9)
    """

    def __init__(self, channels: int) -> None:
        self.samples = 0
        self.sums = np.zeros(channels)
        self.peak = 0.0
        self.powers: list[NDArray[np.float64]] = []
        self.flat = np.zeros(_STEPS + 1, np.int64)
        self.flat_runs = np.zeros(_STEPS + 1, np.int64)

    def add(self, audio: NDArray[np.floating]) -> None:
        """The next block, as it is."""
        self.samples += audio.shape[-1]
        self.sums += audio.sum(axis=-1, dtype=np.float64)
        self.peak = max(self.peak, float(np.abs(audio).max(initial=0.0)))
        for channel in audio:
            self._flats(channel)

    def add_repaired(self, audio: NDArray[np.floating], sample_rate_hz: int) -> None:
        """The next block without its impulses, at a rate that may differ."""
        starts = np.arange(0, audio.shape[-1], max(1, round(BLOCK_S * sample_rate_hz)))
        if len(starts):
            power = np.add.reduceat((audio.astype(np.float64) ** 2).mean(axis=0), starts)
            self.powers.append(power / np.diff(np.append(starts, audio.shape[-1])))

    def _flats(self, channel: NDArray[np.floating]) -> None:
        same = np.concatenate(([False], np.abs(np.diff(channel)) < FLAT, [False])).astype(np.int8)
        steps = np.diff(same)
        starts, ends = np.flatnonzero(steps > 0), np.flatnonzero(steps < 0) + 1
        long = ends - starts >= FLAT_RUN
        starts, ends = starts[long], ends[long]
        place = np.minimum(np.abs(channel[starts]) * _STEPS / 2, _STEPS).astype(np.int64)
        np.add.at(self.flat, place, ends - starts)
        np.add.at(self.flat_runs, place, 1)

    @property
    def dc(self) -> tuple[float, ...]:
        """Mean of each channel."""
        return tuple(round(float(value), 6) for value in self.sums / max(self.samples, 1))

    @property
    def clipped(self) -> float:
        """Share of samples that stand at a rail: in flat runs near the peak, two at least."""
        first = int(NEAR_PEAK * self.peak * _STEPS / 2)
        if self.peak < 1e-3 or self.flat_runs[first:].sum() < 2:
            return 0.0
        return float(self.flat[first:].sum() / (self.samples * len(self.sums)))

    @property
    def rms(self) -> float:
        """Over the blocks with sound, mean of the channels' powers; 0 for silence."""
        powers = np.concatenate(self.powers) if self.powers else np.zeros(0)
        loud = powers[powers > float(powers.max(initial=0.0)) * 10 ** (-ACTIVE_DB / 10)]
        return float(np.sqrt(loud.mean())) if len(loud) else 0.0
