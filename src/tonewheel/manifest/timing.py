"""Tempo and meter over a recording: where the bars and beats of a score, a beatmap or a MIDI file are."""

from __future__ import annotations

import bisect
import math
import re
from collections.abc import Iterable
from itertools import pairwise

from tonewheel.core.records import Record

SLOWEST_BPM, FASTEST_BPM = 1.0, 2000.0


class TimingPoint(Record):
    """From here on: quarter notes a minute, and the meter; a bar starts at the point."""

    time_s: float
    bpm: float
    meter: str = "4/4"


class Timing(Record):
    """Tempo and meter of a whole recording, by time; the first point holds for what is before it as well.

    >>> timing = Timing(points=(TimingPoint(time_s=0.1, bpm=120), TimingPoint(time_s=2.1, bpm=60, meter="3/4")))
    >>> timing.at(5.0).bpm, timing.position(1.1), timing.position(2.0), timing.position(4.2)
    (60, (0, 2), (0, 3), (1, 2))
    """

    points: tuple[TimingPoint, ...]

    def at(self, time_s: float) -> TimingPoint:
        """The point that holds at a time."""
        after = bisect.bisect_right(self.points, time_s, key=lambda point: point.time_s)
        return self.points[max(0, after - 1)]

    def position(self, time_s: float) -> tuple[int, int]:
        """Bar and beat (both from 0) in which a time lies; bars before the first point are negative.

        The beat is the denominator of the meter. A point in the middle of a bar starts a new one.
        """
        point = self.at(time_s)
        bars = 0
        for one, after in pairwise(self.points):
            if one is point:
                break
            bars += max(1, math.ceil(_beats(one, after.time_s) / beats_a_bar(one.meter) - 1e-3))
        # A hit played a hair early still belongs to its beat: a thousandth of one is below every clock here.
        beats = math.floor(_beats(point, time_s) + 1e-3)
        return bars + beats // beats_a_bar(point.meter), beats % beats_a_bar(point.meter)


def timing_of(points: Iterable[TimingPoint]) -> Timing:
    """Points sorted by time, one an instant (the last wins); 120 BPM in 4/4 when there are none."""
    by_time = {point.time_s: point for point in points}
    return Timing(points=tuple(by_time[key] for key in sorted(by_time)) or (TimingPoint(time_s=0, bpm=120),))


def steady(bpm: float, offset_s: float = 0.0, meter: str = "4/4") -> Timing:
    """One tempo throughout; `offset_s` is the time of the first beat.

    >>> steady(100, 0.25).position(0.85)
    (0, 1)
    """
    return Timing(points=(TimingPoint(time_s=offset_s, bpm=bpm, meter=meter),))


def beats_a_bar(meter: str) -> int:
    """The numerator of a meter.

    >>> beats_a_bar("7/8")
    7
    """
    return int(meter.partition("/")[0])


def meter_problem(meter: str) -> str | None:
    """What is wrong with a meter, or None.

    >>> meter_problem("6/8"), meter_problem("4/5")
    (None, 'meter must be like 4/4 (1..64 over a power of 2), got "4/5"')
    """
    found = re.fullmatch(r"(\d{1,2})/(\d{1,3})", meter)
    if found and 1 <= int(found[1]) <= 64 and int(found[2]) in (1, 2, 4, 8, 16, 32, 64, 128):
        return None
    return f'meter must be like 4/4 (1..64 over a power of 2), got "{meter[:20]}"'


def bpm_problem(bpm: float) -> str | None:
    """What is wrong with a tempo, or None."""
    if math.isfinite(bpm) and SLOWEST_BPM <= bpm <= FASTEST_BPM:
        return None
    return f"bpm must be {SLOWEST_BPM:g}..{FASTEST_BPM:g}, got {bpm:g}"


def _beats(point: TimingPoint, time_s: float) -> float:
    return (time_s - point.time_s) * point.bpm / 60 * int(point.meter.partition("/")[2]) / 4
