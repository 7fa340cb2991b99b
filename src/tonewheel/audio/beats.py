"""Where the beats are: one path through a performance that follows its tempo and lands on what is struck.

Dynamic programming as in Ellis, Beat tracking by dynamic programming, JNMR 36 (2007): every beat is worth what
is struck there, minus how far its distance to the beat before is from the expected one, which may change along
the way.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

TIGHTNESS = 1000.0
"""How much a beat that comes early or late costs."""


def track_beats(strength: NDArray[Any], period_frames: NDArray[Any]) -> NDArray[np.int64]:
    """Frames of the beats, rising; `strength` (frames,) of onsets, `period_frames` (frames,) of a beat there.

    >>> strength = np.zeros(1000)
    >>> strength[30::50] = 1.0
    >>> track_beats(strength, np.full(1000, 52.0))[:4].tolist()
    [30, 80, 130, 180]
    """
    expected = np.asarray(period_frames, np.float64)
    total = strength / (np.std(strength) + 1e-9)
    before = np.full(len(total), -1)
    logarithms = np.log(np.arange(1, int(2 * expected.max()) + 1))
    for frame in range(int(expected.min() / 2), len(total)):
        period = expected[frame]
        first, last = int(period / 2), min(int(2 * period), frame)
        if last <= first:
            continue
        away = logarithms[first - 1 : last] - np.log(period)
        reach = total[frame - last : frame - first + 1][::-1] - TIGHTNESS * away**2
        best = int(reach.argmax())
        if reach[best] > 0:
            total[frame] += reach[best]
            before[frame] = frame - first - best
    return _path(total, before, expected)


def _path(total: NDArray[Any], before: NDArray[np.int64], expected: NDArray[Any]) -> NDArray[np.int64]:
    """Back from the best of the last two beats' length."""
    tail = max(1, int(2 * expected[-1]))
    frame = len(total) - tail + int(total[-tail:].argmax())
    found = []
    while frame >= 0:
        found.append(frame)
        frame = int(before[frame])
    return np.array(found[::-1], np.int64)
