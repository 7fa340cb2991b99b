"""Decoded sound as int16 in a .npy file: opened in no time, and only what is asked for is read.

Training reads random clips of hours of music; decoding them each time would cost more than the training.
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.errors import InputError
from tonewheel.core.files import atomic_path

PEAK = 0.89
"""Sounds are stored with their peak here (-1 dB), so that quiet ones keep their resolution."""
SILENT = 1e-5


def store(path: str | PathLike[str], audio: NDArray[Any]) -> None:
    """Write mono (samples,) as int16 with its peak at -1 dB, whole or not at all; silence is an InputError.

    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/tone.npy"
    >>> store(path, np.sin(np.arange(800) * 0.1) / 10)
    >>> stored_samples(path), round(float(read_stored(path).max()), 2), read_stored(path, 10, 14).shape
    (800, 0.89, (4,))
    """
    mono = np.asarray(audio, np.float32)
    if mono.ndim != 1:
        raise ValueError(f"expected mono (samples,), got {mono.shape}")
    peak = float(np.abs(mono).max(initial=0.0))
    if peak < SILENT:
        raise InputError(str(path), "is silent")
    samples = np.round(mono * (PEAK / peak) * 32767).astype(np.int16)
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.save(stream, samples, allow_pickle=False)


def read_stored(path: str | PathLike[str], start: int = 0, stop: int | None = None) -> NDArray[np.float32]:
    """Samples [start, stop) as float32; the file is memory-mapped, so only these are read."""
    return np.asarray(_mapped(path)[start:stop], np.float32) / np.float32(32767)


def stored_samples(path: str | PathLike[str]) -> int:
    """How many samples a stored sound has."""
    return int(_mapped(path).shape[0])


def _mapped(path: str | PathLike[str]) -> NDArray[np.int16]:
    try:
        mapped: NDArray[np.int16] = np.load(Path(path), mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InputError(str(path), f"is no stored sound: {error}") from None
    return mapped
