"""Between styles: a path of tracks that leads from one to another, and tracks that blend several.

A path's progress is the cosine with its end less that with its beginning, from 0 at the one to 1 at the other.
The tracks of a path are chosen together (dynamic programming): progress rises with every step, evenly if the
collection allows, tracks keep close to the two ends, and neighbours are alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.errors import InputError
from tonewheel.core.records import Record
from tonewheel.systems.similar.backbones.base import unit
from tonewheel.systems.similar.find import AN_ARTIST, Query
from tonewheel.systems.similar.library import Library

Floats = NDArray[np.float32]
Costs = NDArray[np.float64]

CANDIDATES = 400
"""Tracks among which the path is sought, the cheapest for some step."""
EVEN, BETWEEN, SMOOTH, BACK = 4.0, 1.0, 0.5, 20.0
"""What an uneven step, a track off the way, unlike neighbours, and a step back from the end cost."""


class Step(Record):
    """One track of a path; the ends are steps too."""

    step: int
    track: str
    title: str
    artist: str
    path: str
    progress: float
    """0 at the beginning, 1 at the end."""
    similarity: float | None
    """To the step before, on the collection's scale; None for the first."""


def path(library: Library, first: Query, last: Query, steps: int = 8) -> list[Step]:
    """A path of `steps` tracks, its ends counted; none comes twice, nor two versions of one.

    InputError when the ends are one track, or when too few tracks lie between them.
    """
    if steps < 2:
        raise InputError("steps", f"a path has at least 2 steps, its ends; got {steps}")
    between = float(first.vector @ last.vector)
    if first.name == last.name or between > 1 - 1e-6:
        raise InputError(last.name, "is where the path begins")
    rows = library.vectors.vectors
    progress: Costs = ((rows @ (last.vector - first.vector)).astype(np.float64) / (1 - between) + 1) / 2
    outside = set(first.same | last.same)
    _, one_each = np.unique(library.groups, return_index=True)
    usable = np.array(
        [n for n in np.sort(one_each).tolist() if int(library.groups[n]) not in outside], np.int64
    )
    usable = usable[(progress[usable] > 0) & (progress[usable] < 1)]
    artists = [entry.artist.casefold().strip() for entry in library.in_order]
    chosen: list[int] = []
    while steps > 2:
        if len(usable) < steps - 2:
            raise InputError(
                "steps", f"only {len(usable)} tracks lie between {first.name} and {last.name}; ask for fewer"
            )
        chosen = _cheapest(rows, progress, usable, first.vector, last.vector, steps - 2)
        crowd = Counter(artists[number] for number in chosen if artists[number])
        crowded = [n for n in chosen if crowd[artists[n]] > AN_ARTIST]
        if not crowded:
            break
        usable = usable[usable != crowded[len(crowded) // 2]]
    return _told(library, first, last, chosen, progress)


def _cheapest(
    rows: Floats,
    progress: Costs,
    usable: NDArray[np.int64],
    first: Floats,
    last: Floats,
    count: int,
) -> list[int]:
    """The `count` tracks of least cost whose progress rises."""
    wanted = np.arange(1, count + 1) / (count + 1)
    off = 1 - np.linalg.norm(rows[usable] @ unit(np.stack([first + last, last - first])).T, axis=1)
    costs: Costs = EVEN * (progress[usable, None] - wanted) ** 2 + BETWEEN * off[:, None]
    order = np.argsort(costs.min(axis=1), kind="stable")[: max(CANDIDATES, count)]
    order = order[np.argsort(progress[usable[order]], kind="stable")]
    costs, numbers = costs[order], usable[order]
    apart: Costs = SMOOTH * (1 - (rows[numbers] @ rows[numbers].T).astype(np.float64))
    # Less like the end than the step before, or more like the beginning: felt as turning round.
    towards, away = rows[numbers] @ last, rows[numbers] @ first
    apart += BACK * np.maximum(0, towards[:, None] - towards) + BACK * np.maximum(0, away - away[:, None])
    # Only from a track of lower progress to one of higher.
    apart[np.tril_indices(len(numbers))] = np.inf
    total = costs[:, 0] + SMOOTH * (1 - rows[numbers] @ first)
    came: list[NDArray[np.intp]] = []
    for step in range(1, count):
        through = total[:, None] + apart
        came.append(through.argmin(axis=0))
        total = through.min(axis=0) + costs[:, step]
    total = total + SMOOTH * (1 - rows[numbers] @ last)
    at = int(total.argmin())
    chosen = [at]
    for back in reversed(came):
        at = int(back[at])
        chosen.append(at)
    return [int(numbers[place]) for place in reversed(chosen)]


def _told(library: Library, first: Query, last: Query, chosen: Sequence[int], progress: Costs) -> list[Step]:
    rows, entries = library.vectors.vectors, library.in_order
    scale = library.about.similarity
    stops: list[tuple[str, Floats, float]] = [
        (first.name, first.vector, 0.0),
        *((entries[n].track, rows[n], float(progress[n])) for n in chosen),
        (last.name, last.vector, 1.0),
    ]
    steps: list[Step] = []
    for number, (name, vector, along) in enumerate(stops):
        entry = library.entries.get(name)
        before = None if number == 0 else float(scale.similarity(vector @ stops[number - 1][1]))
        steps.append(
            Step(
                step=number + 1,
                track=name,
                title=entry.title if entry else "",
                artist=entry.artist if entry else "",
                path=str(library.root / name) if entry else name,
                progress=round(along, 3),
                similarity=None if before is None else round(before, 4),
            )
        )
    return steps


def blend(parts: Sequence[tuple[Query, float]]) -> Query:
    """A query between several, each with its weight; InputError for weights that cannot be.

    Found are tracks that are near all of them; the parts themselves are left out.
    """
    weights = np.array([weight for _, weight in parts])
    if not len(parts) or not np.isfinite(weights).all() or (weights < 0).any() or weights.sum() <= 0:
        raise InputError("blend", "needs weights of at least 0, one of them above 0")
    mixed = sum(weight * query.vector for query, weight in parts)
    if np.linalg.norm(mixed) < 1e-6:
        raise InputError("blend", "the parts are opposites; nothing lies between them")
    name = " + ".join(f"{query.name}:{weight / weights.sum():.2g}" for query, weight in parts)
    same = frozenset[int]().union(*(query.same for query, _ in parts))
    return Query(name, unit(np.asarray(mixed)), None, None, same)


def weighted(text: str) -> tuple[str, float]:
    """A part of a blend: "NAME:0.7", or "NAME" with the weight 1.

    >>> weighted("a.flac:0.7"), weighted("C:\\\\music\\\\a.flac"), weighted("take 2:1:3")
    (('a.flac', 0.7), ('C:\\\\music\\\\a.flac', 1.0), ('take 2:1', 3.0))
    """
    name, colon, weight = text.rpartition(":")
    try:
        return (name, float(weight)) if colon and name else (text, 1.0)
    except ValueError:
        return text, 1.0
