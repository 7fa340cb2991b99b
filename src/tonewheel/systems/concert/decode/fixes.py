"""What a person knows about a recording, as a hard constraint on its decoding.

`SONG@START-END` says that the song was played exactly then, `SONG@TIME` that it was playing at that moment; the
words "no song" and "unknown song" may stand for SONG. Times are seconds or h:mm:ss.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.errors import InputError, nearest
from tonewheel.core.records import Record
from tonewheel.core.units import parse_time
from tonewheel.manifest.matching import normalise
from tonewheel.systems.concert.decode.states import States

NO_SONG, UNKNOWN = "no song", "unknown song"


class Fix(Record):
    """A song (or "no song", "unknown song") over [start_s, end_s), or at one moment if both are equal."""

    label: str
    start_s: float
    end_s: float

    @property
    def moment(self) -> bool:
        """Whether only one moment is known, not where the song begins and ends."""
        return self.end_s == self.start_s


def parse_fix(text: str, songs: Sequence[str], where: str = "--fix") -> Fix:
    """Read `SONG@START-END` or `SONG@TIME`; InputError says what is wrong, and the nearest title.

    >>> parse_fix("intro@1:20-4:03.5", ["Intro", "Outro"])
    Fix(label='Intro', start_s=80.0, end_s=243.5)
    """
    title, at, times = text.rpartition("@")
    if not at or not title.strip():
        raise InputError(where, f'"{text[:80]}" is not SONG@START-END, as "Intro@1:20-4:03"')
    start, _, end = times.partition("-")
    try:
        start_s = parse_time(start)
        end_s = parse_time(end) if end.strip() else start_s
    except ValueError as error:
        raise InputError(where, f'"{text[:80]}": {error}') from None
    return checked_fix(title, start_s, end_s, songs, where)


def checked_fix(
    title: str, start_s: float, end_s: float, songs: Sequence[str], where: str, line: int | None = None
) -> Fix:
    """A fix of a song of the pack; InputError for another title or times that cannot be."""
    if not 0 <= start_s <= end_s <= 48 * 3600:
        raise InputError(where, f'"{title[:80]}" starts at {start_s:g} s and ends at {end_s:g} s', line)
    words = normalise(title)
    if words in (NO_SONG, UNKNOWN):
        return Fix(label=words, start_s=start_s, end_s=end_s)
    known = {normalise(song): song for song in songs}
    label = title.strip() if title.strip() in songs else known.get(words)
    if label is None:
        raise InputError(where, f'"{title[:80]}" is no song of the pack{nearest(title.strip(), songs)}', line)
    return Fix(label=label, start_s=start_s, end_s=end_s)


def check_apart(fixes: Sequence[Fix], where: str = "--fix") -> None:
    """InputError when two fixes say different things about one moment."""
    ordered = sorted(fixes, key=lambda fix: (fix.start_s, fix.end_s))
    for first, second in pairwise(ordered):
        if second.start_s < first.end_s and (first.label != second.label or not second.moment):
            raise InputError(
                where,
                f'"{first.label}" until {first.end_s:g} s and "{second.label}" from {second.start_s:g} s on overlap',
            )


class Allowed:
    """Which states the fixes leave at each step; `key` (steps,) tells steps with equal rules apart by number.

    A song that was played exactly from START to END was not played in the step before and the one after.
    """

    def __init__(self, fixes: Sequence[Fix], states: States, steps: int) -> None:
        self.states = states
        self.rules: list[tuple[str, bool]] = []
        self.key: NDArray[np.int32] = np.full(steps, -1, np.int32)
        self.outside: dict[int, set[str]] = {}
        for fix in fixes:
            first, end = step_of(fix.start_s, states.hop_s), step_of(fix.end_s, states.hop_s)
            first, end = min(first, steps - 1), min(max(end, first + 1), steps)
            self.rules.append((fix.label, fix.moment))
            self.key[first:end] = len(self.rules) - 1
            if not fix.moment:
                for step in (first - 1, end):
                    if 0 <= step < steps:
                        self.outside.setdefault(step, set()).add(fix.label)

    def free(self, step: int) -> bool:
        """Whether nobody said anything about this step."""
        return self.key[step] < 0 and step not in self.outside

    def forbidden(self, step: int) -> NDArray[np.bool_] | None:
        """The states that cannot be, (size,), or None where all may."""
        if self.free(step):
            return None
        if self.key[step] >= 0:
            return ~self._of(self.rules[self.key[step]][0])
        blocked = np.zeros(self.states.size, np.bool_)
        for label in self.outside[step]:
            if label not in (NO_SONG, UNKNOWN):
                blocked |= self._of(label)
        return blocked

    def differs(self, other: Allowed) -> NDArray[np.bool_]:
        """The steps at which two sets of fixes say different things. Shape: (steps,)."""
        names = [
            [self_or_other.rules[k][0] if k >= 0 else "" for k in self_or_other.key]
            for self_or_other in (self, other)
        ]
        differing = np.array([a != b for a, b in zip(*names, strict=True)], np.bool_)
        for step in self.outside.keys() | other.outside.keys():
            differing[step] |= self.outside.get(step) != other.outside.get(step)
        return differing

    def _of(self, label: str) -> NDArray[np.bool_]:
        states = self.states
        inside = np.zeros(states.size, np.bool_)
        if label == NO_SONG:
            inside[states.bins : states.bins + states.memories] = True
        elif label == UNKNOWN:
            inside[states.bins + states.memories :] = True
        else:
            own = np.array([song == label for song in states.songs], np.bool_)
            inside[: states.bins] = own[states.song_of]
        return inside


def step_of(time_s: float, hop_s: float) -> int:
    """The first step whose middle is not before a time: a boundary lies between two steps' middles.

    >>> step_of(0.0, 0.5), step_of(10.0, 0.5), step_of(10.3, 0.5)
    (0, 19, 20)
    """
    # A part of two hops has its middle a hop after its beginning.
    return max(0, int(np.ceil((time_s - hop_s) / hop_s - 0.5 + 1e-9)))
