"""The backbone `encoder`: ours, small, trained on open and synthesised music; works offline at once."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tonewheel.audio.spectra import log_mel
from tonewheel.learn.weights import load_trained
from tonewheel.systems.similar.backbones.base import Floats, cut, heard, mono, silent
from tonewheel.systems.similar.model import Encoder
from tonewheel.systems.similar.recipe import SimilarRecipe

KIND = "similar encoder"
SHIPPED_WEIGHTS = Path(__file__).parents[1] / "weights" / "encoder.safetensors"
WINDOWS_AT_ONCE = 32


class EncoderBackbone:
    """A trained encoder with its front end.

    >>> encoder = EncoderBackbone.shipped()
    >>> frames = encoder.embed(np.random.default_rng(0).normal(size=9 * 16_000), 16_000)  # at 0, 2 and 4 s
    >>> frames.shape, encoder.pool(frames).shape
    ((3, 192), (256,))
    """

    name = "encoder"

    def __init__(self, encoder: Encoder, recipe: SimilarRecipe, fingerprint: str) -> None:
        self.encoder = encoder.eval()
        self.recipe = recipe
        self.fingerprint = fingerprint
        self.spec = recipe.front_end.spec()
        self.sample_rate_hz = self.spec.sample_rate_hz
        self.window_s = recipe.views.window_s
        self.hop_s = recipe.views.hop_s
        self.dimension = recipe.encoder.width
        self.size = recipe.encoder.identity_size + recipe.encoder.style_size

    @classmethod
    def load(cls, weights: str | Path) -> EncoderBackbone:
        """Read weights written by training; InputError or ModelMismatchError when the file is not one of those."""
        encoder, recipe, saved = load_trained(
            weights, KIND, SimilarRecipe, lambda recipe: Encoder(recipe.encoder, recipe.front_end.n_mels)
        )
        return cls(encoder, recipe, saved.sha256)

    @classmethod
    def shipped(cls) -> EncoderBackbone:
        """The weights that come with Tonewheel, read once."""
        return _shipped()

    @torch.inference_mode()
    def embed(self, audio: NDArray[Any], sample_rate_hz: int) -> Floats:
        """Frames; see `Backbone`."""
        samples = mono(audio, sample_rate_hz, self.sample_rate_hz)
        window, hop = round(self.window_s * self.sample_rate_hz), round(self.hop_s * self.sample_rate_hz)
        windows = cut(samples, window, hop)
        length = window + (len(windows) - 1) * hop
        # Windows overlap; a hop is a whole number of spectra, so each is computed once.
        mel = log_mel(np.resize(samples, length) if len(samples) < length else samples[:length], self.spec).T
        frames, step = self.spec.frames(window), hop // self.spec.hop_samples
        cells = np.lib.stride_tricks.sliding_window_view(mel, frames, axis=0)[::step].transpose(0, 2, 1)
        rows = [
            self.encoder(torch.from_numpy(np.ascontiguousarray(cells[i : i + WINDOWS_AT_ONCE]))).numpy()
            for i in range(0, len(windows), WINDOWS_AT_ONCE)
        ]
        return np.where(silent(windows)[:, None], np.float32(0), np.concatenate(rows))

    @torch.inference_mode()
    def pool(self, frames: Floats) -> Floats:
        """Mean and deviation through both heads; see `Backbone`."""
        rows = heard(frames)
        if len(rows) == 0:
            return np.zeros(self.size, np.float32)
        pooled: Floats = self.encoder.pool(torch.from_numpy(rows)[None])[0].numpy()
        return pooled


@lru_cache(maxsize=1)
def _shipped() -> EncoderBackbone:
    return EncoderBackbone.load(SHIPPED_WEIGHTS)
