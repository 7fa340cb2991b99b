"""Tunes from motifs: a rhythm and a contour, repeated, bent to the chords, answered and closed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class MelodyNote:
    """A tune's note: start and length in sixteenth steps, scale degree from the tonic, accent 0..1, sung
    syllable.
    """

    step: int
    steps: int
    degree: int
    accent: float
    syllable: int


def _rhythm(rng: np.random.Generator, bar: int, beat: int, density: float) -> list[int]:
    """Onset steps in one bar; strong positions likelier, sixteenths only in dense tunes."""
    onsets = []
    for step in range(bar):
        if step % beat == 0:
            chance = 0.35 + 0.6 * density
        elif step % 2 == 0:
            chance = density * 0.95
        else:
            chance = max(0.0, density - 0.35) * 0.45
        if rng.random() < chance:
            onsets.append(step)
    return onsets or [0]


def _snap(degree: int, root: int, sevenths: bool = False) -> int:
    """The chord tone nearest to a degree."""
    tones = (0, 2, 4)
    return min(
        (root + tone + 7 * octave for tone in tones for octave in (-2, -1, 0, 1, 2)),
        key=lambda tone: abs(tone - degree),
    )


def melody(
    rng: np.random.Generator,
    chords: tuple[int, ...],
    slot: int,
    bars: int,
    bar: int,
    beat: int,
    mode: str,
    density: float,
    *,
    lift: int = 0,
) -> tuple[MelodyNote, ...]:
    """A tune over `chords` (one degree a `slot` of steps): phrases of motif, repeat, variation and close."""
    motifs = []
    for _ in range(2):
        onsets = _rhythm(rng, bar, beat, density)
        contour = np.cumsum(
            rng.choice(
                [-3, -2, -1, 0, 1, 2, 3, 4],
                size=len(onsets),
                p=[0.04, 0.13, 0.25, 0.13, 0.25, 0.12, 0.05, 0.03],
            )
        )
        motifs.append((onsets, contour - contour[0]))
    plan = [[0, 1, 0, 1], [0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1]][int(rng.integers(4))]
    centre = int(rng.integers(1, 5)) + lift
    pickup_rest = rng.random() < 0.35
    vowels = rng.integers(0, 5, size=64)
    notes: list[tuple[int, int, float]] = []
    anchor = centre
    for index in range(bars):
        onsets, contour = motifs[plan[index % 4]]
        close = index % 4 == 3
        varied = index % 8 >= 4 and rng.random() < 0.5
        for position, step in enumerate(onsets):
            at = index * bar + step
            root = chords[min(len(chords) - 1, at // slot)]
            if position == 0:
                anchor = _snap(round(0.6 * anchor + 0.4 * centre), root)
            degree = anchor + int(contour[position])
            if varied and position >= len(onsets) // 2:
                degree += int(rng.choice([-1, 1, 2]))
            degree = centre + 9 if degree > centre + 9 else max(centre - 6, degree)
            if step % beat == 0 or position == len(onsets) - 1:
                degree = _snap(degree, root)
            if close and step >= bar // 2 and position > 0:
                continue  # the phrase breathes
            if pickup_rest and index % 2 == 0 and step == 0 and len(onsets) > 2:
                continue
            notes.append((at, degree, 1.0 if step % beat == 0 else 0.75))
    tune = []
    for index, (at, degree, accent) in enumerate(notes):
        following = notes[index + 1][0] if index + 1 < len(notes) else bars * bar
        steps = max(1, min(following - at, bar if following - at > beat else following - at))
        tune.append(MelodyNote(at, steps, degree, accent, int(vowels[index % 64])))
    return tuple(tune)
