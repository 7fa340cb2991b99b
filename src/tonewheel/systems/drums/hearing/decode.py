"""From a curve a frame to hits: peaks above a threshold, as far apart as a hand can play, between frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.records import Record
from tonewheel.manifest.drum_hits import DrumHit, in_order
from tonewheel.systems.drums.families import FAMILIES, LABELS, MEMBERS

Curve = NDArray[np.float32]
AROUND_FRAMES = 2
"""A peak is the highest of so many frames on either side."""
SURE_LABEL = 0.6
"""A second label of a family is given for one instant where it is this likely."""


class DecodeRule(Record):
    """Thresholds a family (kick, snare, tom, hihat, cymbal, auxiliary), fitted on held-out kits and grooves."""

    thresholds: tuple[float, ...] = (0.4,) * len(FAMILIES)
    refractory_ms: tuple[float, ...] = (50.0, 28.0, 40.0, 25.0, 40.0, 40.0)
    """Two hits of a family are no closer."""
    offset_s: float = 0.0
    """Added to every time; what the training targets leave as a constant error."""
    frame_rate_hz: float = 100.0


class Curves(NamedTuple):
    """Probabilities a frame: onset (6, t), label (12, t); and velocity (12, t), 0..1."""

    onset: Curve
    label: Curve
    velocity: Curve


def crests(curve: Curve, threshold: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Frames that are at least `threshold` and highest around, and where between frames each is highest.

    The fraction is that of a parabola through three frames.

    >>> frames, places = crests(np.float32([0, .2, .8, .8, .1, 0]), 0.5)
    >>> frames.tolist(), places.round(2).tolist()
    ([2], [2.5])
    """
    if len(curve) == 0:
        return np.zeros(0, np.int64), np.zeros(0)
    around = np.pad(curve, AROUND_FRAMES, constant_values=-1)
    windows = np.lib.stride_tricks.sliding_window_view(around, 2 * AROUND_FRAMES + 1)
    before, after = windows[:, :AROUND_FRAMES].max(axis=1), windows[:, AROUND_FRAMES + 1 :].max(axis=1)
    frames = np.flatnonzero((curve >= threshold) & (curve > before) & (curve >= after))
    left = np.maximum(around[frames + AROUND_FRAMES - 1], 0)
    right = np.maximum(around[frames + AROUND_FRAMES + 1], 0)
    bend = 2 * curve[frames] - left - right
    shift = np.where(bend > 1e-6, 0.5 * (right - left) / np.maximum(bend, 1e-6), 0.0)
    return frames, frames + np.clip(shift, -0.5, 0.5)


def peaks(
    curve: Curve, threshold: float, apart_frames: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Crests of a curve; of two that are closer than `apart_frames`, the first stays."""
    frames, places = crests(curve, threshold)
    kept: list[int] = []
    for number, frame in enumerate(frames):
        if not kept or frame - frames[kept[-1]] >= apart_frames:
            kept.append(number)
    return frames[kept], places[kept]


def family_times(curves: Curves, rule: DecodeRule) -> list[NDArray[np.float64]]:
    """Times in seconds of the hits of each family, labels left open: what is scored on five classes."""
    found = []
    for family, curve in enumerate(curves.onset):
        apart = rule.refractory_ms[family] / 1000 * rule.frame_rate_hz
        _, places = peaks(curve, rule.thresholds[family], apart)
        found.append(np.maximum(places / rule.frame_rate_hz + rule.offset_s, 0.0))
    return found


class Picker:
    """Turns curves that come in pieces into hits; the pieces decide nothing about the hits.

    A frame is judged as soon as its neighbours on both sides are known.
    """

    def __init__(self, rule: DecodeRule) -> None:
        self.rule = rule
        self.known: Curves | None = None
        self.first = 0
        """Number of the first frame of `known`."""
        self.judged = 0
        """Frames before this number are done."""
        self.latest = [-np.inf] * len(FAMILIES)
        """Frame of the last hit of each family."""

    def push(self, curves: Curves, last: bool = False) -> list[DrumHit]:
        """Hits that are sure now; with `last`, all that are left."""
        known = curves if self.known is None else join((self.known, curves))
        length = known.onset.shape[1]
        stop = self.first + length - (0 if last else AROUND_FRAMES)
        hits: list[DrumHit] = []
        for family, curve in enumerate(known.onset):
            apart = self.rule.refractory_ms[family] / 1000 * self.rule.frame_rate_hz
            frames, places = crests(curve, self.rule.thresholds[family])
            for frame, place in zip(frames + self.first, places + self.first, strict=True):
                if self.judged <= frame < stop and frame - self.latest[family] >= apart:
                    self.latest[family] = float(frame)
                    hits.extend(self._hits(known, family, int(frame), float(place)))
        self.judged = max(self.judged, stop)
        spare = max(0, self.judged - AROUND_FRAMES - 1 - self.first)
        self.known, self.first = Curves(*(row[:, spare:] for row in known)), self.first + spare
        return in_order(hits)

    def _hits(self, known: Curves, family: int, frame: int, place: float) -> list[DrumHit]:
        """One hit, or several where two labels of a family are struck at once."""
        members, at = list(MEMBERS[family]), frame - self.first
        likely = known.label[members, at]
        onset_s = max(0.0, place / self.rule.frame_rate_hz + self.rule.offset_s)
        return [
            DrumHit(
                onset_s=round(onset_s, 4),
                label=LABELS[label],
                velocity=round(float(known.velocity[label, at]), 3),
                confidence=round(float(known.onset[family, at]) * (share if len(members) > 1 else 1.0), 3),
            )
            for label, share in zip(members, likely.tolist(), strict=True)
            if share == likely.max() or share >= SURE_LABEL
        ]


def decode(curves: Curves, rule: DecodeRule) -> list[DrumHit]:
    """Hits with label, velocity and confidence, in order of time."""
    return Picker(rule).push(curves, last=True)


def join(parts: Sequence[Curves]) -> Curves:
    """Pieces of curves, one after the other."""
    return Curves(*(np.concatenate(rows, axis=1) for rows in zip(*parts, strict=True)))
