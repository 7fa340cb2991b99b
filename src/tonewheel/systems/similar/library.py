"""The index of a collection: one file with the vectors of all tracks and what was measured of them.

It knows which backbone made it and refuses another. Nothing in it can be played; it names the folder that the
tracks were in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.errors import InputError, nearest
from tonewheel.core.records import Record
from tonewheel.gates.duplicates import Signature
from tonewheel.index.file import as_bytes, from_bytes, open_index, save_index
from tonewheel.index.vectors import VectorIndex
from tonewheel.systems.similar.arrays import check_arrays
from tonewheel.systems.similar.backbones.base import Backbone
from tonewheel.systems.similar.same import Signatures, groups, song
from tonewheel.systems.similar.scales import collection_scales
from tonewheel.systems.similar.scores import Scale
from tonewheel.systems.similar.styles import Membership, StyleRule, Styles, fit_rule
from tonewheel.systems.similar.tracks import Entry, Heard
from tonewheel.systems.similar.why import PARTS, Traits, traits_of

Floats = NDArray[np.float32]


class About(Record):
    """What the index says about its collection."""

    root: str
    """The folder that was indexed, as an absolute path; tracks are named below it."""
    similarity: Scale
    """Of cosines between tracks."""
    moments: Scale
    """Of cosines between a moment and a track's likeliest moment."""
    parts: tuple[Scale, ...]
    """Of timbre, rhythm, harmony and energy."""
    styles: StyleRule


class Library:
    """Tracks with their vectors; `tonewheel.similar.Index` is this with the verbs."""

    def __init__(
        self,
        vectors: VectorIndex,
        entries: Sequence[Entry],
        about: About,
        arrays: dict[str, NDArray[Any]],
        *,
        maker: str,
        made_with: str,
    ) -> None:
        self.vectors, self.about, self.maker, self.made_with = vectors, about, maker, made_with
        self.entries = {entry.track: entry for entry in entries}
        self.hand: Floats = arrays["hand"]
        self.moments: NDArray[np.int8] = arrays["moments"]
        self.moment_ends = np.cumsum(arrays["moment_counts"], dtype=np.int64)
        self.moment_starts: NDArray[np.int64] = self.moment_ends - arrays["moment_counts"]
        self.groups: NDArray[np.int64] = arrays["groups"]
        self.centroids: Floats = arrays["centroids"]
        self.style_of: NDArray[np.int64] = arrays["style_of"]
        self._words: Signature = arrays["words"]
        self._word_counts: NDArray[np.int64] = arrays["word_counts"]

    @classmethod
    def of(
        cls,
        heard: Sequence[Heard],
        root: Path,
        backbone: Backbone,
        *,
        styles: Styles | None = None,
        method: str = "exact",
        vectors: VectorIndex | None = None,
    ) -> Self:
        """An index of tracks that were heard; `vectors` is one that holds them already, in the same order."""
        if not heard:
            raise InputError(root, "no usable track; an index needs at least one")
        entries = [one.entry for one in heard]
        if vectors is None:
            vectors = VectorIndex(backbone.size, method)
            vectors.add([entry.track for entry in entries], np.stack([one.vector for one in heard]))
        hand = np.stack([one.hand for one in heard])
        group = groups(
            [one.kept for one in heard],
            [one.whole for one in heard],
            [entry.title or entry.track for entry in entries],
            [entry.artist for entry in entries],
            [one.group for one in heard],
        )
        rows = vectors.vectors
        moments = np.concatenate([one.moments for one in heard])
        counts = np.array([len(one.moments) for one in heard], np.int64)
        style_of, centroids, rule = fit_rule(rows, group, styles, [entry.track for entry in entries])
        about = About(
            root=str(root.resolve()),
            styles=rule,
            **collection_scales(rows, moments, counts, traits_of([e.features for e in entries], hand), group),
        )
        arrays = {
            "hand": hand,
            "moments": moments,
            "moment_counts": counts,
            "groups": group,
            "centroids": centroids,
            "style_of": style_of,
            "words": np.concatenate([one.kept for one in heard]),
            "word_counts": np.array([len(one.kept) for one in heard], np.int64),
        }
        return cls(vectors, entries, about, arrays, maker=backbone.fingerprint, made_with=backbone.name)

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def tracks(self) -> list[str]:
        """Names of the tracks, in order."""
        return list(self.entries)

    @property
    def root(self) -> Path:
        """The folder that was indexed."""
        return Path(self.about.root)

    @cached_property
    def number(self) -> dict[str, int]:
        """The row of each track."""
        return {track: number for number, track in enumerate(self.entries)}

    @cached_property
    def in_order(self) -> list[Entry]:
        """The entries by row."""
        return list(self.entries.values())

    @cached_property
    def songs(self) -> dict[tuple[str, str], list[int]]:
        """The rows of each song, by its name without versions and its artist."""
        found: dict[tuple[str, str], list[int]] = {}
        for number, entry in enumerate(self.in_order):
            found.setdefault(song(entry.title, entry.artist), []).append(number)
        return found

    @cached_property
    def files(self) -> dict[str, list[int]]:
        """The rows of each file, by the hash of its content."""
        found: dict[str, list[int]] = {}
        for number, entry in enumerate(self.in_order):
            found.setdefault(entry.features.content_sha256, []).append(number)
        return found

    @cached_property
    def traits(self) -> Traits:
        """What is compared of the tracks, as columns."""
        return traits_of([entry.features for entry in self.in_order], self.hand)

    @cached_property
    def signatures(self) -> Signatures:
        """Fingerprints of the tracks."""
        return Signatures(np.split(self._words, np.cumsum(self._word_counts)[:-1]))

    @cached_property
    def _by_title(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for track, entry in self.entries.items():
            for name in {entry.title.casefold(), Path(track).name.casefold(), Path(track).stem.casefold()}:
                found.setdefault(name, []).append(track)
        return found

    def resolve(self, name: str) -> str:
        """A track by its path in the index, its file name or its title; InputError names the nearest, or says
        that several have it.
        """
        if name in self.entries:
            return name
        path = Path(name)
        if path.is_absolute() and path.is_relative_to(self.root):
            below = path.relative_to(self.root).as_posix()
            if below in self.entries:
                return below
        found = self._by_title.get(name.casefold(), [])
        if len(found) == 1:
            return found[0]
        if found:
            raise InputError(
                name, f"is the title of {len(found)} tracks: {', '.join(found[:3])}; give its path"
            )
        known = [*self.entries, *(entry.title for entry in self.entries.values())]
        raise InputError(name, f"is neither a file nor a track of the index{nearest(name, known)}")

    def style(self, vector: Floats) -> Membership:
        """The style that a vector belongs to, or none of them."""
        return self.about.styles.place(vector, self.centroids)

    def heard(self, tracks: Iterable[str]) -> list[Heard]:
        """Tracks as they were heard, to make another index of."""
        out = []
        rows, kept = self.vectors.vectors, self.signatures.kept
        for track in tracks:
            n = self.number[track]
            moments = self.moments[self.moment_starts[n] : self.moment_ends[n]]
            out.append(
                Heard(self.entries[track], rows[n], self.hand[n], moments, kept[n], None, int(self.groups[n]))
            )
        return out

    def save(self, path: str | Path) -> int:
        """Write the index, whole or not at all; returns its size in bytes."""
        beside: dict[str, NDArray[Any]] = {
            "about": as_bytes(self.about),
            "entries": as_bytes(list(self.entries.values())),
            "hand": self.hand,
            "moments": self.moments,
            "moment_counts": self.moment_ends - self.moment_starts,
            "groups": self.groups,
            "centroids": self.centroids,
            "style_of": self.style_of,
            "words": self._words,
            "word_counts": self._word_counts,
        }
        return save_index(path, self.vectors, maker=self.maker, made_with=self.made_with, beside=beside)

    @classmethod
    def open(cls, path: str | PathLike[str], backbone: Backbone | None = None) -> Self:
        """Read an index; with a backbone, only one that this backbone made.

        InputError when the file is no index of tracks or is damaged, ModelMismatchError for another backbone.
        """
        path = Path(path)
        opened = open_index(path, maker=None if backbone is None else backbone.fingerprint)
        check_arrays(opened, path)
        about = from_bytes(opened.beside["about"], About, path)
        entries = from_bytes(opened.beside["entries"], list[Entry], path)
        if [entry.track for entry in entries] != opened.index.ids:
            raise InputError(path, "is damaged: its tracks do not fit its vectors")
        if len(about.parts) != len(PARTS) or len(about.styles.names) != len(opened.beside["centroids"]):
            raise InputError(path, "is damaged: its scales or styles are not whole")
        header = opened.header
        return cls(
            opened.index, entries, about, opened.beside, maker=header.maker, made_with=header.made_with
        )
