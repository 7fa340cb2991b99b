"""From a decoded path to the songs of the evening: where each begins and ends to a fraction of a second, and how sure.

Steps are half a second apart, but a song that was played from its beginning is found more exactly: the cosines
around the path have their vertex where recording and reference fit best, and all steps of the song's first seconds
agree on when its position 0 was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from tonewheel.core.records import Record
from tonewheel.systems.concert.decode.emission import Heard
from tonewheel.systems.concert.decode.fixes import UNKNOWN, Fix
from tonewheel.systems.concert.decode.states import States
from tonewheel.systems.concert.decode.sweep import Decoding
from tonewheel.systems.concert.pack import Pack

Floats = NDArray[np.float64]
FROM_THE_BEGINNING_S = 4.0
"""A song that is first recognised this near its beginning was played from its beginning."""
AGREE_STEPS = 24
"""Steps that say together where position 0 of a song is."""
SURE_WITHIN_S = 2.0
"""A boundary's confidence is that of the right song being told this long before and after it."""
SHORTEST_S = 4.0
"""A stretch of an unknown song that is shorter is no song."""


class Segment(Record):
    """One song of the evening; `confidence` is the mean probability of this song over the segment."""

    song: str
    """The title, or "unknown song"."""
    start_s: float
    end_s: float
    confidence: float
    start_confidence: float
    """Probability that the song begins within 2 s of `start_s`."""
    end_confidence: float
    position_s: float | None = None
    """Place in the song at `start_s`; None for an unknown song."""
    second: str = ""
    """What else it might be, and how probable that is."""
    second_share: float = 0.0
    fixed: bool = False
    """A person said so."""

    @property
    def least(self) -> float:
        """The lowest of the three confidences: what to look at first."""
        return min(self.confidence, self.start_confidence, self.end_confidence)


def segments_of(made: Decoding, states: States, heard: Heard, pack: Pack, seconds: float) -> list[Segment]:
    """The songs in the order in which they were played."""
    labels = np.array([states.label_of(int(state)) for state in made.path])
    pause, unknown = len(states.songs), len(states.songs) + 1
    lengths = {reference.song: reference.seconds for reference in pack.header.references}
    runs = [run for run in _runs(labels, made.path, states, pause) if _lasts(run, labels, unknown, states)]
    found = []
    for first, end in runs:
        label = int(labels[first])
        start_s, end_s = _middle(first, states.hop_s), _middle(end, states.hop_s)
        position_s = None
        if label < pause:
            start_s, end_s, position_s = _refined(first, end, made, states, heard, lengths)
        shares = made.posterior[first:end].mean(axis=0)
        others = np.where(np.arange(len(shares)) == label, -1, shares)
        second = int(others.argmax())
        names = [*states.songs, "no song", UNKNOWN]
        found.append(
            Segment(
                song=names[label],
                start_s=max(0.0, start_s),
                end_s=min(seconds, end_s),
                confidence=_rounded(shares[label]),
                start_confidence=_rounded(_sure(made, label, first, end, states.hop_s, starts=True)),
                end_confidence=_rounded(_sure(made, label, first, end, states.hop_s, starts=False)),
                position_s=position_s,
                second=names[second],
                second_share=_rounded(shares[second]),
            )
        )
    return list(_apart(_with_fixes(found, made.fixes)))


def _runs(
    labels: NDArray[np.intp], path: NDArray[np.int32], states: States, pause: int
) -> Iterator[tuple[int, int]]:
    """Steps [first, end) of each song; a song that begins anew right after itself is another one."""
    edges = np.flatnonzero(np.diff(labels)) + 1
    inside = (path[1:] < states.bins) & (path[:-1] < states.bins) & (labels[1:] == labels[:-1])
    places = states.place[np.minimum(path, states.bins - 1)]
    again = np.flatnonzero(inside & (places[1:] <= 4) & (places[:-1] > places[1:] + 20)) + 1
    bounds = [0, *np.union1d(edges, again).tolist(), len(labels)]
    for first, end in pairwise(bounds):
        if labels[first] != pause:
            yield int(first), int(end)


def _lasts(run: tuple[int, int], labels: NDArray[np.intp], unknown: int, states: States) -> bool:
    return bool(labels[run[0]] != unknown or (run[1] - run[0]) * states.hop_s >= SHORTEST_S)


def _middle(step: int, hop_s: float) -> float:
    """The boundary between a step and the one before: parts are two hops long, so their middles are a hop later."""
    return step * hop_s + hop_s / 2 if step else 0.0


def _refined(
    first: int, end: int, made: Decoding, states: States, heard: Heard, lengths: dict[str, float]
) -> tuple[float, float, float]:
    """Start, end and the place in the song at the start, s."""
    hop_s = states.hop_s
    zero = _zero_s(made.path[first : min(end, first + AGREE_STEPS)], first, states, heard)
    last = max(first, end - AGREE_STEPS)
    zero_late = _zero_s(made.path[last:end], last, states, heard)
    song = states.songs[int(states.song_of[made.path[first]])]
    start_s, end_s = _middle(first, hop_s), _middle(end, hop_s)
    if abs(zero - start_s) <= FROM_THE_BEGINNING_S:
        start_s = zero
    whole_s = zero_late + lengths[song]
    if abs(whole_s - end_s) <= FROM_THE_BEGINNING_S / 2:
        end_s = whole_s
    return start_s, max(end_s, start_s + hop_s), round(max(0.0, start_s - zero), 2)


def _zero_s(path: NDArray[np.int32], first: int, states: States, heard: Heard) -> float:
    """When position 0 of the song was, or would have been: the median over some steps."""
    steps = np.arange(first, first + len(path))
    around = np.stack([np.clip(path + shift, 0, states.bins - 1) for shift in (-1, 0, 1)], axis=1)
    cosines = np.einsum("sd,skd->sk", heard.parts[steps], states.parts[around]).astype(np.float64)
    curve = cosines[:, 0] - 2 * cosines[:, 1] + cosines[:, 2]
    peaked = curve < -1e-3
    shift = np.where(peaked, 0.5 * (cosines[:, 0] - cosines[:, 2]) / np.where(peaked, curve, 1.0), 0.0)
    places = states.place[path] + np.clip(shift, -0.5, 0.5)
    return float(np.median((steps - places)[peaked] if peaked.any() else steps - places) * states.hop_s)


def _sure(made: Decoding, label: int, first: int, end: int, hop_s: float, *, starts: bool) -> float:
    """Probability of this song just inside the boundary, and of something else just outside."""
    within = round(SURE_WITHIN_S / hop_s)
    within = max(1, min(within, (end - first) // 2))
    if starts:
        inside, outside = min(first + within, end - 1), first - within
    else:
        inside, outside = max(end - 1 - within, first), end - 1 + within
    sure = float(made.posterior[inside, label])
    if 0 <= outside < len(made.path):
        sure *= 1 - float(made.posterior[outside, label])
    return sure


def _with_fixes(found: Sequence[Segment], fixes: Sequence[Fix]) -> list[Segment]:
    """What a person said holds to the digit; the decoder's boundaries are only near it."""
    result: list[Segment] = []
    for one in found:
        for fix in fixes:
            inside = one.song == fix.label and one.start_s < fix.end_s + 0.5 and one.end_s > fix.start_s - 0.5
            if inside and not fix.moment:
                one = replace(one, start_s=fix.start_s, end_s=fix.end_s, fixed=True, confidence=1.0)
                one = replace(one, start_confidence=1.0, end_confidence=1.0)
            elif inside:
                one = replace(one, fixed=True)
        # A fixed song that the decoder told in two pieces is still one.
        if not (result and one.fixed and (one.song, one.start_s) == (result[-1].song, result[-1].start_s)):
            result.append(one)
    return result


def _apart(found: Sequence[Segment]) -> Iterator[Segment]:
    """Segments that do not overlap: of two that claim the same moment, a fixed one keeps it, else the later one."""
    for number, one in enumerate(found):
        start_s, end_s = one.start_s, one.end_s
        if number and found[number - 1].fixed and not one.fixed:
            start_s = max(start_s, found[number - 1].end_s)
        if number + 1 < len(found) and not one.fixed:
            end_s = min(end_s, found[number + 1].start_s)
        if end_s - start_s > 0.05:
            yield replace(one, start_s=round(start_s, 3), end_s=round(end_s, 3))


def _rounded(share: float | np.floating) -> float:
    return round(float(min(1.0, share)), 4)
