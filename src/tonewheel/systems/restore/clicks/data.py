"""Training batches for the click detector: features of damaged music, and the damage in every sample.

Batch k is a pure function of (seed, k), so a resumed run sees what an uninterrupted one would have seen.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt, sosfiltfilt
from torch import Tensor

from tonewheel.audio.resample import resample
from tonewheel.core.seeds import draw_seed
from tonewheel.degrade.clicks import Clicks
from tonewheel.degrade.crackle import Crackle
from tonewheel.degrade.impulses import SHAPES
from tonewheel.systems.restore.ar import Samples, estimate, interpolate
from tonewheel.systems.restore.clicks.declicker import Declicker
from tonewheel.systems.restore.clicks.features import analyse, examine
from tonewheel.systems.restore.clicks.real import RealSide
from tonewheel.systems.restore.clicks.recipe import ClicksRecipe
from tonewheel.systems.restore.prepare import SAMPLE_RATE_HZ, Prepared, Sound

OTHER_RATES_HZ = (8_000, 11_025, 16_000, 22_050, 32_000, 48_000)
EDGES_HZ = ((20.0, 200.0), (2500.0, 12_000.0))
ADAPTED_SHARE = 0.7
"""Of the damaged examples of an adaptive run; the rest stays as varied as ever, so that nothing is forgotten."""
SUBTLE = 2.0
"""Damage of fewer residual scales is mostly missed by a first look."""


class Batch(NamedTuple):
    """Shapes: features (n, FEATURES, samples); damage, known (n, samples); real (n,).

    `damage` is in residual scales and right where `known` is 1; on real recordings that is where something was put on
    them, or where earlier weights are sure.
    """

    features: Tensor
    damage: Tensor
    known: Tensor
    real: Tensor


Example = tuple[NDArray[np.float32], ...]
"""Features (FEATURES, samples), damage and known (samples,) of one clip."""


class Damaged(NamedTuple):
    """A clip before and after, and what is to be found: `damage` is exactly 0 where nothing was hit."""

    noisy: Samples
    damaged: Samples
    sample_rate_hz: int

    @property
    def damage(self) -> Samples:
        """What the clicks changed."""
        return self.damaged - self.noisy


class ClickStream:
    """Draw batches by step number from a prepared folder."""

    def __init__(
        self,
        prepared: Prepared,
        recipe: ClicksRecipe,
        split: str = "train",
        teacher: Declicker | None = None,
    ) -> None:
        self.prepared = prepared
        self.recipe = recipe
        self.training = split == "train"
        self.teacher = teacher
        self.side = RealSide(prepared, recipe.strategy, recipe.fit.seed, split)
        self.music = prepared.of("music", split)
        self.transients = prepared.of("transient", split) or self.music
        self.strokes = prepared.of("hit", "train")

    def draw(self, rng: np.random.Generator, step: int) -> Batch:
        """One batch; all its randomness comes from `rng`."""
        count, strategy = self.recipe.fit.batch_size, self.recipe.strategy
        share = strategy.share_at(step, self.recipe.fit.max_steps) if self.training else 0.0
        real = np.arange(count) < int(share * count + rng.random())
        seen = [self.real_example(rng) if one else self.example(rng, step) for one in real]
        features, damage, known = (np.stack(part) for part in zip(*seen, strict=True))
        return Batch(*map(torch.from_numpy, (features, damage, known, real.astype(np.float32))))

    def example(self, rng: np.random.Generator, step: int = 0) -> Example:
        """A clip that was clean, damaged; all of its damage is known."""
        clip = self.clip(rng, step)
        settings = self.recipe.analysis
        if rng.random() < self.recipe.damage.second_look_share:
            found = examine(
                clip.damaged, nearly_repaired(rng, clip, self.recipe), clip.sample_rate_hz, settings
            )
        else:
            found = analyse(clip.damaged, clip.sample_rate_hz, settings)
        damage = self._inside(clip.damage / found.scale)
        return self._inside(found.features), damage, np.ones_like(damage)

    def real_example(self, rng: np.random.Generator) -> Example:
        """A real recording; known are clicks that were put on it, and what earlier weights are sure of."""
        strategy, rate = self.recipe.strategy, SAMPLE_RATE_HZ
        signal = self.side.clip(rng, self.recipe.damage.clip_samples + 2 * self.recipe.damage.margin_samples)
        change = np.zeros_like(signal)
        known = np.zeros_like(signal)
        if self.teacher is not None and strategy.pseudo_weight:
            verdicts, _ = self.teacher.judge(signal, None, rate)
            cleaned, mask, _ = self.teacher.clean(signal, rate)
            sure = np.abs(verdicts.hit - 0.5) > strategy.pseudo_certain - 0.5
            change, known = np.where(mask, signal - cleaned, 0.0), sure * 1.0
        if strategy.cycle_weight:
            added = damage(rng, signal, rate, typical=True) - signal
            signal, change = signal + added, np.where(added != 0, change + added, change)
            known[added != 0] = 1.0
        found = analyse(signal, rate, self.recipe.analysis)
        return tuple(self._inside(part) for part in (found.features, change / found.scale, known))

    def real_batch(self, rng: np.random.Generator) -> Batch:
        """A batch of real recordings alone."""
        seen = [self.real_example(rng) for _ in range(self.recipe.fit.batch_size)]
        features, damage, known = (torch.from_numpy(np.stack(part)) for part in zip(*seen, strict=True))
        return Batch(features, damage, known, torch.ones(len(features)))

    def _inside(self, signal: NDArray[Any]) -> NDArray[np.float32]:
        margin = self.recipe.damage.margin_samples
        return np.ascontiguousarray(
            signal[..., margin : margin + self.recipe.damage.clip_samples], np.float32
        )

    def clip(self, rng: np.random.Generator, step: int = 0) -> Damaged:
        """One clip, damaged."""
        settings = self.recipe.damage
        rate = SAMPLE_RATE_HZ
        if rng.random() < settings.other_rate_share:
            rate = int(rng.choice(OTHER_RATES_HZ))
        length = settings.clip_samples + 2 * settings.margin_samples
        noisy = self._sound(rng, length, rate)
        if rng.random() < settings.hiss_share:
            noisy = noisy + hiss(rng, length) * rms(noisy) * 10 ** (-rng.uniform(*settings.hiss_snr_db) / 20)
        damaged = noisy
        if rng.random() >= settings.undamaged_share:
            if self.training and self.recipe.strategy.adaptive and rng.random() < ADAPTED_SHARE:
                damaged = self.side.damage(rng, noisy, rate, step)
            else:
                damaged = damage(rng, noisy, rate, typical=rng.random() < settings.typical_share)
        if rng.random() < 0.5:  # as 16 bits store it
            error = rng.uniform(-0.5, 0.5, length) / 32768
            noisy, damaged = noisy + error, damaged + error
        return Damaged(noisy, damaged, rate)

    def _sound(self, rng: np.random.Generator, length: int, rate: int) -> Samples:
        settings = self.recipe.damage
        kind = rng.random()
        if kind < settings.transient_share:
            sound = self._cut(rng, self.transients, length, rate)
        else:
            sound = self._cut(rng, self.music, length, rate)
            if kind > 1 - settings.strokes_share and self.strokes:
                sound *= rng.choice((0.0, 0.1, 0.5))
                sound = self._struck(rng, sound, rate)
        if rng.random() < settings.band_limited_share:
            low_hz, high_hz = (float(np.exp(rng.uniform(*np.log(edge)))) for edge in EDGES_HZ)
            band = (low_hz / rate * 2, min(high_hz / rate * 2, 0.98))
            order = int(rng.integers(2, 9))
            sound = sosfiltfilt(butter(order, band, "bandpass", output="sos"), sound)
        return np.asarray(sound * np.exp(rng.uniform(np.log(0.02), np.log(0.25))) / (rms(sound) + 1e-9))

    def _cut(self, rng: np.random.Generator, sounds: list[Sound], length: int, rate: int) -> Samples:
        needed = int(length * SAMPLE_RATE_HZ / rate) + 2
        for _ in range(8):
            sound = sounds[int(rng.integers(len(sounds)))]
            latest = max(1, int(sound.seconds * SAMPLE_RATE_HZ) - needed)
            start = int(rng.integers(latest))
            clip = self.prepared.floats(sound, start, start + needed)
            if rms(clip) > 0.003:
                break
        out = np.zeros(length)
        resampled = resample(clip, SAMPLE_RATE_HZ, rate)[:length]
        out[: resampled.size] = resampled
        return out

    def _struck(self, rng: np.random.Generator, sound: Samples, rate: int) -> Samples:
        for at in np.flatnonzero(rng.random(len(sound)) < rng.uniform(3, 12) / rate).tolist():
            stroke = self.strokes[int(rng.integers(len(self.strokes)))]
            hit = resample(self.prepared.floats(stroke, 0, SAMPLE_RATE_HZ), SAMPLE_RATE_HZ, rate)
            end = min(len(sound), at + len(hit))
            sound[at:end] += hit[: end - at] * rng.uniform(0.1, 0.6)
        return sound


def damage(rng: np.random.Generator, noisy: Samples, rate: int, *, typical: bool) -> Samples:
    """A clip with clicks and crackle on it."""
    for kind in (Clicks, Crackle):
        if typical:
            shapes = rng.choice(len(SHAPES), size=int(rng.integers(2, len(SHAPES) + 1)), replace=False)
            process = kind(
                width_ms=float(
                    np.exp(rng.uniform(np.log(0.05), np.log(0.7)))
                    if kind is Clicks
                    else rng.uniform(0.04, 0.2)
                ),
                shapes=tuple(SHAPES[i] for i in sorted(shapes)),
                replacing=float(rng.choice((0.0, 0.2))),
                seed=draw_seed(rng),
            )
        else:
            process = kind.draw(rng)
        if typical or rng.random() < 0.8:
            events = process.events(len(noisy), rate)
            hit = events.mask(len(noisy))[0]
            put = events.put_on(noisy.astype(np.float32)[None])[0].astype(np.float64)
            noisy = np.where(hit, put, noisy)
    return noisy


def nearly_repaired(rng: np.random.Generator, clip: Damaged, recipe: ClicksRecipe) -> Samples:
    """The clip as a good first look leaves it: sizes are guessed, subtle damage and a few clicks are missed."""
    settings = recipe.analysis
    rate = clip.sample_rate_hz
    hop, window, order = settings.hop(rate), settings.window(rate), settings.order(rate)
    models = estimate(clip.noisy, order, hop, window)
    scale = np.sqrt(models.variance)[models.segment(np.arange(len(clip.noisy)))]
    wrong = clip.damage != 0
    runs = np.cumsum(np.diff(wrong.astype(np.int8), prepend=0) == 1) * wrong
    peaks = np.zeros(runs.max() + 1)
    np.maximum.at(peaks, runs, np.abs(clip.damage) / scale)
    kept = (peaks > SUBTLE * rng.exponential(1.0, len(peaks))) & (
        rng.random(len(peaks)) > rng.choice((0.0, 0.05))
    )
    found = wrong & kept[runs]
    found |= rng.random(len(found)) < 0.002 * rng.random()
    noise = (clip.damage[found] ** 2 + scale[found] ** 2) * np.exp(rng.normal(0, 1, found.sum()))
    repaired = clip.damaged.copy()
    repaired[found] = interpolate(clip.damaged, found, models, noise)
    return repaired


def hiss(rng: np.random.Generator, length: int) -> Samples:
    """Noise of RMS 1 with a random tilt."""
    noise = rng.standard_normal(length)
    if rng.random() < 0.7:
        order, edge = int(rng.integers(1, 3)), float(rng.uniform(0.05, 0.8))
        noise = sosfilt(butter(order, edge, output="sos"), noise) + rng.uniform(0, 0.3) * noise
    return np.asarray(noise / rms(noise))


def rms(signal: NDArray[Any]) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(signal, dtype=np.float64))))
