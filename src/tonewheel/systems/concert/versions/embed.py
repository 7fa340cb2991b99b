"""From audio to version embeddings: pitch map, encoder, a table of pitch classes every half second."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError

from tonewheel.audio.decode import blocks
from tonewheel.core.errors import ModelMismatchError
from tonewheel.learn.checkpoint import load_model, load_weights
from tonewheel.systems.concert.versions.chroma import cens
from tonewheel.systems.concert.versions.fuse import Fusion
from tonewheel.systems.concert.versions.net import FRAMES_A_ROW, VersionEncoder
from tonewheel.systems.concert.versions.pitches import pitch_map
from tonewheel.systems.concert.versions.recipe import VersionRecipe

Floats = NDArray[np.float32]
SHIPPED_WEIGHTS = Path(__file__).parents[1] / "weights" / "versions.safetensors"
KIND = "concert version encoder"
BLOCK_S = 120
"""Heard in one go; what the encoder sees beside a row is far less."""


class VersionEmbedder:
    """A trained encoder with its front end; `fingerprint` names both and is stored in every pack.

    Without weights: chroma (CENS), which needs no training and knows less.

    >>> plain = VersionEmbedder()
    >>> plain.embed(np.zeros(32_000, np.float32)).shape[1], plain.fingerprint
    (12, 'cens')
    """

    hop_s = 0.5

    def __init__(
        self,
        encoder: VersionEncoder | None = None,
        recipe: VersionRecipe | None = None,
        fingerprint: str = "cens",
    ) -> None:
        self.encoder = None if encoder is None else encoder.eval()
        self.recipe = recipe or VersionRecipe()
        self.fingerprint = fingerprint
        self.spec = self.recipe.pitches.spec()
        self.size = 12 * (self.recipe.encoder.size if encoder is not None else 1)
        self.fusion = Fusion()
        """How its scores and those of the fingerprint make one answer."""
        self.path: Path | None = None

    @classmethod
    def load(cls, weights: str | Path) -> VersionEmbedder:
        """Read weights written by training; InputError when the file is not one of those."""
        model = load_model(weights, kind=KIND)
        try:
            recipe = VersionRecipe.model_validate(model.metadata["recipe"])
        except (KeyError, ValidationError):
            raise ModelMismatchError(f"{weights}: was trained by another version of Tonewheel") from None
        encoder = VersionEncoder(recipe.encoder, recipe.pitches.bins_per_semitone, recipe.pitches.octaves)
        load_weights(encoder, model.tensors, weights)
        made = cls(encoder, recipe, model.sha256)
        if "fusion" in model.metadata:
            made.fusion = Fusion.from_dict(model.metadata["fusion"], where=weights)
        made.path = Path(weights)
        return made

    @torch.inference_mode()
    def embed(self, audio: Floats) -> Floats:
        """Embed mono audio at 16 kHz, one row every half second. Shape: (samples,) -> (rows, 12 * size)."""
        if self.encoder is None:
            return cens(audio, self.spec, hop_s=self.hop_s)
        pitches = pitch_map(audio, self.spec)
        pad = -pitches.shape[1] % FRAMES_A_ROW
        tables = self.encoder(torch.from_numpy(np.pad(pitches, ((0, 0), (0, pad))))[None])[0]
        return np.asarray(tables.flatten(1).numpy(), np.float32)

    @classmethod
    def shipped(cls) -> VersionEmbedder:
        """The weights that come with Tonewheel, or chroma where none do; read once."""
        return _shipped()

    def embed_file(self, path: str | Path) -> Floats:
        """Embed a file; InputError when it cannot be read. Shape: (rows, 12 * size)."""
        return self.embed_blocks(
            blocks(path, sample_rate_hz=self.spec.sample_rate_hz, mono=True, block_s=5.0)
        )

    def embed_blocks(self, audio: Iterable[Floats]) -> Floats:
        """Embed a stream of mono blocks; only `BLOCK_S` seconds of sound are held. Shape: (rows, 12 * size)."""
        whole = BLOCK_S * self.spec.sample_rate_hz
        rows: list[Floats] = []
        held = np.zeros(0, np.float32)
        for block in audio:
            held = np.concatenate([held, block])
            while len(held) >= whole + self.spec.n_fft:
                rows.append(self.embed(held[: whole + self.spec.n_fft])[: round(BLOCK_S / self.hop_s)])
                held = held[whole:]
        if len(held) or not rows:
            rows.append(self.embed(held))
        return np.concatenate(rows)


@lru_cache(maxsize=1)
def _shipped() -> VersionEmbedder:
    return VersionEmbedder.load(SHIPPED_WEIGHTS) if SHIPPED_WEIGHTS.is_file() else VersionEmbedder()
