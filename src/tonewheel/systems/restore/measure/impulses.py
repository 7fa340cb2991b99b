"""Find the impulses of a recording by rule: what neither the past nor the future of a sample predicts.

Only those that stand clear of the music count, because a measurement must not mistake castanets for clicks: an
attack leaves the sound changed behind it, a click does not; the pulses of a trumpet, a voice or a square wave
come back at once, those of a disc do not. Source of the detector: Vaseghi & Rayner, "Detection and suppression
of impulsive noise in speech communication systems", IEE Proc. I 137(1), 1990; the two-sided prediction after
Godsill & Rayner, "Digital audio restoration", 1998, chapter 5.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from tonewheel.systems.restore.ar import Samples, estimate, interpolate, residuals

Floats = NDArray[np.float64]

ORDER, HOP_S, WINDOW_S = 32, 0.0232, 0.0464
CORE, SMOOTH_CORE, FLANK = 8.0, 20.0, 4.0
"""Robust standard deviations that the residual exceeds in an impulse, at both ends of a smooth one, and where the
edges are."""
LEAST_SCALE = 3e-5
"""-90 dB: residuals below are rounding and dither."""
SMOOTH_S = 0.0016
"""Longest impulse without a surprise in its middle."""
JOINED_S = 0.00025
"""Runs this near to each other are one impulse."""

CLEAR, CLEAR_PER_MS = 2.0, 0.8
"""Least natural logarithm of an impulse's residual over that of the 2 ms before it and behind it, and how much
more it takes for each millisecond of width: what is wide may be an attack."""
CHANGED = 1.2
"""Largest change of that residual across the impulse, in the same logarithm."""
LONGEST_S = 0.003
PERIODIC = 2
"""From so many like impulses at whole periods on, an impulse is one of the music's own pulses."""
NEAR_S, FAR_S = 0.002, 0.008


class Found(NamedTuple):
    """Impulses in one channel, in order. Shapes: (n,) each."""

    starts: NDArray[np.int64]
    widths: NDArray[np.int64]
    amplitudes: Floats
    """Largest difference to what the music would have been."""
    contrast: Floats
    """How clear it stands, in natural logarithm: 0 is just enough for its width."""
    periodic: NDArray[np.int64]
    """How many of the places one period away, to either side, have a like impulse (0 to 3)."""
    rising: Floats
    """Change of the residual across it, natural logarithm."""

    @property
    def limits(self) -> Floats:
        """The amplitude that each would have needed to be seen where it is."""
        limits: Floats = self.amplitudes * np.exp(-self.contrast)
        return limits

    def at(self, chosen: NDArray[Any]) -> Found:
        """Some of them: a mask or indices."""
        return Found(*(column[chosen] for column in self))

    @staticmethod
    def joined(parts: list[Found]) -> Found:
        """The impulses of parts in order, as one."""
        return Found(*(np.concatenate(columns) for columns in zip(*parts, strict=True))) if parts else NOTHING


NOTHING = Found(*(np.zeros(0, kind) for kind in (np.int64, np.int64, float, float, np.int64, float)))


def order_at(sample_rate_hz: int) -> int:
    """AR order: 32 at 44.1 kHz, fewer where there is less to resolve."""
    return max(12, min(ORDER, round(ORDER * sample_rate_hz / 44_100)))


def find(signal: Samples, sample_rate_hz: int) -> tuple[Found, Samples]:
    """Candidates of impulses in a mono signal, (samples,), and the signal without them.

    `judge` tells which of them are damage.
    """
    hop, window = round(HOP_S * sample_rate_hz), round(WINDOW_S * sample_rate_hz)
    order = order_at(sample_rate_hz)
    if len(signal) < 2 * window:
        return NOTHING, signal
    models = estimate(signal, order, hop, window)
    starts, ends, _ = _runs(signal, models, sample_rate_hz)
    if not len(starts):
        return NOTHING, signal
    repaired = _repaired(signal, starts, ends, models)
    # Clicks bend the models that they are in: once more, with models of the repaired sound.
    models = estimate(repaired, order, hop, window)
    starts, ends, peaks = _runs(signal, models, sample_rate_hz)
    if not len(starts):
        return NOTHING, signal
    repaired = _repaired(signal, starts, ends, models)
    forward, backward, _ = residuals(repaired, models)
    usual = np.minimum(np.abs(forward), np.abs(backward))
    energy = np.concatenate(([0.0], np.cumsum(usual**2)))

    def level(first: NDArray[np.int64], last: NDArray[np.int64]) -> Floats:
        first, last = np.maximum(first, 0), np.minimum(last, len(signal))
        mean: Floats = (energy[last] - energy[first]) / np.maximum(last - first, 1)
        return np.sqrt(np.maximum(mean, 0.0)) + LEAST_SCALE / 10

    near, far = round(NEAR_S * sample_rate_hz), round(FAR_S * sample_rate_hz)
    before, behind = level(starts - near, starts), level(ends, ends + near)
    rising, slowly = np.log(behind / before), np.log(level(ends, ends + far) / level(starts - far, starts))
    contrast = np.log(peaks / np.maximum(before, behind))
    left_over = np.log(level(starts, ends) / np.maximum(before, behind))
    # A repair that stays surprising inside is no impulse in steady sound.
    contrast = np.where(left_over > contrast - 1.0, -np.inf, contrast)
    contrast -= CLEAR + CLEAR_PER_MS * 1000 / sample_rate_hz * (ends - starts)
    amplitudes = _peaks(np.abs(signal - repaired), starts, ends)
    worst = np.where(np.abs(rising) > np.abs(slowly) - 0.3, rising, slowly)
    found = Found(
        starts, ends - starts, amplitudes, contrast, _periodic(starts, amplitudes, sample_rate_hz), worst
    )
    return found, repaired


def judge(found: Found, sample_rate_hz: int) -> NDArray[np.bool_]:
    """Which candidates are damage, (n,)."""
    clear: NDArray[np.bool_] = (
        (found.contrast >= 0)
        & (np.abs(found.rising) <= CHANGED)
        & (found.widths <= LONGEST_S * sample_rate_hz)
        & (found.periodic < PERIODIC)
    )
    return clear


def _runs(
    signal: Samples, models: Any, sample_rate_hz: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Starts and ends (one behind) of what surprises from both sides, and by how much at most."""
    forward, backward = (np.abs(one) for one in residuals(signal, models)[:2])
    surprise = np.minimum(forward, backward)
    scale = np.maximum(_sided_scale(surprise, sample_rate_hz), LEAST_SCALE)
    starts, ends = _joined(np.flatnonzero(surprise > FLANK * scale), JOINED_S * sample_rate_hz)
    core = _peaks(surprise / scale, starts, ends) > CORE
    starts, ends = starts[core], ends[core]
    # A smooth thump surprises the past only where it begins and the future only where it ends: what lies between
    # such a beginning and such an end, with nothing else found near it, is one.
    reach = round(SMOOTH_S * sample_rate_hz)
    begun = maximum_filter1d(forward, reach + 1, origin=reach // 2)
    ending = maximum_filter1d(backward, reach + 1, origin=-(reach // 2))
    between = np.minimum(begun, ending)
    hit = np.zeros(len(signal) + 1, np.int32)
    np.add.at(hit, starts, 1)
    np.add.at(hit, ends, -1)
    known = np.concatenate(([0], np.cumsum(np.cumsum(hit[:-1]) > 0)))
    smooth_starts, smooth_ends = _joined(np.flatnonzero(between > SMOOTH_CORE * scale), 1)
    apart = models.order + reach  # what is found disturbs predictions so far around it
    new = known[np.minimum(smooth_ends + apart, len(signal))] == known[np.maximum(smooth_starts - apart, 0)]
    smooth_starts, smooth_ends = smooth_starts[new], smooth_ends[new]
    peaks = np.concatenate((_peaks(surprise, starts, ends), _peaks(between, smooth_starts, smooth_ends)))
    starts, ends = np.concatenate((starts, smooth_starts)), np.concatenate((ends, smooth_ends))
    order = np.argsort(starts, kind="stable")
    return starts[order], ends[order], peaks[order]


def _joined(places: NDArray[np.int64], gap: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Starts and ends (one behind) of runs of rising places that are at most `gap` apart."""
    if not len(places):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    cuts = np.flatnonzero(np.diff(places) > gap)
    return places[np.concatenate(([0], cuts + 1))], places[np.concatenate((cuts, [len(places) - 1]))] + 1


def _sided_scale(surprise: Samples, sample_rate_hz: int) -> Floats:
    """Robust size of the residual, the larger of what it is before and behind a place: (samples,).

    Blocks of 1.5 ms; of their medians the median of eight on either side, so that half of these may be hit.
    """
    block, reach, guard = max(8, round(0.00145 * sample_rate_hz)), 8, 1
    count = len(surprise) // block + 1
    padded = np.zeros(count * block)
    padded[: len(surprise)] = surprise
    medians = np.median(padded.reshape(count, block), axis=1) / 0.6745
    around = np.pad(medians, reach + guard, mode="edge")
    sides = np.median(np.lib.stride_tricks.sliding_window_view(around, reach), axis=1)
    scale = np.maximum(sides[:count], sides[reach + 2 * guard + 1 :][:count])
    return np.repeat(scale, block)[: len(surprise)]


def _repaired(signal: Samples, starts: NDArray[np.int64], ends: NDArray[np.int64], models: Any) -> Samples:
    hit = np.zeros(len(signal) + 1, np.int32)
    hit[starts] += 1
    hit[ends] -= 1
    mask = np.cumsum(hit[:-1]) > 0
    repaired = signal.copy()
    repaired[mask] = interpolate(signal, mask, models)
    return repaired


def _peaks(magnitude: Samples, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> Floats:
    """The largest value of each run, (n,)."""
    if not len(starts):
        return np.zeros(0)
    edges = np.stack((starts, ends), axis=1).reshape(-1)
    largest: Floats = np.maximum.reduceat(np.append(magnitude, 0.0), edges)[::2]
    return largest


def _periodic(starts: NDArray[np.int64], amplitudes: Floats, sample_rate_hz: int) -> NDArray[np.int64]:
    """For each, the most that the places -2, -1 and 2 periods away have like impulses, over all periods to a
    following one within 1.4 to 20 ms."""
    low, high = round(0.0014 * sample_rate_hz), round(0.02 * sample_rate_hz)
    slack = max(1, round(3 * sample_rate_hz / 44_100))
    count = len(starts)
    best = np.zeros(count, np.int64)
    for step in range(1, 25):
        first = np.arange(count - step)
        if not len(first):
            break
        period = starts[first + step] - starts[first]
        if period.min() > high:
            break
        first = first[(period >= low) & (period <= high) & _alike(amplitudes, first, first + step)]
        period = starts[first + step] - starts[first]
        hits = np.zeros(len(first), np.int64)
        for turn in (-2, -1, 2):
            place = starts[first] + turn * period
            nearest = np.searchsorted(starts, place - slack)
            there = np.minimum(nearest, count - 1)
            hits += (np.abs(starts[there] - place) <= slack) & _alike(amplitudes, first, there)
        np.maximum.at(best, first, hits)
    return best


def _alike(amplitudes: Floats, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.bool_]:
    ratio = amplitudes[one] / np.maximum(amplitudes[other], 1e-12)
    alike: NDArray[np.bool_] = (ratio > 0.4) & (ratio < 2.5)
    return alike
