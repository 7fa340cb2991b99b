"""Scales, chord progressions and voice leading: which notes sound together, before anyone plays them."""

from __future__ import annotations

from itertools import product

import numpy as np

SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "harmonic_minor": (0, 2, 3, 5, 7, 8, 11),
}
LOOPS: dict[str, tuple[tuple[int, ...], ...]] = {
    "major": (
        (0, 4, 5, 3),
        (0, 5, 3, 4),
        (5, 3, 0, 4),
        (0, 3, 4, 3),
        (1, 4, 0, 5),
        (0, 2, 3, 4),
        (3, 4, 2, 5),
        (0, 3, 0, 4),
    ),
    "minor": (
        (0, 5, 2, 6),
        (0, 3, 6, 2),
        (0, 6, 5, 6),
        (0, 5, 3, 4),
        (0, 2, 6, 3),
        (5, 6, 0, 0),
        (0, 3, 5, 6),
    ),
    "dorian": ((0, 3, 0, 3), (0, 6, 3, 0), (0, 1, 2, 3), (0, 2, 3, 6)),
    "phrygian": ((0, 1, 0, 6), (0, 5, 1, 0), (0, 1, 2, 1)),
    "lydian": ((0, 1, 0, 1), (0, 1, 4, 5), (0, 4, 1, 0)),
    "mixolydian": ((0, 6, 3, 0), (0, 3, 6, 3), (0, 4, 6, 3)),
    "harmonic_minor": ((0, 3, 4, 0), (0, 5, 3, 4), (0, 6, 4, 0), (3, 0, 4, 0)),
}
# Weight of a root moving by so many scale steps: falling fifths first, repetition never.
ROOT_MOTION = np.array([0.0, 1.6, 0.8, 3.0, 2.2, 1.8, 1.0])
QUALITIES = {(4, 7): "maj", (3, 7): "min", (3, 6): "dim", (4, 8): "aug", (4, 6): "maj(b5)"}


def degree_pitch(mode: str, degree: int) -> int:
    """Semitones above the tonic of a scale degree counted from 0; octaves go on up and down.

    >>> degree_pitch("major", 7), degree_pitch("minor", 2), degree_pitch("major", -1)
    (12, 3, -1)
    """
    octave, step = divmod(degree, 7)
    return 12 * octave + SCALES[mode][step]


def progression(rng: np.random.Generator, mode: str, length: int) -> tuple[int, ...]:
    """`length` chord roots as scale degrees: a loop that many songs share, or a walk by root motion."""
    if rng.random() < 0.5:
        loop = LOOPS[mode][int(rng.integers(len(LOOPS[mode])))]
        return tuple(loop[index % len(loop)] for index in range(length))
    degree = 0 if rng.random() < 0.7 else int(rng.choice([3, 5]))
    walk = [degree]
    while len(walk) < length:
        weights = ROOT_MOTION.copy()
        weights[(6 - degree) % 7] *= 0.15  # the chord on the seventh degree is rare
        degree = (degree + int(rng.choice(7, p=weights / weights.sum()))) % 7
        walk.append(degree)
    if rng.random() < 0.5:
        walk[-1] = 4 if walk[0] == 0 else 0
    return tuple(walk)


def chord_pitches(mode: str, degree: int, seventh: bool) -> tuple[int, ...]:
    """Semitones above the tonic of the triad (or seventh chord) on a degree.

    >>> chord_pitches("major", 4, True)
    (7, 11, 14, 17)
    """
    steps = (0, 2, 4, 6) if seventh else (0, 2, 4)
    return tuple(degree_pitch(mode, degree + step) for step in steps)


def quality(mode: str, degree: int, seventh: bool) -> str:
    """Chord quality in Harte's words.

    >>> quality("major", 4, True), quality("minor", 0, False)
    ('7', 'min')
    """
    root, third, fifth = chord_pitches(mode, degree, False)
    name = QUALITIES.get((third - root, fifth - root), "maj")
    if not seventh:
        return name
    interval = chord_pitches(mode, degree, True)[3] - root
    if interval == 11:
        return name + "7" if name == "maj" else name + "(7)"
    return {"maj": "7", "min": "min7", "dim": "hdim7"}.get(name, "7")


def voice_lead(pitch_classes: tuple[int, ...], previous: tuple[int, ...], centre: float) -> tuple[int, ...]:
    """The voicing of a chord that moves least from `previous` and stays near `centre` (MIDI); every class
    sounds.

    >>> voice_lead((5, 9, 0), (60, 64, 67), 64.0)
    (60, 65, 69)
    """
    options = []
    for pitch_class in pitch_classes:
        near = round((centre - pitch_class) / 12) * 12 + pitch_class
        options.append((near - 12, near, near + 12))
    best: tuple[float, tuple[int, ...]] = (float("inf"), ())
    for choice in product(*options):
        voicing = tuple(sorted(choice))
        if len(set(voicing)) < len(voicing) or voicing[-1] - voicing[0] > 17:
            continue
        if previous:
            motion = sum(min(abs(pitch - old) for old in previous) for pitch in voicing)
        else:
            motion = voicing[-1] - voicing[0] - 12 if voicing[-1] - voicing[0] > 12 else 0
        cost = motion + 0.35 * abs(sum(voicing) / len(voicing) - centre)
        if cost < best[0]:
            best = (cost, voicing)
    return best[1]
