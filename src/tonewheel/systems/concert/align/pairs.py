"""A concert as training material: the same music on the record and as the hall and the phone made it.

What was played is known from an aligned folder, or settled by confirmations and corrections.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from tonewheel.core.errors import InputError
from tonewheel.core.files import sha256
from tonewheel.core.records import Record
from tonewheel.manifest.song_confirmation import Agreed, agreed, read_confirmations, track_hash
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


def settled_by(files: Sequence[Path]) -> list[Agreed]:
    """What files of confirmations settle: two confirmations that agree, or one correction."""
    return list(agreed(line for file in files for line in read_confirmations(file)))


def confirmed_excerpts(
    settled: Sequence[Agreed], recordings: Sequence[Path], tracks: Iterable[str]
) -> Iterator[Excerpt]:
    """What is settled about recordings and studio tracks that are at hand; anything else is passed over.

    `tracks` are the names of the files of the studio tracks.
    """
    at_hand = {sha256(path): path for path in recordings}
    names = {track_hash(name): name for name in tracks}
    for one in settled:
        found = tuple(names[track] for track in one.tracks if track in names)
        if found and one.recording in at_hand and one.end_s - one.start_s >= SHORTEST_S + 2 * MARGIN_S:
            yield Excerpt(
                recording=str(at_hand[one.recording]),
                song=Path(found[0]).stem,
                references=found,
                start_s=one.start_s + MARGIN_S,
                end_s=one.end_s - MARGIN_S,
                track_s=one.track_s + MARGIN_S,
            )
