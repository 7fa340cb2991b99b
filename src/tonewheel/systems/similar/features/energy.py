"""How full a track is from moment to moment, and where it leads; its level as a record is not in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tonewheel.systems.similar.features.record import CURVE_PARTS

Floats = NDArray[np.float64]

LOUD_QUANTILE = 0.95
FULL_STEP_DB = 3.0
"""A later moment that is so much louder has clearly risen."""
FLOOR = 1e-3


def energy_curve(steps: Floats) -> Floats:
    """Amplitude of `CURVE_PARTS` equal parts, (64,), relative to the loud ones, from mean squares (n,).

    >>> energy_curve(np.array([0.25, 0.25, 1.0, 1.0]))[[0, 31, 32, 63]].tolist()
    [0.5, 0.5, 1.0, 1.0]
    """
    total = np.concatenate([[0.0], np.cumsum(steps)])
    edges = np.interp(np.linspace(0, len(steps), CURVE_PARTS + 1), np.arange(len(total)), total)
    amplitude = np.sqrt(np.maximum(0.0, np.diff(edges)))
    loud = float(np.quantile(amplitude, LOUD_QUANTILE))
    return np.minimum(1.0, amplitude / loud) if loud > 0 else np.zeros(CURVE_PARTS)


def energy_progression(curve: Floats) -> float:
    """Where it leads: 1 when every later moment is clearly louder, 0 when quieter, 0.5 when neither prevails.

    The mean over all pairs of moments of how much the later is louder, 3 dB or more counting fully (Kendall's
    rank correlation of level and time, softened so that a flat track is not all noise).

    >>> rising = np.linspace(0.01, 1.0, 64)
    >>> round(energy_progression(rising), 2), round(energy_progression(rising[::-1]), 2)
    (0.93, 0.07)
    >>> energy_progression(np.ones(64))
    0.5
    """
    level_db = 20 * np.log10(np.maximum(curve, FLOOR))
    first, second = np.triu_indices(len(curve), 1)
    rises = np.clip((level_db[second] - level_db[first]) / FULL_STEP_DB, -1.0, 1.0)
    return float(0.5 + 0.5 * rises.mean())
