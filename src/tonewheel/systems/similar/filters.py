"""Which tracks of an index come into question: a tempo range, keys that mix, an energy range, a style."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.errors import InputError, nearest
from tonewheel.core.records import Record
from tonewheel.systems.similar import keys
from tonewheel.systems.similar.features.record import Features
from tonewheel.systems.similar.library import Library

Range = tuple[float, float]


class Filters(Record):
    """What a found track must be; None leaves all."""

    tempo_bpm: Range | None = None
    """From and to, both included; half and double tempo do not count."""
    key: str | None = None
    """A key whose neighbours on the circle of fifths may be found, or "compatible" for the query's own."""
    energy: Range | None = None
    """Of the mean of the energy curve, 0 to 1."""
    style: str | None = None
    """A style of the index."""


def mask(library: Library, filters: Filters, query: Features | None) -> NDArray[np.bool_] | None:
    """Which tracks pass, (n,) in the order of the index; None when nothing is asked."""
    tests: list[NDArray[np.bool_]] = []
    features = [entry.features for entry in library.in_order]
    if filters.tempo_bpm is not None:
        low, high = filters.tempo_bpm
        tests.append(np.array([low <= one.tempo_bpm <= high for one in features]))
    if filters.energy is not None:
        low, high = filters.energy
        tests.append(np.array([low <= one.energy_mean <= high for one in features]))
    if filters.key is not None:
        key = filters.key
        if key == "compatible":
            if query is None:
                raise InputError(
                    "key", '"compatible" needs one track to be compatible with; name a key instead'
                )
            key = query.key
        tests.append(keys.compatible(library.traits.key, key))
    if filters.style is not None:
        tests.append(library.style_of == style_number(library, filters.style))
    return np.logical_and.reduce(tests) if tests else None


def style_number(library: Library, name: str) -> int:
    """The number of a style by its name, whatever its case; InputError names the nearest."""
    names = [one.casefold() for one in library.about.styles.names]
    if name.casefold() not in names:
        known = library.about.styles.names
        hint = nearest(name, known) or (
            f"; there are: {', '.join(known)}" if known else "; the index has none"
        )
        raise InputError(name, f"is no style of the index{hint}")
    return names.index(name.casefold())


def parse_range(text: str, what: str) -> Range:
    """Two numbers from "120-130", "120:130" or one alone; InputError says what was expected.

    >>> parse_range("120-130.5", "tempo"), parse_range("128", "tempo")
    ((120.0, 130.5), (128.0, 128.0))
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(?:[-:–]\s*(\d+(?:\.\d+)?))?\s*", text)
    if found is None:
        raise InputError(what, f'"{text}" is no range; write it as 120-130')
    low, high = float(found[1]), float(found[2] or found[1])
    if low > high:
        raise InputError(what, f'"{text}" runs backwards; write it as {high:g}-{low:g}')
    return low, high
