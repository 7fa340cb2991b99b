"""The set list as a prior: the next song is the likeliest, but any song may come, as bands do what they like."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from tonewheel.core.records import Record
from tonewheel.manifest.matching import normalise
from tonewheel.manifest.setlist import Setlist

Floats = NDArray[np.float32]

STEPS = {1: 0.80, 2: 0.05, 3: 0.02, -1: 0.03, 0: 0.01, -2: 0.01}
"""Weight of a step in the list from the song before: on, skipped, swapped, begun again."""
UNLISTED_S = 240.0
"""What a song that the pack lacks takes, if the list does not say."""
ANYWHERE = 0.08
"""Shared by all songs, also those of the pack that the list does not name."""


class Planned(Record):
    """A song of the set list that is in the pack."""

    song: str
    optional: bool = False
    straight: bool = False
    """Goes into the next one without a pause."""
    seconds: float | None = None
    """How long it is going to be played, if the list says so."""
    unknown_s: float = 0.0
    """How long songs that the pack lacks are played between this one and the next."""


def plan_of(setlist: Setlist, songs: Sequence[str]) -> tuple[list[Planned], list[str]]:
    """The set list in the words of a pack with these songs, and the titles that the pack lacks.

    >>> from tonewheel.manifest.setlist import parse_song
    >>> show = Setlist(songs=(parse_song("Dark Star >"), parse_song("Drums")))
    >>> plan_of(show, ["Dark star"])
    ([Planned(song='Dark star', optional=False, straight=True, seconds=None, unknown_s=240.0)], ['Drums'])
    """
    known: dict[str, str] = {}
    for song in songs:
        known.setdefault(normalise(song), song)
    planned: list[Planned] = []
    missing: list[str] = []
    for line in setlist.songs:
        song = line.title if line.title in songs else known.get(normalise(line.title), "")
        if song:
            planned.append(
                Planned(song=song, optional=line.optional, straight=line.segue, seconds=line.duration_s)
            )
            continue
        missing.append(line.title)
        if planned and not line.optional:
            longer = planned[-1].unknown_s + (line.duration_s or UNLISTED_S)
            planned[-1] = replace(planned[-1], unknown_s=longer)
    return planned, missing


def order_of(planned: Sequence[Planned], songs: int, *, follows: bool = True) -> Floats:
    """Probability of the next song given the last. Shape: (songs + 1, songs), row 0 before the first.

    The first songs are those `planned`; with `follows` false their order means nothing.

    >>> show = [Planned(song="a"), Planned(song="b", optional=True), Planned(song="c")]
    >>> [round(float(chance), 2) for chance in order_of(show, 3)[1]]  # after "a"
    [0.04, 0.44, 0.52]
    """
    weights = np.full((songs + 1, songs), ANYWHERE / songs if follows else 1.0, np.float64)
    if follows:
        for last in range(-1, len(planned)):
            for step, weight in STEPS.items():
                following = last + step
                if last < 0 and step < 1:
                    continue
                if 0 <= following < len(planned):
                    weights[last + 1, following] += weight
            following = last + 1
            # An optional song gives half of its chance to the next one that is not.
            while following + 1 < len(planned) and planned[following].optional:
                half = 0.5 * weights[last + 1, following]
                weights[last + 1, following] -= half
                weights[last + 1, following + 1] += half
                following += 1
    else:
        weights[np.arange(1, songs + 1), np.arange(songs)] *= 0.1  # seldom the same song again
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)
