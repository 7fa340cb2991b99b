"""What songs are made with: instruments, kits, voices, grooves, MIDI files and rooms, for training or for validation.

What validates shares nothing with what trains: other kits, other voices, other grooves, other MIDI files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.decode import load
from tonewheel.core.errors import InputError
from tonewheel.core.progress import progress
from tonewheel.manifest.licence import classify
from tonewheel.manifest.midi import read_midi
from tonewheel.systems.stems.making.desk import Rooms
from tonewheel.systems.stems.making.index import index_rows
from tonewheel.systems.stems.making.kits import Kit, Stroke, read_kits
from tonewheel.systems.stems.making.singer import Speech, listen

Audio = NDArray[np.float32]
RATE = 44_100
MIDI = ("path", "kind", "split", "license", "seconds")
GROOVES = ("path", "label", "split", "seconds", "notes")
"""Columns of an index.csv that are read."""
VALIDATION_KITS = ("sonicpi_menegass", "dm_tr505")
VALIDATION_VOICES = ("ru_RU_f_IvrvoiceRU", "flite_rms")
VALIDATION_EVERY = 8
"""Of MIDI files and of voices and kits with other names, one in so many validates."""
PHRASES = 36
"""Of each voice at most; analysed speech takes memory."""


@dataclass(frozen=True)
class Sources:
    """Where songs come from; what is None is not used."""

    soundfonts: tuple[Path, ...] = ()
    drums: Path | None = None
    """index.csv of one-shots and grooves."""
    midi: Path | None = None
    """index.csv with rows of kind midi, and room responses."""
    voices: Path | None = None
    """A folder of folders of recorded speech, one a person."""
    multitracks: Path | None = None
    """A folder of folders, one a song, with files named by stem (vocals, drums, bass, harmonic or other, perc)."""


@dataclass
class Studio:
    """What songs are made with: all of one split."""

    soundfonts: Sequence[Path]
    kits: Sequence[Kit]
    singers: Sequence[tuple[str, Sequence[Speech]]]
    grooves: Sequence[tuple[str, float, Sequence[Stroke]]]
    """(name, tempo in bpm, strokes)."""
    rooms: Rooms


@dataclass
class Made:
    """One song: stem -> (2, samples)."""

    stems: dict[str, Audio]
    tempo_bpm: float = 0.0
    tonic: int = -1
    mode: str = ""
    sources: set[str] = field(default_factory=set)

    def add(self, stem: str, audio: Audio) -> None:
        """Put a part into a stem."""
        self.stems[stem] = self.stems[stem] + audio if stem in self.stems else audio


def studio(sources: Sources, split: str) -> Studio:
    """Instruments, kits, voices, grooves and rooms of a split."""
    for font in sources.soundfonts:
        if not font.is_file():
            raise InputError(font, "no such soundfont")
        with font.open("rb") as stream:
            if stream.read(12)[8:] not in (b"sfbk", b"DLS "):
                raise InputError(font, "is no soundfont (.sf2, .sf3 or .dls)")
    kits = [
        kit
        for kit in (read_kits(sources.drums) if sources.drums else [])
        if kit.split != "test" and classify(kit.licence).may_train
    ]
    return Studio(
        soundfonts=sources.soundfonts,
        kits=[kit for kit in kits if (kit.name in VALIDATION_KITS) == (split == "valid")] if kits else [],
        singers=list(_singers(sources.voices, split)) if sources.voices else [],
        grooves=list(_grooves(sources.drums, split)) if sources.drums else [],
        rooms=Rooms(list(_responses(sources.midi))) if sources.midi else Rooms([]),
    )


def midi_files(sources: Sources, split: str) -> list[tuple[Path, float]]:
    if sources.midi is None:
        return []
    rows = [r for r in index_rows(sources.midi, MIDI) if r["kind"] == "midi" and r["split"] == "train"]
    rows = [r for r in rows if classify(r["license"]).may_train]
    wanted = split == "valid"
    return [
        (sources.midi.parent / r["path"], float(r["seconds"]))
        for number, r in enumerate(rows)
        if (number % VALIDATION_EVERY == VALIDATION_EVERY - 1) == wanted
    ]


def _grooves(index: Path, split: str) -> Iterator[tuple[str, float, list[Stroke]]]:
    for row in index_rows(index, GROOVES):
        if row["label"] != "midi_groove" or row["split"] != split or float(row["seconds"]) < 8:
            continue
        score = read_midi(index.parent / row["path"])
        bpm = float(row["notes"].split("bpm=")[1].split(";")[0])
        yield row["path"], bpm, [Stroke(hit.onset_s, hit.label, hit.velocity) for hit in score.hits]


def _singers(folder: Path, split: str) -> Iterator[tuple[str, list[Speech]]]:
    people = sorted(path for path in folder.iterdir() if path.is_dir())
    known = [p for p in people if p.name in VALIDATION_VOICES]
    held_out = known or people[VALIDATION_EVERY - 1 :: VALIDATION_EVERY]
    for person in progress(people, f"listen to voices ({split})"):
        if (person in held_out) != (split == "valid"):
            continue
        phrases = []
        for path in sorted(person.iterdir())[:PHRASES]:
            audio, rate = load(path)
            known_hz = 0.39 * rate
            speech = listen(load(path, sample_rate_hz=RATE)[0] if rate != RATE else audio, known_hz)
            if speech is not None and len(speech.syllables) >= 3:
                phrases.append(speech)
        if phrases:
            yield person.name, phrases


def _responses(index: Path) -> Iterator[np.ndarray]:
    for row in index_rows(index, MIDI):
        if row["kind"] in ("ir_room", "ir_plate", "ir_room_modelled") and row["split"] == "train":
            if not classify(row["license"]).may_train:
                continue
            audio = np.atleast_2d(load(index.parent / row["path"], sample_rate_hz=RATE, mono=False)[0])[:2]
            start = int(np.abs(audio).max(axis=0).argmax()) + int(0.003 * RATE)
            tail = audio[:, start : start + 3 * RATE]
            if tail.shape[1] > RATE // 5:
                yield np.asarray(tail, np.float32)
