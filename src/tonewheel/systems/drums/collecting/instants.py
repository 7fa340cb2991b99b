"""Hits that are struck together are one event: which hits those are, and how the event tells them."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tonewheel.core.errors import InputError
from tonewheel.manifest.components import canonical
from tonewheel.manifest.drum_hits import DrumHit, in_order, problem

SAME_INSTANT_S = 0.010
BUCKETS = ((0.2, "ghost"), (0.5, "light"), (0.8, "medium"), (1.01, "accent"))
"""Velocity below which a hit is in a dynamic bucket."""


def bucket_of(velocity: float) -> str:
    """The dynamic bucket of a velocity.

    >>> bucket_of(0.1), bucket_of(0.79), bucket_of(1.0)
    ('ghost', 'medium', 'accent')
    """
    return next(name for below, name in BUCKETS if velocity < below)


def checked(hit: DrumHit, audio: str | Path) -> DrumHit:
    """The hit with its canonical label; InputError where it cannot be one."""
    if reason := problem(hit):
        raise InputError(audio, f"hit at {hit.onset_s:g} s: {reason}")
    return msgspec.structs.replace(hit, label=canonical(hit.label))


def instants(hits: Iterable[DrumHit]) -> list[list[DrumHit]]:
    """Hits that belong to one event each, a label once in an event."""
    groups: list[list[DrumHit]] = []
    last: dict[str, float] = {}
    for hit in in_order(hits):
        if hit.onset_s - last.get(hit.label, -1.0) < SAME_INSTANT_S:
            continue
        last[hit.label] = hit.onset_s
        if groups and hit.onset_s - groups[-1][0].onset_s < SAME_INSTANT_S:
            groups[-1].append(hit)
        else:
            groups.append([hit])
    return [sorted(group, key=lambda hit: (hit.onset_s, hit.label)) for group in groups]


def near(times: Sequence[float], time_s: float) -> float | None:
    """The time, of sorted ones, that is the same instant; None if there is none."""
    at = bisect.bisect_left(times, time_s)
    found = [one for one in times[max(0, at - 1) : at + 1] if abs(one - time_s) < SAME_INSTANT_S]
    return min(found, key=lambda one: abs(one - time_s)) if found else None


def component(hit: DrumHit, velocity_known: bool) -> dict[str, Any]:
    """A hit as an event has it."""
    values: dict[str, Any] = {"label": hit.label}
    if velocity_known:
        values |= {"velocity": round(hit.velocity, 4), "dynamic_bucket": bucket_of(hit.velocity)}
    if hit.openness is not None:
        values["openness"] = round(hit.openness, 4)
    raw = getattr(hit, "openness_raw", None)
    return values if raw is None else values | {"openness_raw": raw}
