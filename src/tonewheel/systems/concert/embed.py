"""From audio to embeddings with trained weights: log-mel, windows, encoder. Each step works alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from tonewheel.audio.spectra import log_mel
from tonewheel.core.errors import InputError
from tonewheel.learn.weights import load_trained
from tonewheel.systems.concert.decide import DecisionRule
from tonewheel.systems.concert.decode.emission import Emission
from tonewheel.systems.concert.model import Encoder
from tonewheel.systems.concert.recipe import ConcertRecipe

Floats = NDArray[np.float32]
SHIPPED_WEIGHTS = Path(__file__).parent / "weights" / "concert.safetensors"
KIND = "concert encoder"
PARTS_AT_ONCE = 64
SILENT = float(np.log(1e-7))
"""Log-mel below which a part holds nothing but the rounding of 16 bits."""
SILENT_ODDS = -10.0
"""Log-odds that such a part is music."""


class Embedded(NamedTuple):
    """Windows in order: unit rows (windows, size), shorter where a part is silent, and the log-odds (windows,) that
    each holds music."""

    embeddings: Floats
    music: Floats


class Embedder:
    """A trained encoder with its front end; `fingerprint` names both and is stored in every pack.

    The encoder hears one second at a time. The embedding of a window of two seconds is that of its first
    second beside that of its last, so the order in time counts, and every second is embedded once for two
    windows.

    >>> embedder = Embedder.shipped()
    >>> embedder.embed(np.zeros(3 * 16_000, np.float32)).embeddings.shape  # windows at 0, 0.5 and 1 s
    (3, 256)
    """

    def __init__(
        self, encoder: Encoder, recipe: ConcertRecipe, fingerprint: str, rule: DecisionRule | None = None
    ) -> None:
        self.encoder = encoder.eval()
        self.recipe = recipe
        self.fingerprint = fingerprint
        self.rule = rule or DecisionRule()
        self.emission = Emission()
        """How the decoder weighs what this encoder says."""
        self.path: Path | None = None
        """The file of the weights, if they are from one."""
        self.spec = recipe.front_end.spec()
        self.window_s = recipe.views.window_s
        self.hop_s = recipe.views.hop_s
        self.size = recipe.views.parts * recipe.encoder.embedding_size

    @classmethod
    def load(cls, weights: str | Path) -> Embedder:
        """Read weights written by training; InputError when the file is not one of those."""
        encoder, recipe, model = load_trained(
            weights, KIND, ConcertRecipe, lambda recipe: Encoder(recipe.encoder, recipe.front_end.n_mels)
        )
        rule = DecisionRule.from_dict(model.metadata["decision"], where=weights)
        embedder = cls(encoder, recipe, model.sha256, rule)
        if "emission" in model.metadata:
            embedder.emission = Emission.from_dict(model.metadata["emission"], where=weights)
        embedder.path = Path(weights)
        return embedder

    @classmethod
    def shipped(cls) -> Embedder:
        """The weights that come with Tonewheel, read once."""
        return _shipped()

    def parts(self, audio: Floats) -> Floats:
        """Log-mel of each part, a hop apart, of mono audio at the front end's rate.

        Shape: (samples,) -> (parts, n_mels, frames). Shorter audio is one part as long as it is; the least is
        a quarter second.
        """
        spec = self.spec
        least = spec.sample_rate_hz // 4
        if len(audio) < least:
            audio = np.pad(audio, (0, least - len(audio)))
        frames = spec.frames(round(self.recipe.views.part_s * spec.sample_rate_hz))
        hop = round(self.hop_s * spec.sample_rate_hz / spec.hop_samples)
        mel = log_mel(audio, spec)
        if mel.shape[1] <= frames:
            return mel[np.newaxis]
        cut = np.lib.stride_tricks.sliding_window_view(mel, frames, axis=1)[:, ::hop]
        return np.ascontiguousarray(cut.transpose(1, 0, 2))

    @torch.inference_mode()
    def embed_parts(self, parts: Floats) -> Embedded:
        """Embed log-mel parts of one length; silence is like nothing, not even like silence.

        Shape: (parts, n_mels, frames) -> unit rows (parts, encoder's size), rows of zeros for silence.
        """
        embeddings, music = [], []
        for i in range(0, len(parts), PARTS_AT_ONCE):
            rows, odds = self.encoder.embed_and_judge(torch.from_numpy(parts[i : i + PARTS_AT_ONCE]))
            embeddings.append(rows.numpy())
            music.append(odds.numpy())
        silent = parts.max(axis=(1, 2)) < SILENT
        heard = np.where(silent[:, None], np.float32(0), np.concatenate(embeddings))
        return Embedded(heard, np.where(silent, np.float32(SILENT_ODDS), np.concatenate(music)))

    def embed(self, audio: Floats) -> Embedded:
        """Embed mono audio at the front end's rate, a window every hop. Shape: (samples,).

        Audio shorter than a window is embedded by the part it has: its cosine with a window is then that with
        the window's first part.
        """
        return self.join(self.embed_parts(self.parts(audio)))

    def join(self, parts: Embedded) -> Embedded:
        """Windows from consecutive parts: each is its parts side by side."""
        count = self.recipe.views.parts
        apart = round(self.recipe.views.part_s / self.hop_s)
        windows = len(parts.music) - (count - 1) * apart
        if windows < 1:
            short = np.zeros((len(parts.music), count * parts.embeddings.shape[1]), np.float32)
            short[:, : parts.embeddings.shape[1]] = parts.embeddings * np.float32(np.sqrt(count))
            return Embedded(short, parts.music)
        places = [slice(i * apart, i * apart + windows) for i in range(count)]
        rows: Floats = np.concatenate([parts.embeddings[place] for place in places], axis=1)
        music: Floats = np.stack([parts.music[place] for place in places]).mean(axis=0)
        return Embedded(rows * np.float32(1 / np.sqrt(count)), music)

    def embed_blocks(self, blocks: Iterable[Floats]) -> Iterator[Embedded]:
        """Embed a stream of mono blocks in bounded memory; the windows are those of the whole."""
        rate = self.spec.sample_rate_hz
        part = round(self.recipe.views.part_s * rate)
        # A window is whole with its last frame, which ends a little before the window does.
        tail = (self.spec.frames(part) - 1) * self.spec.hop_samples + self.spec.n_fft
        window = round(self.window_s * rate) - part + tail
        hop = round(self.hop_s * rate)
        held = np.zeros(0, np.float32)
        whole = True
        for block in blocks:
            held = np.concatenate([held, block])
            ready = (len(held) - window) // hop + 1
            if ready >= PARTS_AT_ONCE:
                yield self.embed(held[: window + (ready - 1) * hop])
                held = held[ready * hop :]
                whole = False
        if whole and len(held) == 0:
            raise InputError("audio", "is empty")
        if whole or len(held) >= window:
            yield self.embed(held)


class WindowStream:
    """Embed windows that come one by one, a hop apart; a part that several windows share, only once.

    >>> audio = np.random.default_rng(0).normal(size=3 * 16_000).astype(np.float32)
    >>> stream = WindowStream(Embedder.shipped())
    >>> rows = [stream.push(audio[i : i + 32_000]).embeddings[0] for i in (0, 8_000, 16_000)]
    >>> np.allclose(rows, Embedder.shipped().embed(audio).embeddings, atol=1e-5)
    True
    """

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder
        self._part = round(embedder.recipe.views.part_s * embedder.spec.sample_rate_hz)
        self._parts: Embedded | None = None

    def push(self, window: Floats) -> Embedded:
        """The next window, a hop after the last. Shape: (window's samples,) -> one row, (1, size)."""
        held = self._parts
        # Of a later window only its last part is new.
        new = self.embedder.embed_parts(
            self.embedder.parts(window if held is None else window[-self._part :])
        )
        if held is not None:
            rows = np.concatenate([held.embeddings[1:], new.embeddings])
            new = Embedded(rows, np.concatenate([held.music[1:], new.music]))
        self._parts = new
        return self.embedder.join(new)


@lru_cache(maxsize=1)
def _shipped() -> Embedder:
    return Embedder.load(SHIPPED_WEIGHTS)
