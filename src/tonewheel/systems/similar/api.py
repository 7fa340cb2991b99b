"""The index in Python, with the verbs of the command line: `tonewheel.similar.Index`."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Self

from tonewheel.core.errors import InputError, ModelMismatchError
from tonewheel.core.units import parse_time
from tonewheel.systems.similar.backbones.base import Backbone
from tonewheel.systems.similar.choose import backbone as choose
from tonewheel.systems.similar.filters import Filters, style_number
from tonewheel.systems.similar.find import (
    AN_ARTIST,
    Answer,
    Query,
    Span,
    find,
    one_of,
    sound_query,
    track_query,
)
from tonewheel.systems.similar.library import Library
from tonewheel.systems.similar.travel import Step, blend, path

Named = str | PathLike[str]


class Index(Library):
    """Tracks to search.

        index = Index.build("music")            # or Index.open("music.index")
        for match in index.find("demo.wav", k=10).matches:
            print(match.rank, match.track, match.similarity, match.why.words)

    A query is a file, a track of the index (its path, file name or title), or for paths and blends a style.
    """

    weights: Path | None = None

    @classmethod
    def open(cls, path: Named, backbone: Backbone | None = None, *, weights: Path | None = None) -> Self:
        """Read an index; InputError when it is none or damaged, ModelMismatchError when other weights made it."""
        index = super().open(path, backbone)
        index.weights = weights
        if backbone is not None:
            index.backbone = backbone
        return index

    @classmethod
    def build(cls, source: Named, *, backbone: str | None = None, jobs: int | None = None) -> Self:
        """Make an index of a folder of audio, in memory; files that cannot be used are left out."""
        from tonewheel.systems.similar.build import build

        with tempfile.TemporaryDirectory() as keep:
            library = build(Path(source), choose(backbone), keep=Path(keep) / "heard", jobs=jobs).library
        index = cls.__new__(cls)
        index.__dict__.update(library.__dict__)
        return index

    @cached_property
    def backbone(self) -> Backbone:
        """What hears a query from outside; ModelMismatchError when it is not what made the index."""
        name = self.made_with.partition("+")[0]  # the backbone below a head; the head comes with its weights
        chosen = choose(None if self.weights is not None else name, self.weights)
        if chosen.fingerprint != self.maker:
            raise ModelMismatchError(
                f"the index was made with {self.made_with} ({self.maker[:12]}), this one is"
                f" {chosen.fingerprint[:12]}; give its weights with --weights, or make the index again"
            )
        return chosen

    def query(self, what: Named, at: str | Span | None = None) -> Query:
        """A file, a track of the index, or with `at` ("1:20-1:50") a moment of one of them."""
        found = one_of(str(what), self)
        span = parse_span(at) if isinstance(at, str) else at
        if isinstance(found, str) and span is None:
            return track_query(self, found)
        from tonewheel.systems.similar.hear import hear_query

        file = self.root / found if isinstance(found, str) else found
        sound = hear_query(file, self.backbone, *(span or (0.0, None)))
        query = sound_query(self, file, sound, span)
        if isinstance(found, str):
            own = frozenset({int(self.groups[self.number[found]])})
            query = query._replace(name=found, same=query.same | own)
        return query

    def find(
        self,
        what: Named,
        k: int = 10,
        *,
        at: str | Span | None = None,
        filters: Filters | None = None,
        an_artist: int | None = AN_ARTIST,
        versions: bool = False,
    ) -> Answer:
        """The `k` tracks most like a query; see `find.find`."""
        return find(self, self.query(what, at), k, filters, an_artist=an_artist, versions=versions)

    def path(self, first: Named, last: Named, steps: int = 8) -> list[Step]:
        """Tracks that lead from one to another; see `travel.path`."""
        return path(self, self.end(first), self.end(last), steps)

    def blend(self, parts: Mapping[str, float], k: int = 10, *, filters: Filters | None = None) -> Answer:
        """Tracks between several, by weight: `index.blend({"a.flac": 0.7, "b.flac": 0.3})`."""
        return find(self, blend([(self.end(name), weight) for name, weight in parts.items()]), k, filters)

    def knows(self, name: str) -> bool:
        """Whether a name is that of a track of the index, a file, or a style."""
        return name in self.entries or Path(name).exists() or self._is_style(name)

    def _is_style(self, name: str) -> bool:
        return name.casefold() in {style.casefold() for style in self.about.styles.names}

    def end(self, what: Named) -> Query:
        """A query, or the middle of a style by its name."""
        name = str(what)
        if self._is_style(name) and name not in self.entries and not Path(name).exists():
            number = style_number(self, name)
            return Query(self.about.styles.names[number], self.centroids[number], None, None, frozenset())
        return self.query(what)


def parse_span(text: str) -> Span:
    """A moment from "1:20-1:50" or, until the end, "1:20"; InputError says what was expected.

    >>> parse_span("1:20-1:50"), parse_span("80")
    ((80.0, 110.0), (80.0, None))
    """
    first, dash, last = text.replace("–", "-").partition("-")
    try:
        span = (parse_time(first), parse_time(last) if dash else None)
    except ValueError:
        raise InputError("--at", f'"{text}" is no moment; write it as 1:20-1:50') from None
    if span[1] is not None and span[1] <= span[0]:
        raise InputError("--at", f'"{text}" ends before it begins')
    return span
