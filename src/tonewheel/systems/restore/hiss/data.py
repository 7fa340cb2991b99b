"""Training batches: music with hiss under it, and the levels of the whole excerpt as a measurement would give them.

Batch k is a pure function of (seed, k), so a resumed run hears what an uninterrupted one would have heard. The music
is cut to a record's band mostly; what is left of clicks after a declicker is part of some examples, so that the
network meets it before it is used; clean music is among them, so that it learns to leave things alone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tonewheel.core.seeds import draw_seed
from tonewheel.degrade.hiss import Hiss
from tonewheel.systems.restore.hiss.frames import LOWEST_DB, OVERLAP, analyse, grid, row_levels
from tonewheel.systems.restore.hiss.levels import Levels
from tonewheel.systems.restore.hiss.recipe import HissRecipe, NoiseRecipe
from tonewheel.systems.restore.prepare import SAMPLE_RATE_HZ, Prepared, Sound

Audio = NDArray[np.float32]

TRANSIENT_SHARE = 0.08
LOW_RATES_HZ = (8_000, 11_025, 16_000, 22_050, 32_000)
QUIETEST = 1e-3
"""RMS below which an excerpt holds no music."""


class Batch(NamedTuple):
    """Shapes: noisy, clean (n, samples) of the crop; quantiles (n, 6, rows), floor (n, rows), power (n,).

    `floor` is the true level of the hiss in dB, `power` the mean square of the clean excerpt.
    """

    noisy: Tensor
    clean: Tensor
    quantiles: Tensor
    floor: Tensor
    power: Tensor


class Example(NamedTuple):
    """An excerpt (samples,): the music, the hiss, and what is left of clicks."""

    clean: Audio
    hiss: Audio
    residue: Audio
    top_hz: float = SAMPLE_RATE_HZ / 2


class HissStream:
    """Draw batches by step number from a prepared folder."""

    def __init__(self, prepared: Prepared, recipe: HissRecipe, split: str = "train") -> None:
        self.prepared = prepared
        self.recipe = recipe
        self.music = prepared.of("music", split)
        self.transients = prepared.of("transient", split)
        self.textures = prepared.of("surface_noise", split)

    def draw(self, rng: np.random.Generator, step: int) -> Batch:
        """One batch; all its randomness comes from `rng`."""
        examples = [self.example(rng) for _ in range(self.recipe.fit.batch_size)]
        return batch(examples, self.recipe.noise, rng)

    def example(self, rng: np.random.Generator) -> Example:
        """One excerpt with its noise."""
        noise = self.recipe.noise
        clean = self.excerpt(rng)
        if rng.random() < noise.band_share:
            low, high = rng.uniform(30, 150), np.exp(rng.uniform(np.log(3500), np.log(16_000)))
            clean = band(clean, float(low), float(high), float(rng.uniform(2, 8)))
        clean = clean * np.float32(10 ** (rng.uniform(-26, -10) / 20) / rms(clean))
        hiss = np.zeros_like(clean)
        kind = rng.random()
        if kind >= noise.clean_share:
            faint = kind < noise.clean_share + noise.faint_share
            snr_db = rng.uniform(*(noise.faint_snr_db if faint else noise.snr_db))
            hiss = self.hiss(rng, len(clean)) * np.float32(rms(clean) * 10 ** (-snr_db / 20))
        residue = np.zeros_like(clean)
        if rng.random() < noise.residue_share:
            left = click_residue(rng, len(clean))
            residue = left * np.float32(rms(clean) * 10 ** (-rng.uniform(*noise.residue_snr_db) / 20))
        top_hz = SAMPLE_RATE_HZ / 2
        if rng.random() < noise.low_rate_share:
            top_hz = LOW_RATES_HZ[int(rng.integers(len(LOW_RATES_HZ)))] / 2
            clean, hiss, residue = (band(part, 0.0, 0.97 * top_hz, 40.0) for part in (clean, hiss, residue))
        if rng.random() < 0.5:  # files of 16 bits have a floor of their own
            hiss = (np.round((clean + hiss) * 32768) / 32768 - clean).astype(np.float32)
        return Example(clean, hiss, residue, top_hz)

    def excerpt(self, rng: np.random.Generator) -> Audio:
        """Some seconds of music, or of castanets, brass attacks and the like."""
        wanted = round(self.recipe.noise.excerpt_s * SAMPLE_RATE_HZ)
        while True:
            sounds = self.transients if self.transients and rng.random() < TRANSIENT_SHARE else self.music
            audio = self._part(rng, sounds[int(rng.integers(len(sounds)))], wanted)
            if len(audio) == wanted and rms(audio) > QUIETEST:
                return audio

    def _part(self, rng: np.random.Generator, sound: Sound, samples: int) -> Audio:
        last = round(sound.seconds * SAMPLE_RATE_HZ) - samples
        if last <= 0:
            return np.zeros(0, np.float32)
        start = int(rng.integers(last))
        return self.prepared.floats(sound, start, start + samples)

    def hiss(self, rng: np.random.Generator, samples: int) -> Audio:
        """Noise of RMS 1, (samples,)."""
        noise = self.recipe.noise
        if self.textures and rng.random() < noise.texture_share:
            texture = self.prepared.floats(self.textures[int(rng.integers(len(self.textures)))])
            made = texture[(np.arange(samples) + rng.integers(len(texture))) % len(texture)]
        else:
            drawn = Hiss(level_db=0.0, spectrum=spectrum(rng, noise), seed=draw_seed(rng))
            made = drawn.noise(1, samples, SAMPLE_RATE_HZ)[0]
        if rng.random() < noise.swell_share:
            turn_s, depth_db = rng.choice([0.77, 1.33, 1.8, 5.0]), rng.uniform(0.5, 3.0)
            phase = 2 * np.pi * (np.arange(samples) / (turn_s * SAMPLE_RATE_HZ) + rng.random())
            made = made * (10 ** (depth_db / 20 * np.sin(phase))).astype(np.float32)
        return np.asarray(made / np.float32(rms(made)), np.float32)


def batch(examples: list[Example], noise: NoiseRecipe, rng: np.random.Generator) -> Batch:
    """Measure the excerpts as a recording is measured, and crop them."""
    crop, at = round(noise.crop_s * SAMPLE_RATE_HZ), grid(SAMPLE_RATE_HZ)
    rows: list[tuple[Audio, ...]] = []
    for clean, hiss, residue, top_hz in examples:
        noisy = np.asarray(clean + hiss + residue, np.float32)
        levels = Levels(SAMPLE_RATE_HZ)
        edge = np.zeros((OVERLAP - 1) * at.hop, np.float32)
        levels.push(np.concatenate([edge, noisy, edge]))
        start = int(rng.integers(len(noisy) - crop + 1))
        quantiles, floor = levels.quantiles(), true_floor(hiss)
        # Rows that a lower sample rate does not have.
        absent = int(at.row_of_bin[min(int(top_hz * at.n_fft / SAMPLE_RATE_HZ), at.n_fft // 2)]) + 1
        quantiles[:, absent:], floor[absent:] = LOWEST_DB, LOWEST_DB
        inside, power = slice(start, start + crop), np.array([rms(clean) ** 2], np.float32)
        rows.append((noisy[inside], clean[inside], quantiles, floor, power))
    stacked = Batch(*(torch.from_numpy(np.stack(part)) for part in zip(*rows, strict=True)))
    return stacked._replace(power=stacked.power[:, 0])


def true_floor(hiss: Audio) -> NDArray[np.float32]:
    """Mean power of the hiss in every row, dB, smoothed over rows as far as it is known. Shape: (rows,)."""
    at = grid(SAMPLE_RATE_HZ)
    # Every other window is enough for a mean.
    spectra = analyse(torch.from_numpy(hiss)[None], at._replace(hop=2 * at.hop))
    power = 10 ** (row_levels(spectra, at)[0].numpy() / 10)
    return np.asarray(10 * np.log10(power.mean(axis=1)), np.float32)


def spectrum(rng: np.random.Generator, noise: NoiseRecipe) -> tuple[tuple[float, float], ...]:
    """Points (Hz, dB) of a noise: a slope with bends, and often the edges of what a record or tape passes."""
    slope = rng.uniform(*noise.slope_db)
    hz = 40.0 * 2.0 ** np.arange(0, 9.01, 0.5)
    bends = np.interp(np.arange(len(hz)), np.arange(0, len(hz) + 4, 4), rng.normal(0, noise.bend_db, 6))
    level_db = slope * np.log2(hz / 1000) + bends
    if rng.random() < 0.5:
        top = np.exp(rng.uniform(np.log(4000), np.log(14_000)))
        level_db -= np.maximum(0, np.log2(hz / top)) * rng.uniform(6, 48)
    if rng.random() < 0.4:
        level_db -= np.maximum(0, np.log2(rng.uniform(40, 200) / hz)) * rng.uniform(6, 24)
    return tuple((float(f), float(max(level, -150.0))) for f, level in zip(hz, level_db, strict=True))


def click_residue(rng: np.random.Generator, samples: int) -> Audio:
    """What a declicker leaves: short bursts where it interpolated, or missed a tick. RMS 1, (samples,)."""
    out = np.zeros(samples, np.float32)
    seconds = samples / SAMPLE_RATE_HZ
    for place in rng.integers(0, samples - 128, int(rng.uniform(10, 140) * seconds)):
        width = int(rng.integers(2, 64)) if rng.random() < 0.2 else int(rng.integers(1, 12))
        burst = rng.standard_normal(width) * np.exp(rng.normal(0, 0.8))
        out[place : place + width] += (np.cumsum(burst) / width if rng.random() < 0.6 else burst).astype(
            np.float32
        )
    return out / np.float32(rms(out))


def band(audio: Audio, low_hz: float, high_hz: float, order: float) -> Audio:
    """Cut to a band with the slopes of Butterworth filters, without their phase. Shape: (samples,)."""
    hz = np.fft.rfftfreq(len(audio), 1 / SAMPLE_RATE_HZ)
    with np.errstate(over="ignore"):
        gain = 1 / np.sqrt(1 + (hz / high_hz) ** (2 * order))
        if low_hz > 0:
            gain /= np.sqrt(1 + (low_hz / np.maximum(hz, 1e-3)) ** (2 * min(order, 4.0)))
    return np.asarray(np.fft.irfft(np.fft.rfft(audio) * gain, len(audio)), np.float32)


def rms(audio: Audio) -> float:
    """Root mean square, never 0."""
    return float(np.sqrt(np.mean(np.square(audio, dtype=np.float64))) + 1e-12)
