"""Tracks that nobody recorded: vectors in styles, with measures that go with them. Nothing is heard."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewheel.systems.similar.backbones.hand import Hand
from tonewheel.systems.similar.features.record import Features
from tonewheel.systems.similar.library import Library
from tonewheel.systems.similar.same import thin
from tonewheel.systems.similar.styles import Styles
from tonewheel.systems.similar.tracks import Entry, Heard

STYLES = ("dawn", "noon", "dusk")
TEMPOS = (90.0, 126.0, 140.0)
KEYS = ("C major", "A minor", "F# minor")
NOISE = 1.0


def unit(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def vectors(count: int, style: int, seed: int, noise: float = NOISE) -> NDArray[np.float32]:
    """Unit rows around the direction of a style; the same style has the same direction everywhere."""
    size = Hand.size
    centre = unit(np.random.default_rng([7, style]).normal(size=size)) * np.sqrt(size)
    return unit(centre + noise * np.random.default_rng([seed, style]).normal(size=(count, size)))


def measured(track: str, style: int, rng: np.random.Generator) -> Features:
    kick = np.zeros(16)
    kick[:: (4, 4, 8)[style]] = 1.0
    return Features(
        path=track,
        content_sha256=f"{track:>064}"[-64:],
        seconds=180.0,
        tempo_bpm=float(TEMPOS[style] + rng.normal()),
        tempo_confidence=0.9,
        energy_mean=float(np.clip((0.3, 0.5, 0.8)[style] + 0.03 * rng.normal(), 0, 1)),
        kick_pattern=tuple(kick.tolist()),
        brightness_hz=float((800, 1600, 3200)[style] * np.exp(0.1 * rng.normal())),
        loudness_lufs=-12.0,
        key=KEYS[style],
        key_confidence=0.8,
    )


def heard(track: str, vector: NDArray[np.float32], style: int, seed: int = 0, **names: str) -> Heard:
    """A track as if it had been heard; its fingerprint is its own."""
    rng = np.random.default_rng([seed, *track.encode()])
    near = unit(vector + 0.3 * rng.normal(size=(4, len(vector))) / np.sqrt(len(vector)))
    words = rng.integers(0, 2**32, 480, dtype=np.uint32)
    return Heard(
        entry=Entry(track=track, features=measured(track, style, rng), **names),
        vector=vector,
        hand=vector,
        moments=np.round(near * 127).astype(np.int8),
        kept=thin(words),
        whole=words,
    )


def collection(each: int = 20, seed: int = 0, noise: float = NOISE) -> list[Heard]:
    """Three styles of `each` tracks, an artist for every five."""
    return [
        heard(
            f"{name}/{number:02d}.flac",
            row,
            style,
            seed,
            title=f"{name} {number}",
            artist=f"{name} band {number // 5}",
        )
        for style, name in enumerate(STYLES)
        for number, row in enumerate(vectors(each, style, seed, noise))
    ]


def styles_of(tracks: list[Heard]) -> Styles:
    names = [one.entry.track for one in tracks]
    return Styles(names=STYLES, style_of={name: STYLES.index(name.split("/")[0]) for name in names})


def library(each: int = 20, method: str = "exact", noise: float = NOISE) -> Library:
    tracks = collection(each, noise=noise)
    return Library.of(tracks, Path("/nowhere"), Hand(), styles=styles_of(tracks), method=method)
