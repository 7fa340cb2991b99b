"""What is played: grooves as hits in time, read from MIDI or taken from synthesised songs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.errors import InputError
from tonewheel.core.records import Record
from tonewheel.manifest.components import class_of
from tonewheel.manifest.midi import read_midi
from tonewheel.systems.drums.families import LABELS

Hits = NDArray[np.float64]
"""Shape (hits, 3): onset in s, label number, velocity 0..1; sorted by onset."""


class Groove(Record):
    """One performance; the three columns are equally long and in order of time."""

    title: str
    split: str
    licence: str
    onset_s: tuple[float, ...]
    label: tuple[int, ...]
    """Place of the label among the 12."""
    velocity: tuple[float, ...]
    style: str = ""
    source: str = ""
    synthetic: bool = False

    def hits(self) -> Hits:
        """The columns as one array."""
        return np.array([self.onset_s, self.label, self.velocity], dtype=np.float64).T.reshape(-1, 3)

    @property
    def seconds(self) -> float:
        """Until the last hit has rung."""
        return (self.onset_s[-1] if self.onset_s else 0.0) + 1.0


def read_groove(path: Path, **about: str) -> Groove:
    """Drum hits of a MIDI file; InputError when it is none, or holds no drum that we know."""
    found = [(hit.onset_s, LABELS.index(class_of(hit.label)), hit.velocity) for hit in read_midi(path).hits]
    if not found:
        raise InputError(path, "holds no drum hit")
    return _groove(sorted(found), **about)


def synthesise(count: int, seed: int) -> Iterator[Groove]:
    """The drums of `count` synthesised songs, as played, not as they sound; every eighth is for validation."""
    from tonewheel.synth.compose import compose

    for number in range(count):
        song = compose(seed * 1_000_003 + 500_000 + number)
        found = sorted((e.onset_s, LABELS.index(class_of(e.label)), e.velocity) for e in song.drums)
        if len(found) >= 16:
            yield _groove(
                found,
                title=song.title,
                split="valid" if number % 8 == 7 else "train",
                licence="CC0-1.0 (made by tonewheel.synth)",
                style=song.style,
                synthetic=True,
            )


def _groove(found: list[tuple[float, int, float]], **about: str | bool) -> Groove:
    onset_s, label, velocity = zip(*found, strict=True)
    return Groove(
        onset_s=tuple(round(float(t), 5) for t in onset_s),
        label=tuple(int(n) for n in label),
        velocity=tuple(round(float(v), 4) for v in velocity),
        **about,  # type: ignore[arg-type]
    )
