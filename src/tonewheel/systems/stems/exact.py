"""Stems that sum to the mix exactly: the last rounding error has to go somewhere, and it is nobody's to hear.

All stems but one are put on a grid of 1/2^23, that of a file of 24 bits, and that one, `harmonic`, takes what is left
of the mix. On a grid sums of a few numbers have no rounding error, so the stems of a mix of integers sum to it to the
last bit. What does not fit below full scale (stems can be louder than their mix) is handed on to the next stem that
has room: there is always one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Audio = NDArray[np.float32]

BITS = 24
GRID = 2.0 ** (1 - BITS)


def exactly(stems: NDArray[Any], mix: NDArray[Any], rest: int, *, limited: bool) -> Audio:
    """Stems (k, ...) that sum to `mix` (...), the error in stem `rest`; float32.

    `limited` is for a file of 24-bit integers: all lie from -1 to 1 and on its grid, and so does the mix that they sum
    to. Else the sum in double precision is the mix to half a step of float32 of the stem `rest`.

    >>> mix = np.float32([0.5, -1.0]).round(4)
    >>> stems = exactly(np.float32([[1.3, -0.7], [-0.8, -0.29]]), mix, 1, limited=True)
    >>> bool((stems.sum(axis=0, dtype=np.float64) == mix).all()), float(stems.max()) <= 1
    (True, True)
    """
    found = np.rint(np.asarray(stems, np.float64) / GRID) * GRID
    aim = np.asarray(mix, np.float64)
    if limited:
        low, high = -1.0, 1.0 - GRID
        aim = np.clip(np.rint(aim / GRID) * GRID, low, high)
        found = np.clip(found, low, high)
    missing = aim - found.sum(axis=0)
    for stem in [rest, *(stem for stem in range(len(found)) if stem != rest)]:
        wanted = found[stem] + missing
        found[stem] = np.clip(wanted, low, high) if limited else wanted
        missing = wanted - found[stem]
        if not missing.any():
            break
    return found.astype(np.float32)
