"""Labelled segments of a recording, and Audacity's label files.

An Audacity label track is text: `start<TAB>end<TAB>label`, seconds, one segment a line. Lines that begin with
a backslash hold the frequencies of a spectral selection and are passed over.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

from tonewheel.core.errors import InputError
from tonewheel.core.files import read_text, write_text
from tonewheel.core.records import Record


class Segment(Record):
    """A labelled span [start_s, end_s) of a recording; "" is "no song".

    >>> Segment(label="Dark Star", start_s=0.0, end_s=83.5).seconds
    83.5
    """

    label: str
    start_s: float
    end_s: float
    kind: str = "song"
    """song, or what is between songs: applause, banter, silence."""

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end_s - self.start_s


def read_audacity(path: str | Path) -> list[Segment]:
    """The segments of an Audacity label file, by start; a line that does not fit is an `InputError`."""
    source = Path(path)
    text = read_text(source)
    segments = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip() or line.startswith("\\"):
            continue
        parts = line.rstrip("\r").split("\t", 2)
        try:
            start_s, end_s = float(parts[0]), float(parts[1])
        except (ValueError, IndexError):
            raise InputError(source, "expected start<TAB>end<TAB>label in seconds", number) from None
        if not (math.isfinite(start_s) and math.isfinite(end_s) and 0 <= start_s <= end_s):
            raise InputError(source, f"needs 0 <= start <= end, got {parts[0]} and {parts[1]}", number)
        segments.append(Segment(label=parts[2] if len(parts) > 2 else "", start_s=start_s, end_s=end_s))
    return sorted(segments, key=lambda segment: (segment.start_s, segment.end_s))


def write_audacity(path: str | Path, segments: Iterable[Segment]) -> None:
    """Write an Audacity label file, whole or not at all; tabs and line ends in a label become spaces."""
    lines = (f"{one.start_s:.6f}\t{one.end_s:.6f}\t{' '.join(one.label.split())}\n" for one in segments)
    write_text(path, "".join(lines))
