"""Which file is which song: the lines of a setlist against the tracks of a folder.

A song that names its files gets them. Otherwise titles are compared in a normal form (accents, case,
punctuation, track numbers and "(Remastered)" do not count): first equal ones, then similar ones (difflib's
ratio, as long as no other track is nearly as similar). A song without a file, or with several that fit, is an
`InputError` that lists the nearest, so that the user can name the file.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from difflib import SequenceMatcher
from pathlib import Path, PurePosixPath
from typing import Literal

from tonewheel.core.errors import InputError
from tonewheel.core.records import Record
from tonewheel.manifest.setlist import Setlist, SetlistSong
from tonewheel.manifest.tracks import Track, title_from_name

LEAST_SIMILAR = 0.8
"""A less similar title is another song: "Waltz No. 1" and "Waltz in E" are at 0.64."""
LEAST_LEAD = 0.05
"""A runner-up nearer than this makes the match ambiguous."""


class Match(Record):
    """A song of a setlist with its reference tracks."""

    song: SetlistSong
    tracks: tuple[Track, ...]
    how: Literal["file", "title", "similar"]
    similarity: float = 1.0


def normalise(title: str) -> str:
    """The form in which titles are compared.

    >>> normalise("Café del Mar (Remastered 2011)"), normalise("Rock & Roll"), normalise("???")
    ('cafe del mar', 'rock and roll', '???')
    """
    text = unicodedata.normalize("NFKD", title.replace("_", " ")).casefold()
    text = "".join(c for c in text if not "\u0300" <= c <= "\u036f").replace("&", " and ")
    text = re.sub(r"['’`´]", "", text)
    short = re.sub(
        r"[(\[](?:[^()\[\]]*\b(?:remaster|mono|stereo|version|mix|edit|studio|album|bonus|feat|ft)[^()\[\]]*)[)\]]",
        " ",
        text,
    )
    for form in (short, text):
        if words := " ".join(
            "".join(c if c.isalnum() or unicodedata.combining(c) else " " for c in form).split()
        ):
            return words
    return text.strip()  # a title of signs alone


def names(track: Track) -> frozenset[str]:
    """All normal forms under which a track may be asked for: its title, its file name, without the artist."""
    stem = title_from_name(PurePosixPath(track.path).stem)
    forms = {track.title, stem, title_from_name(track.title)}
    for form in list(forms):
        head, dash, tail = form.partition(" - ")
        if dash and (not track.artist or normalise(head) == normalise(track.artist)):
            forms.add(title_from_name(tail))
    return frozenset(normalise(form) for form in forms if form.strip())


def match_setlist(setlist: Setlist, tracks: Sequence[Track], root: str | Path = "") -> list[Match]:
    """The reference tracks of every song, in the order of the setlist; `root` is the folder of the tracks.

    Played twice, a song has the same tracks twice; otherwise no track belongs to two songs.

    >>> from tonewheel.manifest.setlist import parse_song
    >>> show = Setlist(songs=(parse_song("Dark Star >"), parse_song("St Stephen")))
    >>> files = [Track(path="02 - Saint Stephen.flac"), Track(path="01 - Dark Star.flac")]
    >>> [(found.tracks[0].path, found.how) for found in match_setlist(show, files)]
    [('01 - Dark Star.flac', 'title'), ('02 - Saint Stephen.flac', 'similar')]
    """
    where = setlist.path or "setlist"
    known = [names(track) for track in tracks]
    by_title: dict[str, Match] = {}
    pending: list[SetlistSong] = []
    taken: set[int] = set()
    for song in setlist.songs:
        key = _key(song)
        if key in by_title:
            continue
        if song.files:
            found = [_named(song, file, tracks, where, root) for file in song.files]
            how: Literal["file", "title"] = "file"
        else:
            found = _equal(song, tracks, known, where)
            how = "title"
        if not found:
            pending.append(song)
            continue
        if how == "title" and taken.intersection(found):
            raise InputError(
                where, f'"{song.title}": {tracks[found[0]].path} belongs to another song', song.line
            )
        taken.update(found)
        by_title[key] = Match(song=song, tracks=tuple(tracks[n] for n in dict.fromkeys(found)), how=how)
    for song in pending:  # after all equal titles, so that these cannot be taken away
        if _key(song) not in by_title:
            number, similarity = _similar(song, tracks, known, taken, where)
            taken.add(number)
            by_title[_key(song)] = Match(
                song=song, tracks=(tracks[number],), how="similar", similarity=similarity
            )
    found_all = [by_title[_key(song)] for song in setlist.songs]
    return [
        Match(song=song, tracks=match.tracks, how=match.how, similarity=match.similarity)
        for song, match in zip(setlist.songs, found_all, strict=True)
    ]


def _key(song: SetlistSong) -> str:
    return "\0".join((normalise(song.title), normalise(song.artist), *song.files))


def _named(song: SetlistSong, file: str, tracks: Sequence[Track], where: str, root: str | Path) -> int:
    """The number of the track that a setlist names by its path, relative to the folder or to the setlist."""
    wanted = PurePosixPath(file.replace("\\", "/"))
    base = Path(root).resolve()
    full = {base / wanted, Path(where).resolve().parent / wanted}
    for number, track in enumerate(tracks):
        if track.path == str(wanted) or (base / track.path) in full or (base / track.path).resolve() in full:
            return number
    by_name = [number for number, track in enumerate(tracks) if PurePosixPath(track.path).name == str(wanted)]
    if len(by_name) == 1:
        return by_name[0]
    state = "is in several folders" if by_name else "is not among the tracks"
    near = _nearest(wanted.stem, tracks, range(len(tracks)))
    raise InputError(where, f'"{song.title}": the file "{file[:200]}" {state}; nearest: {near}', song.line)


def _equal(
    song: SetlistSong, tracks: Sequence[Track], known: Sequence[frozenset[str]], where: str
) -> list[int]:
    """The one track whose title is the song's; none if there is none, an `InputError` if there are more."""
    title = normalise(song.title)
    found = [number for number, forms in enumerate(known) if title in forms]
    if len(found) > 1 and song.artist:
        artist = normalise(song.artist)
        found = [number for number in found if normalise(tracks[number].artist) == artist] or found
    if len(found) > 1:  # "Song" against "Song" and "Song (Live Version)": the one that is written just so
        exact = [n for n in found if tracks[n].title.casefold() == song.title.casefold()]
        found = exact if len(exact) == 1 else found
    if len(found) > 1:
        files = ", ".join(tracks[number].path for number in found[:5])
        raise InputError(
            where, f'"{song.title}" fits {len(found)} tracks ({files}); name the file after "|"', song.line
        )
    return found


def _similarity(a: str, b: str) -> float:
    return SequenceMatcher(None, a, b, autojunk=False).ratio()


def _similar(
    song: SetlistSong, tracks: Sequence[Track], known: Sequence[frozenset[str]], taken: set[int], where: str
) -> tuple[int, float]:
    title = normalise(song.title)
    free = [number for number in range(len(tracks)) if number not in taken]
    ranked = sorted(((max(_similarity(title, form) for form in known[n]), n) for n in free), reverse=True)
    ranked = ranked[:2] + [(0.0, -1)] * 2
    (best, number), (second, _) = ranked[0], ranked[1]
    if best < LEAST_SIMILAR:
        near = _nearest(song.title, tracks, free or range(len(tracks)))
        raise InputError(where, f'no track for "{song.title}"; nearest: {near}', song.line)
    if best - second < LEAST_LEAD:
        pair = f"{tracks[number].path} and {tracks[ranked[1][1]].path}"
        raise InputError(where, f'"{song.title}" fits {pair} alike; name the file after "|"', song.line)
    return number, best


def _nearest(title: str, tracks: Sequence[Track], among: Sequence[int]) -> str:
    wanted = normalise(title)
    ranked = sorted(among, key=lambda n: (-max(_similarity(wanted, form) for form in names(tracks[n])), n))
    return ", ".join(f'"{tracks[n].path}"' for n in ranked[:3]) or "there are no tracks"
