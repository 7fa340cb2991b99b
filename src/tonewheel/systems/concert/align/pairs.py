"""An aligned concert as training material: the same music on the record and as the hall and the phone made it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from tonewheel.core.errors import InputError
from tonewheel.core.records import Record
from tonewheel.systems.concert.align.segments import Segment
from tonewheel.systems.concert.align.store import RECORD, Alignment

SURE = 0.9
"""A segment of lower confidence teaches nothing, unless a person fixed it."""
MARGIN_S = 2.0
"""Left out at both ends, where a boundary may be off."""
SHORTEST_S = 9.0


class Excerpt(Record):
    """A stretch of a concert that is a stretch of a studio track; `track_s` is the place in the track at `start_s`."""

    recording: str
    song: str
    references: tuple[str, ...]
    start_s: float
    end_s: float
    track_s: float


def is_aligned(folder: Path) -> bool:
    """Whether `concert align` wrote this folder."""
    return (folder / RECORD).is_file()


def excerpts(folder: Path) -> Iterator[Excerpt]:
    """The sure segments of an aligned folder; InputError when the record is damaged or the recording is gone."""
    alignment = Alignment.read(folder / RECORD)
    if not Path(alignment.recording).is_file():
        raise InputError(alignment.recording, "is gone; the aligned concert cannot be read again")
    for one in alignment.segments:
        references = alignment.references.get(one.song, ())
        if references and _teaches(one):
            yield Excerpt(
                recording=alignment.recording,
                song=one.song,
                references=references,
                start_s=one.start_s + MARGIN_S,
                end_s=one.end_s - MARGIN_S,
                track_s=(one.position_s or 0.0) + MARGIN_S,
            )


def _teaches(one: Segment) -> bool:
    sure = one.fixed or one.confidence >= SURE
    return sure and one.position_s is not None and one.end_s - one.start_s >= SHORTEST_S + 2 * MARGIN_S


def track_of(excerpt: Excerpt, known: Mapping[str, str]) -> str | None:
    """The prepared file of the excerpt's studio track, by the name of its file; None where it was not prepared.

    >>> one = Excerpt(recording="c.mp4", song="Intro", references=("i.flac",), start_s=1, end_s=20, track_s=3)
    >>> track_of(one, {"i.flac": "tracks/0.npy"})
    'tracks/0.npy'
    """
    return next((known[name] for name in excerpt.references if name in known), None)
