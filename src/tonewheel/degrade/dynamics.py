"""Dynamics: compressor, limiter and automatic gain, as a desk or a phone applies them.

Levels are followed in blocks of a millisecond or so and gains interpolated between them, with no loop over
samples: release is a ramp in decibels, which a running maximum gives, and attack a one-pole filter. Source
of the static curve and of separate attack and release: D. Giannoulis, M. Massberg, J. D. Reiss, "Digital
dynamic range compressor design", JAES 60(6), 2012. All channels get the same gain, so the stereo image
stays.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from scipy import signal

from tonewheel.core.errors import InputError
from tonewheel.degrade.base import Audio, Degradation

BLOCK_S = 0.001
SILENCE_DB = -100.0

Levels = np.ndarray[Any, np.dtype[np.float64]]


class Compressor(Degradation):
    """Above the threshold, `ratio` dB more in gives 1 dB more out; a soft knee and make-up gain.

    >>> tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000).astype(np.float32)  # -9 dB RMS
    >>> out = Compressor(threshold_db=-29.0, ratio=4.0, knee_db=0.0).apply(tone, 16000)
    >>> round(20 * np.log10(np.sqrt(2) * out[8000:].std() / 0.5))  # 20 dB over, so 15 dB less
    -15
    """

    threshold_db: float = -24.0
    ratio: float = 4.0
    attack_ms: float = 10.0
    release_ms: float = 200.0
    """Time for 20 dB of gain to come back."""
    knee_db: float = 6.0
    makeup_db: float = 0.0

    def __post_init__(self) -> None:
        if not (self.ratio >= 1 and self.attack_ms >= 0 and self.release_ms > 0 and self.knee_db >= 0):
            raise InputError(
                "compressor", f"{self}: need ratio >= 1, attack_ms and knee_db >= 0, release_ms > 0"
            )

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        *,
        threshold_db: tuple[float, float] = (-36.0, -12.0),
        ratio: tuple[float, float] = (2.0, 10.0),
        attack_ms: tuple[float, float] = (2.0, 30.0),
        release_ms: tuple[float, float] = (60.0, 600.0),
    ) -> Self:
        """Times and ratio uniform in octaves, threshold uniform; half of the lost level at full scale made
        up."""
        drawn = {
            name: float(np.exp(rng.uniform(*np.log(bounds))))
            for name, bounds in (("ratio", ratio), ("attack_ms", attack_ms), ("release_ms", release_ms))
        }
        threshold = float(rng.uniform(*threshold_db))
        makeup = -0.5 * threshold * (1 - 1 / drawn["ratio"])
        return cls(threshold_db=threshold, knee_db=float(rng.uniform(0, 10)), makeup_db=makeup, **drawn)

    def reduction_db(self, level_db: Levels) -> Levels:
        """The static curve: how many dB a steady level is turned down."""
        over = level_db - self.threshold_db
        slope = 1 - 1 / self.ratio
        bend = (
            np.clip(over + self.knee_db / 2, 0, self.knee_db) ** 2 / (2 * self.knee_db)
            if self.knee_db
            else 0.0
        )
        return slope * np.where(2 * over > self.knee_db, over, bend)

    def process(self, audio: Audio, sample_rate_hz: int) -> Audio:
        block = max(1, round(BLOCK_S * sample_rate_hz))
        # Power is smoothed over 5 ms so that a bass note is not followed through each of its waves.
        power = _smooth(_blocks(audio**2, block).mean(axis=-1), 5 * BLOCK_S, block / sample_rate_hz)
        wanted = self.reduction_db(_decibels(power))
        held = _release(wanted, 20.0 / (self.release_ms / 1000), block / sample_rate_hz)
        reduction = _smooth(held, self.attack_ms / 1000, block / sample_rate_hz)
        return _turn(audio, self.makeup_db - reduction, block)


class Limiter(Degradation):
    """No sample passes the ceiling, and nothing is bent: the gain goes down a block ahead of the peak.

    >>> loud = np.linspace(-4, 4, 8000, dtype=np.float32)
    >>> bool(np.abs(Limiter(ceiling_db=-6.0).apply(loud, 16000)).max() <= 10 ** (-6 / 20))
    True
    """

    ceiling_db: float = -1.0
    drive_db: float = 0.0
    look_ahead_ms: float = 2.0
    release_ms: float = 100.0

    def __post_init__(self) -> None:
        if not (self.look_ahead_ms > 0 and self.release_ms > 0):
            raise InputError("limiter", f"{self}: need look_ahead_ms and release_ms above 0")

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        *,
        ceiling_db: tuple[float, float] = (-6.0, -0.5),
        drive_db: tuple[float, float] = (0.0, 12.0),
        release_ms: tuple[float, float] = (30.0, 400.0),
    ) -> Self:
        """Ceiling and drive uniform in decibels."""
        return cls(
            ceiling_db=float(rng.uniform(*ceiling_db)),
            drive_db=float(rng.uniform(*drive_db)),
            look_ahead_ms=float(rng.uniform(1, 5)),
            release_ms=float(np.exp(rng.uniform(*np.log(release_ms)))),
        )

    def process(self, audio: Audio, sample_rate_hz: int) -> Audio:
        block = max(1, round(self.look_ahead_ms / 1000 * sample_rate_hz))
        driven = audio * np.float32(10 ** (self.drive_db / 20))
        peak = _blocks(np.abs(driven), block).max(axis=-1).astype(np.float64)
        wanted = np.maximum(_decibels(peak**2) - self.ceiling_db, 0.0)
        # At an edge the stronger of the two blocks that meet, in between a straight line: never too little.
        held = _release(
            np.maximum(wanted, np.append(wanted[1:], 0.0)),
            20.0 / (self.release_ms / 1000),
            block / sample_rate_hz,
        )
        edges = np.concatenate((held[:1], held))
        ceiling = np.float32(10 ** (self.ceiling_db / 20))
        return np.clip(_ramp(driven, 10 ** (-edges / 20), block), -ceiling, ceiling)


class AutomaticGain(Degradation):
    """A phone's recording level: slowly turns quiet parts up and loud parts down towards a target.

    >>> quiet = np.random.default_rng(0).normal(0, 0.001, 160000).astype(np.float32)  # -60 dB
    >>> out = AutomaticGain(target_db=-20.0, most_gain_db=30.0).apply(quiet, 16000)
    >>> round(float(20 * np.log10(out.std())))
    -30
    """

    target_db: float = -20.0
    most_gain_db: float = 24.0
    most_cut_db: float = 24.0
    attack_ms: float = 80.0
    release_ms: float = 4000.0
    """Time for 20 dB of gain to come back."""

    def __post_init__(self) -> None:
        if not (
            self.attack_ms >= 0 and self.release_ms > 0 and self.most_gain_db >= 0 and self.most_cut_db >= 0
        ):
            raise InputError("automatic_gain", f"{self}: times and limits must not be negative")

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        *,
        target_db: tuple[float, float] = (-26.0, -14.0),
        release_ms: tuple[float, float] = (1000.0, 8000.0),
    ) -> Self:
        """Times uniform in octaves."""
        return cls(
            target_db=float(rng.uniform(*target_db)),
            most_gain_db=float(rng.uniform(6, 30)),
            attack_ms=float(np.exp(rng.uniform(*np.log((20.0, 300.0))))),
            release_ms=float(np.exp(rng.uniform(*np.log(release_ms)))),
        )

    def process(self, audio: Audio, sample_rate_hz: int) -> Audio:
        block = max(1, round(10 * BLOCK_S * sample_rate_hz))
        step_s = block / sample_rate_hz
        power = _smooth(_blocks(audio**2, block).mean(axis=-1), 0.05, step_s)
        wanted = np.clip(_decibels(power) - self.target_db, -self.most_gain_db, self.most_cut_db)
        held = _release(wanted, 20.0 / (self.release_ms / 1000), step_s)
        return _turn(audio, -_smooth(held, self.attack_ms / 1000, step_s), block)


def _blocks(values: Audio, block: int) -> Audio:
    """(blocks, channels * block): the last block is filled up with its last sample."""
    missing = -values.shape[-1] % block
    padded = np.pad(values, ((0, 0), (0, missing)), mode="edge") if missing else values
    cut = padded.reshape(values.shape[0], -1, block).swapaxes(0, 1)
    return cut.reshape(len(cut), -1)


def _decibels(power: Levels | Audio) -> Levels:
    return 10 * np.log10(np.maximum(power.astype(np.float64), 10 ** (SILENCE_DB / 10)))


def _smooth(values: Levels | Audio, time_s: float, step_s: float) -> Levels:
    """One-pole low-pass that starts settled on the first value."""
    keep = float(np.exp(-step_s / time_s)) if time_s > 0 else 0.0
    start = np.atleast_1d(keep * float(values[0]))
    smoothed: Levels = signal.lfilter([1 - keep], [1, -keep], values.astype(np.float64), zi=start)[0]
    return smoothed


def _release(values: Levels, fall_db_s: float, step_s: float) -> Levels:
    """Follows rises at once and falls by at most so many dB a second: y[n] = max(x[n], y[n-1] - fall)."""
    slope = fall_db_s * step_s * np.arange(len(values))
    held: Levels = np.maximum.accumulate(values + slope) - slope
    return held


def _turn(audio: Audio, gain_db: Levels, block: int) -> Audio:
    """Apply one gain a block; it holds at the end of its block, straight lines between."""
    gain = 10 ** (gain_db / 20)
    return _ramp(audio, np.concatenate((gain[:1], gain)), block)


def _ramp(audio: Audio, edges: Levels, block: int) -> Audio:
    """Multiply by straight lines between gains at the block edges (blocks + 1 of them)."""
    across = np.arange(1, block + 1, dtype=np.float32) / np.float32(block)
    start = edges[:-1, None].astype(np.float32)
    gain = start + (edges[1:, None].astype(np.float32) - start) * across
    return audio * gain.ravel()[: audio.shape[-1]]
