"""Where the beats are, and the lines of steady tempo through them; the expected tempo comes from `pulse`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.beats import track_beats
from tonewheel.manifest.drum_hits import DrumHit
from tonewheel.systems.drums.rhythm.pulse import RATE_HZ, TRAINS

Floats = NDArray[np.float64]

BACKBONE = 0.6
"""How much more than other drums kick and snare say where the beat is."""
DRIFT_S = 0.02
"""A new timing point begins where the beats leave the line of the old one by more."""
REACH_S = 0.06
"""A hit so close to a beat is on it, if that is within an eighth of the beat as well."""


def track(trains: Floats, bpm: Floats) -> Floats:
    """Times of the beats in s; `trains` as `pulse.trains` makes them, `bpm` the tempo of every step."""
    kick, snare = trains[TRAINS.index("kick")], trains[TRAINS.index("snare")]
    strength = trains[0] + BACKBONE * (kick + snare)
    return track_beats(strength, 60 / bpm * RATE_HZ).astype(np.float64) / RATE_HZ


def settle(beats_s: Floats, hits: Sequence[DrumHit]) -> tuple[Floats, Floats]:
    """Beats moved to the weighted mean of the hits on them, and the weight of those (0: nothing was struck)."""
    moved, weight = np.zeros(len(beats_s)), np.zeros(len(beats_s))
    if len(beats_s) < 2 or not hits:
        return beats_s, weight
    onset_s = np.array([hit.onset_s for hit in hits])
    strength = np.array([hit.velocity**0.5 for hit in hits])
    right = np.searchsorted(beats_s, onset_s).clip(1, len(beats_s) - 1)
    nearest = right - (onset_s - beats_s[right - 1] < beats_s[right] - onset_s)
    away = onset_s - beats_s[nearest]
    on_it = np.abs(away) <= np.minimum(REACH_S, np.gradient(beats_s)[nearest] / 8)
    np.add.at(moved, nearest[on_it], (strength * away)[on_it])
    np.add.at(weight, nearest[on_it], strength[on_it])
    return beats_s + moved / np.maximum(weight, 1e-9), weight


class Line(NamedTuple):
    """Beat `first` is at `start_s`, and every `beat_s` another one follows."""

    first: int
    start_s: float
    beat_s: float


def lines(beats_s: Floats, weight: Floats, bar: int, phase: int) -> list[Line]:
    """Stretches of steady tempo that follow the beats to `DRIFT_S`; a new one begins on a downbeat.

    `bar` is the beats of a bar, `phase` the number of the first downbeat.
    """
    found: list[Line] = []
    first, end = 0, len(beats_s)
    while first < end:
        reach, high = first + 2 * bar, end
        while reach < high and _fits(beats_s, weight, first, min(high, 2 * reach - first)):
            reach = min(high, 2 * reach - first)
        if reach < high:
            good, bad = reach, min(high, 2 * reach - first)
            while bad - good > 1:
                middle = (good + bad) // 2
                good, bad = (middle, bad) if _fits(beats_s, weight, first, middle) else (good, middle)
            reach = good
        # A line ends where a bar does; a rest too short for a line of its own joins the last.
        reach = max(first + bar, reach - (reach - phase) % bar)
        if end - reach < 2 * bar:
            reach = end
        start_s, beat_s = _fit(beats_s, weight, first, reach)
        found.append(Line(first, start_s, beat_s))
        first = reach
    return found


def _fit(beats_s: Floats, weight: Floats, first: int, end: int) -> tuple[float, float]:
    number = np.arange(end - first, dtype=np.float64)
    share = weight[first:end] + 1e-6
    share = share / share.sum()
    times = beats_s[first:end]
    middle, centre = (share * number).sum(), (share * times).sum()
    spread = (share * (number - middle) ** 2).sum()
    beat_s = (share * (number - middle) * (times - centre)).sum() / max(spread, 1e-12)
    return float(centre - beat_s * middle), float(beat_s)


def _fits(beats_s: Floats, weight: Floats, first: int, end: int) -> bool:
    start_s, beat_s = _fit(beats_s, weight, first, end)
    away = (beats_s[first:end] - start_s - beat_s * np.arange(end - first)) * (weight[first:end] > 0)
    # Single beats are early or late; a drift shows over some of them.
    width = min(8, len(away))
    return bool(np.abs(np.convolve(away, np.ones(width) / width, "valid")).max() <= DRIFT_S)
