"""The frequency axis of the separator: single bins below 1 kHz, groups above that double in width every octave.

    bins 0-95       one each              96 rows, up to 1.03 kHz
    bins 96-191     groups of 2           48 rows, up to 2.07 kHz
    bins 192-383    groups of 4           48 rows, up to 4.13 kHz
    bins 384-767    groups of 8           48 rows, up to 8.27 kHz
    bins 768-1535   groups of 16          48 rows, up to 16.5 kHz
    bins 1536-2048  groups of 32          16 rows, up to 22.05 kHz (the last has 33)

A mask has one value a row, so partials of a voice are told apart up to about 8 kHz, where ears still hear pitch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE_HZ = 44_100
N_FFT = 4096
HOP = 1024
BINS = N_FFT // 2 + 1
GROUPS = ((0, 96, 1), (96, 192, 2), (192, 384, 4), (384, 768, 8), (768, 1536, 16), (1536, 2048, 32))
"""(first bin, end, bins a row)."""
ROWS = sum((end - first) // width for first, end, width in GROUPS)
SUB_HZ = (45.0, 80.0)
"""Below the first all of the bass instrument is `sub`, above the second nothing; 60 Hz is the middle (in octaves)."""


def row_starts() -> NDArray[np.int64]:
    """First bin of each row, (ROWS,).

    >>> starts = row_starts()
    >>> len(starts) == ROWS, starts[[0, 95, 96, 97, 303]].tolist()
    (True, [0, 95, 96, 98, 2016])
    """
    return np.concatenate([np.arange(first, end, width) for first, end, width in GROUPS])


def row_of_bin() -> NDArray[np.int64]:
    """The row of each bin, (BINS,); the bin at half the rate belongs to the last row."""
    return np.searchsorted(row_starts(), np.arange(BINS), side="right") - 1


def sub_share() -> NDArray[np.float32]:
    """The share of the bass instrument in each bin that is called `sub`, (BINS,): 1 below, 0 above the crossover.

    >>> sub_share()[[0, 4, 6, 8]].round(2).tolist()
    [1.0, 1.0, 0.30000001192092896, 0.0]
    """
    frequency_hz = np.maximum(np.arange(BINS) * SAMPLE_RATE_HZ / N_FFT, 1.0)
    low, high = np.log2(SUB_HZ)
    place = np.clip((np.log2(frequency_hz) - low) / (high - low), 0, 1)
    return np.asarray(0.5 + 0.5 * np.cos(np.pi * place), np.float32)
