"""Write drum hits as what people use: a beatmap (.bsm), MIDI (.mid), a table (.csv), an annotation (.jams)."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tonewheel.core.errors import InputError, nearest
from tonewheel.core.files import atomic_path, refuse_overwrite, write_json
from tonewheel.core.records import Record
from tonewheel.manifest.drum_hits import DrumHit, in_order, problem
from tonewheel.manifest.timing import Timing, steady

CSV_COLUMNS = ("time_s", "label", "velocity", "openness", "confidence")
JAMS_VERSION = "0.3.4"


class Song(Record):
    """What is known about the recording that hits are of; everything may be unsaid."""

    audio: str = ""
    """Path of the recording: its name, hash, length and rate go into a beatmap."""
    title: str = ""
    artist: str = ""
    seconds: float | None = None
    made_by: str = ""
    """The model and its version, where one made the hits."""
    confidence: float | None = None
    """Of the whole, 0..1."""
    made_at: str = ""
    """ISO 8601; empty for files that are the same every time."""


def write_hits(
    path: str | Path,
    hits: Sequence[DrumHit],
    timing: Timing | None = None,
    song: Song | None = None,
    *,
    force: bool = False,
) -> None:
    """Write hits in the format of the suffix, whole or not at all; InputError for a suffix that is none.

    >>> import tempfile
    >>> out = Path(tempfile.mkdtemp()) / "song.csv"
    >>> write_hits(out, [DrumHit(onset_s=0.5, label="kick", velocity=0.75)])
    >>> print(out.read_text().strip())
    time_s,label,velocity,openness,confidence
    0.500000,kick,0.7500,,1.0000
    """
    write = check_output(path, force=force)
    ordered = in_order(hits)
    for hit in ordered:
        if reason := problem(hit):
            raise InputError(path, f"hit at {hit.onset_s:g} s: {reason}")
    write(Path(path), ordered, timing or steady(120.0), song or Song())


def check_output(path: str | Path, *, force: bool = False) -> Writer:
    """The writer for a path, before the work: InputError when its suffix is unknown or the file is there."""
    suffix = Path(path).suffix.lower()
    if suffix not in WRITERS:
        known = " ".join(WRITERS)
        raise InputError(path, f'cannot write "{suffix}"{nearest(suffix, WRITERS)}: {known}')
    refuse_overwrite(path, force)
    return WRITERS[suffix]


def _bsm(path: Path, hits: list[DrumHit], timing: Timing, song: Song) -> None:
    from tonewheel.manifest.beatmap import describe_audio, make_beatmap

    audio = describe_audio(song.audio) if song.audio else {}
    editor: dict[str, Any] = {"aiGenerationMetadata": None}
    if song.made_by:
        made = {"modelVersion": song.made_by, "confidence": song.confidence, "processedAt": song.made_at}
        editor = {"aiGenerationMetadata": made}
    beatmap = make_beatmap(
        hits,
        timing,
        title=song.title or (Path(song.audio).stem if song.audio else ""),
        artist=song.artist,
        audio=audio,
        editor=editor,
        created_at=song.made_at,
    )
    beatmap.write(path)


def _midi(path: Path, hits: list[DrumHit], timing: Timing, song: Song) -> None:
    from tonewheel.manifest.midi import write_midi

    write_midi(path, hits, timing)


def _csv(path: Path, hits: list[DrumHit], timing: Timing, song: Song) -> None:
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(CSV_COLUMNS)
        for hit in hits:
            openness = "" if hit.openness is None else f"{hit.openness:.4f}"
            numbers = (f"{hit.velocity:.4f}", openness, f"{hit.confidence:.4f}")
            table.writerow((f"{hit.onset_s:.6f}", hit.label, *numbers))


def _jams(path: Path, hits: list[DrumHit], timing: Timing, song: Song) -> None:
    """JAMS (Humphrey et al., ISMIR 2014): onsets whose value is the label, and the tempo.

    Velocity and openness are in the annotation's sandbox, in the order of the onsets.
    """
    seconds = song.seconds if song.seconds is not None else (hits[-1].onset_s if hits else 0.0)
    source = {
        "curator": {"name": "", "email": ""},
        "annotator": {},
        "version": "",
        "corpus": "",
        "annotation_tools": song.made_by or "Tonewheel",
        "annotation_rules": "",
        "validation": "",
        "data_source": "program" if song.made_by else "",
    }

    def annotation(namespace: str, data: list[dict[str, Any]], sandbox: dict[str, Any]) -> dict[str, Any]:
        about = {"annotation_metadata": source, "namespace": namespace, "data": data, "sandbox": sandbox}
        return about | {"time": 0.0, "duration": seconds}

    onsets = [
        {"time": hit.onset_s, "duration": 0.0, "value": hit.label, "confidence": hit.confidence}
        for hit in hits
    ]
    ends = [*(point.time_s for point in timing.points[1:]), max(seconds, timing.points[-1].time_s)]
    tempi = [
        {
            "time": max(0.0, one.time_s),
            "duration": max(0.0, end - one.time_s),
            "value": one.bpm,
            "confidence": 1.0,
        }
        for one, end in zip(timing.points, ends, strict=True)
    ]
    felt = {"velocity": [hit.velocity for hit in hits], "openness": [hit.openness for hit in hits]}
    meters = {"timeSignature": [one.meter for one in timing.points]}
    write_json(
        path,
        {
            "file_metadata": {
                "title": song.title,
                "artist": song.artist,
                "release": "",
                "duration": seconds,
                "identifiers": {},
                "jams_version": JAMS_VERSION,
            },
            "annotations": [annotation("onset", onsets, felt), annotation("tempo", tempi, meters)],
            "sandbox": {},
        },
    )


Writer = Callable[[Path, list[DrumHit], Timing, Song], None]
WRITERS: dict[str, Writer] = {
    ".bsm": _bsm,
    ".mid": _midi,
    ".midi": _midi,
    ".csv": _csv,
    ".jams": _jams,
}
