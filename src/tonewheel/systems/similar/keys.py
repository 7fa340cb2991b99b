"""Keys on the circle of fifths: which may follow each other without a clash."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tonewheel.core.errors import InputError
from tonewheel.systems.similar.features.key import PITCH_CLASSES

FLATS = {"Db": "C#", "Eb": "D#", "Gb": "F#", "Ab": "G#", "Bb": "A#", "Cb": "B", "Fb": "E"}


def number(key: str) -> int:
    """A key as a number: 0 to 11 major from C, 12 to 23 minor; InputError for what is no key.

    >>> number("C major"), number("A minor"), number("Bbm")
    (0, 21, 22)
    """
    found = re.fullmatch(r"\s*([A-Ga-g])\s*([#b♯♭]?)\s*(major|maj|minor|min|m|)\s*", key)
    if found is None:
        raise InputError("key", f'"{key}" is no key; write it as "A minor" or "F# major"')
    sign = found[2].replace("♯", "#").replace("♭", "b")
    tonic = found[1].upper() + sign
    sharp = {"E#": "F", "B#": "C", **FLATS}.get(tonic, tonic)
    return PITCH_CLASSES.index(sharp) + (12 if found[3] in ("minor", "min", "m") else 0)


def place(keys: ArrayLike) -> NDArray[np.int64]:
    """Place on the circle of fifths, 0 to 11; a minor key stands with its relative major."""
    numbers = np.asarray(keys, np.int64)
    major = np.where(numbers >= 12, numbers + 3, numbers) % 12
    return np.asarray(major * 7 % 12, np.int64)


def distance(first: ArrayLike, second: ArrayLike) -> NDArray[np.int64]:
    """Steps on the circle of fifths, 0 (the same, or relative major and minor) to 6.

    >>> distance(number("A minor"), [number("C major"), number("E minor"), number("D# minor")]).tolist()
    [0, 1, 6]
    """
    apart = np.abs(place(first) - place(second))
    return np.asarray(np.minimum(apart, 12 - apart), np.int64)


def compatible(keys: ArrayLike, key: str) -> NDArray[np.bool_]:
    """Which keys mix with `key`: the same, its relative, and one fifth up or down (DJs' "Camelot" neighbours)."""
    return np.asarray(distance(keys, number(key)) <= 1)
