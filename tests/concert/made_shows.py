"""Shows made of numbers: packs of random unit vectors, and what a hall would make of them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray

from tonewheel.systems.concert.decode.emission import Heard
from tonewheel.systems.concert.pack import Pack, Reference

Floats = NDArray[np.float64]
SIZE = 32


def unit(rows: Floats) -> NDArray[np.float32]:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def pack_of(chains: dict[str, list[Floats]]) -> Pack:
    """A pack whose windows are the given parts, two hops apart, side by side."""
    embedder = SimpleNamespace(fingerprint="test", window_s=2.0, hop_s=0.5)
    references, rows = [], []
    for song, variants in chains.items():
        for parts in variants:
            windows = unit(np.concatenate([parts[:-2], parts[2:]], axis=1))
            references.append(Reference(song=song, file="", seconds=0.0, windows=len(windows), lufs=None))
            rows.append(windows)
    return Pack.of(references, rows, embedder)  # type: ignore[arg-type]


def songs_of(seed: int, lengths: dict[str, int]) -> dict[str, list[Floats]]:
    rng = np.random.default_rng(seed)
    return {song: [unit(rng.normal(size=(n, SIZE))).astype(np.float64)] for song, n in lengths.items()}


def heard_of(*stretches: Floats | int, noise: float = 0.1, seed: int = 0) -> Heard:
    """Parts of songs as they are, numbers as so many steps of applause; an unknown song is parts of no pack."""
    rng = np.random.default_rng(seed)
    rows, music = [], []
    for stretch in stretches:
        quiet = isinstance(stretch, int)
        parts = rng.normal(size=(stretch, SIZE)) if isinstance(stretch, int) else stretch
        rows.append(unit(parts + noise * rng.normal(size=parts.shape)))
        music.append(np.full(len(parts), -2.0 if quiet else 8.0))
    return Heard(np.concatenate(rows), np.concatenate(music).astype(np.float32))
