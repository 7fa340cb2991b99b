"""Transients: are the attacks of the music still there?

Task: `reference` is clean music and `estimate` what came out, (samples,) or (channels, samples) at one rate, in
place. Transients are found in the reference (`audio.delay.transients`: sudden rises of level); for each, the 10
ms from 2 ms before it on are compared: their normalised correlation (preservation: 1 is untouched, 0 is gone),
and how much their energy changed. A click remover that takes attacks for clicks shows here long before it shows
in SI-SDR.

The measure is that of the seed of this system ("correlation on clean transients"); window and finder are ours.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tonewheel.audio.delay import transients

__all__ = ["correlations", "evaluate", "validate"]

Floats = NDArray[np.float64]

BEFORE_S, AFTER_S = 0.002, 0.008


def validate(
    reference: ArrayLike, estimate: ArrayLike, sample_rate_hz: int = 44_100
) -> tuple[Floats, Floats]:
    """Check two finite signals of one shape; returns them as (channels, samples)."""
    right, found = np.asarray(reference, np.float64), np.asarray(estimate, np.float64)
    if right.ndim not in (1, 2) or right.shape != found.shape or right.shape[-1] == 0:
        raise ValueError(f"reference {right.shape} and estimate {found.shape} must be alike and not empty")
    if not (np.isfinite(right).all() and np.isfinite(found).all()):
        raise ValueError("a signal holds NaN or infinite samples")
    if sample_rate_hz < 1000:
        raise ValueError(f"the sample rate is {sample_rate_hz} Hz; expected at least 1000")
    return np.atleast_2d(right), np.atleast_2d(found)


def correlations(
    reference: ArrayLike, estimate: ArrayLike, sample_rate_hz: int = 44_100
) -> tuple[Floats, Floats]:
    """Of every transient of the reference: the correlation with the estimate, -1..1, and the change of level, dB.

    >>> clicks = np.zeros(8000)
    >>> clicks[[2000, 6000]] = 1.0
    >>> correlation, change_db = correlations(clicks, clicks * 0.5, 8000)
    >>> correlation.tolist(), change_db.round(2).tolist()
    ([1.0, 1.0], [-6.02, -6.02])
    """
    right, found = validate(reference, estimate, sample_rate_hz)
    places, _ = transients(right, sample_rate_hz)
    before, after = round(BEFORE_S * sample_rate_hz), round(AFTER_S * sample_rate_hz)
    same, change = [], []
    for place in places:
        span = slice(max(0, place - before), place + after)
        a, b = right[:, span], found[:, span]
        own, other = float(np.sum(a * a)), float(np.sum(b * b))
        if own < 1e-14:
            continue
        same.append(float(np.sum(a * b)) / np.sqrt(own * max(other, 1e-30)))
        change.append(10 * np.log10(max(other, 1e-30) / own))
    return np.array(same), np.array(change)


def evaluate(
    reference: ArrayLike, estimate: ArrayLike, sample_rate_hz: int = 44_100
) -> dict[str, float | int | None]:
    """How many transients, their mean and worst correlation, and the median change of their level.

    >>> clicks = np.zeros(8000)
    >>> clicks[[2000, 6000]] = 1.0
    >>> evaluate(clicks, clicks, 8000)["preservation"]
    1.0
    """
    same, change = correlations(reference, estimate, sample_rate_hz)
    if not same.size:
        return {"transients": 0, "preservation": None, "worst": None, "level_change_db": None}
    return {
        "transients": int(same.size),
        "preservation": round(float(same.mean()), 5),
        "worst": round(float(same.min()), 5),
        "level_change_db": round(float(np.median(change)), 3),
    }
