"""Hum: the mains and its harmonics, from a transformer or a bad earth."""

from __future__ import annotations

from typing import Self

import numpy as np

from tonewheel.core.errors import InputError
from tonewheel.core.seeds import draw_seed, generator
from tonewheel.degrade.base import Audio, Degradation
from tonewheel.degrade.noise_level import at_level, check_level


class Hum(Degradation):
    """Sinusoids at the multiples of `frequency_hz`, with the levels `harmonics_db`, the same in every channel.

    The level, of all harmonics together, is an RMS in dB of full scale (`level_db`) or a ratio (`snr_db`). The
    frequency may wander as that of a turntable's or tape's own hum does; a mains frequency itself hardly does.

    >>> silence = np.zeros(16_000, np.float32)
    >>> round(float(Hum(level_db=-40.0).apply(silence, 16_000).std()), 4)
    0.01
    """

    level_db: float | None = None
    snr_db: float | None = None
    frequency_hz: float = 50.0
    harmonics_db: tuple[float, ...] = (0.0, -8.0, -6.0, -16.0, -14.0)
    """Of the fundamental, the second harmonic and so on."""
    wander_percent: float = 0.0
    """Standard deviation of the frequency."""
    seed: int = 0

    def __post_init__(self) -> None:
        check_level("hum", self.level_db, self.snr_db)
        if not (0 < self.frequency_hz <= 1000 and 0 <= self.wander_percent <= 10):
            raise InputError("hum", f"{self}: need frequency_hz above 0 and to 1000, wander_percent 0 to 10")
        if not self.harmonics_db or not all(-300 <= level <= 100 for level in self.harmonics_db):
            raise InputError("hum", f"harmonics_db {self.harmonics_db}: need levels within -300 to 100 dB")

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        *,
        snr_db: tuple[float, float] = (10.0, 50.0),
        harmonics: tuple[int, int] = (1, 12),
    ) -> Self:
        """50 or 60 Hz within a thousandth, harmonics that fall, odd and even ones by different amounts."""
        count = int(rng.integers(harmonics[0], harmonics[1] + 1))
        fall, uneven = rng.uniform(1.0, 5.0), rng.uniform(-8.0, 8.0)
        levels = tuple(
            round(float(-fall * number + uneven * (number % 2) + rng.normal(0, 3)), 2)
            for number in range(count)
        )
        return cls(
            snr_db=float(rng.uniform(*snr_db)),
            frequency_hz=float(rng.choice((50.0, 60.0)) * rng.uniform(0.999, 1.001)),
            harmonics_db=levels,
            wander_percent=float(rng.choice((0.0, rng.uniform(0, 0.2)))),
            seed=draw_seed(rng),
        )

    def noise(self, samples: int, sample_rate_hz: int) -> Audio:
        """The hum alone, (samples,), at no particular level; harmonics above half the rate are left out."""
        rng = generator(self.seed, "hum")
        phases = rng.uniform(0, 2 * np.pi, len(self.harmonics_db))
        knots = rng.standard_normal(int(samples / sample_rate_hz) + 3)
        wander = np.interp(np.arange(samples) / sample_rate_hz, np.arange(len(knots)), knots)
        relative = 1 + self.wander_percent / 100 * wander
        turn = 2 * np.pi * self.frequency_hz / sample_rate_hz * np.cumsum(relative)
        total = np.zeros(samples)
        for number, (level, phase) in enumerate(zip(self.harmonics_db, phases, strict=True), start=1):
            if number * self.frequency_hz < 0.45 * sample_rate_hz:
                total += 10 ** (level / 20) * np.sin(number * turn + phase)
        return total.astype(np.float32)

    def process(self, audio: Audio, sample_rate_hz: int) -> Audio:
        hum = np.broadcast_to(self.noise(audio.shape[-1], sample_rate_hz), audio.shape)
        return at_level(audio, hum, sample_rate_hz, self.level_db, self.snr_db)
