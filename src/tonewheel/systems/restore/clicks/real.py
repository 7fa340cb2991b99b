"""The real side of training: digitised records, or real surface noise over music until there are any."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from tonewheel.core.errors import InputError
from tonewheel.core.seeds import generator
from tonewheel.systems.restore.ar import Samples
from tonewheel.systems.restore.clicks.recipe import StrategyRecipe
from tonewheel.systems.restore.prepare import SAMPLE_RATE_HZ, Prepared, Sound
from tonewheel.systems.restore.profile import Profile

SNR_DB = (3.0, 30.0)
"""Of music to the surface noise it is laid over."""
MEASURED_S = 10.0


class RealSide:
    """Draws clips of real recordings, and damage as it was measured on them."""

    def __init__(self, prepared: Prepared, strategy: StrategyRecipe, seed: int, split: str = "train") -> None:
        self.prepared = prepared
        self.strategy = strategy
        self.seed = seed
        self.discs = prepared.of("disc", split)
        self.music = prepared.of("music", split)
        self.textures = prepared.of("surface_noise", split)
        self.profiles = lru_cache(maxsize=2)(self._profiles)
        wanted = max(strategy.real_share) > 0 or strategy.adaptive
        if wanted and not self.discs and not self.textures:
            raise InputError(
                prepared.folder, "holds neither old records nor surface noise: no real side to train on"
            )

    def clip(self, rng: np.random.Generator, samples: int) -> Samples:
        """A clip at 44.1 kHz, shape (samples,), at an RMS between 0.02 and 0.25."""
        if self.discs:
            signal = self._cut(rng, self.discs, samples)
        else:
            signal = self._cut(rng, self.music, samples)
            noise = self._cut(rng, self.textures, samples)
            signal = signal + noise * _rms(signal) / _rms(noise) * 10 ** (-rng.uniform(*SNR_DB) / 20)
        return signal * float(np.exp(rng.uniform(np.log(0.02), np.log(0.25)))) / _rms(signal)

    def damage(self, rng: np.random.Generator, clean: Samples, sample_rate_hz: int, step: int) -> Samples:
        """A clean signal damaged as the recordings are that were measured last before `step`."""
        from tonewheel.systems.restore.simulate import impulses_like

        profiles = self.profiles(step // self.strategy.measure_every_steps)
        profile = profiles[int(rng.integers(len(profiles)))]
        signal = clean
        for process in impulses_like(profile, rng):
            events = process.events(len(signal), sample_rate_hz)
            put = events.put_on(signal.astype(np.float32)[None])[0]
            signal = np.where(events.mask(len(signal))[0], put, signal)
        return signal

    def _profiles(self, number: int) -> list[Profile]:
        """Profiles of some recordings; others with every measurement, the same for the same number."""
        from tonewheel.systems.restore.measure.recording import measure_audio

        rng = generator(self.seed, "measured", number)
        length = round(MEASURED_S * SAMPLE_RATE_HZ)
        clips = [self.clip(rng, length) for _ in range(self.strategy.measured_recordings)]
        return [measure_audio(clip.astype(np.float32), SAMPLE_RATE_HZ) for clip in clips]

    def _cut(self, rng: np.random.Generator, sounds: list[Sound], samples: int) -> Samples:
        sound = sounds[int(rng.integers(len(sounds)))]
        total = int(sound.seconds * SAMPLE_RATE_HZ)
        start = int(rng.integers(max(1, total - samples)))
        clip = self.prepared.floats(sound, start, start + samples).astype(np.float64)
        # Textures may be shorter than a clip: they go round.
        return np.resize(clip, samples)


def _rms(signal: Samples) -> float:
    return float(np.sqrt(np.mean(signal**2))) + 1e-9
