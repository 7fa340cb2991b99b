"""Independent random streams from one seed and a path of names.

A stream depends on the seed and the names alone, so work can be split over processes, reordered or resumed
and still draw the same numbers. Nothing in Tonewheel uses a global random state.
"""

from __future__ import annotations

import hashlib

import numpy as np


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """A numpy Generator that is the same everywhere for the same seed and names.

    Source: numpy's SeedSequence, entropy = seed and SHA-256 of the names (Python's hash changes each run).

    >>> a, b = generator(7, "room", 3), generator(7, "room", 3)
    >>> bool(a.integers(1 << 30) == b.integers(1 << 30))
    True
    >>> bool(generator(7, "room", 3).integers(1 << 30) == generator(7, "room", 4).integers(1 << 30))
    False
    """
    # repr keeps 3 and "3" apart, and the separator keeps ("ab", "c") and ("a", "bc") apart.
    digest = hashlib.sha256("\0".join(repr(name) for name in names).encode()).digest()
    words = np.frombuffer(digest, dtype="<u4").tolist()
    return np.random.default_rng(np.random.SeedSequence([seed, *words]))


def draw_seed(rng: np.random.Generator) -> int:
    """A seed to keep in a record, so that the randomness drawn from it can be replayed.

    >>> 0 <= draw_seed(generator(1)) < 2**32
    True
    """
    return int(rng.integers(2**32))
