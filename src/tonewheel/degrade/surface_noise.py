"""Surface noise: a recording of a real disc, tape or film that plays nothing, put under the sound."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np

from tonewheel.core.errors import InputError
from tonewheel.core.seeds import draw_seed, generator
from tonewheel.degrade.base import Audio, Degradation
from tonewheel.degrade.crowd import add_looped, looped
from tonewheel.degrade.noise_level import at_level, check_level


class SurfaceNoise(Degradation):
    """Adds a file's noise from a random start, looped without a seam, each channel from the file's own one.

    The level is that of the whole texture, clicks and all: an RMS in dB of full scale (`level_db`) or a ratio
    to the sound where it is active (`snr_db`). Without a path it is nothing.

    >>> SurfaceNoise(snr_db=20.0).apply(np.float32([0.5, -0.5]), 16_000).tolist()
    [0.5, -0.5]
    """

    path: str = ""
    level_db: float | None = None
    snr_db: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_level("surface_noise", self.level_db, self.snr_db)
        if "\0" in self.path:
            raise InputError("surface_noise", "the path has a zero byte in it")

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        *,
        paths: Sequence[str] = (),
        snr_db: tuple[float, float] = (0.0, 35.0),
    ) -> Self:
        """One of the files at a ratio uniform in decibels."""
        path = str(paths[int(rng.integers(len(paths)))]) if paths else ""
        return cls(path=path, snr_db=float(rng.uniform(*snr_db)), seed=draw_seed(rng))

    def noise(self, channels: int, samples: int, sample_rate_hz: int) -> Audio:
        """The texture alone, (channels, samples), at no particular level."""
        noise = np.zeros((channels, samples), np.float32)
        start = generator(self.seed, "surface_noise").uniform()
        for channel in range(channels):
            loop = looped(self.path, sample_rate_hz, channel)
            add_looped(noise[channel], loop, int(start * len(loop)), np.float32(1))
        return noise

    def process(self, audio: Audio, sample_rate_hz: int) -> Audio:
        if not self.path:
            return audio
        noise = self.noise(len(audio), audio.shape[-1], sample_rate_hz)
        return at_level(audio, noise, sample_rate_hz, self.level_db, self.snr_db)
