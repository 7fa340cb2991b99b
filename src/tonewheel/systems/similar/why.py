"""Why two tracks are alike: timbre, rhythm, harmony and energy, each on the same scale as the similarity.

Each part joins what the hand-made vector says of it with the measures that people name: tempo and kick for
rhythm, key for harmony, the energy curve for energy, brightness and width for timbre. It explains; the ranking
is the embedding's alone, and may know more than these four say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.records import Record
from tonewheel.systems.similar.backbones.hand import Hand
from tonewheel.systems.similar.features.record import Features
from tonewheel.systems.similar.keys import distance as key_distance
from tonewheel.systems.similar.keys import number as key_number
from tonewheel.systems.similar.scores import Scale

Floats = NDArray[np.float64]

PARTS = ("timbre", "rhythm", "harmony", "energy")
TEMPO_OCTAVES = 0.06
"""Tempos that differ by 4 % are still alike; half and double tempo are the same tempo."""


class Why(Record):
    """Each part in [0, 1], a share of pairs as the similarity is, and a sentence about the strongest ones."""

    timbre: float
    rhythm: float
    harmony: float
    energy: float
    words: str


class Traits(NamedTuple):
    """What is compared of tracks, as columns: (n, ...) each."""

    hand: Floats
    tempo_octaves: Floats
    tempo_confidence: Floats
    kick: Floats
    key: NDArray[np.int64]
    key_confidence: Floats
    chroma: Floats
    curve: Floats
    range_lu: Floats
    brightness_octaves: Floats
    width: Floats

    def take(self, numbers: NDArray[np.int64]) -> Traits:
        """The rows of some tracks."""
        return Traits._make(column[numbers] for column in self)


def traits_of(features: Sequence[Features], hand: NDArray[np.float32]) -> Traits:
    """Columns from records and hand-made vectors (n, 216)."""

    def column(values: list[float]) -> Floats:
        return np.asarray(values, np.float64)

    def table(rows: list[tuple[float, ...]], width: int) -> Floats:
        return np.asarray(rows, np.float64).reshape(len(features), width)

    return Traits(
        hand=np.asarray(hand, np.float64),
        tempo_octaves=np.log2(np.maximum(column([one.tempo_bpm for one in features]), 1.0)),
        tempo_confidence=column([one.tempo_confidence for one in features]),
        kick=table([one.kick_pattern for one in features], 16),
        key=np.array([key_number(one.key) for one in features], np.int64),
        key_confidence=column([one.key_confidence for one in features]),
        chroma=table([one.chroma for one in features], 12),
        curve=table([one.energy_curve for one in features], len(features[0].energy_curve) if features else 0),
        range_lu=column([one.loudness_range_lu for one in features]),
        brightness_octaves=np.log2(np.maximum(column([one.brightness_hz for one in features]), 1.0)),
        width=column([one.stereo_width for one in features]),
    )


def part_scores(first: Traits, second: Traits) -> Floats:
    """How alike the rows of two tables are in each part, higher is more; shape (n, 4), in the order of `PARTS`.

    One of the two may have a single row, which is then compared with all of the other.
    """
    places = Hand().parts
    timbre = (
        _cosine(first.hand[:, places["timbre"]], second.hand[:, places["timbre"]])
        + 0.25 * np.exp(-np.abs(first.brightness_octaves - second.brightness_octaves))
        + 0.25 * np.exp(-np.abs(first.width - second.width) / 0.1)
    )
    apart = np.abs(first.tempo_octaves - second.tempo_octaves)
    apart = np.abs(apart - np.round(apart))
    sure = np.sqrt(first.tempo_confidence * second.tempo_confidence)
    rhythm = (
        _cosine(first.hand[:, places["rhythm"]], second.hand[:, places["rhythm"]])
        + sure * np.exp(-((apart / TEMPO_OCTAVES) ** 2))
        + 0.5 * _cosine(first.kick, second.kick)
    )
    sure = np.sqrt(first.key_confidence * second.key_confidence)
    harmony = (
        _cosine(first.hand[:, places["harmony"]], second.hand[:, places["harmony"]])
        + sure * (1 - key_distance(first.key, second.key) / 6)
        + _cosine(_centred(first.chroma), _centred(second.chroma))
    )
    energy = (
        _cosine(first.hand[:, places["dynamics"]], second.hand[:, places["dynamics"]])
        + 0.5 * _cosine(_centred(first.curve), _centred(second.curve))
        + 0.5 * np.exp(-np.abs(first.range_lu - second.range_lu) / 4.0)
    )
    return np.stack([timbre, rhythm, harmony, energy], axis=1)


def explain(scores: Floats, scales: Sequence[Scale], query: Features, match: Features) -> Why:
    """The parts of one pair on their scales, with a sentence; `scores` (4,) as `part_scores` gives them."""
    timbre, rhythm, harmony, energy = (
        round(float(scale.similarity(score)), 3) for scale, score in zip(scales, scores, strict=True)
    )
    parts = dict(zip(PARTS, (timbre, rhythm, harmony, energy), strict=True))
    best = sorted((name for name in PARTS if parts[name] >= 0.7), key=lambda name: -parts[name])
    told = (
        " and ".join([", ".join(best[:-1]), best[-1]] if len(best) > 1 else best) or "nothing that has a name"
    )
    facts = f"{query.tempo_bpm:.0f} and {match.tempo_bpm:.0f} BPM, {query.key} and {match.key}"
    return Why(
        timbre=timbre, rhythm=rhythm, harmony=harmony, energy=energy, words=f"alike in {told}; {facts}"
    )


def _centred(rows: Floats) -> Floats:
    return np.asarray(rows - rows.mean(axis=1, keepdims=True))


def _cosine(first: Floats, second: Floats) -> Floats:
    """Row by row; 0 where one is all zeros."""
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    products = (first * second).sum(axis=1)
    return np.asarray(np.where(lengths > 1e-12, products / np.maximum(lengths, 1e-12), 0.0))
