"""Confirmations: what `align` and `listen` may write down of a recording, opt-in and hashed, to learn from later.

`align` confirms the songs of which it is sure and notes what a person fixed as a correction; `listen` confirms the
songs that it followed. The lines stay in a file of this machine until somebody hands them on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from tonewheel.core.errors import InputError
from tonewheel.core.files import atomic_path, refuse_unwritable, sha256
from tonewheel.manifest.song_confirmation import (
    SongConfirmation,
    Verdict,
    confirmation,
    read_confirmations,
)
from tonewheel.systems.concert.align.pairs import MARGIN_S, SHORTEST_S, SURE
from tonewheel.systems.concert.align.segments import Segment
from tonewheel.systems.concert.decode.fixes import Fix
from tonewheel.systems.concert.listen import Event
from tonewheel.systems.concert.pack import Pack


def references_of(pack: Pack) -> dict[str, tuple[str, ...]]:
    """File names of the references of each song of a pack."""
    found: dict[str, tuple[str, ...]] = dict.fromkeys(pack.songs, ())
    for one in pack.header.references:
        found[one.song] += (one.file,)
    return found


def of_alignment(
    recording: Path,
    segments: Sequence[Segment],
    fixes: Sequence[Fix],
    references: Mapping[str, tuple[str, ...]],
    weights: str,
) -> Iterator[SongConfirmation]:
    """Corrections of what a person fixed from start to end, confirmations of the other sure songs."""
    digest, witness = sha256(recording), f"align {weights[:12]}"
    for one in segments:
        names = references.get(one.song, ())
        if names and one.position_s is not None and (one.fixed or one.confidence >= SURE):
            verdict: Verdict = "corrected" if one.fixed else "confirmed"
            yield confirmation(
                digest, names, (one.start_s, one.end_s), one.position_s, verdict, _said(verdict, witness)
            )
    for fix in fixes:
        if fix.label not in references and not fix.moment:  # no song, or an unknown one
            yield confirmation(digest, (), (fix.start_s, fix.end_s), 0.0, "corrected", "person")


def _said(verdict: str, witness: str) -> str:
    return "person" if verdict == "corrected" else witness


def of_events(
    recording: Path, events: Iterable[Event], pack: Pack, gate: str, weights: str
) -> Iterator[SongConfirmation]:
    """A confirmation of every song that was followed for long enough to teach something."""
    digest, references = sha256(recording), references_of(pack)
    start: Event | None = None
    place: Event | None = None
    for event in events:
        if event.event == "song_start":
            start = place = event
        elif event.event == "position" and start is not None:
            place = event
        elif event.event == "song_end" and start is not None and place is not None:
            begins_s = place.time_s - place.position_s  # the last word on it
            first_s = max(start.time_s, begins_s, 0.0)
            if event.time_s - first_s >= SHORTEST_S + 2 * MARGIN_S:
                names = references[event.song]
                span_s = (first_s, event.time_s)
                witness = f"listen {gate} {weights[:12]}"
                yield confirmation(digest, names, span_s, first_s - begins_s, "confirmed", witness)
            start = None


def known_lines(path: Path) -> list[SongConfirmation]:
    """What a file of lines holds already; InputError, before any work is done, if it is none or cannot be written."""
    if path.is_dir():
        raise InputError(path, "is a folder; a file of lines is to be written here")
    refuse_unwritable(path)
    return read_confirmations(path) if path.exists() else []


def append(path: Path, lines: Iterable[SongConfirmation]) -> int:
    """Add to a file of lines what is not in it yet, for its owner's eyes only; how many were new.

    A new correction takes the place of those of the file that it contradicts: somebody thought again.
    """
    before = known_lines(path)
    known = {one.id for one in before}
    new = [one for one in dict.fromkeys(lines) if one.id not in known]
    final = [one for one in new if one.verdict == "corrected"]
    kept = [
        one
        for one in before
        if one.verdict != "corrected" or not any(one.meets(two) and not one.agrees(two) for two in final)
    ]
    with atomic_path(path) as temporary:
        temporary.touch(mode=0o600)
        temporary.write_text("".join(one.to_json() + "\n" for one in (*kept, *new)), "utf-8")
    return len(new)
