"""What is kept of each track: who it is, what was measured, and its vectors."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.records import Record
from tonewheel.gates.duplicates import Signature
from tonewheel.systems.similar.features.record import Features

Floats = NDArray[np.float32]

MOMENT_S = 15.0
MOMENT_HOP_S = 7.5
"""A track is also kept as moments of this length, so that a moment can be found and the likeliest be played."""


class Entry(Record):
    """A track of an index: where it is, whose it is, and what was measured."""

    track: str
    """Its path below the folder that was indexed: its name in the index."""
    features: Features
    title: str = ""
    artist: str = ""


class Heard(NamedTuple):
    """A track as it was heard."""

    entry: Entry
    vector: Floats
    """(size,) unit."""
    hand: Floats
    """(216,): the hand-made vector, for the reasons."""
    moments: NDArray[np.int8]
    """(moments, size): unit vectors times 127, one every `MOMENT_HOP_S`."""
    kept: Signature
    """Its thinned fingerprint."""
    whole: Signature | None
    """All of its fingerprint, when it has just been heard."""
    group: int = -1
    """The number of its group of versions so far."""


class Sound(NamedTuple):
    """A query as it was heard: a file, or a moment of one."""

    features: Features
    vector: Floats
    hand: Floats
    whole: Signature
