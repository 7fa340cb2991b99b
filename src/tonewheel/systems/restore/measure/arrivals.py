"""How impulses follow each other: at random, in bursts, or once a revolution."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SPEEDS = (78.26, 80.0, 76.59, 45.0, 100 / 3)
"""Revolutions a minute: 78 by the mains of America and Europe, some early makers, singles, long-playing records."""
OFF_SPEED = 0.012
"""Turntables run this much fast or slow."""
COINCIDENT_S = 0.0015
"""Two impulses of one scratch lie this near to a whole revolution."""
LEAST_COUNT = 30
"""Fewer impulses say nothing about their process."""

MOST = 10_000
"""More impulses of a channel are not looked at: the number of pairs grows with their square."""
USUAL_BURST = 4.0

_BURST_S = 0.4
_STEPS = 160


class Arrivals(NamedTuple):
    """The process; shares are of all impulses."""

    clustered: float
    burst_size: float
    burst_ms: float
    repeating: float
    revolutions_per_minute: float | None


RANDOM = Arrivals(0.0, 1.0, 20.0, 0.0, None)


def arrivals(times_s: list[Floats], seconds: float) -> Arrivals:
    """The process of sorted times, one array a channel.

    Bursts from the pairs that are closer than chance would have it (the K function of a Neyman-Scott process:
    Diggle, "Statistical analysis of spatial and spatio-temporal point patterns", 2013, chapter 6): it tells share
    times size, so the size is taken as 4 where that is enough. Revolutions from the pairs one turn apart.

    >>> rng = np.random.default_rng(0)
    >>> arrivals([np.sort(rng.uniform(0, 60, 900))], 60.0).repeating
    0.0
    """
    if times_s and max(map(len, times_s)) > MOST:
        seconds = min(float(times[MOST]) for times in times_s if len(times) > MOST)
        times_s = [times[times < seconds] for times in times_s]
    total = sum(len(times) for times in times_s)
    if total < LEAST_COUNT or seconds <= 0:
        return RANDOM
    clustered, size, burst_ms = _bursts(times_s, seconds, total)
    # Pairs of bursts make the number of coincidences vary more than single impulses would.
    repeating, turns = _revolutions(times_s, seconds, total, 1 + clustered * size)
    return Arrivals(clustered, size, burst_ms, repeating, turns)


def _gaps(times_s: list[Floats], longest_s: float) -> Floats:
    """The gaps of all pairs not further apart than this."""
    found = [np.zeros(0)]
    for times in times_s:
        for step in range(1, len(times)):
            gaps = times[step:] - times[:-step]
            gaps = gaps[gaps <= longest_s]
            if not len(gaps):
                break
            found.append(gaps)
    return np.concatenate(found)


def _bursts(times_s: list[Floats], seconds: float, total: int) -> tuple[float, float, float]:
    """Share of impulses in bursts, their mean size, and the mean distance to their beginning in ms."""
    gaps = np.sort(_gaps(times_s, _BURST_S))
    reach_s = np.geomspace(0.002, _BURST_S, _STEPS)
    chance = sum(len(times) ** 2 for times in times_s) / seconds * reach_s
    excess = (np.searchsorted(gaps, reach_s) - chance) / total
    noise = np.sqrt(np.maximum(chance, 1.0)) / total
    # Where bursts have ended the excess no longer grows: fit up to where it is surest.
    best = int(np.argmax(excess / noise))
    if excess[best] < 5 * noise[best] or excess[best] < 0.05:
        return 0.0, 1.0, 20.0
    weight = 1 / noise[: best + 1]
    fits = []
    for scale_s in np.geomspace(0.002, 0.15, 40):
        shape = (1 - np.exp(-reach_s[: best + 1] / scale_s)) * weight
        height = float(shape @ (excess[: best + 1] * weight) / (shape @ shape))
        fits.append(
            (float(np.sum((excess[: best + 1] * weight - height * shape) ** 2)), float(scale_s), height)
        )
    _, scale_s, companions = min(fits)
    size = max(USUAL_BURST, 2 * companions)
    return round(2 * companions / size, 3), round(size, 2), round(1000 * scale_s, 2)


def _revolutions(
    times_s: list[Floats], seconds: float, total: int, clumped: float
) -> tuple[float, float | None]:
    """Share of impulses that come back every turn, and the speed; nothing unless it is beyond chance."""
    best: tuple[float, float, float] = (0.0, 0.0, 0.0)
    for speed in SPEEDS:
        turn_s = 60 / speed
        if seconds < 3 * turn_s:
            continue
        spread_s = turn_s * OFF_SPEED
        around = _pairs_between(times_s, turn_s - 3 * spread_s, turn_s + 3 * spread_s)
        if not len(around):
            continue
        inside = np.sort(around[np.abs(around - turn_s) <= spread_s + COINCIDENT_S])
        counts = np.searchsorted(inside, inside + 2 * COINCIDENT_S, side="right") - np.arange(len(inside))
        if not len(counts):
            continue
        first = int(np.argmax(counts))
        chance = (len(around) - counts[first]) / (6 * spread_s) * 2 * COINCIDENT_S
        excess = float(counts[first] - chance)
        # Where coincidences are many, pairs share impulses and vary together.
        sureness = excess / (clumped * np.sqrt(max(chance, 1.0) * (1 + 4 * chance / total)))
        if sureness > best[0]:
            middle = float(np.median(inside[first : first + counts[first]]))
            best = (sureness, excess / total, 60 / middle)
    # The best of many places is above its chance without any cause; 7 deviations are not.
    if best[0] < 7 or best[1] < 0.02:
        return 0.0, None
    return round(min(1.0, best[1] * 1.07), 3), round(best[2], 2)


def _pairs_between(times_s: list[Floats], low_s: float, high_s: float) -> Floats:
    """The gaps of all pairs that lie between two bounds."""
    found = [np.zeros(0)]
    for times in times_s:
        first, last = np.searchsorted(times, times + low_s), np.searchsorted(times, times + high_s)
        counts = last - first
        later = (
            np.repeat(first, counts) + np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        )
        found.append(times[later] - np.repeat(times, counts))
    return np.concatenate(found)
