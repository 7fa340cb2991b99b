"""Wow: the pitch swings because a hole is off centre or a motor pulls unevenly."""

from __future__ import annotations

from functools import lru_cache
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.errors import InputError
from tonewheel.core.seeds import draw_seed, generator
from tonewheel.degrade.base import Audio, Degradation

TAPS = 32
"""Samples that each output sample is interpolated from, by a Hann-windowed sinc."""

_AT_ONCE, _PHASES = 1 << 17, 2048


class Wow(Degradation):
    """Plays at a speed that swings around 1: once a revolution by `depth_percent`, and at random by
    `drift_percent`.

    The swing has a mean of 0 over the clip, so that it stays as long as it was; what would be read from before
    the clip or behind it is silence.

    >>> tone = np.sin(np.arange(8000) * 0.2).astype(np.float32)
    >>> bool(np.abs(Wow(depth_percent=0.0).apply(tone, 8000) - tone).max() < 1e-6)
    True
    """

    depth_percent: float = 0.3
    """Peak deviation of the speed at the revolution rate."""
    revolutions_per_minute: float = 78.26
    drift_percent: float = 0.0
    """Standard deviation of a slow random deviation."""
    drift_s: float = 2.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not (0 <= self.depth_percent <= 20 and 0 <= self.drift_percent <= 5 and self.drift_s > 0.05):
            raise InputError(
                "wow", f"{self}: need depth_percent to 20, drift_percent to 5, drift_s above 0.05"
            )
        if not 5 <= self.revolutions_per_minute <= 1000:
            raise InputError("wow", f"{self}: need 5 to 1000 revolutions_per_minute")

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        *,
        depth_percent: tuple[float, float] = (0.05, 1.0),
        drift_percent: tuple[float, float] = (0.0, 0.2),
    ) -> Self:
        """A depth uniform in its logarithm, at one of the usual speeds."""
        return cls(
            depth_percent=float(np.exp(rng.uniform(*np.log(depth_percent)))),
            revolutions_per_minute=float(rng.choice((78.26, 45.0, 100 / 3))),
            drift_percent=float(rng.uniform(*drift_percent)),
            drift_s=float(rng.uniform(0.5, 4)),
            seed=draw_seed(rng),
        )

    def speed(self, samples: int, sample_rate_hz: int) -> NDArray[np.float64]:
        """The speed at each sample, (samples,), 1 on average."""
        rng = generator(self.seed, "wow")
        time_s = np.arange(samples) / sample_rate_hz
        knots = rng.standard_normal(int(time_s[-1] / self.drift_s) + 3)
        drift = np.interp(time_s / self.drift_s, np.arange(len(knots)), knots)
        turns = self.revolutions_per_minute / 60 * time_s
        swing = self.depth_percent * np.sin(2 * np.pi * turns + rng.uniform(0, 2 * np.pi))
        speed: NDArray[np.float64] = 1 + (swing + self.drift_percent * drift) / 100
        return speed - np.mean(speed) + 1

    def process(self, audio: Audio, sample_rate_hz: int) -> Audio:
        places = np.cumsum(self.speed(audio.shape[-1], sample_rate_hz)) - 1.0
        return read_at(audio, places)


def read_at(audio: Audio, places: NDArray[np.float64]) -> Audio:
    """(channels, samples) read at fractional places, (n,), to (channels, n); silence outside.

    Source: band-limited interpolation by a windowed sinc (J. O. Smith, "Digital audio resampling"); speeds near
    1 only, because the band is not narrowed.

    >>> read_at(np.float32([[0, 1, 2, 3]]), np.array([1.0, 3.0])).tolist()
    [[1.0, 3.0]]
    """
    half = TAPS // 2
    padded = np.pad(audio, ((0, 0), (TAPS, TAPS)))
    out = np.empty((len(audio), len(places)), np.float32)
    offsets, table = np.arange(-half + 1, half + 1), _weights()
    for first in range(0, len(places), _AT_ONCE):
        at = np.clip(places[first : first + _AT_ONCE], -half, audio.shape[-1] - 1 + half)
        whole = np.floor(at).astype(np.int64)
        phase = (at - whole) * _PHASES
        row = phase.astype(np.int64)
        rest = (phase - row)[:, None].astype(np.float32)
        weights = table[row] * (1 - rest) + table[row + 1] * rest
        index = np.clip(whole[:, None] + offsets + TAPS, 0, padded.shape[-1] - 1)
        for channel in range(len(audio)):
            out[channel, first : first + len(at)] = np.einsum("nt,nt->n", padded[channel][index], weights)
    return out


@lru_cache(maxsize=1)
def _weights() -> Audio:
    """The windowed sinc at `_PHASES` + 1 fractions from 0 to 1, between which it is taken as straight."""
    half = TAPS // 2
    distance = np.linspace(0, 1, _PHASES + 1)[:, None] - np.arange(-half + 1, half + 1)
    weights = np.sinc(distance) * np.cos(np.pi * distance / (2 * half + 1)) ** 2
    table: Audio = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return table
