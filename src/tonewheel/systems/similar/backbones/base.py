"""The interface of every backbone: audio to frames (one row a window), frames to the vector of a track.

    audio (samples,) or (channels, samples), any rate
      -> embed  (frames, dimension)   a row every `hop_s` of the `window_s` that follow; rows of zeros are silent
      -> pool   (size,)               unit length: the embedding of a track, or of any run of its frames

Frames do not depend on what lies outside their window, so a file is embedded in blocks, and a moment of a track
is pooled from the frames of that moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from os import PathLike
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.decode import blocks
from tonewheel.audio.resample import resample
from tonewheel.core.errors import InputError

Floats = NDArray[np.float32]

SILENT_PEAK = 10 ** (-80 / 20)
"""Highest sample below which there is nothing to compare: -80 dB of full scale."""
BLOCK_S = 60.0


class Backbone(Protocol):
    """What an index needs of a backbone; two with one `fingerprint` give equal vectors."""

    @property
    def name(self) -> str:
        """A short name: hand, encoder, openl3, or that of a head."""

    @property
    def fingerprint(self) -> str:
        """64 hexadecimal digits that change with the front end, the weights and the pooling."""

    @property
    def sample_rate_hz(self) -> int:
        """The rate that it hears; other audio is resampled."""

    @property
    def window_s(self) -> float:
        """How much one frame hears."""

    @property
    def hop_s(self) -> float:
        """From one frame to the next."""

    @property
    def dimension(self) -> int:
        """Length of a frame."""

    @property
    def size(self) -> int:
        """Length of the vector of a track."""

    def embed(self, audio: NDArray[Any], sample_rate_hz: int) -> Floats:
        """Frames of audio. Shape: (samples,) or (channels, samples) -> (frames, dimension), at least one."""

    def pool(self, frames: Floats) -> Floats:
        """The unit vector of some frames, zeros when all are silent. Shape: (frames, dimension) -> (size,)."""


def mono(audio: NDArray[Any], from_hz: int, to_hz: int) -> Floats:
    """The mean of the channels at another rate; InputError for no samples, NaN or another shape.

    >>> mono(np.ones((2, 4)), 8_000, 8_000).tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    samples = np.asarray(audio, dtype=np.float32)
    if samples.ndim not in (1, 2):
        raise InputError("audio", f"has shape {samples.shape}, expected (samples,) or (channels, samples)")
    if samples.size == 0:
        raise InputError("audio", "is empty")
    if not np.all(np.isfinite(samples)):
        raise InputError("audio", "holds NaN or infinite samples")
    return resample(samples if samples.ndim == 1 else samples.mean(axis=0), from_hz, to_hz)


def cut(audio: Floats, window: int, hop: int) -> Floats:
    """Whole windows, a view. Shape: (samples,) -> (windows, window); shorter audio is repeated to one window.

    >>> cut(np.arange(5, dtype=np.float32), 3, 2).tolist(), cut(np.arange(2, dtype=np.float32), 3, 2).tolist()
    ([[0.0, 1.0, 2.0], [2.0, 3.0, 4.0]], [[0.0, 1.0, 0.0]])
    """
    if len(audio) < window:
        return np.resize(audio, (1, window))
    return np.lib.stride_tricks.sliding_window_view(audio, window)[::hop]


def silent(windows: Floats) -> NDArray[np.bool_]:
    """Which windows hold nothing in two of their quarters or more. Shape: (windows, samples) -> (windows,)."""
    quarters = np.array_split(windows, 4, axis=1) if windows.shape[1] >= 4 else [windows]
    empty = [np.maximum(part.max(axis=1), -part.min(axis=1)) < SILENT_PEAK for part in quarters]
    return np.asarray(np.mean(empty, axis=0) >= 0.5)


def heard(frames: Floats) -> Floats:
    """The frames that are not silent."""
    return frames[np.any(frames != 0, axis=1)]


def unit(vector: NDArray[Any]) -> Floats:
    """Scaled to length 1 along the last axis; zeros stay zeros."""
    length = np.linalg.norm(vector, axis=-1, keepdims=True)
    return np.asarray(vector / np.where(length > 0, length, 1), dtype=np.float32)


def embed_blocks(backbone: Backbone, parts: Iterable[Floats]) -> Iterator[Floats]:
    """Frames of a stream of mono blocks at the backbone's rate: those of the whole, in bounded memory."""
    rate = backbone.sample_rate_hz
    window, hop = round(backbone.window_s * rate), round(backbone.hop_s * rate)
    held = np.zeros(0, np.float32)
    first = True
    for part in parts:
        held = np.concatenate([held, part])
        ready = (len(held) - window) // hop + 1
        if ready * hop >= BLOCK_S * rate:
            yield backbone.embed(held[: window + (ready - 1) * hop], rate)
            held = held[ready * hop :]
            first = False
    if first or len(held) >= window:
        yield backbone.embed(held, rate)


def embed_file(
    backbone: Backbone, path: str | PathLike[str], *, start_s: float = 0.0, end_s: float | None = None
) -> Floats:
    """Frames of a file, or of a moment of it, in bounded memory; InputError for what is no sound.

    Shape: -> (frames, dimension).
    """
    parts = blocks(
        path,
        block_s=BLOCK_S / 2,
        sample_rate_hz=backbone.sample_rate_hz,
        mono=True,
        start_s=start_s,
        end_s=end_s,
    )
    return np.concatenate(list(embed_blocks(backbone, parts)))


def embed_track(backbone: Backbone, path: str | PathLike[str]) -> Floats:
    """The unit vector of a file. Shape: -> (size,)."""
    return backbone.pool(embed_file(backbone, path))
