"""One song of a setlist, and the line of plain text that people write for it.

`?` optional, `*` encore, `>` straight into the next song, before or after the title and in any order; a
duration as `[4:32]`, `(4:32)` or at the end; reference files after `|`. A `?` that touches a title which asks
a question ("Who Are You?") belongs to the title; parted by a space, or doubled, it is always the mark.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

from tonewheel.core.errors import InputError
from tonewheel.core.records import Record
from tonewheel.core.units import parse_time

LONGEST_TITLE = 300


class SetlistSong(Record):
    """One line of a setlist.

    >>> song = parse_song("* Who Are You? [6:20] >")
    >>> song.title, song.encore, song.optional, song.segue, song.duration_s
    ('Who Are You?', True, False, True, 380.0)
    """

    title: str
    artist: str = ""
    optional: bool = False
    """`?`: may be left out on the night."""
    encore: bool = False
    """`*`: played after the band has left the stage."""
    segue: bool = False
    """`>`: goes straight into the next song, without a gap."""
    duration_s: float | None = None
    files: tuple[str, ...] = ()
    """Reference files, relative to the folder of tracks or to the setlist; empty: found by title."""
    line: int | None = None
    """Where it stood in the file, for messages."""


_QUESTION = re.compile(
    r"(?:who|whose|what|where|when|why|how|which|do|does|did|is|are|am|was|were|can|could|would|will|should|shall"
    r"|have|has|had|may|isn'?t|aren'?t|don'?t|doesn'?t|didn'?t|can'?t|won'?t|wouldn'?t|ain'?t|got|ever|u)\b",
    re.IGNORECASE,
)
_TIME = r"\d{1,2}:\d{2}(?::\d{2})?(?:\.\d+)?"
_DURATION = re.compile(rf"\s*(?:[\[(]\s*({_TIME})\s*[\])]|[\t ][-–—]?\s*({_TIME}))\s*$")
_NUMBER = re.compile(r"^\d{1,3}\s*(?:[.)]|\s[-–—])\s+(?=\S)")


def parse_song(text: str, where: str | Path = "setlist", line: int | None = None) -> SetlistSong:
    """Read one line of plain text; `InputError(where, line)` if no title is left.

    >>> parse_song("3) Dark Star > | dark_star.flac").files
    ('dark_star.flac',)
    """
    body, *files = (part.strip() for part in text.split("|"))
    marks: set[str] = set()
    duration_s: float | None = None
    body, marks = _leading(body, marks)
    body = _NUMBER.sub("", body)
    body, marks = _leading(body, marks)
    while True:
        if (found := _DURATION.search(body)) and duration_s is None and found.start() > 0:
            duration_s = parse_time(found.group(1) or found.group(2))
            body = body[: found.start()]
        elif not body.strip("?*> \t"):
            break  # a title of marks alone
        elif body[-1] in "*>":
            marks, body = marks | {body[-1]}, body[:-1].rstrip(" \t-")
        elif body[-1] == "?" and (body[-2] in " \t?" or not _QUESTION.match(body)):
            marks, body = marks | {"?"}, body[:-1].rstrip()
        else:
            break
    return checked(
        {
            "title": body.strip(),
            "optional": "?" in marks,
            "encore": "*" in marks,
            "segue": ">" in marks,
            "duration_s": duration_s,
            "files": [file for file in files if file],
        },
        where,
        line,
    )


def _leading(body: str, marks: set[str]) -> tuple[str, set[str]]:
    # A title of marks alone ("***") stays a title.
    while body and body[0] in "?*>" and body.strip("?*> \t"):
        marks, body = marks | {body[0]}, body[1:].lstrip()
    return body, marks


def checked(values: dict[str, Any], where: str | Path, line: int | None) -> SetlistSong:
    """The song, or an `InputError` that says which field is wrong."""
    values = {key: value for key, value in values.items() if value is not None} | {"line": line}
    title = values.get("title")
    if isinstance(title, (int, float)) and not isinstance(title, bool):
        title = str(title)  # YAML reads the titles 1979 and 22 as numbers
    if not isinstance(title, str) or not title.strip():
        raise InputError(where, "a song needs a title", line)
    if len(title) > LONGEST_TITLE or any(ord(character) < 32 for character in title):
        raise InputError(where, f"a title has at most {LONGEST_TITLE} characters, none of them control", line)
    values["title"] = title.strip()
    if "duration_s" in values:
        values["duration_s"] = _duration(values["duration_s"], where, line)
    try:
        return SetlistSong.from_dict(values, where)
    except InputError as error:
        raise InputError(where, error.reason, line) from None


def _duration(value: Any, where: str | Path, line: int | None) -> float:
    try:
        seconds = parse_time(value) if isinstance(value, str) else float(value)
    except (TypeError, ValueError, OverflowError):
        seconds = math.nan
    if isinstance(value, bool) or not 0 < seconds <= 24 * 3600:
        raise InputError(where, f"duration must be seconds or minutes:seconds, got {str(value)[:40]!r}", line)
    return seconds
