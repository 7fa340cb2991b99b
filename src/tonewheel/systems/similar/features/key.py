"""In which key: the profile of pitch classes that fits best, and what the bass holds on to.

Profiles of Sha'ath (Estimation of key in digital music recordings, 2011; the KeyFinder program), which follow
Krumhansl and Kessler with electronic music in mind. Most wrong answers are neighbours: the relative key shares all
notes, the fifth all but one. The bass tells them apart a little better, as it stays on the tonic longest.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonewheel.systems.similar.features.listen import STEPS_A_SEMITONE

Audio = NDArray[np.float32]
Floats = NDArray[np.float64]

PITCH_CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
PROFILES: dict[str, Floats] = {
    "major": np.array([6.6, 2.0, 3.5, 2.3, 4.6, 4.0, 2.5, 5.2, 2.4, 3.7, 2.3, 3.4]),
    "minor": np.array([6.5, 2.7, 3.5, 5.4, 2.6, 3.5, 2.5, 5.2, 4.0, 2.7, 4.3, 3.2]),
}
KEYS = tuple(f"{tonic} {mode}" for mode in PROFILES for tonic in PITCH_CLASSES)
BASS_WEIGHT = 1.0
"""Of the share of a tonic in the bass, beside the correlation of the profile."""
SHARPNESS = 8.0
"""Turns differences of the score into odds; fitted on synthesised songs."""


class Key(NamedTuple):
    """The most probable key, its probability, and the share of each pitch class from C, (12,)."""

    name: str
    confidence: float
    chroma: Floats


def find_key(pitches: Audio, bass: Audio) -> Key:
    """The key of a track from the pitch classes of its frames, (frames, 60) each, as `listen` gives them.

    The tuning is found first, to a fifth of a semitone. Sound without pitch gives the confidence 0.

    >>> triad = np.zeros((10, 60), np.float32)
    >>> triad[:, [5 * 9, 0, 5 * 4]] = 1.0
    >>> find_key(triad, triad).name
    'A minor'
    """
    harmony, low = _mean(pitches), _mean(bass)
    if not harmony.any():
        return Key(KEYS[0], 0.0, np.full(12, 1 / 12))
    centred = [np.roll(harmony, -shift)[::STEPS_A_SEMITONE].sum() for shift in (-2, -1, 0, 1, 2)]
    tuning = int(np.argmax(centred)) - 2
    chroma, held = _semitones(np.roll(harmony, -tuning)), _semitones(np.roll(low, -tuning))
    scored = np.concatenate([_fit(profile, chroma) + BASS_WEIGHT * held for profile in PROFILES.values()])
    odds = np.exp(SHARPNESS * (scored - scored.max()))
    best = int(scored.argmax())
    return Key(KEYS[best], float(odds[best] / odds.sum()), chroma)


def _mean(pitches: Audio) -> Floats:
    """Every frame counts alike, but for near silence."""
    total = pitches.sum(axis=1, keepdims=True, dtype=np.float64)
    if not len(pitches) or total.max() <= 0:
        return np.zeros(12 * STEPS_A_SEMITONE)
    return np.asarray((pitches / (total + 1e-3 * total.max())).sum(axis=0))


def _semitones(steps: Floats) -> Floats:
    """Share of each pitch class; the steps between two semitones count for neither."""
    weights = {-1: 0.6, 0: 1.0, 1: 0.6}
    out = sum((weight * np.roll(steps, -shift)[::STEPS_A_SEMITONE] for shift, weight in weights.items()))
    return np.asarray(out / max(float(np.sum(out)), 1e-12))


def _fit(profile: Floats, chroma: Floats) -> Floats:
    """Correlation of the chroma with the profile of each tonic, (12,); 0 for a flat chroma."""
    one = (profile - profile.mean()) / profile.std()
    other = (chroma - chroma.mean()) / max(float(chroma.std()), 1e-12)
    return np.array([np.mean(np.roll(one, tonic) * other) for tonic in range(12)])
