"""From audio to version embeddings: pitch map, patches, a table of pitch classes every half second."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.decode import blocks
from tonewheel.core.errors import ModelMismatchError
from tonewheel.systems.concert.versions.chroma import cens
from tonewheel.systems.concert.versions.encoder import VersionEncoder
from tonewheel.systems.concert.versions.fuse import Fusion
from tonewheel.systems.concert.versions.patches import CLASSES, patches
from tonewheel.systems.concert.versions.pitches import pitch_map
from tonewheel.systems.concert.versions.recipe import VersionRecipe

Floats = NDArray[np.float32]
SHIPPED_WEIGHTS = Path(__file__).parents[1] / "weights" / "versions.safetensors"
KIND = "concert version encoder"
BLOCK_S = 120
"""Heard in one go."""
BESIDE_S = 4
"""More than what a row sees to either side: its patch and the neighbourhood of a pitch."""


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
        self.encoder = encoder
        self.recipe = recipe or VersionRecipe()
        self.fingerprint = fingerprint
        self.spec = self.recipe.pitches.spec()
        self.patch = self.recipe.patch.spec()
        self.size = CLASSES * (encoder.size if encoder is not None else 1)
        self.fusion = Fusion()
        """How its scores and those of the fingerprint make one answer."""
        self.path: Path | None = None

    @classmethod
    def load(cls, weights: str | Path) -> VersionEmbedder:
        """Read weights written by training; InputError when the file is not one of those."""
        from tonewheel.learn.checkpoint import load_model
        from tonewheel.learn.weights import of_this_version

        model = load_model(weights, kind=KIND)
        with of_this_version(weights):
            recipe = VersionRecipe.model_validate(model.metadata["recipe"])
            mean, kernel = (model.tensors[name].numpy() for name in ("mean", "kernel"))
        patch = recipe.patch.spec().size
        if mean.shape != (patch,) or kernel.shape != (CLASSES, patch, recipe.size):
            raise ModelMismatchError(f"{weights}: its weights are not those of its recipe")
        made = cls(VersionEncoder(mean, kernel), recipe, model.sha256)
        if "fusion" in model.metadata:
            made.fusion = Fusion.from_dict(model.metadata["fusion"], where=weights)
        made.path = Path(weights)
        return made

    def embed(self, audio: Floats) -> Floats:
        """Embed mono audio at 16 kHz, one row every half second. Shape: (samples,) -> (rows, 12 * size)."""
        if self.encoder is None:
            return cens(audio, self.spec, hop_s=self.hop_s)
        return self.encoder(patches(pitch_map(audio, self.spec), self.spec, self.patch))

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
        rate, a_row = self.spec.sample_rate_hz, self.hop_s
        whole, beside = BLOCK_S * rate, BESIDE_S * rate
        rows: list[Floats] = []
        held = np.zeros(0, np.float32)
        before = 0  # samples held that are embedded already
        for block in audio:
            held = np.concatenate([held, block])
            while len(held) >= before + whole + beside + self.spec.n_fft:
                embedded = self.embed(held[: before + whole + beside + self.spec.n_fft])
                skip = round(before / rate / a_row)
                rows.append(embedded[skip : skip + round(BLOCK_S / a_row)])
                held = held[before + whole - beside :]
                before = beside
        if len(held) > before or not rows:
            rows.append(self.embed(held)[round(before / rate / a_row) :])
        return np.concatenate(rows)


@lru_cache(maxsize=1)
def _shipped() -> VersionEmbedder:
    return VersionEmbedder.load(SHIPPED_WEIGHTS) if SHIPPED_WEIGHTS.is_file() else VersionEmbedder()
