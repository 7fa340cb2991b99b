"""Rumble: what bearings, warps and the arm's resonance add below the music."""

from __future__ import annotations

from typing import Self

import numpy as np
from scipy import signal

from tonewheel.core.errors import InputError
from tonewheel.core.seeds import draw_seed, generator
from tonewheel.degrade.base import Audio, Degradation
from tonewheel.degrade.butterworth import cascade
from tonewheel.degrade.noise_level import at_level, check_level


class Rumble(Degradation):
    """Noise between `lowest_hz` and `cutoff_hz`, stronger at the resonance of the arm, waxing with the turns.

    The level is an RMS in dB of full scale (`level_db`) or a ratio to the sound (`snr_db`). Channels get the
    same rumble with a share of their own, because a stylus moves up and down as well as sideways.

    >>> silence = np.zeros((2, 44_100), np.float32)
    >>> round(float(Rumble(level_db=-40.0).apply(silence, 44_100).std()), 3)
    0.01
    """

    level_db: float | None = None
    snr_db: float | None = None
    lowest_hz: float = 4.0
    cutoff_hz: float = 35.0
    resonance_hz: float = 11.0
    resonance_db: float = 10.0
    revolutions_per_minute: float = 78.26
    swing_db: float = 3.0
    """How far the level rises and falls within a revolution."""
    seed: int = 0

    def __post_init__(self) -> None:
        check_level("rumble", self.level_db, self.snr_db)
        if not 0.5 <= self.lowest_hz < self.cutoff_hz <= 500:
            raise InputError("rumble", f"{self}: need lowest_hz below cutoff_hz, within 0.5 to 500 Hz")
        if not (0.5 <= self.resonance_hz <= 500 and 0 <= self.resonance_db <= 60):
            raise InputError("rumble", f"{self}: need resonance_hz within 0.5 to 500, resonance_db 0 to 60")
        if not (5 <= self.revolutions_per_minute <= 200 and 0 <= self.swing_db <= 40):
            raise InputError("rumble", f"{self}: need 5 to 200 revolutions_per_minute, swing_db 0 to 40")

    @classmethod
    def draw(cls, rng: np.random.Generator, *, snr_db: tuple[float, float] = (5.0, 40.0)) -> Self:
        """A cutoff of 20 to 60 Hz, the arm somewhere between 7 and 16 Hz, one of the usual speeds."""
        return cls(
            snr_db=float(rng.uniform(*snr_db)),
            lowest_hz=float(rng.uniform(2, 6)),
            cutoff_hz=float(rng.uniform(20, 60)),
            resonance_hz=float(rng.uniform(7, 16)),
            resonance_db=float(rng.uniform(0, 15)),
            revolutions_per_minute=float(rng.choice((78.26, 45.0, 100 / 3))),
            swing_db=float(rng.uniform(0, 6)),
            seed=draw_seed(rng),
        )

    def noise(self, channels: int, samples: int, sample_rate_hz: int) -> Audio:
        """The rumble alone, (channels, samples), at no particular level."""
        rng = generator(self.seed, "rumble")
        # Filtered at a low rate: a cutoff of 4 Hz in 192,000 is hard on any filter.
        low_hz = min(sample_rate_hz, max(200, round(6 * self.cutoff_hz)))
        lead, count = low_hz, int(np.ceil(samples / sample_rate_hz * low_hz)) + 3
        white = rng.standard_normal((channels + 1, lead + count), dtype=np.float32)
        white[1:] = white[:1] + np.float32(0.5) * white[1:]
        band = signal.butter(2, (self.lowest_hz, self.cutoff_hz), "bandpass", output="sos", fs=low_hz)
        low = cascade(band, white)
        if self.resonance_db:
            b, a = signal.iirpeak(min(self.resonance_hz, 0.49 * low_hz), 3.0, fs=low_hz)
            ringing = signal.lfilter(b, a, low, axis=-1)
            low = low + np.float32(10 ** (self.resonance_db / 20) - 1) * ringing
        turns = self.revolutions_per_minute / 60 / low_hz * np.arange(count)
        swing = 10 ** (self.swing_db / 40 * np.sin(2 * np.pi * turns + rng.uniform(0, 2 * np.pi)) / 20)
        at = np.arange(samples) * (low_hz / sample_rate_hz)
        return np.stack([np.interp(at, np.arange(count), row[lead:] * swing) for row in low[1:]]).astype(
            np.float32
        )

    def process(self, audio: Audio, sample_rate_hz: int) -> Audio:
        noise = self.noise(len(audio), audio.shape[-1], sample_rate_hz)
        return at_level(audio, noise, sample_rate_hz, self.level_db, self.snr_db)
