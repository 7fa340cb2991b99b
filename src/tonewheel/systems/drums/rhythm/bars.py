"""Three or four beats in a bar, and which of them is the first.

A bar is what the pattern repeats after: beats are described by what is struck in each quarter of them, and
compared with those three, six, four and eight beats on. The first beat is where kick, snare and crash are
struck as they usually are on the beats of a bar; how they usually are was fitted (`fit.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.records import Record
from tonewheel.manifest.components import class_of, fold, is_known
from tonewheel.manifest.drum_hits import DrumHit

Floats = NDArray[np.float64]

PARTS = 4
"""A beat is described in so many parts."""
DRUMS = ("kick", "snare", "hihat", "cymbal", "crash")
LEAST_BEATS = 17
"""Two bars of eight: with fewer there is nothing to compare."""
SURE = 0.06
"""A meter is sure when the pattern repeats so much better by it than by the other one."""


class BarWeights(Record):
    """What a strike of each drum (of `DRUMS`) says on each half beat of the bar; fitted."""

    four: tuple[tuple[float, ...], ...]
    three: tuple[tuple[float, ...], ...]


class Bars(NamedTuple):
    """Beats of a bar (3 or 4), half beats before the first downbeat, and whether the meter is sure."""

    beats: int
    phase_half_beats: int
    """Odd where what was taken for the beat is the off-beat."""
    sure: bool


def describe(beats_s: Floats, hits: Sequence[DrumHit]) -> Floats:
    """What is struck in each part of each beat, (beats, 4, 5 drums); harder hits count more."""
    out = np.zeros((len(beats_s), PARTS, len(DRUMS)))
    if len(beats_s) < 2:
        return out
    length = np.append(np.diff(beats_s), beats_s[-1] - beats_s[-2])
    for hit in hits:
        if not is_known(hit.label):
            continue
        beat = int(np.searchsorted(beats_s, hit.onset_s, side="right")) - 1
        if beat < 0:
            beat, part = 0, round((hit.onset_s - beats_s[0]) / length[0] * PARTS)
            if part < 0:
                continue
        else:
            part = round((hit.onset_s - beats_s[beat]) / length[beat] * PARTS)
        beat, part = beat + part // PARTS, part % PARTS
        if beat >= len(out):
            continue
        for name in {fold(hit.label, 5), class_of(hit.label)} & set(DRUMS):
            drum = DRUMS.index(str(name))
            out[beat, part, drum] = max(out[beat, part, drum], hit.velocity**0.5)
    return out


def repeats(pattern: Floats, beats: int) -> float:
    """How alike the pattern is to itself so many beats on: mean cosine of the beats, 0..1."""
    flat = pattern.reshape(len(pattern), -1)
    one, other = flat[:-beats], flat[beats:]
    both = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
    heard = both > 0
    if not heard.any():
        return 0.0
    return float(((one * other).sum(axis=1)[heard] / both[heard]).mean())


def lean(pattern: Floats) -> float:
    """Above 0: it repeats after four beats rather than three."""
    if len(pattern) < LEAST_BEATS:
        return 0.0
    four, three = (np.mean([repeats(pattern, b), repeats(pattern, 2 * b)]) for b in (4, 3))
    return float(four - three)


def find_bars(pattern: Floats, weights: BarWeights) -> Bars:
    """Meter and first downbeat; four beats where nothing speaks for three."""
    leaning = lean(pattern)
    beats = 3 if leaning < -SURE else 4
    scores = halves(pattern, beats) @ np.array(weights.three if beats == 3 else weights.four).ravel()
    return Bars(beats, int(scores.argmax()), abs(leaning) > SURE)


def halves(pattern: Floats, beats: int) -> Floats:
    """Mean strike of every drum on every half beat of a bar, as seen from each half beat as the first.

    Shape: (beats, 4, drums) -> (2 * bar, 2 * bar * drums).
    """
    steps = pattern[:, :: PARTS // 2].reshape(-1, len(DRUMS))
    bar = 2 * beats
    whole = np.pad(steps, ((0, -len(steps) % bar), (0, 0))).reshape(-1, bar, len(DRUMS))
    means = whole.sum(axis=0) / max(1, len(steps) / bar)
    return np.stack([np.roll(means, -phase, axis=0).ravel() for phase in range(bar)])
