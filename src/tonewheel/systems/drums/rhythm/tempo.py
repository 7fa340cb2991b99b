"""Tempo, bars and grid of a transcription: what a beatmap needs besides its hits.

`rhythm.pulse` finds the tempo every few seconds, `rhythm.beats` one path of beats, `rhythm.bars` the meter and
the first downbeat. Here they become a `Timing`: one point while the playing stays within 20 ms of a steady
tempo, more where it drifts or changes. Hits are never moved, unless `snap` is called.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from tonewheel.core.errors import InputError
from tonewheel.core.records import Record
from tonewheel.manifest.drum_hits import DrumHit, in_order
from tonewheel.manifest.timing import Timing, TimingPoint, bpm_problem, steady, timing_of
from tonewheel.systems.drums.rhythm import pulse
from tonewheel.systems.drums.rhythm.bars import describe, find_bars
from tonewheel.systems.drums.rhythm.beats import lines, settle, track

Floats = NDArray[np.float64]

LEAST_HITS = 8
LEAST_SECONDS = 2.0
"""Below either there is no tempo to speak of."""
SURE = 0.5
"""A tempo is sure when it has more than so much of the probability."""
EARLY_BEATS = 0.25
"""The first hit may be so much before the downbeat that it belongs to."""


class Tempo(Record):
    """Tempo and bars of a recording, and how far they can be believed."""

    bpm: float
    """Of the longest steady stretch."""
    offset_s: float
    """The downbeat at the first hit, or the first one after it where that would lie before the audio."""
    meter: str
    """4/4 or 3/4."""
    meter_sure: bool
    """False: 4/4 is the usual guess, the playing does not say."""
    confidence: float
    """Probability of the tempo against all others, its double and half among them; 1 when it was given."""
    timing: Timing

    def __str__(self) -> str:
        changes = len(self.timing.points) - 1
        drift = f", {changes} changes of tempo" if changes else ""
        told = "" if self.confidence > SURE else ", not sure"
        meter = self.meter if self.meter_sure else f"{self.meter} (not sure)"
        return f"{self.bpm:.2f} BPM{told}, {meter}, first bar at {self.offset_s:.3f} s{drift}"


def find_tempo(
    hits: Sequence[DrumHit],
    *,
    bpm: float | None = None,
    offset_s: float | None = None,
    weights: pulse.Weights | None = None,
) -> Tempo:
    """Tempo, first downbeat and meter of hits; `bpm` and `offset_s` are taken as they are given.

    With fewer than 8 hits, or 2 s, it is 120 BPM with confidence 0.

    >>> hits = [DrumHit(onset_s=0.5 + k * 0.6, label=("kick", "snare")[k % 2]) for k in range(32)]
    >>> found = find_tempo(hits)
    >>> round(found.bpm, 2), found.offset_s, found.meter
    (100.0, 0.5, '4/4')
    """
    for name, reason in (("--tempo", None if bpm is None else bpm_problem(bpm)),
                         ("--offset", None if offset_s is None else _offset_problem(offset_s))):  # fmt: skip
        if reason:
            raise InputError(name, reason)
    ordered = in_order(hits)
    if len(ordered) < LEAST_HITS or ordered[-1].onset_s - ordered[0].onset_s < LEAST_SECONDS:
        first_s = ordered[0].onset_s if ordered else 0.0
        return _given(bpm, first_s if offset_s is None else offset_s, "4/4", False, float(bpm is not None))
    chosen = weights or pulse.shipped()
    rows = pulse.trains(ordered, ordered[-1].onset_s + 1.0)
    if bpm is None:
        at_s, cues = pulse.windows(rows)
        scored = pulse.scores(cues, chosen)
        path = pulse.path(scored)
        confidence = _confidence(scored, path)
        course = pulse.course(at_s, pulse.TEMPI_BPM[path], rows.shape[1])
    else:
        confidence, course = 1.0, np.full(rows.shape[1], bpm)
    beats_s, weight = settle(track(rows, course), ordered)
    bars = find_bars(describe(beats_s, ordered), chosen.bars)
    if bars.phase_half_beats % 2 and len(beats_s) > 1:
        beats_s, weight = settle((beats_s[1:] + beats_s[:-1]) / 2, ordered)
    meter, phase = f"{bars.beats}/4", bars.phase_half_beats // 2
    if bpm is not None:
        first_s = _aligned(beats_s, weight, phase, bars.beats, bpm) if offset_s is None else offset_s
        return _given(bpm, _first_bar(first_s, bars.beats * 60 / bpm, ordered[0].onset_s) if offset_s is None
                      else offset_s, meter, bars.sure, 1.0)  # fmt: skip
    timing = _timing(beats_s, weight, phase, bars.beats, ordered[0].onset_s)
    if timing is None:
        return _given(None, ordered[0].onset_s, meter, False, 0.0)
    main = _main(timing, ordered[-1].onset_s)
    if offset_s is not None:
        timing = _moved(timing, offset_s)
    return Tempo(
        bpm=main,
        offset_s=timing.points[0].time_s,
        meter=meter,
        meter_sure=bars.sure,
        confidence=round(confidence, 3),
        timing=timing,
    )


def snap(hits: Iterable[DrumHit], timing: Timing, note: str) -> list[DrumHit]:
    """Hits moved to the nearest multiple of a note value ("1/16", "1/12" for triplets); doubles become one.

    >>> at = snap([DrumHit(onset_s=0.49, label="kick")], steady(120), "1/16")
    >>> at[0].onset_s
    0.5
    """
    quarters = 4 * note_value(note)
    kept: dict[tuple[float, str], DrumHit] = {}
    for hit in hits:
        point = timing.at(hit.onset_s)
        step_s = float(quarters) * 60 / point.bpm
        # A step before the start of the audio would be no time at all.
        first = int(np.ceil(-point.time_s / step_s - 1e-9))
        step = max(first, round((hit.onset_s - point.time_s) / step_s))
        onset_s = max(0.0, round(point.time_s + step * step_s, 6))
        other = kept.get((onset_s, hit.label))
        if other is None or other.confidence < hit.confidence:
            kept[onset_s, hit.label] = replace(hit, onset_s=onset_s)
    return in_order(kept.values())


def note_value(note: str) -> Fraction:
    """A note value as a fraction of a whole note: 1/1 to 1/64, triplets as 1/12; InputError for another.

    >>> note_value("1/16")
    Fraction(1, 16)
    """
    above, _, below = note.partition("/")
    if above != "1" or not below.isdecimal() or not 1 <= int(below) <= 64:
        raise InputError("--snap", f'must be a note value from 1/1 to 1/64, as 1/16, got "{note[:20]}"')
    return Fraction(1, int(below))


def _given(bpm: float | None, offset_s: float, meter: str, sure: bool, confidence: float) -> Tempo:
    tempo = 120.0 if bpm is None else bpm
    offset_s = round(offset_s, 6)
    timing = steady(tempo, offset_s, meter)
    return Tempo(
        bpm=tempo, offset_s=offset_s, meter=meter, meter_sure=sure, confidence=confidence, timing=timing
    )


def _offset_problem(offset_s: float) -> str | None:
    return None if np.isfinite(offset_s) and abs(offset_s) < 86_400 else f"must be seconds, got {offset_s}"


def _confidence(scored: Floats, path: NDArray[np.int64]) -> float:
    """Mean probability of the path and of the tempi within 4 % of it."""
    near = np.abs(np.arange(scored.shape[1])[None, :] - path[:, None]) <= 4
    return float((np.exp(scored) * near).sum(axis=1).mean())


def _timing(beats_s: Floats, weight: Floats, phase: int, bar: int, first_hit_s: float) -> Timing | None:
    """Lines through the beats as points; the first one moves to the bar in which the first hit lies."""
    if len(beats_s) < 2 or not weight.any():
        return None
    points: list[TimingPoint] = []
    for line in lines(beats_s, weight, bar, phase):
        # The line's own first downbeat: lines begin on one, but for the very first.
        start_s = line.start_s + (phase - line.first) % bar * line.beat_s
        if not points:
            start_s = _first_bar(start_s, bar * line.beat_s, first_hit_s)
        points.append(TimingPoint(time_s=round(start_s, 6), bpm=round(60 / line.beat_s, 4), meter=f"{bar}/4"))
    return timing_of(points)


def _first_bar(downbeat_s: float, bar_s: float, first_hit_s: float) -> float:
    """The downbeat of the bar in which the first hit lies; the next one if that is before the audio."""
    at_s = downbeat_s + np.floor((first_hit_s - downbeat_s) / bar_s + EARLY_BEATS / 4) * bar_s
    return float(at_s if at_s >= -1e-3 else at_s + bar_s)


def _aligned(beats_s: Floats, weight: Floats, phase: int, bar: int, bpm: float) -> float:
    """A downbeat of a steady grid of a given tempo that fits the beats best (circular mean)."""
    bar_s = bar * 60 / bpm
    turns = np.exp(2j * np.pi * (beats_s - (np.arange(len(beats_s)) - phase) * 60 / bpm) / bar_s)
    mean = (turns * (weight + 1e-6)).sum()
    return float(np.angle(mean) / (2 * np.pi) * bar_s)


def _main(timing: Timing, end_s: float) -> float:
    """The tempo that holds longest."""
    ends = [*(point.time_s for point in timing.points[1:]), end_s]
    return max(zip(timing.points, ends, strict=True), key=lambda pair: pair[1] - pair[0].time_s)[0].bpm


def _moved(timing: Timing, offset_s: float) -> Timing:
    """The same tempi with the first point somewhere else; later ones that would lie before it go."""
    first, *others = timing.points
    later = [point for point in others if point.time_s > offset_s + 60 / first.bpm]
    before = [point for point in others if point.time_s <= offset_s]
    return timing_of([replace(before[-1] if before else first, time_s=offset_s), *later])
