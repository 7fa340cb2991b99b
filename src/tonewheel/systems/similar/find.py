"""Find tracks like this one: a file, a moment of it, or a track of the index.

Other versions of the query are named apart and not in the list, of several versions only the nearest is, and no
artist has more than two places.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.errors import InputError
from tonewheel.core.records import Record
from tonewheel.index.exact import top
from tonewheel.manifest.tags import read_tags
from tonewheel.manifest.tracks import title_from_name
from tonewheel.systems.similar.features.record import Features
from tonewheel.systems.similar.filters import Filters, mask
from tonewheel.systems.similar.library import Library
from tonewheel.systems.similar.same import song
from tonewheel.systems.similar.styles import Membership
from tonewheel.systems.similar.tracks import MOMENT_HOP_S, Sound
from tonewheel.systems.similar.why import Why, explain, part_scores, traits_of

Floats = NDArray[np.float32]

AN_ARTIST = 2
Span = tuple[float, float | None]


class Found(Record):
    """One place of the list."""

    rank: int
    track: str
    title: str
    artist: str
    path: str
    similarity: float
    """Share of the collection's pairs that are less alike."""
    cosine: float
    at_s: float
    """Where in the track the moment begins that is most like the query."""
    why: Why | None
    style: str | None


class Answer(Record):
    """What is like the query: the list, the query's own style, and where the query itself is in the index."""

    query: str
    at_s: tuple[float, float | None] | None
    style: Membership
    same: tuple[str, ...]
    """Tracks of the index that are the query, or versions of it."""
    matches: tuple[Found, ...]


class Query(NamedTuple):
    """What is searched for."""

    name: str
    vector: Floats
    features: Features | None
    """None for a blend, which is no sound."""
    hand: Floats | None
    same: frozenset[int]
    """Groups of versions that it belongs to."""
    span: Span | None = None


def find(
    library: Library,
    query: Query,
    k: int = 10,
    filters: Filters | None = None,
    *,
    an_artist: int | None = AN_ARTIST,
    versions: bool = False,
) -> Answer:
    """The `k` tracks most like the query, best first.

    `an_artist` is how many places one artist may have (None for any); `versions` lets other versions in.
    """
    among = mask(library, filters or Filters(), query.features)
    if query.span is None:
        ranked = _ranked(library, query.vector, among, k)
        scale = library.about.similarity
    else:
        ranked = _ranked_moments(library, query.vector, among)
        scale = library.about.moments
    chosen: list[tuple[int, float]] = []
    groups: set[int] = set() if versions else set(query.same)
    places: Counter[str] = Counter()
    entries = library.in_order
    for number, cosine in ranked:
        artist = entries[number].artist.casefold().strip()
        group = int(library.groups[number])
        itself = query.name == entries[number].track and query.span is None
        full = an_artist is not None and artist and places[artist] >= an_artist
        if itself or full or (not versions and group in groups):
            continue
        groups.add(group)
        places[artist] += 1
        chosen.append((number, cosine))
        if len(chosen) == k:
            break
    whys = _whys(library, query, [number for number, _ in chosen])
    similar = scale.similarity([cosine for _, cosine in chosen])
    names = library.about.styles.names
    matches = []
    for rank, ((number, cosine), similarity, why) in enumerate(
        zip(chosen, similar, whys, strict=True), start=1
    ):
        entry, style = entries[number], int(library.style_of[number])
        matches.append(
            Found(
                rank=rank,
                track=entry.track,
                title=entry.title,
                artist=entry.artist,
                path=str(library.root / entry.track),
                similarity=round(float(similarity), 4),
                cosine=round(cosine, 4),
                at_s=_likeliest(library, number, query.vector),
                why=why,
                style=names[style] if style >= 0 else None,
            )
        )
    same = tuple(entries[n].track for n in np.flatnonzero(np.isin(library.groups, list(query.same))))
    return Answer(
        query=query.name,
        at_s=query.span,
        style=library.style(query.vector),
        same=same,
        matches=tuple(matches),
    )


def track_query(library: Library, track: str) -> Query:
    """A track of the index as a query; nothing has to be heard."""
    number = library.number[track]
    vector, entry = library.vectors.vector(track), library.entries[track]
    return Query(
        track, vector, entry.features, library.hand[number], frozenset({int(library.groups[number])})
    )


def sound_query(library: Library, path: Path, sound: Sound, span: Span | None = None) -> Query:
    """A file, or a moment of it, as a query once it was heard."""
    found = [shared.track for shared in library.signatures.find(sound.whole)]
    tags = read_tags(path)
    named = song(tags.get("title") or title_from_name(path.stem), tags.get("artist", ""))
    found += library.songs.get(named, []) if named[0] else []
    digest = sound.features.content_sha256
    found += library.files.get(digest, []) if digest else []
    same = frozenset(int(library.groups[number]) for number in found)
    return Query(str(path), sound.vector, sound.features, sound.hand, same, span)


def _ranked(
    library: Library, vector: Floats, among: NDArray[np.bool_] | None, k: int
) -> Iterator[tuple[int, float]]:
    """Tracks by the cosine of the whole, best first; more are fetched when versions and artists use them up."""
    seen: set[str] = set()
    wanted = 4 * k + 20
    while True:
        matches = library.vectors.search(vector, min(wanted, max(1, len(library))), among)
        for match in matches:
            if match.id not in seen:
                seen.add(match.id)
                yield library.number[match.id], match.score
        if len(matches) < wanted or wanted >= len(library):
            return
        wanted *= 4


def _ranked_moments(
    library: Library, vector: Floats, among: NDArray[np.bool_] | None
) -> Iterator[tuple[int, float]]:
    """Tracks by their moment that is most like the vector."""
    best = np.maximum.reduceat(_moment_cosines(library.moments, vector), library.moment_starts)
    if among is not None:
        best = np.where(among, best, -np.inf).astype(np.float32)
    numbers, cosines = top(best, len(best))
    for number, cosine in zip(numbers.tolist(), cosines.tolist(), strict=True):
        if np.isfinite(cosine):
            yield number, min(1.0, cosine)


def _moment_cosines(moments: NDArray[np.int8], vector: Floats, at_once: int = 4096) -> Floats:
    parts: Iterable[Floats] = (
        moments[i : i + at_once].astype(np.float32) @ vector for i in range(0, len(moments), at_once)
    )
    return np.asarray(np.concatenate(list(parts)) / 127, np.float32)


def _likeliest(library: Library, number: int, vector: Floats) -> float:
    start, end = library.moment_starts[number], library.moment_ends[number]
    return int(_moment_cosines(library.moments[start:end], vector).argmax()) * MOMENT_HOP_S


def _whys(library: Library, query: Query, numbers: list[int]) -> list[Why | None]:
    if query.features is None or query.hand is None or not numbers:
        return [None] * len(numbers)
    asked = traits_of([query.features], query.hand[None])
    scores = part_scores(asked, library.traits.take(np.array(numbers)))
    entries = library.in_order
    return [
        explain(row, library.about.parts, query.features, entries[number].features)
        for row, number in zip(scores, numbers, strict=True)
    ]


def one_of(what: str, library: Library) -> str | Path:
    """A track of the index or a file, as a person names it; a track's name in the index comes first."""
    if what in library.entries:
        return what
    path = Path(what)
    if path.is_file():
        return path
    if path.exists():
        raise InputError(what, "is no file; a query is one track")
    return library.resolve(what)
