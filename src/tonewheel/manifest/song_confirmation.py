"""What a listening confirmed or a person corrected about a recording, with every name hashed.

A line says that over [start_s, end_s) of a recording a track was heard from `track_s` on. Recordings are named by the
SHA-256 of their bytes, tracks by that of their file's name: who has the files can use the line, who has not learns
nothing from it but the times. (A name can still be guessed and hashed by who knows what to guess.)
"""

from __future__ import annotations

import hashlib
import math
import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple

from msgspec.structs import replace

from tonewheel.core.errors import InputError
from tonewheel.core.files import reading
from tonewheel.core.records import Record

LARGEST_BYTES = 4096
LARGEST_FILE_BYTES = 2**28
LONGEST_S = 48 * 3600.0
MOST_TRACKS = 16
SAME_PLACE_S = 1.0
"""Two lines agree when they put the beginning of the track at the same moment within this."""
CONFIRMATIONS = 2
"""As many that agree make an example; of a correction, one does."""

Verdict = Literal["confirmed", "corrected"]
_HASH = re.compile(r"[0-9a-f]{64}\Z")
_WITNESS = re.compile(r"[a-z0-9][a-z0-9 ._-]{0,63}\Z")


class SongConfirmation(Record):
    """One line; `id` is a UUID made of all the rest, so that the same said twice is said once."""

    id: str
    recording: str
    """SHA-256 of the file's bytes."""
    tracks: tuple[str, ...]
    """`track_hash` of the references of the song; none: no song that we know was played."""
    start_s: float
    end_s: float
    track_s: float
    """Place in the track at `start_s`."""
    verdict: Verdict
    witness: str
    """What or who says so; two lines of one witness count as one."""

    @property
    def zero_s(self) -> float:
        """When the track began, or would have begun."""
        return self.start_s - self.track_s

    def meets(self, other: SongConfirmation) -> bool:
        """Whether both speak of the same moment of the same recording."""
        apart = self.end_s <= other.start_s or other.end_s <= self.start_s
        return self.recording == other.recording and not apart

    def agrees(self, other: SongConfirmation) -> bool:
        """Whether both say the same of the moments that they share."""
        if not self.tracks or not other.tracks:
            return not self.tracks and not other.tracks
        same = bool(set(self.tracks) & set(other.tracks))
        return same and abs(self.zero_s - other.zero_s) <= SAME_PLACE_S


class Agreed(NamedTuple):
    """A stretch of a recording of which it is settled what was played."""

    recording: str
    tracks: tuple[str, ...]
    start_s: float
    end_s: float
    track_s: float
    corrected: bool


def track_hash(name: str) -> str:
    """A track's name for lines that leave the folder: SHA-256 of the name of its file, without the path.

    >>> track_hash("Intro.flac") == track_hash("some/folder/Intro.flac"), len(track_hash("x"))
    (True, 64)
    """
    plain = name.replace("\\", "/").rpartition("/")[2]
    return hashlib.sha256(f"tonewheel track\0{plain}".encode("utf-8", "surrogatepass")).hexdigest()


def confirmation(
    recording: str,
    tracks: Sequence[str],
    span_s: tuple[float, float],
    track_s: float,
    verdict: Verdict,
    witness: str,
) -> SongConfirmation:
    """A line with its id; `tracks` are file names.

    >>> one = confirmation("0" * 64, ["Intro.flac"], (10.0, 60.0), 0.0, "confirmed", "align 12ab")
    >>> again = confirmation("0" * 64, ["Intro.flac"], (10.0, 60.0), 0.0, "confirmed", "align 12ab")
    >>> one.id == again.id, one.tracks[0][:8]
    (True, '7aa2ba1b')
    """
    start_s, end_s = (round(time_s, 3) for time_s in span_s)
    unnamed = SongConfirmation(
        id="",
        recording=recording,
        tracks=tuple(track_hash(name) for name in tracks[:MOST_TRACKS]),
        start_s=start_s,
        end_s=end_s,
        track_s=round(track_s, 3),
        verdict=verdict,
        witness=witness,
    )
    return replace(unnamed, id=str(uuid.uuid5(uuid.NAMESPACE_URL, unnamed.to_json())))


def parse_confirmation(body: bytes | str, where: str | Path = "confirmation") -> SongConfirmation:
    """Read one line; InputError(where) names the key and what is wrong with it.

    >>> parse_confirmation("{}")
    Traceback (most recent call last):
    tonewheel.core.errors.InputError: confirmation: key "id" is missing
    """
    raw = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    if len(raw) > LARGEST_BYTES:
        raise InputError(where, f"{len(raw)} bytes; a confirmation has at most {LARGEST_BYTES}")
    one = SongConfirmation.from_json(raw, where)
    try:
        uuid.UUID(one.id)
    except ValueError:
        raise InputError(where, "id: is no UUID") from None
    for name in (one.recording, *one.tracks):
        if not _HASH.match(name):
            raise InputError(where, f'"{name[:40]}" is no SHA-256; names are hashed before they are kept')
    if len(one.tracks) > MOST_TRACKS:
        raise InputError(where, f"tracks: {len(one.tracks)}; a song has at most {MOST_TRACKS}")
    if not _WITNESS.match(one.witness):
        raise InputError(where, "witness: up to 64 small letters, digits, spaces and . _ -")
    times = (one.start_s, one.end_s, one.track_s)
    if not all(math.isfinite(time_s) and 0 <= time_s <= LONGEST_S for time_s in times):
        raise InputError(where, f"start_s, end_s, track_s: {times}; times are 0 to {LONGEST_S:g} s")
    if one.end_s <= one.start_s:
        raise InputError(where, f"ends at {one.end_s:g} s and starts at {one.start_s:g} s")
    return one


def read_confirmations(path: Path) -> list[SongConfirmation]:
    """The lines of a file, as they were written or exported from a feedback store; InputError names a bad one."""
    with reading(path), path.open("rb") as file:
        raw = file.read(LARGEST_FILE_BYTES + 1)
    if len(raw) > LARGEST_FILE_BYTES:
        raise InputError(path, f"is larger than {LARGEST_FILE_BYTES // 2**20} MiB; are these confirmations?")
    return [
        parse_confirmation(line, f"{path}:{number}")
        for number, line in enumerate(raw.splitlines(), start=1)
        if line.strip()
    ]


def agreed(lines: Iterable[SongConfirmation]) -> Iterator[Agreed]:
    """What is settled: one correction that no other contradicts, or two confirmations that no correction contradicts.

    >>> def said(witness, start_s, verdict="confirmed", track="a"):
    ...     return confirmation("0" * 64, [track], (start_s, 60.0), start_s - 10, verdict, witness)
    >>> once, twice = [said("listen", 12.0)], [said("listen", 12.0), said("align", 10.5)]
    >>> len(list(agreed(once))), [(one.start_s, one.track_s) for one in agreed(twice)]
    (0, [(12.0, 2.0)])
    >>> [one.corrected for one in agreed([*twice, said("person", 10.0, "corrected", "b")])]
    [True]
    """
    said = list({one.id: one for one in lines}.values())
    corrections = [one for one in said if one.verdict == "corrected"]
    for one in corrections:
        if one.tracks and all(one.agrees(other) for other in corrections if one.meets(other)):
            yield _stretch(one, one)
    rest = [
        one
        for one in said
        if one.verdict == "confirmed" and one.tracks and not any(one.meets(other) for other in corrections)
    ]
    rest.sort(key=lambda one: (one.recording, one.zero_s, one.start_s))
    for group in _together(rest):
        first, last = max(group, key=lambda one: one.start_s), min(group, key=lambda one: one.end_s)
        if len({one.witness for one in group}) >= CONFIRMATIONS and first.start_s < last.end_s:
            yield _stretch(first, last)


def _together(lines: Sequence[SongConfirmation]) -> Iterator[list[SongConfirmation]]:
    """Lines that meet and agree, each with the one before it."""
    group = list(lines[:1])
    for before, one in pairwise(lines):
        if before.meets(one) and before.agrees(one):
            group.append(one)
            continue
        yield group
        group = [one]
    if group:
        yield group


def _stretch(first: SongConfirmation, last: SongConfirmation) -> Agreed:
    """From the latest start to the earliest end: what all of them say."""
    return Agreed(
        recording=first.recording,
        tracks=first.tracks,
        start_s=first.start_s,
        end_s=last.end_s,
        track_s=first.track_s,
        corrected=first.verdict == "corrected",
    )
