"""Align a concert: listen once, decode, refine the boundaries, write what people and programs read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from tonewheel.audio.decode import probe
from tonewheel.core.errors import InputError
from tonewheel.core.files import write_json, write_text
from tonewheel.core.units import format_time_s
from tonewheel.manifest.setlist import read_setlist
from tonewheel.systems.concert.align import formats
from tonewheel.systems.concert.align.hear import LEAST_S, Recording, hear
from tonewheel.systems.concert.align.page import page
from tonewheel.systems.concert.align.segments import Segment, segments_of
from tonewheel.systems.concert.align.store import (
    RECORD,
    Alignment,
    decoding_key,
    merged,
    open_cache,
    read_before,
    read_decoding,
    write_decoding,
)
from tonewheel.systems.concert.decode.fixes import Fix, check_apart, parse_fix
from tonewheel.systems.concert.decode.order import plan_of
from tonewheel.systems.concert.decode.states import States, states_of
from tonewheel.systems.concert.decode.sweep import Decoder, Decoding
from tonewheel.systems.concert.embed import Embedder
from tonewheel.systems.concert.pack import Pack, printable

LABELS, JAMS, CUE, CHAPTERS, TABLE, PAGE = (
    "labels.txt",
    "alignment.jams",
    "setlist.cue",
    "chapters.txt",
    "setlist.csv",
    "index.html",
)


class Aligned(NamedTuple):
    """An alignment with what it was made from, and the seconds that listening and decoding took."""

    alignment: Alignment
    recording: Recording
    states: States
    decoding: Decoding
    hear_s: float
    decode_s: float


def align(
    recording: Path,
    pack: Pack,
    embedder: Embedder,
    out: Path,
    *,
    setlist: Path | None = None,
    fixes: Sequence[str] = (),
    labels: Path | None = None,
    force: bool = False,
) -> Aligned:
    """Align `recording` and write everything to `out`; a folder that holds an alignment is gone on with.

    `fixes` are SONG@START-END; `labels` is an edited label file. InputError for what cannot be, also when the labels
    in the folder were edited and would be lost; `force` begins anew, without earlier fixes.
    """
    if out.exists() and not out.is_dir():
        raise InputError(out, "is a file; a folder is to be written here")
    planned, missing = (None, []) if setlist is None else plan_of(read_setlist(setlist), pack.songs)
    if planned is not None and not planned:
        raise InputError(setlist or "", "names no song of the pack")
    before = None if force else read_before(out)
    if before is not None and before.recording != str(recording.resolve()):
        raise InputError(out, f"holds the alignment of {before.recording}; --force replaces it")
    new = [parse_fix(text, pack.songs) for text in fixes]
    if labels is not None:
        new += formats.read_labels(labels, pack.songs, before.segments if before else ())
    check_apart(new)
    if before is not None and labels is None:
        _refuse_lost_edits(out / LABELS, before)

    length_s = probe(recording).seconds  # before anything is written
    if length_s is not None and length_s <= LEAST_S:
        raise InputError(recording, f"holds {length_s:g} s of sound; nothing can be aligned in that")
    cache = open_cache(out, recording, embedder.fingerprint)
    began = perf_counter()
    heard = hear(recording, embedder, cache)
    hear_s = perf_counter() - began
    states = states_of(pack, planned)
    wanted = merged(before.fixes if before else (), new)
    for fix in wanted:
        if fix.start_s >= heard.seconds:
            raise InputError(
                f'"{fix.label}"', f"at {fix.start_s:g} s is past the end ({heard.seconds:.0f} s)"
            )
    made, decode_s = _decode(states, heard, embedder, cache, wanted)
    alignment = Alignment(
        recording=str(recording.resolve()),
        seconds=round(heard.seconds, 3),
        weights=embedder.fingerprint,
        segments=tuple(segments_of(made, states, heard.heard, pack, heard.seconds)),
        references={
            song: tuple(r.file for r in pack.header.references if r.song == song) for song in pack.songs
        },
        fixes=wanted,
        not_in_pack=tuple(missing),
    )
    aligned = Aligned(alignment, heard, states, made, hear_s, decode_s)
    write_outputs(aligned, out)
    return aligned


def _decode(
    states: States, heard: Recording, embedder: Embedder, cache: Path, fixes: tuple[Fix, ...]
) -> tuple[Decoding, float]:
    decoder = Decoder(states, embedder.emission, heard.heard)
    key = decoding_key(states, embedder.emission)
    made = read_decoding(cache, key, (decoder.steps, states.size))
    began = perf_counter()
    made = decoder.decode(fixes) if made is None else decoder.again(made, fixes)
    decode_s = perf_counter() - began
    write_decoding(cache, made, key)
    return made, decode_s


def _refuse_lost_edits(file: Path, before: Alignment) -> None:
    if file.is_file() and file.read_text("utf-8", "replace") != formats.labels(before.segments):
        raise InputError(
            file, f"was edited; take it over with --labels {file}, or --force drops what was edited"
        )


def write_outputs(aligned: Aligned, out: Path) -> None:
    """Every format of the alignment; the record last, as it says that the rest is there."""
    alignment = aligned.alignment
    name, found = Path(alignment.recording).name, alignment.segments
    write_text(out / JAMS, formats.jams(found, name, alignment.seconds))
    write_text(out / LABELS, formats.labels(found))
    write_text(out / CUE, formats.cue(found, name))
    write_text(out / CHAPTERS, formats.chapters(found))
    write_text(out / TABLE, formats.table(found))
    write_text(
        out / PAGE, page(alignment, aligned.recording, aligned.decoding.posterior, aligned.states.songs)
    )
    write_json(out / RECORD, alignment)


def describe(one: Segment) -> str:
    """One line for a person.

    >>> describe(Segment(song="Intro", start_s=80.0, end_s=243.5, confidence=0.99, start_confidence=1.0,
    ...     end_confidence=0.5))
    '   1:20.0 -    4:03.5  "Intro" (99 %; begins 100 %, ends 50 %)'
    """
    start, end = (format_time_s(time_s).rjust(9) for time_s in (one.start_s, one.end_s))
    sure = (one.confidence, one.start_confidence, one.end_confidence)
    song, begins, ends = (f"{share * 100:.0f} %" for share in sure)
    return f'{start} - {end}  "{printable(one.song)}" ({song}; begins {begins}, ends {ends})'
