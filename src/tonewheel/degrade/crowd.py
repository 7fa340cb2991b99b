"""Crowd: people around the microphone, at an exact signal-to-noise ratio."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Self

import numpy as np

from tonewheel.core.errors import InputError
from tonewheel.core.seeds import draw_seed, generator
from tonewheel.degrade.base import Audio, Degradation
from tonewheel.degrade.responses import read

SYNTHETIC = "synthetic:"
SYNTHETIC_S = 20.0
FADE_S = 0.25
ACTIVE_BLOCK_S = 0.1
ACTIVE_DB = 40.0
"""Blocks this far below the loudest one are pauses, and do not count towards the level of the music."""


class Crowd(Degradation):
    """Adds noise so that signal and noise have the stated ratio of RMS, both taken where the signal is
    active.

    `sources` are layered, each from a random start, looped without a seam, at a random relative level, and
    the sum swells and sinks by about `swing_db`. A source is a file, or "synthetic:KIND/SEED" with KIND
    applause, cheering or banter (tonewheel.synth.noise). Silence has no level to be related to, so it stays
    silence.

    >>> tone = np.sin(np.arange(16000) * 0.3).astype(np.float32)
    >>> noise = Crowd(sources=("synthetic:applause/1",), snr_db=6.0, seed=2).apply(tone, 16000) - tone
    >>> round(float(20 * np.log10(tone.std() / np.sqrt(np.mean(noise**2)))), 1)
    6.0
    """

    sources: tuple[str, ...]
    snr_db: float
    swing_db: float = 3.0
    swing_s: float = 2.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.sources:
            raise InputError("crowd", "sources is empty: name at least one file or a synthetic crowd")
        if not (self.swing_s > 0 and abs(self.snr_db) <= 120 and 0 <= self.swing_db <= 40):
            raise InputError("crowd", f"{self}: need swing_s above 0, snr_db within +-120, swing_db 0 to 40")

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        *,
        paths: Sequence[str] = (),
        layers: tuple[int, int] = (1, 3),
        snr_db: tuple[float, float] = (-3.0, 20.0),
        synthetic_share: float = 0.0,
    ) -> Self:
        """One to three layers of the files; synthetic ones where there are none, or in `synthetic_share` of
        layers."""
        sources = []
        for _ in range(int(rng.integers(layers[0], layers[1] + 1))):
            if paths and rng.random() >= synthetic_share:
                sources.append(str(paths[int(rng.integers(len(paths)))]))
            else:
                # Few seeds a kind, so that the cache of made crowds serves a whole training run.
                kind = ("applause", "cheering", "banter")[int(rng.integers(3))]
                sources.append(f"{SYNTHETIC}{kind}/{int(rng.integers(8))}")
        return cls(
            sources=tuple(sources),
            snr_db=float(rng.uniform(*snr_db)),
            swing_db=float(rng.uniform(0, 6)),
            swing_s=float(rng.uniform(0.7, 5)),
            seed=draw_seed(rng),
        )

    def noise(self, samples: int, sample_rate_hz: int) -> Audio:
        """The crowd alone, (samples,), at no particular level."""
        rng = generator(self.seed, "crowd")
        total = np.zeros(samples, np.float32)
        for source in self.sources:
            loop = looped(source, sample_rate_hz)
            start, share_db = int(rng.integers(len(loop))), rng.uniform(-9, 0)
            add_looped(total, loop, start, np.float32(10 ** (share_db / 20)))
        points = max(2, int(np.ceil(samples / (self.swing_s * sample_rate_hz))) + 1)
        knots_db = rng.normal(0, self.swing_db / 2, points)
        # Interpolated ten times a second in dB, then straight lines: no exponential a sample.
        steps = np.linspace(0, points - 1, max(2, int(np.ceil(samples / sample_rate_hz * 10)) + 1))
        gains = 10 ** (np.interp(steps, np.arange(points), knots_db) / 20)
        total *= np.interp(np.linspace(0, len(gains) - 1, samples), np.arange(len(gains)), gains).astype(
            np.float32
        )
        return total

    def process(self, audio: Audio, sample_rate_hz: int) -> Audio:
        signal_rms, active = active_level(audio, sample_rate_hz)
        noise = self.noise(audio.shape[-1], sample_rate_hz)
        noise_rms = active_rms(noise[None], active)
        if signal_rms == 0.0 or noise_rms == 0.0:
            return audio
        return audio + noise * np.float32(signal_rms / noise_rms * 10 ** (-self.snr_db / 20))


def active_level(audio: Audio, sample_rate_hz: int) -> tuple[float, np.ndarray[Any, np.dtype[np.bool_]]]:
    """RMS over the active part of (channels, samples), and which samples these are, (samples,)."""
    samples = audio.shape[-1]
    block = max(1, round(ACTIVE_BLOCK_S * sample_rate_hz))
    power = np.add.reduceat((audio.astype(np.float64) ** 2).mean(axis=0), np.arange(0, samples, block))
    sizes = np.minimum(block, samples - np.arange(0, samples, block))
    active = power / sizes > float((power / sizes).max()) * 10 ** (-ACTIVE_DB / 10)
    if not active.any():
        return 0.0, np.zeros(samples, np.bool_)
    return float(np.sqrt(power[active].sum() / sizes[active].sum())), np.repeat(active, block)[:samples]


def active_rms(audio: Audio, active: np.ndarray[Any, np.dtype[np.bool_]]) -> float:
    """RMS of (channels, samples) where `active` says so; 0.0 if nowhere."""
    chosen = audio if active.all() else audio[:, active]
    return float(np.sqrt(np.mean(chosen.astype(np.float64) ** 2))) if chosen.size else 0.0


@lru_cache(maxsize=64)
def looped(source: str, sample_rate_hz: int, channel: int = 0) -> Audio:
    """A source of RMS 1, (samples,), whose end runs into its beginning: its last part is faded over its first."""
    if source.startswith(SYNTHETIC):
        samples = _synthetic(source.removeprefix(SYNTHETIC), sample_rate_hz)
    else:
        channels = read(source, sample_rate_hz)
        samples = channels[channel % len(channels)]
    if samples.size == 0 or not np.all(np.isfinite(samples)) or not np.any(samples):
        raise InputError(source, "a loop needs finite samples that are not all zero")
    fade = min(round(FADE_S * sample_rate_hz), len(samples) // 2)
    if fade > 0:
        turn = np.linspace(0, np.pi / 2, fade, dtype=np.float32)
        seam = samples[:fade] * np.sin(turn) + samples[-fade:] * np.cos(turn)
        samples = np.concatenate((seam, samples[fade:-fade]))
    rms = np.sqrt(np.mean(samples.astype(np.float64) ** 2))
    loop: Audio = (samples / max(rms, 1e-12)).astype(np.float32)
    return loop


def _synthetic(name: str, sample_rate_hz: int) -> Audio:
    from tonewheel.synth import noise, speech

    kinds = {"applause": noise.applause, "cheering": noise.cheering, "banter": speech.banter}
    kind, _, seed = name.partition("/")
    if kind not in kinds or not seed.isdecimal():
        raise InputError(
            SYNTHETIC + name, "expected synthetic:KIND/SEED with KIND applause, cheering or banter"
        )
    made = kinds[kind](generator(int(seed), "crowd", kind), SYNTHETIC_S, sample_rate_hz)
    return np.asarray(made, dtype=np.float32)


def add_looped(total: Audio, loop: Audio, start: int, gain: np.float32) -> None:
    """Add a loop to the whole of `total`, (samples,), in place, from sample `start` of the loop on."""
    done = 0
    while done < len(total):
        part = loop[start : start + len(total) - done]
        total[done : done + len(part)] += gain * part
        done, start = done + len(part), 0
