"""Composite labels of a collection, `{cluster}_{slow|medium|fast}_{low|medium|high}`, coarser where tracks are few."""

from __future__ import annotations

from collections.abc import Sequence

from tonewheel.core.errors import InputError
from tonewheel.core.records import Record
from tonewheel.systems.similar.features.record import Features

FEWEST = 4
"""Tracks a label needs: less cannot fill one class of a batch."""
EVERYTHING = "all"


class Edges(Record):
    """Where slow ends and fast begins, BPM, and where falling ends and rising begins (energy progression, 0 to 1)."""

    tempo_bpm: tuple[float, float] = (135.0, 142.0)
    energy: tuple[float, float] = (0.4, 0.6)

    def __post_init__(self) -> None:
        for name in ("tempo_bpm", "energy"):
            low, high = getattr(self, name)
            if not low < high:
                raise InputError("labels", f"{name} edges {low:g} and {high:g} must rise")


def composite(cluster: str | int, track: Features, edges: Edges | None = None) -> tuple[str, str, str]:
    """The label of a track, part by part, the coarsest first.

    >>> track = Features(path="a.wav", content_sha256="", seconds=9.0, tempo_bpm=138.0, energy_progression=0.7,
    ...     brightness_hz=900.0, loudness_lufs=-9.0, key="A minor")
    >>> composite(2, track)
    ('2', 'medium', 'high')
    """
    edges = edges or Edges()
    return (
        str(cluster),
        _band(track.tempo_bpm, edges.tempo_bpm, ("slow", "medium", "fast")),
        _band(track.energy_progression, edges.energy, ("low", "medium", "high")),
    )


def back_off(parts: Sequence[Sequence[str]], fewest: int = FEWEST) -> list[str]:
    """One label a track, as fine as every label can be with at least `fewest` tracks.

    A label is split into finer ones of enough tracks; tracks of finer labels that are too rare keep the coarser one
    together, and if they are too few even so, the smallest finer label stays with them. Only a collection smaller
    than `fewest` has a label of fewer tracks.

    >>> back_off([("0", "fast"), ("0", "fast"), ("0", "slow"), ("1", "fast"), ("1", "fast")], fewest=2)
    ['0', '0', '0', '1_fast', '1_fast']
    """
    if fewest < 1:
        raise ValueError(f"fewest is {fewest}; it must be at least 1")
    labels = [EVERYTHING] * len(parts)
    _split(list(range(len(parts))), 0, parts, fewest, labels)
    return labels


def _split(
    members: list[int], level: int, parts: Sequence[Sequence[str]], fewest: int, labels: list[str]
) -> None:
    """Give the members of one label finer labels where they are enough."""
    finer: dict[str, list[int]] = {}
    for i in members:
        if level < len(parts[i]):
            finer.setdefault(parts[i][level], []).append(i)
    kept = sorted((group for group in finer.values() if len(group) >= fewest), key=len)
    rest = len(members) - sum(map(len, kept))
    while kept and 0 < rest < fewest:
        rest += len(kept.pop(0))
    for group in kept:
        name = "_".join(parts[group[0]][: level + 1])
        for i in group:
            labels[i] = name
        _split(group, level + 1, parts, fewest, labels)


def _band(value: float, edges: tuple[float, float], names: tuple[str, str, str]) -> str:
    return names[0] if value < edges[0] else names[1] if value < edges[1] else names[2]
