"""Decode everything once: a folder of hits, grooves, drumless music and rooms that training just reads.

A file that exists is not made again, so a killed run continues; what cannot be used is listed with its
reason. Audio whose licence does not let it train a weight that ships is left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from tonewheel.audio.decode import load
from tonewheel.audio.encode import write
from tonewheel.core.errors import InputError, TonewheelError
from tonewheel.core.files import atomic_path, refuse_unwritable, write_json
from tonewheel.core.progress import progress
from tonewheel.core.records import Record, read_jsonl, write_jsonl
from tonewheel.core.seeds import generator
from tonewheel.learn.prepared import prepared_folder
from tonewheel.manifest.licence import classify
from tonewheel.manifest.tracks import Quarantined, Track, read_tracks
from tonewheel.systems.drums.stage.beds import without_drums
from tonewheel.systems.drums.stage.grooves import Groove, read_groove, synthesise
from tonewheel.systems.drums.stage.kits import OURS, SAMPLE_RATE_HZ, Audio, Shot, read_shots, synthesise_shots

Made = TypeVar("Made")

ROOMS = {"ir_room": "room", "ir_room_modelled": "room", "ir_plate": "room"}
SHORTEST_BED_S = 8.0
LONGEST_RESPONSE_S = 2.5


class Bed(Record):
    """Music without drums: `file` holds int16 samples, mono at 44.1 kHz."""

    title: str
    split: str
    licence: str
    file: str
    seconds: float
    struck: float = 0.0
    """Share of percussive energy in it before it was taken out."""
    artist: str = ""
    synthetic: bool = False


class RoomFile(Record):
    """One impulse response, mono WAV at 44.1 kHz."""

    title: str
    split: str
    licence: str
    file: str
    synthetic: bool = False


class Prepared:
    """A prepared folder, opened: records at once, samples on demand without decoding."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = prepared_folder(folder, "shots.jsonl", "drums")
        self.shots = list(read_jsonl(self.folder / "shots.jsonl", Shot))
        self.grooves = list(read_jsonl(self.folder / "grooves.jsonl", Groove))
        self.beds = list(read_jsonl(self.folder / "beds.jsonl", Bed))
        self.rooms = list(read_jsonl(self.folder / "rooms.jsonl", RoomFile))

    @cached_property
    def _samples(self) -> NDArray[np.int16]:
        mapped: NDArray[np.int16] = np.load(self.folder / "shots.npy", mmap_mode="r", allow_pickle=False)
        return mapped

    def shot(self, shot: Shot) -> Audio:
        """Samples of one hit, peak near 1."""
        return np.asarray(self._samples[shot.start : shot.start + shot.length], np.float32) / np.float32(
            32767
        )

    def bed(self, bed: Bed, start: int = 0, stop: int | None = None) -> Audio:
        """Samples [start, stop) of a bed."""
        mapped = np.load(self.folder / bed.file, mmap_mode="r", allow_pickle=False)
        return np.asarray(mapped[start:stop], np.float32) / np.float32(32767)

    def room_paths(self, split: str) -> list[str]:
        """Impulse responses of a split."""
        return [str(self.folder / room.file) for room in self.rooms if room.split == split]


def prepare(
    sources: Iterable[Path],
    out: Path,
    *,
    synth_kits: int = 40,
    synth_songs: int = 48,
    synth_grooves: int = 240,
    synth_rooms: int = 60,
    seed: int = 0,
) -> tuple[Prepared, list[Quarantined]]:
    """Read `sources`, folders with an index.csv of one-shots, MIDI, music and rooms, into `out`."""
    refuse_unwritable(out / "shots.jsonl")
    left_out: list[Quarantined] = []
    found: list[tuple[Track, Path]] = []
    for source in sources:
        reading = read_tracks(source / "index.csv")
        left_out.extend(reading.quarantined)
        found.extend((track, source) for track in reading.tracks)
    out.mkdir(parents=True, exist_ok=True)
    _store_shots(found, out, synth_kits, seed, left_out)
    _store_grooves(found, out, synth_grooves, seed, left_out)
    rooms = [
        *_each(found, tuple(ROOMS), _room, out, left_out, "decode rooms"),
        *_made_rooms(out, synth_rooms, seed),
    ]
    write_jsonl(out / "rooms.jsonl", _every_fifth_valid(rooms))
    music = _each(found, ("music",), _bed, out, left_out, "take drums out of music")
    beds = [*music, *progress(_made_beds(out, synth_songs, seed), "synthesise beds", total=synth_songs)]
    write_jsonl(out / "beds.jsonl", beds)
    write_jsonl(out / "left_out.jsonl", left_out)
    write_json(
        out / "prepare.json",
        {"synth_kits": synth_kits, "synth_songs": synth_songs, "synth_grooves": synth_grooves, "seed": seed},
    )
    return Prepared(out), left_out


def _each(
    found: list[tuple[Track, Path]],
    kinds: tuple[str, ...],
    make: Callable[[Track, Path, Path], Made],
    out: Path,
    left_out: list[Quarantined],
    label: str,
) -> Iterator[Made]:
    """What `make` makes of every track of some kinds that may train; the rest goes to `left_out`."""
    chosen = [(track, folder) for track, folder in found if track.kind in kinds and track.split != "test"]
    for track, folder in progress(chosen, label):
        licence = classify(track.licence)
        try:
            if not licence.may_train:
                raise InputError(track.path, licence.reason)
            yield make(track, folder, out)
        except TonewheelError as error:
            left_out.append(Quarantined(path=track.path, reason=str(error)))


def _store_shots(
    found: list[tuple[Track, Path]], out: Path, synth_kits: int, seed: int, left_out: list[Quarantined]
) -> None:
    if (out / "shots.jsonl").exists():
        return
    pieces: list[NDArray[np.int16]] = []
    shots: list[Shot] = []
    start = 0

    def keep(pairs: Iterable[tuple[Shot, Audio]]) -> None:
        nonlocal start
        for shot, audio in pairs:
            pieces.append(np.round(np.clip(audio, -1, 1) * 32767).astype(np.int16))
            shots.append(structs.replace(shot, start=start))
            start += len(audio)

    for folder in dict.fromkeys(folder for _, folder in found):
        tracks = [track for track, own in found if own == folder and track.kind == "oneshot"]
        keep(
            progress(read_shots(tracks, folder, left_out), f"decode hits of {folder.name}", total=len(tracks))
        )
    keep(progress(synthesise_shots(synth_kits, seed), "synthesise kits", total=synth_kits * 48))
    if not shots:
        raise InputError(out, "no hit of any drum was found in the sources")
    _save(np.concatenate(pieces), out / "shots.npy")
    write_jsonl(out / "shots.jsonl", shots)


def _store_grooves(
    found: list[tuple[Track, Path]], out: Path, synth_grooves: int, seed: int, left_out: list[Quarantined]
) -> None:
    if (out / "grooves.jsonl").exists():
        return
    grooves = list(_each(found, ("midi",), _midi, out, left_out, "read MIDI"))
    grooves += progress(synthesise(synth_grooves, seed), "compose grooves", total=synth_grooves)
    write_jsonl(out / "grooves.jsonl", grooves)


def _midi(track: Track, folder: Path, _out: Path) -> Groove:
    if "groove" not in str(track.extras.get("label", "")):
        raise InputError(track.path, "is not a drum performance")
    return read_groove(
        folder / track.path,
        title=track.path,
        split=track.split or "train",
        licence=track.licence,
        style=str(track.extras.get("sublabel", "")),
        source=str(track.extras.get("source", "")),
    )


def _bed(track: Track, folder: Path, out: Path) -> Bed:
    name = hashlib.sha256(track.path.encode()).hexdigest()[:16]
    file, told = out / "beds" / f"{name}.npy", out / "beds" / f"{name}.json"
    if not (file.exists() and told.exists()):
        audio, _ = load(folder / track.path, sample_rate_hz=SAMPLE_RATE_HZ)
        if len(audio) < SHORTEST_BED_S * SAMPLE_RATE_HZ:
            raise InputError(track.path, f"lasts less than {SHORTEST_BED_S:g} s")
        kept, struck = without_drums(audio, SAMPLE_RATE_HZ)
        _store(kept, file)
        write_json(told, {"struck": round(struck, 4), "seconds": round(len(kept) / SAMPLE_RATE_HZ, 3)})
    import json

    facts = json.loads(told.read_text())
    return Bed(
        title=track.title or Path(track.path).stem,
        artist=track.artist,
        split=track.split or "train",
        licence=track.licence,
        file=str(file.relative_to(out)),
        seconds=facts["seconds"],
        struck=facts["struck"],
    )


def _made_beds(out: Path, count: int, seed: int) -> Iterator[Bed]:
    from tonewheel.synth.compose import compose
    from tonewheel.synth.render import render

    for number in range(count):
        file = out / "beds" / f"synth-{seed}-{number:04d}.npy"
        song = compose(seed * 1_000_003 + 700_000 + number, seconds=60.0)
        if not file.exists():
            stems = render(song, SAMPLE_RATE_HZ).stems
            _store(np.sum([audio for name, audio in stems.items() if name != "drums"], axis=0), file)
        yield Bed(
            title=song.title,
            split="valid" if number % 8 == 7 else "train",
            licence=OURS,
            file=str(file.relative_to(out)),
            seconds=np.load(file, mmap_mode="r", allow_pickle=False).shape[0] / SAMPLE_RATE_HZ,
            synthetic=True,
        )


def _room(track: Track, folder: Path, out: Path) -> RoomFile:
    file = out / "rooms" / f"{Path(track.path).stem}.wav"
    if not file.exists():
        audio, _ = load(folder / track.path, sample_rate_hz=SAMPLE_RATE_HZ, mono=False)
        response = np.atleast_2d(audio)[0, : round(LONGEST_RESPONSE_S * SAMPLE_RATE_HZ)]
        write(
            file, response / max(float(np.abs(response).max()), 1e-9), SAMPLE_RATE_HZ, sample_format="float"
        )
    name = str(file.relative_to(out))
    return RoomFile(title=file.stem, split="train", licence=track.licence, file=name)


def _made_rooms(out: Path, count: int, seed: int) -> Iterator[RoomFile]:
    from tonewheel.degrade.room import Room

    for number in range(count):
        file = out / "rooms" / f"synth-{seed}-{number:03d}.wav"
        if not file.exists():
            room = Room.draw(
                generator(seed, "drum room", number),
                t60_s=(0.15, 1.2),
                direct_to_reverb_db=(-3.0, 3.0),
                pre_delay_ms=(1.0, 20.0),
            )
            write(file, room.response(SAMPLE_RATE_HZ).samples, SAMPLE_RATE_HZ, sample_format="float")
        name = str(file.relative_to(out))
        yield RoomFile(title=file.stem, split="train", licence=OURS, file=name, synthetic=True)


def _every_fifth_valid(rooms: list[RoomFile]) -> list[RoomFile]:
    return [structs.replace(r, split="valid") if i % 5 == 4 else r for i, r in enumerate(rooms)]


def _store(audio: Audio, file: Path) -> None:
    """Mono float audio as int16 with its peak at -1 dB."""
    peak = float(np.abs(audio).max(initial=0.0))
    if peak < 1e-4:
        raise InputError(file.name, "is silent")
    _save(np.round(audio * (0.89 / peak) * 32767).astype(np.int16), file)


def _save(samples: NDArray[np.int16], file: Path) -> None:
    with atomic_path(file) as temporary, temporary.open("wb") as stream:
        np.save(stream, samples, allow_pickle=False)
