"""Where in the bar the kick falls: the pattern of sixteen that tells four-on-the-floor from a broken beat.

A kick is a sudden rise of the lowest bands that is over soon: a bass note rises as fast but lasts. Its strength is
read on each sixteenth of the beats that were found, and averaged over the bars of four beats.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Audio = NDArray[np.float32]
Floats = NDArray[np.float64]

LOW = slice(0, 5)
"""Bands from 43 to 130 Hz rise with a kick, one after the other as its pitch falls."""
SHORT = slice(2, 6)
"""Between 86 and 150 Hz it is over soonest, and the level there tells it from a bass note."""
BEFORE_FRAMES, AFTER_FRAMES = 4, 8  # 46 ms, 93 ms
FLOOR_DB = -15.0
ENOUGH_DB = 4.0
"""A rise and fall of so much makes a kick of any onset; less counts in proportion."""
EARLY_FRAMES, LATE_FRAMES = 2, 4
"""The low end of a kick peaks a little after its beat."""
PRESENT = 0.3
"""A strongest sixteenth that stands out of the weak ones by less is of other instruments: there is no kick."""


def kick_strength(bands: Audio, onsets_of_bands: Audio) -> Floats:
    """How much a kick begins at each frame, (frames,), from powers and onsets (bands, frames); about 1 for one."""
    from scipy.ndimage import gaussian_filter1d

    rise = gaussian_filter1d(onsets_of_bands[LOW].mean(axis=0, dtype=np.float64), 2.0)
    power = bands[SHORT].sum(axis=0, dtype=np.float64)
    level_db = 10 * np.log10(power / max(power.mean(), 1e-20) + 10 ** (FLOOR_DB / 10))
    level_db = gaussian_filter1d(level_db, 1.0)
    edged = np.pad(level_db, (BEFORE_FRAMES, AFTER_FRAMES), mode="edge")
    before = edged[: len(level_db)]
    after = edged[BEFORE_FRAMES + AFTER_FRAMES :]
    stands_out_db = np.maximum(0.0, level_db - np.maximum(before, after))
    return np.asarray(rise * np.minimum(1.0, stands_out_db / ENOUGH_DB))


def kick_pattern(strengths: Floats, beats: NDArray[np.int64], downbeat: int) -> tuple[float, ...]:
    """The kick on each sixteenth of the bar, (16,), 1 for the strongest; all 0 where there is none.

    `beats` are frames, `downbeat` is the number of the first beat that begins a bar.

    >>> kicks, beats = np.zeros(2000), np.arange(10, 1900, 40)
    >>> kicks[beats + 2] = 1.0
    >>> kick_pattern(kicks, beats, 0) == (1.0, 0.0, 0.0, 0.0) * 4
    True
    """
    none = (0.0,) * 16
    at = sixteenths(beats[downbeat:])
    bars = len(at) // 16
    if not bars:
        return none
    near = np.arange(-EARLY_FRAMES, LATE_FRAMES + 1)
    heard = strengths[(at[: bars * 16, None] + near).clip(0, len(strengths) - 1)].max(axis=1)
    mean = heard.reshape(bars, 16).mean(axis=0)
    above = np.maximum(0.0, mean - np.quantile(mean, 0.25))
    if above.max() < PRESENT:
        return none
    return tuple((above / above.max()).round(4).tolist())


def sixteenths(beats: NDArray[np.int64]) -> NDArray[np.int64]:
    """Frames of the four quarters of every beat but the last.

    >>> sixteenths(np.array([0, 40, 88])).tolist()
    [0, 10, 20, 30, 40, 52, 64, 76]
    """
    if len(beats) < 2:
        return np.zeros(0, np.int64)
    place = np.arange(4 * (len(beats) - 1)) / 4
    return np.interp(place, np.arange(len(beats)), beats).round().astype(np.int64)
