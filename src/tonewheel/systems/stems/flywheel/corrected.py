"""Corrections as targets: what a person did by hand says where a stem's vector matters, and sometimes what it is.

Where a stem's truth is told, the corrected bands and times weigh more: somebody looked there. Where it is not told,
an isolation says "all of this is that stem" (share 1) and a masking "none of it" (share 0) for the bands that lie in
its range, if it holds for most of the sound; boosts and cuts are relative and give no target, but gains (`join`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tonewheel.manifest.stems import STEMS
from tonewheel.systems.stems.features.frames import BANDS, EDGES_HZ
from tonewheel.systems.stems.features.stem_vector import SHARES, TIME_PARTS, WIDTH
from tonewheel.systems.stems.flywheel.sanitized import KINDS, SanitizedCorrection, SanitizedSnapshot

Floats = NDArray[np.float64]
MOST_OF_THE_SOUND = 0.5
SURE = {"isolation": 1.0, "masking": 0.0}


def targets_of(record: SanitizedSnapshot, width: int) -> dict[str, tuple[Floats, Floats]]:
    """Targets and weights, (width,) each, of the stems of which something is known."""
    found: dict[str, tuple[Floats, Floats]] = {}
    for stem, values in record.ground_truth.items():
        target, weight = np.zeros(width), np.zeros(width)
        known = values[:width]
        target[: len(known)], weight[: len(known)] = known, 1.0
        if len(known):
            found[stem] = target, weight
    if width != WIDTH:
        return found  # another layout than ours: nobody knows which number is which band
    for one in record.corrections:
        stem, kind = STEMS[one.stem], KINDS[one.kind]
        bands, times = covered(one)
        if stem in record.ground_truth:
            if stem in found:
                weight = found[stem][1]
                looked = np.concatenate([bands, bands, times])  # as SHARES, LEVELS and TIMES lie
                weight += one.strength * looked * (weight > 0)
        elif kind in SURE and one.end - one.start >= MOST_OF_THE_SOUND:
            target, weight = found.setdefault(stem, (np.zeros(width), np.zeros(width)))
            inside = bands > MOST_OF_THE_SOUND
            target[SHARES][inside] = SURE[kind]
            weight[SHARES][inside] = np.maximum(weight[SHARES][inside], one.strength * (one.end - one.start))
    return {stem: pair for stem, pair in found.items() if pair[1].any()}


def covered(one: SanitizedCorrection) -> tuple[Floats, Floats]:
    """How much of each band (in octaves) and of each part of the sound a correction covers: (24,), (16,).

    >>> whole = SanitizedCorrection(stem=0, kind=0, low_hz=100, high_hz=120, start=0, end=0.5, strength=1)
    >>> bands, times = covered(whole)
    >>> bands.round(2)[:4].tolist(), times.sum()
    ([0.0, 0.0, 0.63, 0.0], np.float64(8.0))
    """
    edges = np.log2(EDGES_HZ)
    low, high = np.log2(max(one.low_hz, 1.0)), np.log2(max(one.high_hz, 1.0))
    return _overlap(edges, low, high, BANDS), _overlap(
        np.linspace(0, 1, TIME_PARTS + 1), one.start, one.end, TIME_PARTS
    )


def _overlap(edges: Floats, low: float, high: float, count: int) -> Floats:
    inside = np.minimum(edges[1:], high) - np.maximum(edges[:-1], low)
    return np.asarray(np.clip(inside / np.diff(edges), 0.0, 1.0)).reshape(count)
