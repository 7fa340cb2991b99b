"""An alignment in the formats that other programs read: JAMS, Audacity labels, CUE, chapter lines, CSV.

Audacity labels can be edited and read back; see `read_labels`.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tonewheel import __version__
from tonewheel.core.errors import InputError
from tonewheel.core.files import reading
from tonewheel.systems.concert.align.segments import Segment
from tonewheel.systems.concert.decode.fixes import NO_SONG, Fix, checked_fix
from tonewheel.systems.concert.pack import printable

LARGEST_LABELS_BYTES = 2**20
SAME_S = 0.02
"""A label that was moved by less was not moved: Audacity rounds."""


def jams(found: Sequence[Segment], recording: str, seconds: float) -> str:
    """JSON in the format of JAMS 0.3 (Humphrey et al., ISMIR 2014), namespace `segment_open`."""
    data = [
        {
            "time": one.start_s,
            "duration": round(one.end_s - one.start_s, 3),
            "value": one.song,
            "confidence": one.confidence,
        }
        for one in found
    ]
    about = {
        "curator": {"name": "", "email": ""},
        "annotator": {},
        "version": __version__,
        "corpus": "",
        "annotation_tools": "tonewheel concert align",
        "annotation_rules": "",
        "validation": "",
        "data_source": "program",
    }
    annotation = {
        "annotation_metadata": about,
        "namespace": "segment_open",
        "data": data,
        "sandbox": {"segments": [one.to_dict() for one in found]},
        "time": 0,
        "duration": seconds,
    }
    about_file = {
        "title": recording,
        "artist": "",
        "release": "",
        "duration": seconds,
        "identifiers": {},
        "jams_version": "0.3.4",
    }
    whole: dict[str, Any] = {"annotations": [annotation], "file_metadata": about_file, "sandbox": {}}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def labels(found: Sequence[Segment]) -> str:
    """Audacity's label track: start, end and label, parted by tabs.

    >>> one = Segment(song="Intro", start_s=1.5, end_s=9, confidence=1, start_confidence=1, end_confidence=1)
    >>> labels([one])
    '1.500000\\t9.000000\\tIntro\\n'
    """
    return "".join(f"{one.start_s:.6f}\t{one.end_s:.6f}\t{printable(one.song)}\n" for one in found)


def cue(found: Sequence[Segment], recording: str) -> str:
    """A CUE sheet; `INDEX 01` is minutes, seconds and frames of 1/75 s."""
    quoted = printable(recording).replace('"', "'")
    lines = [f'FILE "{quoted}" WAVE']
    for number, one in enumerate(found, start=1):
        frames = round(one.start_s * 75)
        title = printable(one.song).replace('"', "'")
        lines += [
            f"  TRACK {number:02d} AUDIO",
            f'    TITLE "{title}"',
            f"    INDEX 01 {frames // 4500:02d}:{frames // 75 % 60:02d}:{frames % 75:02d}",
        ]
    return "\n".join(lines) + "\n"


def chapters(found: Sequence[Segment]) -> str:
    """A line for each song as video sites read it.

    >>> one = Segment(song="Intro", start_s=3725.8, end_s=3800, confidence=1, start_confidence=1, end_confidence=1)
    >>> chapters([one])
    '1:02:05 Intro\\n'
    """
    lines = []
    for one in found:
        second = int(one.start_s)  # a chapter may begin early, never after the first note
        lines.append(f"{second // 3600}:{second // 60 % 60:02d}:{second % 60:02d} {printable(one.song)}\n")
    return "".join(lines)


def table(found: Sequence[Segment]) -> str:
    """CSV with a confidence for each song and each of its boundaries."""
    out = io.StringIO()
    fields = list(Segment.__struct_fields__)
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["number", *fields])
    for number, one in enumerate(found, start=1):
        values = one.to_dict()
        writer.writerow([number, *("" if values[name] is None else values[name] for name in fields)])
    return out.getvalue()


def read_labels(path: Path, songs: Sequence[str], before: Sequence[Segment]) -> list[Fix]:
    """What a person changed in a label file: moved, renamed and new labels, and songs whose label is gone.

    Labels that are as they were written say nothing; where nothing was written before, all count.
    """
    fixes: list[Fix] = []
    untouched: set[int] = set()
    for number, (start_s, end_s, title) in _label_lines(path):
        fix = checked_fix(title, start_s, end_s, songs, str(path), number)
        same = [
            place
            for place, one in enumerate(before)
            if printable(one.song) == title
            and abs(one.start_s - start_s) < SAME_S
            and abs(one.end_s - end_s) < SAME_S
        ]
        untouched.update(same)
        if not same:
            fixes.append(fix)
    changed = list(fixes)
    for place, one in enumerate(before):
        free = all(one.end_s <= fix.start_s or one.start_s >= fix.end_s for fix in changed)
        if place not in untouched and free:
            fixes.append(Fix(label=NO_SONG, start_s=one.start_s, end_s=one.end_s))
    return fixes


def _label_lines(path: Path) -> list[tuple[int, tuple[float, float, str]]]:
    with reading(path), path.open("rb") as file:
        raw = file.read(LARGEST_LABELS_BYTES + 1)
        text = raw.decode("utf-8-sig")
    if len(raw) > LARGEST_LABELS_BYTES:
        raise InputError(path, "is larger than 1 MiB; is this a label file?")
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("\\"):  # a backslash: Audacity's frequency range
            continue
        cells = line.split("\t", 2)
        try:
            start_s, end_s = float(cells[0].replace(",", ".")), float(cells[1].replace(",", "."))
        except (ValueError, IndexError):
            start_s = end_s = math.nan
        if len(cells) < 3 or not cells[2].strip() or not (math.isfinite(start_s) and math.isfinite(end_s)):
            raise InputError(path, f'expected start, end and title parted by tabs, got "{line[:60]}"', number)
        found.append((number, (start_s, end_s, cells[2].strip())))
    return found
