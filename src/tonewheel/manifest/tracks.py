"""Tracks: which recordings there are, from an index (CSV or JSONL) or a plain folder of audio files.

Keys that we do not know survive a round trip (`extras`). A line that cannot be a track is quarantined with
its line number and reason, and the rest goes on; only a file that cannot be read at all is an `InputError`.
"""

from __future__ import annotations

import csv
import math
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from tonewheel.core.errors import InputError
from tonewheel.core.files import atomic_path, reading
from tonewheel.core.records import Record

AUDIO_SUFFIXES = frozenset(
    f".{suffix}"
    for suffix in (
        *("wav", "wave", "w64", "au", "caf", "flac", "aif", "aiff", "aifc", "ogg", "oga", "opus", "mp3"),
        *("m4a", "aac", "mp4", "m4v", "mov", "mkv", "mka", "webm", "wma"),
    )
)
"""What counts as audio in a plain folder; an index may name anything."""

LONGEST_TEXT = 4096
"""A longer path, title or licence is no such thing."""


class Track(Record, rename={"licence": "license"}):
    """One released recording (in an index of sounds: one room, microphone or crowd): where and whose it is.

    It holds no audio. `path` is relative to the index; a closed field list, everything else is in `extras`.

    >>> Track(path="music/a.opus", title="A", licence="CC0").to_row()
    {'path': 'music/a.opus', 'title': 'A', 'license': 'CC0'}
    """

    path: str
    kind: str = "music"
    """music, or what else the file is: ir_room, ir_mic, crowd, ..."""
    title: str = ""
    artist: str = ""
    source_repo: str = ""
    """Where it was published: a repository, an album, a site."""
    licence: str = ""
    """As the source states it; see `manifest.licence`. Written as `license`, the key of the indexes."""
    seconds: float | None = None
    split: str = ""
    """train, valid or test; empty when undecided."""
    extras: dict[str, Any] = msgspec.field(default_factory=dict)
    """Keys of the file that are none of ours, as they were."""

    @classmethod
    def from_row(cls, row: dict[str, Any], where: str | Path = "", line: int | None = None) -> Track:
        """Build a track from a CSV row or JSON object; `InputError(where, line)` says what is wrong."""
        values: dict[str, Any] = {}
        extras: dict[str, Any] = {}
        for key, value in row.items():
            if key in _TEXTS:
                text = "" if value is None else value
                if not isinstance(text, str) or len(text) > LONGEST_TEXT or "\0" in text:
                    raise InputError(where, f"{key} must be text of at most {LONGEST_TEXT} characters", line)
                values[key] = text
            elif key == "seconds":
                values[key] = _seconds(value, where, line)
            else:
                extras[key] = value
        if not values.get("path"):
            raise InputError(where, "a track needs a path", line)
        return cls.from_dict({**values, "extras": extras}, where)

    def to_row(self) -> dict[str, Any]:
        """The JSON object of a manifest line: fields that are set, then the extras as they came."""
        row = self.to_dict()
        extras: dict[str, Any] = row.pop("extras")
        default = Track(path="").to_dict()
        set_fields: dict[str, Any] = {key: value for key, value in row.items() if value != default[key]}
        return set_fields | extras


_TEXTS = frozenset(Track.__struct_encode_fields__) - {"seconds", "extras"}


class Quarantined(Record):
    """A line or file that was left out, and why."""

    path: str
    reason: str
    line: int | None = None

    def __str__(self) -> str:
        return f"{self.path}{'' if self.line is None else f':{self.line}'}: {self.reason}"


class Reading(Record):
    """What a manifest or folder held: the tracks, in order, and what was left out."""

    tracks: tuple[Track, ...]
    quarantined: tuple[Quarantined, ...] = ()


def read_tracks(path: str | Path, *, tags: bool = True) -> Reading:
    """Tracks of a `.csv` index, a `.jsonl` manifest, or a folder (its `index.csv` is not looked for).

    `tags=False` takes the titles of a folder from the file names alone and opens no file.
    """
    source = Path(path)
    if source.is_dir():
        return read_folder(source, tags=tags)
    if source.suffix.lower() == ".csv":
        return _collect(_csv_rows(source), source)
    if source.suffix.lower() in (".jsonl", ".ndjson"):
        return _collect(_json_rows(source), source)
    reason = "is no folder of audio, .csv index or .jsonl manifest" if source.exists() else "no such file"
    raise InputError(source, reason)


def write_tracks(path: str | Path, tracks: Iterable[Track]) -> int:
    """Write tracks as a JSONL manifest, whole or not at all; returns how many."""
    count = 0
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as lines:
        for track in tracks:
            lines.write(msgspec.json.encode(track.to_row()).decode() + "\n")
            count += 1
    return count


def read_folder(folder: str | Path, *, tags: bool = True) -> Reading:
    """All audio below a folder as tracks, in a stable order; hidden files and linked folders are passed over.

    Title and artist come from the file's tags where it has them, otherwise from its name. An empty folder is
    an `InputError`; a file that cannot be opened is still a track here, for the gates to judge.
    """
    root = Path(folder)
    if not root.is_dir():
        raise InputError(root, "is no folder" if root.exists() else "no such folder")
    found = sorted(_audio_files(root), key=_natural)
    if not found:
        raise InputError(root, f"holds no audio ({', '.join(sorted(AUDIO_SUFFIXES))})")
    return Reading(tracks=tuple(_from_file(root, path, tags) for path in found))


def audio_paths(path: str | Path) -> list[Path]:
    """The file itself, or all audio below a folder in a stable order; errors as `read_folder`.

    >>> [str(path) for path in audio_paths("one.wav")]
    ['one.wav']
    """
    given = Path(path)
    if not given.is_dir():
        return [given]
    return [given / track.path for track in read_folder(given, tags=False).tracks]


def title_from_name(name: str) -> str:
    """A title from a file name without its suffix: the track number goes, underscores become spaces.

    >>> title_from_name("01 - So_What"), title_from_name("1-03. Blue"), title_from_name("99 Problems")
    ('So What', 'Blue', '99 Problems')
    """
    text = re.sub(r"[_\s]+", " ", name).strip()
    # A number is a track number only if more than a space parts it from the title, or it has a leading 0.
    rest = re.sub(r"^(?:[A-D]?\d{1,2}[-.])?(?:\d{1,3}\s*[.)\-–]+\s*|0\d{1,2}\s+)(?=\S)", "", text)
    return rest or text


def _from_file(root: Path, path: Path, tags: bool) -> Track:
    found: dict[str, str] = {}
    if tags:
        from tonewheel.manifest.tags import read_tags

        found = read_tags(path)
    title = found.get("title") or title_from_name(path.stem)
    relative = path.relative_to(root).as_posix()
    return Track(path=relative, title=title[:LONGEST_TEXT], artist=found.get("artist", "")[:LONGEST_TEXT])


def _audio_files(root: Path) -> Iterator[Path]:
    for where, folders, names in os.walk(root, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            path = Path(where, name)
            if not name.startswith(".") and path.suffix.lower() in AUDIO_SUFFIXES and path.is_file():
                yield path


def _natural(path: Path) -> tuple[list[tuple[int, int, str]], str]:
    """Order in which people read names: "track 2" before "track 10"; case decides last."""
    parts = re.split(r"(\d+)", path.as_posix().casefold())
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts], path.as_posix()


def _seconds(value: Any, where: str | Path, line: int | None) -> float | None:
    if value is None or value == "":
        return None
    try:
        seconds = float(value)
    except (TypeError, ValueError, OverflowError):
        seconds = math.nan
    if isinstance(value, bool) or not math.isfinite(seconds) or seconds < 0:
        raise InputError(where, f"seconds must be a number of at least 0, got {str(value)[:40]!r}", line)
    return seconds


def _collect(rows: Iterator[tuple[int, dict[str, Any] | str]], source: Path) -> Reading:
    tracks: list[Track] = []
    quarantined: list[Quarantined] = []
    for line, row in rows:
        if isinstance(row, str):
            quarantined.append(Quarantined(path=str(source), line=line, reason=row))
            continue
        try:
            tracks.append(Track.from_row(row, source, line))
        except InputError as error:
            quarantined.append(Quarantined(path=str(source), line=line, reason=error.reason))
    return Reading(tracks=tuple(tracks), quarantined=tuple(quarantined))


def _csv_rows(source: Path) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """(line, row) for every row, or (line, reason) for one that does not fit the header."""
    with _open_text(source) as lines:
        reader = csv.DictReader(lines, strict=True)
        try:
            if "path" not in (reader.fieldnames or ()):
                raise InputError(source, 'the header of an index needs a "path" column', 1)
            for row in reader:
                if None in row or None in row.values():
                    yield reader.line_num, f"has {'more' if None in row else 'fewer'} columns than the header"
                else:
                    yield reader.line_num, dict(row)
        except csv.Error as error:
            yield reader.line_num, f"is no CSV: {error}; nothing after it was read"


def _json_rows(source: Path) -> Iterator[tuple[int, dict[str, Any] | str]]:
    with _open_text(source) as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = msgspec.json.decode(line)
            except (msgspec.DecodeError, RecursionError, ValueError) as error:
                yield number, f"is no JSON: {error}"
                continue
            yield number, row if isinstance(row, dict) else "is no JSON object"


def _open_text(source: Path) -> Any:
    with reading(source):
        # A wrong byte spoils its line, not the file: it becomes a mark that no path has.
        return source.open(encoding="utf-8-sig", errors="replace", newline="")
