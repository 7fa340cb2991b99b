"""Decode everything once: a folder of music, transients, surface noises and real discs that training just reads.

Each sound becomes one int16 file, mono at 44.1 kHz, that is memory-mapped later. A file that exists is not made
again, so a killed run continues; what cannot be used is listed with its reason.

    music          the clean side
    drums_alone    drums without a band (for evaluation: nothing may be taken from them)
    hit            one stroke of one drum
    transient      rendered castanets, brass attacks, consonants, sticks
    surface_noise  a disc without music on it
    hum            mains hum
    disc           a digitised old record: the real side, when a folder of them is at hand
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.decode import load
from tonewheel.audio.stored import read_stored, store, stored_samples
from tonewheel.core.errors import InputError, TonewheelError
from tonewheel.core.files import write_json
from tonewheel.core.progress import progress
from tonewheel.core.records import Record, read_jsonl, write_jsonl
from tonewheel.core.seeds import generator
from tonewheel.learn.prepared import prepared_folder
from tonewheel.manifest.licence import classify
from tonewheel.manifest.split import assign
from tonewheel.manifest.tracks import Quarantined, Track, read_tracks
from tonewheel.systems.restore.transients import MAKERS

Audio = NDArray[np.float32]

SAMPLE_RATE_HZ = 44_100
SHORTEST_S = {"music": 6.0, "disc": 6.0, "surface_noise": 1.0, "hum": 1.0, "drums_alone": 6.0}
OURS = "CC0-1.0 (made by tonewheel.synth)"
SONG_S, TRANSIENT_S = 60.0, 20.0
TRANSIENTS = 12
"""Of each kind, when songs are synthesised too; every fourth is for validation."""
HELD_OUT = 0.25
"""The end of each surface noise that trains is kept for validation: there are too few to keep whole ones."""


class Sound(Record):
    """One decoded sound: `file` holds int16 samples, mono at `SAMPLE_RATE_HZ`."""

    kind: str
    title: str
    group: str
    split: str
    licence: str
    file: str
    seconds: float
    artist: str = ""
    source: str = ""
    """Where it came from: the file below its source folder."""
    synthetic: bool = False


class Prepared:
    """A prepared folder, opened: what is in it, and samples on demand without decoding."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = prepared_folder(folder, "sounds.jsonl", "restore")
        self.sounds = list(read_jsonl(self.folder / "sounds.jsonl", Sound))

    def of(self, kind: str, split: str) -> list[Sound]:
        """The sounds of one kind in a split."""
        return [sound for sound in self.sounds if sound.kind == kind and sound.split == split]

    def floats(self, sound: Sound, start: int = 0, stop: int | None = None) -> Audio:
        """Samples [start, stop) of a sound, peak of the whole sound at 0.89; only these are read."""
        return read_stored(self.folder / sound.file, start, stop)

    def path(self, sound: Sound) -> Path:
        """Where its samples are."""
        return self.folder / sound.file


def prepare(
    sources: Iterable[Path],
    out: Path,
    *,
    discs: Iterable[Path] = (),
    synth_songs: int = 0,
    seed: int = 0,
    any_licence: bool = False,
) -> tuple[Prepared, list[Quarantined]]:
    """Decode `sources` (folders with an index.csv, or of plain audio), old records and synthesised songs.

    `discs` are folders of digitised records: never a target of training, as nobody knows how they were. Without
    splits of their own their artists (or folders) are divided among train, valid and test.
    """
    left_out: list[Quarantined] = []
    # All are read before the first is decoded: a folder that is not there is told at once, and nothing is left behind.
    read = [_read(source, left_out) for source in sources]
    old = [_read(source, left_out) for source in discs]
    out.mkdir(parents=True, exist_ok=True)
    sounds: list[Sound] = []
    for tracks, folder in read:
        sounds.extend(_decode_all(tracks, folder, out, left_out, any_licence=any_licence))
    for tracks, folder in old:
        sounds.extend(_decode_all(_as_discs(tracks), folder, out, left_out, any_licence=True))
    sounds.extend(progress(_songs(out, synth_songs, seed), "synthesise songs", total=synth_songs))
    if synth_songs:
        sounds.extend(_transients(out, seed))
    if not any(sound.kind == "music" for sound in sounds):
        raise InputError(out, "no music was found in the sources that may be used")
    write_jsonl(out / "sounds.jsonl", sounds)
    write_jsonl(out / "left_out.jsonl", left_out)
    about = {"sources": [str(s) for s in sources], "synth_songs": synth_songs, "seed": seed}
    write_json(out / "prepare.json", about)
    return Prepared(out), left_out


def _read(source: Path, left_out: list[Quarantined]) -> tuple[list[Track], Path]:
    index = source / "index.csv" if (source / "index.csv").is_file() else source
    reading = read_tracks(index)
    left_out.extend(reading.quarantined)
    return list(reading.tracks), index if index.is_dir() else index.parent


def _as_discs(tracks: list[Track]) -> list[Track]:
    groups = [track.artist or str(Path(track.path).parent) or track.path for track in tracks]
    if len(set(groups)) < 3:
        groups = [track.path for track in tracks]
    splits = assign(groups)
    return [
        Track.from_dict({**track.to_dict(), "kind": "disc", "split": track.split or split})
        for track, split in zip(tracks, splits, strict=True)
    ]


def _kind(track: Track) -> str:
    """What a line of an index is to us; empty when it is nothing.

    >>> _kind(Track(path="a.flac", kind="raw_track", extras={"label": "drums"}))
    'drums_alone'
    """
    if track.kind == "oneshot":
        return "hit"
    if track.kind == "raw_track":
        return "drums_alone" if track.extras.get("label") == "drums" else ""
    return track.kind if track.kind in SHORTEST_S else ""


def _decode_all(
    tracks: list[Track], folder: Path, out: Path, left_out: list[Quarantined], *, any_licence: bool
) -> Iterator[Sound]:
    wanted = [(track, kind) for track in tracks if (kind := _kind(track))]
    for track, kind in progress(wanted, f"decode {folder.name}"):
        # Audio whose licence does not allow it may be used to evaluate, never to train what ships.
        licence = classify(track.licence)
        if track.split != "test" and not (any_licence or licence.may_train):
            left_out.append(Quarantined(path=str(folder / track.path), reason=licence.reason))
            continue
        try:
            yield from _decode(track, kind, folder, out)
        except TonewheelError as error:
            left_out.append(Quarantined(path=str(folder / track.path), reason=str(error)))


def _decode(track: Track, kind: str, folder: Path, out: Path) -> Iterator[Sound]:
    name = hashlib.sha256(f"{folder.resolve().name}/{track.path}".encode()).hexdigest()[:16]
    split = track.split or "train"
    parts = [(split, 0.0, 1.0)]
    if kind == "surface_noise" and split == "train":
        parts = [("train", 0.0, 1 - HELD_OUT), ("valid", 1 - HELD_OUT, 1.0)]
    files = [out / kind / f"{name}{'' if len(parts) == 1 else '-' + part}.npy" for part, _, _ in parts]
    if not all(file.exists() for file in files):
        audio, _ = load(folder / track.path, sample_rate_hz=SAMPLE_RATE_HZ)
        seconds = len(audio) / SAMPLE_RATE_HZ
        if seconds < SHORTEST_S.get(kind, 0.0):
            raise InputError(track.path, f"lasts {seconds:.1f} s; at least {SHORTEST_S[kind]:g} s")
        for (_, first, last), file in zip(parts, files, strict=True):
            store(file, audio[round(first * len(audio)) : round(last * len(audio))])
    for (part, _, _), file in zip(parts, files, strict=True):
        yield Sound(
            kind=kind,
            title=track.title or Path(track.path).stem,
            artist=track.artist,
            group=str(track.extras.get("kit") or track.source_repo or track.artist or folder.name),
            split=part,
            licence=track.licence,
            source=track.path,
            file=str(file.relative_to(out)),
            seconds=round(stored_samples(file) / SAMPLE_RATE_HZ, 3),
        )


def _songs(out: Path, count: int, seed: int) -> Iterator[Sound]:
    from tonewheel.synth.compose import compose
    from tonewheel.synth.render import render

    for number in range(count):
        file = out / "music" / f"synth-{seed}-{number:04d}.npy"
        song = compose(seed * 1_000_003 + 900_000 + number, seconds=SONG_S)
        if not file.exists():
            store(file, np.asarray(render(song, SAMPLE_RATE_HZ).mix))
        yield _made(
            "music", song.title, f"synth {song.style}", "valid" if number % 8 == 7 else "train", file, out
        )


def _transients(out: Path, seed: int) -> Iterator[Sound]:
    for kind, make in MAKERS.items():
        for number in range(TRANSIENTS):
            file = out / "transient" / f"{kind}-{seed}-{number:02d}.npy"
            if not file.exists():
                store(file, make(generator(seed, "transients", kind, number), TRANSIENT_S, SAMPLE_RATE_HZ))
            yield _made("transient", file.stem, kind, "valid" if number % 4 == 3 else "train", file, out)


def _made(kind: str, title: str, group: str, split: str, file: Path, out: Path) -> Sound:
    return Sound(
        kind=kind,
        title=title,
        group=group,
        split=split,
        licence=OURS,
        file=str(file.relative_to(out)),
        seconds=round(stored_samples(file) / SAMPLE_RATE_HZ, 3),
        synthetic=True,
    )
