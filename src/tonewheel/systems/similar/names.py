"""What sets a cluster apart, in words: the measures in which it differs most from the rest of the collection."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.records import Record
from tonewheel.systems.similar.clusters import LEAST_SPREAD

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

WORDS: dict[str, tuple[str, str]] = {
    "tempo_bpm": ("slow", "fast"),
    "energy_mean": ("uneven", "full"),
    "energy_progression": ("falling", "rising"),
    "kick_on_beats": ("broken-beat", "four-on-the-floor"),
    "sidechain_depth_db": ("steady", "pumping"),
    "stereo_width": ("narrow", "wide"),
    "brightness_hz": ("dark", "bright"),
    "loudness_lufs": ("quiet", "loud"),
    "loudness_range_lu": ("level", "dynamic"),
    "minor": ("major", "minor"),
}
"""What a measure is called when it is low and when it is high."""
DISTINCT = 0.6
"""Spreads between a cluster and the rest from which the difference is worth a word."""
MOST_FEATURES, MOST_WORDS = 4, 2


class Distinction(Record):
    """A measure in which a cluster differs."""

    feature: str
    mean: float
    """Within the cluster, in the measure's own unit."""
    difference: float
    """From the rest of the collection, in spreads."""
    word: str


def distinctions(rows: Floats, values: Floats, labels: Labels, cluster: int) -> list[Distinction]:
    """The measures that set a cluster apart, strongest first; `rows` standardised, `values` in their units."""
    inside = labels == cluster
    if inside.all():
        return []
    difference = rows[inside].mean(axis=0) - rows[~inside].mean(axis=0)
    names = list(LEAST_SPREAD)
    found = []
    for column in np.argsort(-np.abs(difference), kind="stable")[:MOST_FEATURES].tolist():
        if abs(difference[column]) < DISTINCT:
            break
        name = names[column]
        found.append(
            Distinction(
                feature=name,
                mean=round(float(values[inside, column].mean()), 4),
                difference=round(float(difference[column]), 2),
                word=WORDS[name][int(difference[column] > 0)],
            )
        )
    return found


def cluster_names(found: Sequence[Sequence[Distinction]], tempi_bpm: Sequence[float]) -> list[str]:
    """A name for each cluster from its distinctions and its median tempo; no two alike.

    >>> bright = Distinction(feature="brightness_hz", mean=3000.0, difference=1.4, word="bright")
    >>> cluster_names([[bright], [bright], []], [138.2, 121.9, 95.0])
    ['Bright, 138 BPM', 'Bright, 122 BPM', 'In between, 95 BPM']
    """
    names: list[str] = []
    for distinct, tempo_bpm in zip(found, tempi_bpm, strict=True):
        words = [one.word for one in distinct if one.feature != "tempo_bpm"][:MOST_WORDS]
        name = f"{' '.join(words) or 'in between'}, {tempo_bpm:.0f} BPM"
        name = name[0].upper() + name[1:]
        same = sum(other == name or other.startswith(f"{name} (") for other in names)
        names.append(f"{name} ({same + 1})" if same else name)
    return names
