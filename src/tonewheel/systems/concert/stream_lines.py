"""Figures of whole concerts: what a listener and an aligner did, over all songs and shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from tonewheel.core.records import Record
from tonewheel.core.seeds import generator
from tonewheel.metrics.bootstrap import Interval, Statistic, interval, mean, median, poisson_rate
from tonewheel.metrics.calibration import expected_calibration_error
from tonewheel.systems.concert.stream import Followed

NEVER_S = 120.0
"""A song that was never named counts as named this late, a boundary that was never told as wrong by this much."""


class Line(Record):
    """One measured figure: what, where, its interval, and the target if there is one."""

    table: str
    name: str
    method: str
    value: Interval
    target: float | None = None
    unit: str = "%"


Measure = tuple[str, Callable[[Followed], Sequence[float]], Statistic, float | None, str]

LISTENING: tuple[Measure, ...] = (
    ("songs named", lambda one: [100.0 * (at is not None) for at in one.latencies_s], mean, None, "%"),
    ("time to name, median", lambda one: [_or_never(at) for at in one.latencies_s], median, None, "s"),
    ("flips a song", lambda one: [float(flips) for flips in one.flips], mean, 0.3, "a song"),
    ("position error, median", lambda one: one.position_errors_s, median, 0.25, "s"),
    ("right answer, share of time", lambda one: [100.0 * one.frame_accuracy], mean, None, "%"),
)
ALIGNING: tuple[Measure, ...] = (
    ("frame accuracy", lambda one: [100.0 * one.frame_accuracy], mean, 90, "%"),
    ("songs found", lambda one: [100.0 * one.found], mean, 92, "%"),
    ("boundary error, median", lambda one: [_or_never(e) for e in one.boundary_errors_s], median, 2, "s"),
    ("edit distance to the songs as played", lambda one: [float(one.edits or 0)], mean, 1, "songs"),
    ("surprise called unknown", lambda one: [100.0 * ((one.surprise_share or 0) >= 0.5)], mean, 80, "%"),
)


def stream_lines(told: Sequence[Followed]) -> Iterator[Line]:
    """All figures; intervals resample shows, as the songs of one show share a room and a crowd."""
    listened = [one for one in told if one.edits is None]
    aligned = [one for one in told if one.edits is not None]
    for table, rows, measures in (
        ("Listening to whole shows", listened, LISTENING),
        ("Aligning whole shows", aligned, ALIGNING),
    ):
        for snr_db in sorted({one.snr_db for one in rows}):
            for name, values, statistic, target, unit in measures:
                for method in dict.fromkeys(one.method for one in rows):
                    cell = [one for one in rows if one.method == method and one.snr_db == snr_db]
                    figures = [(value, one.show) for one in cell for value in values(one)]
                    if figures:
                        yield Line(
                            table=table,
                            name=f"{name} at {snr_db:g} dB",
                            method=method,
                            value=interval(
                                [value for value, _ in figures],
                                rng=generator(0, "bootstrap"),
                                groups=[show for _, show in figures],
                                statistic=statistic,
                            ),
                            target=target,
                            unit=unit,
                        )
    for method in dict.fromkeys(one.method for one in listened):
        cell = [one for one in listened if one.method == method]
        hours = sum(one.quiet_s for one in cell) / 3600
        rate = poisson_rate(sum(one.false_starts for one in cell), hours)
        name = f"false identifications an hour ({hours:.2f} h)"
        yield Line(table="Listening to whole shows", name=name, method=method, value=rate, target=1, unit="")
    for method in dict.fromkeys(one.method for one in aligned):
        cell = [one for one in aligned if one.method == method]
        for name, sure, right in (
            ("steps", [c for one in cell for c in one.confidences], [r for one in cell for r in one.right]),
            (
                "boundaries, right within 2 s",
                [c for one in cell for c in one.boundary_confidences],
                [r for one in cell for r in one.boundary_right],
            ),
        ):
            if sure:
                error = expected_calibration_error(np.clip(sure, 0, 1), right)
                point = Interval(value=error, low=None, high=None, n=len(sure), groups=len(cell))
                name = f"calibration error of the confidence, {name}"
                yield Line(table="Aligning whole shows", name=name, method=method, value=point, unit="")


def _or_never(value: float | None) -> float:
    return NEVER_S if value is None else value
