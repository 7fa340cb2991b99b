"""Training batches: log-mel of rendered clips and the hits in them, drawn anew for every step.

Batch k is a pure function of (seed, k), so a resumed run hears what an uninterrupted one would have heard.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tonewheel.learn.spectra import LogMel
from tonewheel.systems.drums.prepare import Prepared
from tonewheel.systems.drums.recipe import DrumsRecipe
from tonewheel.systems.drums.stage.scene import BEFORE_S, Scene, Stage

MASKED_SHARE = 0.3
WIDEST_MASK = 10
LEAST_RISE = 0.5
"""Natural log of power, about 2 dB: what rises less cannot be heard under the music."""


class Batch(NamedTuple):
    """Shapes: log_mel (n, n_mels, frames), level (n,), hits (m, 5).

    A row of `hits` is clip, label, frame (with fraction), velocity, and 1 where it can be heard (else 0).
    `level` is the loudest band so far when the clip begins, as a stream would remember it.
    """

    log_mel: Tensor
    level: Tensor
    hits: Tensor


def audible(log_mel: Tensor, hits: Tensor) -> Tensor:
    """1 for hits at which anything gets louder in some eighth of the bands, 0 for those that music drowns.

    Shape: (n, n_mels, frames), (m, 5) -> (m,).

    >>> quiet = torch.zeros(1, 80, 50)
    >>> hit = torch.tensor([[0.0, 0.0, 25.0, 1.0, 1.0]])
    >>> audible(quiet, hit).item(), audible(quiet + 3 * (torch.arange(50) >= 25), hit).item()
    (0.0, 1.0)
    """
    grouped = functional.avg_pool1d(log_mel.transpose(1, 2), log_mel.shape[1] // 8)
    clip, frame = hits[:, 0].long(), (hits[:, 2] + 0.5).long()
    last = log_mel.shape[2] - 1
    after = torch.stack([grouped[clip, (frame + i).clamp(0, last)] for i in (0, 1, 2)]).amax(dim=0)
    before = torch.stack([grouped[clip, (frame - i).clamp(0, last)] for i in (2, 3, 4)]).mean(dim=0)
    # At the very start there is nothing to compare with.
    return (((after - before).amax(dim=1) > LEAST_RISE) | (frame < 3)).float()


class SceneStream:
    """Draw batches by step number from a prepared folder."""

    def __init__(self, prepared: Prepared, recipe: DrumsRecipe, split: str = "train") -> None:
        self.recipe = recipe
        self.training = split == "train"
        self.spec = recipe.front_end.spec()
        self.stage = Stage(prepared, recipe.scene, split, vary=self.training)
        self.log_mel = LogMel(self.spec, precise=False)
        self.frames = round(recipe.scene.clip_s * recipe.front_end.frame_rate_hz)

    def draw(self, rng: np.random.Generator, step: int) -> Batch:
        """One batch; all its randomness comes from `rng`."""
        count = self.recipe.fit.batch_size
        scenes = [self.stage.draw(rng, self.recipe.scene.clip_s) for _ in range(count)]
        log_mel = torch.stack([self._heard(scene) for scene in scenes])
        loudest = log_mel.amax(dim=(1, 2))
        # Most clips begin in the middle of something as loud, some after silence.
        drawn = torch.from_numpy(rng.uniform(-2.0, 2.0, count).astype(np.float32))
        fresh = torch.from_numpy(rng.random(count) < 0.3)
        level = torch.where(fresh, torch.full((count,), -np.inf), loudest + drawn)
        rows = [
            (clip, label, onset_s * self.recipe.front_end.frame_rate_hz, velocity, heard)
            for clip, scene in enumerate(scenes)
            for (onset_s, label, velocity), heard in zip(scene.hits, scene.heard, strict=True)
        ]
        hits = torch.tensor(rows, dtype=torch.float32).reshape(-1, 5)
        hits[:, 4] *= audible(log_mel, hits)
        if self.training:
            for clip in np.flatnonzero(rng.random(count) < MASKED_SHARE):
                low, width = rng.integers(0, self.spec.n_mels), rng.integers(1, WIDEST_MASK + 1)
                log_mel[clip, low : low + width] = float(np.log(self.spec.floor))
        return Batch(log_mel, level, hits)

    def _heard(self, scene: Scene) -> Tensor:
        """Frames of a clip, frame f centred on sample f * hop. Shape: (n_mels, frames)."""
        half = self.spec.n_fft // 2
        first = round(BEFORE_S * self.spec.sample_rate_hz) - half
        needed = (self.frames - 1) * self.spec.hop_samples + self.spec.n_fft
        audio = scene.audio[first : first + needed]
        audio = np.pad(audio, (0, needed - len(audio)))
        heard: Tensor = self.log_mel(torch.from_numpy(audio))
        return heard
