"""Training batches: one hit in the middle of what else may sound there, drawn anew for every step.

Batch k is a pure function of (seed, k), so a resumed run hears what an uninterrupted one would have heard.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from tonewheel.degrade.codec import Codec
from tonewheel.degrade.room import Room
from tonewheel.learn.spectra import LogMel
from tonewheel.systems.drums.families import LABELS
from tonewheel.systems.drums.hits.clips import ClipDataset
from tonewheel.systems.drums.hits.model import NATS_PER_DB
from tonewheel.systems.drums.hits.outliers import Outliers
from tonewheel.systems.drums.hits.recipe import HitsRecipe
from tonewheel.systems.drums.hits.shelf import Known, Shelf
from tonewheel.systems.drums.prepare import Prepared
from tonewheel.systems.drums.stage.kits import SAMPLE_RATE_HZ, Audio
from tonewheel.systems.drums.stage.render import Instrument

NO_LABEL = -1
TOLD_SHARE = 0.6
"""Share of hits whose level in their recording is told."""
SPAN_DB = (8.0, 35.0)
"""From the softest to the loudest hit of a drum, as packs and players differ."""
WIDEST_MASK = 14


class Batch(NamedTuple):
    """Shapes: log_mel (n, n_mels, frames), label (n,), -1 for no drum, and (n,) with NaN for what nobody knows."""

    log_mel: Tensor
    level_db: Tensor
    label: Tensor
    velocity: Tensor
    openness: Tensor


class HitStream:
    """Draw batches by step number from a prepared folder, and from an exported dataset beside it."""

    def __init__(
        self,
        prepared: Prepared,
        recipe: HitsRecipe,
        split: str = "train",
        dataset: ClipDataset | None = None,
        outliers_per_kind: int = 96,
    ) -> None:
        self.recipe = recipe
        self.training = split == "train"
        self.spec = recipe.front_end.spec()
        self.log_mel = LogMel(self.spec, precise=False)
        self.samples, self.lead = recipe.front_end.samples, recipe.front_end.lead_samples
        self.shelf = Shelf(prepared, *(recipe.examples.splits if self.training else (split,)))
        self.dataset = dataset
        self.shares = self.shelf.shares(recipe.examples.balance)
        self.outliers = Outliers(prepared, split, self.samples, self.lead, per_kind=outliers_per_kind)
        self.rooms = prepared.room_paths(split)

    def draw(self, rng: np.random.Generator, step: int) -> Batch:
        """One batch; all its randomness comes from `rng`."""
        count = self.recipe.fit.batch_size
        clips, rows = [], []
        for number in range(count):
            if number < round(self.recipe.examples.outlier_share * count):
                audio = self.outliers.draw(rng)[1]
                clips.append(self._dressed(rng, audio, hit=False))
                level_db = float(rng.uniform(-40, 0)) if rng.random() < TOLD_SHARE else np.nan
                rows.append((level_db, float(NO_LABEL), np.nan, np.nan))
            else:
                audio, level_db, known = self._hit(rng)
                clips.append(self._dressed(rng, audio, hit=True))
                rows.append((level_db, float(known.label), known.velocity, known.openness))
        pictures = self.log_mel(torch.from_numpy(np.stack(clips)))
        if self.training:
            for heard in np.flatnonzero(rng.random(count) < self.recipe.examples.filter_share):
                gain_db = random_filter_db(rng, self.spec.n_mels, self.recipe.examples.filter_db)
                pictures[heard] += torch.from_numpy(gain_db * np.float32(NATS_PER_DB))[:, None]
            for masked in np.flatnonzero(rng.random(count) < self.recipe.examples.mask_share):
                low, width = rng.integers(0, self.spec.n_mels), rng.integers(1, WIDEST_MASK + 1)
                pictures[masked, low : low + width] = float(np.log(self.spec.floor))
        level, label, velocity, openness = torch.tensor(rows, dtype=torch.float32).T
        return Batch(pictures, level, label.long(), velocity, openness)

    def _hit(self, rng: np.random.Generator) -> tuple[Audio, float, Known]:
        """A clip with one hit at its place, give or take, the hit's level if it is told, and what is known."""
        if self.dataset is not None and rng.random() < self.recipe.examples.dataset_share:
            audio, known = self.dataset.draw(rng, self.samples, self.lead)
            return audio, np.nan, known
        known = self._choose(rng)
        sound, damped = self._struck(rng, known)
        if damped and LABELS[known.label] == "hihat_open":
            known = known._replace(openness=np.nan)
        out = np.zeros(self.samples, np.float32)
        off = round(float(rng.uniform(-1, 1)) * self.recipe.examples.jitter_s * SAMPLE_RATE_HZ)
        _add(out, sound, self.lead + off, 1.0)
        level_db = np.nan
        if np.isfinite(known.velocity) and rng.random() < TOLD_SHARE:
            level_db = -(1 - known.velocity) * float(rng.uniform(*SPAN_DB)) + float(rng.normal(0, 2.0))
        return out, level_db, known

    def _choose(self, rng: np.random.Generator) -> Known:
        label = int(rng.choice(len(self.shares), p=self.shares))
        return self.shelf.draw(rng, label, self.recipe.examples.synthetic_share)

    def _struck(self, rng: np.random.Generator, known: Known) -> tuple[Audio, bool]:
        """The sound of a hit, tuned, damped and equalised anew, peak near 1; whether it was damped."""
        spread = self.recipe.examples.tune_semitones
        spread *= 0.5 if LABELS[known.label].startswith("tom") else 1.0
        ratio = float(2 ** (np.clip(rng.normal(0, spread), -6, 6) / 12)) if self.training else 1.0
        drum = Instrument(rng, self.shelf, [known.shot], ratio, 0.0)
        return drum.hit(rng, 1.0), drum.damping_s is not None

    def _dressed(self, rng: np.random.Generator, audio: Audio, *, hit: bool) -> Audio:
        """What sounds beside it: a quieter hit, music, a room, a codec, noise; and a level."""
        examples = self.recipe.examples
        audio = audio.copy()
        if hit and rng.random() < examples.second_share:
            second, _ = self._struck(rng, self._choose(rng))
            together = rng.random() < 0.4
            start = self.lead + round(
                float(rng.uniform(-0.02, 0.02) if together else rng.uniform(-0.4, 0.38)) * SAMPLE_RATE_HZ
            )
            _add(audio, second, start, 10 ** (float(rng.uniform(*examples.second_db)) / 20))
        stage = self.outliers.stage
        if hit and stage is not None and rng.random() < examples.bed_share:
            bed = stage.bed(rng, self.samples)
            under = float(np.abs(bed).max(initial=0.0))
            if under > 1e-6:
                audio += bed * np.float32(10 ** (float(rng.uniform(*examples.bed_db)) / 20) / under)
        if self.rooms and rng.random() < examples.room_share:
            wet = np.float32(10 ** (float(rng.uniform(-20, 0)) / 20))
            audio = audio + wet * Room.draw(rng, paths=self.rooms).apply(audio, SAMPLE_RATE_HZ)
        if rng.random() < 0.5:
            noise = np.float32(10 ** (float(rng.uniform(-85, -35)) / 20))
            audio = audio + noise * rng.standard_normal(self.samples, dtype=np.float32)
        if rng.random() < examples.codec_share:
            codec = Codec.draw(rng, formats=("mp3", "vorbis"), bitrate_kbps=(48, 128))
            audio = codec.apply(0.8 * audio / np.float32(np.abs(audio).max(initial=1e-3)), SAMPLE_RATE_HZ)
        return np.asarray(audio * np.float32(10 ** (float(rng.uniform(-20, 0)) / 20)), np.float32)


def random_filter_db(rng: np.random.Generator, bands: int, spread_db: float) -> Audio:
    """Gain of every band, (bands,): straight lines between 3 to 6 random points.

    Source: Nam et al., FilterAugment: an acoustic environmental data augmentation method, ICASSP 2022.
    """
    inner = np.sort(rng.uniform(0, bands - 1, int(rng.integers(1, 5))))
    points = np.concatenate([[0.0], inner, [bands - 1.0]])
    return np.interp(np.arange(bands), points, rng.normal(0, spread_db, len(points))).astype(np.float32)


def _add(out: Audio, sound: Audio, start: int, gain: float) -> None:
    """Add a sound that may begin before `out` and end after it."""
    sound = sound[max(0, -start) :]
    start = max(0, start)
    end = min(len(out), start + len(sound))
    if end > start:
        out[start:end] += np.float32(gain) * sound[: end - start]
