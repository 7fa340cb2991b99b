"""Setlists: the songs of a show in order, as people write them down.

Plain text, one song a line:

    1. Opening Song [4:32]
    Slow One ?                  optional, may be skipped
    Long Jam >                  goes straight into the next
    Second Half | live.flac | studio.flac      one or more reference files
    Encore:
    * Last Song                 played as an encore
    # a remark

`?`, `*` and `>` stand before or after the title, in any order. A `?` that touches a title which asks a
question ("Who Are You?") belongs to the title; parted by a space it is always the mark. CSV has a header with
`title` (or `song`) and any of `artist, optional, encore, segue, duration, files` (several files parted by `;`
or `|`), or no header and the lines above. JSON and YAML hold a list, or an object with `songs`, of lines as
above or of objects with the fields of `SetlistSong`. A file that does not fit is an `InputError` with path
and line.
"""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

from tonewheel.core.errors import InputError, nearest
from tonewheel.core.files import reading
from tonewheel.core.records import Record
from tonewheel.manifest.setlist_song import LONGEST_TITLE, SetlistSong, checked, parse_song

__all__ = ["Setlist", "SetlistSong", "parse_song", "read_setlist"]

LARGEST_BYTES = 2**18
MOST_SONGS = 1000


class Setlist(Record):
    """The songs of one show in the order in which they are planned."""

    songs: tuple[SetlistSong, ...]
    name: str = ""
    path: str = ""
    """The file it was read from, for messages."""


def read_setlist(path: str | Path) -> Setlist:
    """Read a setlist; the suffix says how (.json, .yaml, .yml, .csv, .tsv), anything else is plain text."""
    source = Path(path)
    text = _read_text(source)
    suffix = source.suffix.lower()
    if suffix == ".json":
        name, songs = _from_values(_json(text, source), [], source)
    elif suffix in (".yaml", ".yml"):
        name, songs = _from_values(*_yaml(text, source), source)
    elif suffix in (".csv", ".tsv"):
        name, songs = "", _from_csv(text, source, "\t" if suffix == ".tsv" else ",")
    else:
        name, songs = "", _from_lines(text, source)
    if not songs:
        raise InputError(source, "holds no songs")
    if len(songs) > MOST_SONGS:
        raise InputError(source, f"holds {len(songs)} songs; a setlist has at most {MOST_SONGS}")
    return Setlist(songs=tuple(songs), name=name or source.stem, path=str(source))


_HEADING = re.compile(
    r"^[-=#\s]*(encores?|set|main set|act)\b\s*\w{0,5}\s*(?::|[-=]{2,}|(?<=-)\s*)\s*$", re.IGNORECASE
)


def _from_lines(text: str, source: Path) -> list[SetlistSong]:
    songs: list[SetlistSong] = []
    encore = False
    for number, line in enumerate(text.splitlines(), start=1):
        body = line.strip()
        if not body.strip("-=_#") or body.startswith("# "):
            continue
        if heading := _HEADING.match(body):
            encore = heading.group(1).lower().startswith("encore")
            continue
        song = parse_song(body, source, number)
        songs.append(checked({**song.to_dict(), "encore": True}, source, number) if encore else song)
    return songs


_TITLES = ("title", "song", "name")
_FLAGS = {"optional": "optional", "encore": "encore", "segue": "segue", "straight": "segue"}
_OTHERS = {"artist": "artist", "duration": "duration_s", "duration_s": "duration_s"} | dict.fromkeys(
    ("file", "files", "path", "paths", "reference", "references"), "files"
)
_FIELDS = dict.fromkeys(_TITLES, "title") | _FLAGS | _OTHERS
_YES, _NO = ("1", "true", "yes", "y", "x", "?", "*", ">"), ("", "0", "false", "no", "n", "-")


def _from_csv(text: str, source: Path, delimiter: str) -> list[SetlistSong]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    songs: list[SetlistSong] = []
    header: list[str] | None = None
    first = True
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            keys = [cell.lower() for cell in cells]
            if first and any(key in _TITLES for key in keys):
                header = keys
                for key in keys:
                    if key and key not in _FIELDS and key not in ("no", "number", "position", "#"):
                        raise InputError(
                            source, f'unknown column "{key[:40]}"{nearest(key, _FIELDS)}', reader.line_num
                        )
            elif header is None:
                songs.append(parse_song(cells[0], source, reader.line_num))
            else:
                songs.append(_from_row(header, cells, source, reader.line_num))
            first = False
    except csv.Error as error:
        raise InputError(source, f"is no CSV: {error}", reader.line_num) from None
    return songs


def _from_row(header: list[str], cells: list[str], source: Path, line: int) -> SetlistSong:
    if len(cells) > len(header):
        raise InputError(source, f"has {len(cells)} columns, the header has {len(header)}", line)
    found = {_FIELDS[key]: cell for key, cell in zip(header, cells, strict=False) if key in _FIELDS and cell}
    # Marks in the title work here too; what a column says is added to them.
    values = parse_song(found.pop("title", ""), source, line).to_dict()
    for key, cell in found.items():
        if key == "files":
            values["files"] = [part.strip() for part in re.split(r"[;|]", cell) if part.strip()]
        elif key in _FLAGS:
            values[key] = _flag(key, cell, source, line) or values[key]
        else:
            values[key] = cell
    return checked(values, source, line)


def _flag(key: str, text: str, source: Path, line: int | None) -> bool:
    if text.lower() not in _YES + _NO:
        raise InputError(source, f'{key} must be yes or no, got "{text[:40]}"', line)
    return text.lower() in _YES


def _from_values(value: Any, lines: list[int], source: Path) -> tuple[str, list[SetlistSong]]:
    """Songs of decoded JSON or YAML: a list, or an object with `songs`."""
    name = ""
    if isinstance(value, dict):
        for key in value:
            if key not in ("songs", "setlist", "name", "title"):
                raise InputError(
                    source, f'unknown key "{str(key)[:40]}"{nearest(str(key), ["songs", "name"])}'
                )
        title = value.get("name", value.get("title", ""))
        name = title if isinstance(title, str) else ""
        value = value.get("songs", value.get("setlist"))
    if not isinstance(value, list):
        raise InputError(source, 'expected a list of songs, or an object with "songs"')
    if len(value) > MOST_SONGS:
        raise InputError(source, f"holds {len(value)} songs; a setlist has at most {MOST_SONGS}")
    places = lines if len(lines) == len(value) else [None] * len(value)
    songs = [
        _from_item(item, source, n, line) for n, (item, line) in enumerate(zip(value, places, strict=True), 1)
    ]
    return name[:LONGEST_TITLE], songs


def _from_item(item: Any, source: Path, number: int, line: int | None) -> SetlistSong:
    place = f"song {number}: " if line is None else ""
    try:
        if isinstance(item, str):
            return parse_song(item, source, line)
        if not isinstance(item, dict):
            raise InputError(
                source, f"a song is a line of text or an object, got {type(item).__name__}", line
            )
        values: dict[str, Any] = {}
        for key, value in item.items():
            if key not in _FIELDS:
                raise InputError(source, f'unknown key "{str(key)[:40]}"{nearest(str(key), _FIELDS)}', line)
            if key in _FLAGS and isinstance(value, str):
                value = _flag(key, value, source, line)
            values[_FIELDS[key]] = [value] if _FIELDS[key] == "files" and isinstance(value, str) else value
        return checked(values, source, line)
    except InputError as error:
        raise InputError(source, place + error.reason, error.line) from None


def _read_text(source: Path) -> str:
    with reading(source), source.open("rb") as stream:
        raw = stream.read(LARGEST_BYTES + 1)
    if len(raw) > LARGEST_BYTES:
        raise InputError(source, f"is larger than {LARGEST_BYTES // 1024} KiB; is this a setlist?")
    utf16 = raw.startswith((b"\xff\xfe", b"\xfe\xff"))  # "Unicode" as Notepad saves it
    try:
        text = raw.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise InputError(source, "is not UTF-8 text", None if utf16 else line) from None
    if "\0" in text:
        raise InputError(source, "is not text", text[: text.index("\0")].count("\n") + 1)
    return text


def _json(text: str, source: Path) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(source, f"is no JSON: {error.msg} (column {error.colno})", error.lineno) from None
    except (RecursionError, ValueError):
        raise InputError(
            source, "is no JSON that can be read: nested too deeply, or a number too long"
        ) from None


def _yaml(text: str, source: Path) -> tuple[Any, list[int]]:
    """Plain values, every scalar as its text, and the line of each song.

    YAML's own types would turn the titles "No" and "1979" into something else; its references ("billion
    laughs") have no place in a setlist.
    """
    import yaml

    try:
        root = yaml.compose(text, Loader=yaml.BaseLoader)
        return _yaml_value(root, source, set()), _yaml_lines(root)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or "not readable"
        hint = " (quote a line that starts with ?, * or >)"
        raise InputError(source, f"is no YAML: {reason}{hint}", mark.line + 1 if mark else None) from None
    except (RecursionError, ValueError):
        raise InputError(source, "is no YAML that can be read: nested too deeply") from None


def _yaml_value(node: Any, source: Path, seen: set[int]) -> Any:
    import yaml

    if node is None:
        return None
    if id(node) in seen:
        raise InputError(source, "uses a YAML reference; write the song out", node.start_mark.line + 1)
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        return node.value
    if isinstance(node, yaml.SequenceNode):
        return [_yaml_value(item, source, seen) for item in node.value]
    if not all(isinstance(key, yaml.ScalarNode) for key, _ in node.value):
        raise InputError(source, "a key must be plain text", node.start_mark.line + 1)
    pairs = {key.value: _yaml_value(value, source, seen) for key, value in node.value}
    return {key: value for key, value in pairs.items() if key in _TITLES or value not in ("", "~", "null")}


def _yaml_lines(root: Any) -> list[int]:
    import yaml

    if isinstance(root, yaml.MappingNode):
        root = next((value for key, value in root.value if key.value in ("songs", "setlist")), None)
    return [item.start_mark.line + 1 for item in root.value] if isinstance(root, yaml.SequenceNode) else []
