"""High, middle or low tom: told by pitch, alone and beside the other toms of a kit.

A picture of 128 bands hears that it is a tom, but hardly which: pitch tells more. Still one drummer's high tom is
another's middle tom. So among the hits of one kit the drums are told apart by pitch and the labels must rise with
it; which of the orders that are left is likeliest is decided by the scores that the hits have alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations_with_replacement
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from tonewheel.systems.drums.hits.answers import FileAnswer, HitAnswer

Audio = NDArray[np.float32]
RISING = ("tom_low", "tom_mid", "tom_high")
PITCHES_HZ = (45.0, 400.0)
HEARD_S = (0.02, 0.4)
"""After the stroke, when the pitch has settled, and before the room is all there is."""
APART_SEMITONES = 1.5
"""Strokes of one drum lie nearer to each other than this, and two drums of a set farther apart."""
MOST_DRUMS = 8
"""A folder with more pitches than a kit has toms is no kit."""
WEAKEST_DB = 20.0
PROMINENCE_DB = 6.0
USUAL_HZ = {"tom_low": 74.0, "tom_mid": 113.0, "tom_high": 162.0}
SPREAD_OCTAVES = 0.3
"""Geometric mean and deviation of the toms of the seven kits that train (20 drums)."""
NET_WEIGHT = 0.3
"""How much the network's scores count beside the pitch."""
LEAST_SCORE = 1e-3
"""No score is a veto."""


def pitch_hz(audio: Audio, onset_s: float, sample_rate_hz: int) -> float:
    """The lowest strong partial of a drum, 45 to 400 Hz, once the stroke is over; NaN where nothing sounds.

    Partials count less the higher they are, 12 dB an octave: overhead microphones hear the fundamental of a low
    tom weaker than the partials above it.

    >>> time_s = np.arange(22_050) / 44_100
    >>> round(pitch_hz(np.sin(2 * np.pi * 98 * time_s).astype(np.float32), 0.0, 44_100))
    98
    """
    from scipy.signal import find_peaks

    first, last = (round((onset_s + at_s) * sample_rate_hz) for at_s in HEARD_S)
    piece = audio[first:last]
    if len(piece) < round(0.05 * sample_rate_hz) or not np.any(piece):
        return float("nan")
    size = 1 << (8 * len(piece) - 1).bit_length()
    power = np.abs(np.fft.rfft(piece * np.hanning(len(piece)), size)) ** 2
    hz = np.fft.rfftfreq(size, 1 / sample_rate_hz)
    inside = (hz >= PITCHES_HZ[0]) & (hz <= PITCHES_HZ[1])
    level_db = 10 * np.log10(np.maximum(power[inside], 1e-20))
    peaks, _ = find_peaks(level_db, height=level_db.max() - WEAKEST_DB, prominence=PROMINENCE_DB)
    if not len(peaks):
        return float("nan")
    low = level_db[peaks] - 40 * np.log10(hz[inside][peaks])
    return float(hz[inside][peaks[low.argmax()]])


def by_pitch(answer: HitAnswer, heard_hz: float) -> HitAnswer:
    """The answer to a hit that sounds alone: if it is a tom, its pitch says which as well.

    What the three toms score together stays; a pitch of NaN changes nothing.
    """
    if answer.label not in RISING or not np.isfinite(heard_hz):
        return answer
    score = np.array([answer.scores[label] for label in RISING])
    off = np.array([np.log2(heard_hz / USUAL_HZ[label]) for label in RISING]) / SPREAD_OCTAVES
    likely = NET_WEIGHT * np.log(np.maximum(score, LEAST_SCORE)) - np.square(off) / 2
    share = np.exp(likely - likely.max())
    share *= score.sum() / share.sum()
    scores = answer.scores | {name: round(float(one), 6) for name, one in zip(RISING, share, strict=True)}
    return msgspec.structs.replace(
        answer, label=RISING[int(share.argmax())], scores=scores, pitch_hz=round(heard_hz, 1)
    )


def told_apart(pitches_hz: Sequence[float]) -> list[int]:
    """The drum of every hit, numbered from the lowest: a new one begins where pitches leave a gap.

    >>> told_apart([100.0, 150.0, 101.0, 82.0])
    [1, 2, 1, 0]
    """
    semitones = 12 * np.log2(np.asarray(pitches_hz, dtype=np.float64))
    order = np.argsort(semitones, kind="stable")
    numbers = np.empty(len(order), dtype=int)
    numbers[order] = np.concatenate([[0], np.cumsum(np.diff(semitones[order]) > APART_SEMITONES)])
    return [int(number) for number in numbers]


Answer = TypeVar("Answer", HitAnswer, FileAnswer)


def as_one_kit(answers: Sequence[Answer]) -> list[Answer]:
    """Answers to hits of one kit, the toms among them put in the order of their pitches.

    What is no tom, or has no pitch, keeps its answer. The scores of a tom that is renamed are exchanged, so that the
    label still has the highest.
    """
    out = list(answers)
    pitch = {number: answer.pitch_hz for number, answer in enumerate(answers) if answer.label in RISING}
    toms = {number: heard_hz for number, heard_hz in pitch.items() if heard_hz is not None}
    if not toms:
        return out
    drums = told_apart(list(toms.values()))
    count = max(drums) + 1
    if count == 1 or count > MOST_DRUMS:
        return out
    likely = np.zeros((count, len(RISING)))
    for drum, number in zip(drums, toms, strict=True):
        scores = np.array([answers[number].scores[label] for label in RISING])
        likely[drum] += np.log(np.maximum(scores / max(float(scores.sum()), LEAST_SCORE), LEAST_SCORE))
    orders = [
        order
        for order in combinations_with_replacement(range(len(RISING)), count)
        if len(set(order)) == min(count, len(RISING))
    ]
    best = max(orders, key=lambda order: sum(likely[drum, place] for drum, place in enumerate(order)))
    for drum, number in zip(drums, toms, strict=True):
        out[number] = _renamed(answers[number], RISING[best[drum]])
    return out


def _renamed(answer: Answer, label: str) -> Answer:
    scores = dict(answer.scores)
    scores[label], scores[answer.label] = scores[answer.label], scores[label]
    return msgspec.structs.replace(answer, label=label, scores=scores)
