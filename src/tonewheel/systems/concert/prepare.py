"""Decode everything once: a folder of 16 kHz tracks, rooms, crowds and microphones that training just reads.

Each track becomes one int16 file that is memory-mapped later, each response or crowd one float32 WAV. A file
that exists is not made again, so a killed run continues; what cannot be used is listed with its reason.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from tonewheel.audio.decode import load, probe
from tonewheel.audio.encode import write
from tonewheel.core.errors import InputError, TonewheelError
from tonewheel.core.files import atomic_path, write_json
from tonewheel.core.progress import progress
from tonewheel.core.records import Record, read_jsonl, write_jsonl
from tonewheel.core.seeds import generator
from tonewheel.degrade.reverberation import measure_t60_s
from tonewheel.gates.leakage import place
from tonewheel.learn.prepared import prepared_folder
from tonewheel.manifest.licence import classify
from tonewheel.manifest.tracks import Quarantined, Track, audio_paths, read_tracks
from tonewheel.systems.concert.align.pairs import (
    Excerpt,
    confirmed_excerpts,
    excerpts,
    is_aligned,
    settled_by,
    track_of,
)
from tonewheel.systems.concert.ambience import MAKERS

SAMPLE_RATE_HZ = 16_000
SHORTEST_TRACK_S = 6.0
AMBIENCE = {
    "ir_room": "room",
    "ir_room_modelled": "room",
    "ir_plate": "room",
    "ir_mic": "microphone",
    "ir_phone": "microphone",
    "crowd": "crowd",
}


AMBIENCE_CLIPS = {"banter": 48, "applause": 12, "cheering": 12, "room_tone": 4}
AMBIENCE_CLIP_S = 15.0
T60_RANGE_S = (0.25, 3.5)
OURS = "CC0-1.0 (made by tonewheel.synth)"


class PreparedTrack(Record):
    """One decoded track: `file` holds int16 samples, mono, at `sample_rate_hz`."""

    title: str
    group: str
    split: str
    licence: str
    file: str
    seconds: float
    artist: str = ""
    sample_rate_hz: int = SAMPLE_RATE_HZ
    synthetic: bool = False


class LivePair(Record):
    """A stretch of a concert (`live`, int16 samples) and the place in a track's file at which it begins."""

    track: str
    live: str
    track_s: float
    seconds: float


class Ambience(Record):
    """One room response, crowd recording or microphone response, mono WAV at 16 kHz."""

    title: str
    kind: str
    split: str
    licence: str
    file: str
    t60_s: float | None = None


class Prepared:
    """A prepared folder, opened: its tracks and ambience, and samples on demand without decoding."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = prepared_folder(folder, "tracks.jsonl", "concert")
        self.tracks = list(read_jsonl(self.folder / "tracks.jsonl", PreparedTrack))
        self.ambience = list(read_jsonl(self.folder / "ambience.jsonl", Ambience))
        pairs = self.folder / "pairs.jsonl"
        self.pairs = list(read_jsonl(pairs, LivePair)) if pairs.is_file() else []
        """Aligned concerts, if any were among the sources."""

    def floats(self, track: PreparedTrack, start: int = 0, stop: int | None = None) -> NDArray[np.float32]:
        """Samples [start, stop) of a track; the file is memory-mapped, so only these are read."""
        mapped = np.load(self.folder / track.file, mmap_mode="r", allow_pickle=False)
        return np.asarray(mapped[start:stop], dtype=np.float32) / np.float32(32768)

    def live(self, pair: LivePair, start: int, stop: int) -> NDArray[np.float32]:
        """Samples [start, stop) of the concert's side of a pair."""
        mapped = np.load(self.folder / pair.live, mmap_mode="r", allow_pickle=False)
        return np.asarray(mapped[start:stop], dtype=np.float32) / np.float32(32768)

    def paths(self, kind: str, split: str) -> list[str]:
        """Files of one kind of ambience (room, crowd, microphone) in a split."""
        return [str(self.folder / a.file) for a in self.ambience if a.kind == kind and a.split == split]


def prepare(
    sources: Iterable[Path],
    out: Path,
    *,
    synth_songs: int = 0,
    seed: int = 0,
    any_licence: bool = False,
    confirmed: Sequence[Path] = (),
    recordings: Sequence[Path] = (),
) -> tuple[Prepared, list[Quarantined]]:
    """Decode `sources` (folders with an index.csv, of plain audio, or aligned concerts) and made songs into `out`.

    `confirmed` are files of confirmations; what they settle about `recordings` (files or folders) become pairs.
    """
    played = [path for given in recordings for path in audio_paths(given)]
    if confirmed and not played:
        raise InputError("--confirmed", "says what was played in recordings; give them with --recording")
    if played and not confirmed:
        raise InputError("--recording", "is listened to with --confirmed, which says what was played in it")
    for path in played:  # before anything is written
        probe(path)
    settled = settled_by(confirmed)
    out.mkdir(parents=True, exist_ok=True)
    tracks: list[PreparedTrack] = []
    ambience: list[Ambience] = []
    left_out: list[Quarantined] = []
    concerts = [source for source in sources if is_aligned(source)]
    by_name: dict[str, str] = {}
    for source in sources:
        if source in concerts:
            continue
        index = source / "index.csv" if (source / "index.csv").is_file() else source
        reading = read_tracks(index)
        left_out.extend(reading.quarantined)
        found = [t for t in reading.tracks if t.kind == "music" or t.kind in AMBIENCE]
        folder = index if index.is_dir() else index.parent
        for track in progress(found, f"decode {source.name}"):
            file = folder / track.path
            # Audio whose licence does not allow it may still be used to evaluate, never to train what ships.
            licence = classify(track.licence)
            if track.split != "test" and not (any_licence or licence.may_train):
                left_out.append(Quarantined(path=str(file), reason=licence.reason))
                continue
            try:
                if track.kind == "music":
                    tracks.append(_decode_track(track, file, out))
                    by_name[Path(track.path).name] = tracks[-1].file
                else:
                    ambience.append(_decode_ambience(track, file, out))
            except TonewheelError as error:
                left_out.append(Quarantined(path=str(file), reason=str(error)))
    tracks.extend(progress(_synthesise(out, synth_songs, seed), "synthesise songs", total=synth_songs))
    ambience = _split_ambience(ambience, left_out)
    total = sum(AMBIENCE_CLIPS.values()) if synth_songs else 0
    ambience.extend(progress(_make_ambience(out, seed) if total else (), "synthesise crowds", total=total))
    write_jsonl(out / "tracks.jsonl", tracks)
    write_jsonl(out / "ambience.jsonl", ambience)
    heard: list[tuple[Path, Iterable[Excerpt]]] = [(one, excerpts(one)) for one in concerts]
    if confirmed:
        live = list(confirmed_excerpts(settled, played, by_name))
        heard.append((confirmed[0], live))
        if any_licence and not live:
            left_out.append(Quarantined(path=str(confirmed[0]), reason=_untaught(len(settled))))
    pairs = [
        pair for where, some in heard for pair in _pairs(where, some, by_name, out, left_out, any_licence)
    ]
    if pairs:
        write_jsonl(out / "pairs.jsonl", pairs)
    write_jsonl(out / "left_out.jsonl", left_out)
    write_json(
        out / "prepare.json", {"sources": [str(s) for s in sources], "synth_songs": synth_songs, "seed": seed}
    )
    return Prepared(out), left_out


def _decode_track(track: Track, source: Path, out: Path) -> PreparedTrack:
    file = out / "tracks" / f"{hashlib.sha256(track.path.encode()).hexdigest()[:16]}.npy"
    if not file.exists():
        audio, _ = load(source, sample_rate_hz=SAMPLE_RATE_HZ)
        if len(audio) < SHORTEST_TRACK_S * SAMPLE_RATE_HZ:
            raise InputError(
                source, f"lasts {len(audio) / SAMPLE_RATE_HZ:.1f} s; at least {SHORTEST_TRACK_S:g} s"
            )
        _store(audio, file)
    samples = np.load(file, mmap_mode="r", allow_pickle=False).shape[0]
    return PreparedTrack(
        title=track.title or source.stem,
        artist=track.artist,
        group=track.source_repo or track.artist or source.parent.name,
        split=track.split or "train",
        licence=track.licence,
        file=str(file.relative_to(out)),
        seconds=samples / SAMPLE_RATE_HZ,
    )


def _untaught(settled: int) -> str:
    """Why confirmations became no pairs."""
    if not settled:
        return "settles nothing yet: two witnesses must agree on a song, or a person correct it"
    return (
        f"none of the {settled} songs that it settles is of these recordings and of a track among the sources"
    )


def _pairs(
    where: Path,
    told: Iterable[Excerpt],
    by_name: dict[str, str],
    out: Path,
    left_out: list[Quarantined],
    any_licence: bool,
) -> Iterator[LivePair]:
    """The sure songs of a concert whose studio tracks are among the sources, as `told` by what `where` holds."""
    if not any_licence:
        left_out.append(
            Quarantined(path=str(where), reason="a concert states no licence; --any-licence trains on it")
        )
        return
    try:
        found = list(told)
    except TonewheelError as error:
        left_out.append(Quarantined(path=str(where), reason=str(error)))
        return
    for one in progress(found, f"decode {where.name}"):
        track = track_of(one, by_name)
        if track is None:
            reason = f"its studio track {one.references[0]} is not among the sources"
            left_out.append(Quarantined(path=f"{one.recording}: {one.song}", reason=reason))
            continue
        digest = hashlib.sha256(one.to_json().encode()).hexdigest()[:16]
        file = out / "live" / f"{digest}.npy"
        try:
            if not file.exists():
                span_s = one.end_s - one.start_s
                audio, _ = load(
                    one.recording, sample_rate_hz=SAMPLE_RATE_HZ, start_s=one.start_s, duration_s=span_s
                )
                _store(audio, file)
        except TonewheelError as error:
            left_out.append(Quarantined(path=one.recording, reason=str(error)))
            continue
        samples = np.load(file, mmap_mode="r", allow_pickle=False).shape[0]
        yield LivePair(
            track=track,
            live=str(file.relative_to(out)),
            track_s=one.track_s,
            seconds=samples / SAMPLE_RATE_HZ,
        )


def _decode_ambience(track: Track, source: Path, out: Path) -> Ambience:
    kind = AMBIENCE[track.kind]
    file = out / f"{kind}s" / f"{source.stem}.wav"
    audio, _ = load(source, sample_rate_hz=SAMPLE_RATE_HZ)
    if not file.exists():
        write(
            file,
            audio / max(float(np.abs(audio).max()), 1e-9) * np.float32(0.9),
            SAMPLE_RATE_HZ,
            sample_format="float",
        )
    return Ambience(
        title=source.stem,
        kind=kind,
        split=track.split or "train",
        licence=track.licence,
        file=str(file.relative_to(out)),
        t60_s=measure_t60_s(audio, SAMPLE_RATE_HZ) if kind == "room" else None,
    )


def _split_ambience(found: list[Ambience], left_out: list[Quarantined]) -> list[Ambience]:
    """Hold every fifth train item of a kind out for validation; drop what leaks, or rings beyond any hall."""
    reported = {(a.kind, place(a.title)) for a in found if a.split == "test" and a.kind == "room"}
    kept: list[Ambience] = []
    for one in found:
        if one.split == "train" and (one.kind, place(one.title)) in reported:
            left_out.append(
                Quarantined(path=one.file, reason="another response of this room is in the test split")
            )
        elif one.kind == "room" and not (one.t60_s and T60_RANGE_S[0] <= one.t60_s <= T60_RANGE_S[1]):
            left_out.append(
                Quarantined(path=one.file, reason=f"rings {one.t60_s or 0:.1f} s (T60), not as a hall does")
            )
        elif one.split == "train" and sum(k.kind == one.kind and k.split != "test" for k in kept) % 5 == 4:
            kept.append(structs.replace(one, split="valid"))
        else:
            kept.append(one)
    return kept


def _synthesise(out: Path, count: int, seed: int) -> Iterator[PreparedTrack]:
    from tonewheel.synth.compose import compose
    from tonewheel.synth.render import render

    for number in range(count):
        file = out / "tracks" / f"synth-{seed}-{number:04d}.npy"
        song = compose(seed * 1_000_003 + number)
        if not file.exists():
            _store(render(song, SAMPLE_RATE_HZ).mix, file)
        yield PreparedTrack(
            title=song.title,
            group=f"synth {song.style}",
            split="train",
            licence=OURS,
            file=str(file.relative_to(out)),
            seconds=np.load(file, mmap_mode="r", allow_pickle=False).shape[0] / SAMPLE_RATE_HZ,
            synthetic=True,
        )


def _make_ambience(out: Path, seed: int) -> Iterator[Ambience]:
    for kind, count in AMBIENCE_CLIPS.items():
        for number in range(count):
            split = "valid" if number % 8 == 7 else "train"
            file = out / f"{kind}s" / f"synth-{seed}-{number:02d}.wav"
            if not file.exists():
                made = MAKERS[kind](
                    generator(seed, "ambience", kind, number), AMBIENCE_CLIP_S, SAMPLE_RATE_HZ
                )
                write(file, made, SAMPLE_RATE_HZ, sample_format="float")
            yield Ambience(
                title=file.stem, kind=kind, split=split, licence=OURS, file=str(file.relative_to(out))
            )


def _store(audio: np.ndarray, file: Path) -> None:
    """Write mono float audio as int16 with its peak at -1 dB, so that quiet tracks keep their resolution."""
    mono = audio if audio.ndim == 1 else audio.mean(axis=0)
    peak = float(np.abs(mono).max())
    if peak < 1e-4:
        raise InputError(file.name, "is silent")
    with atomic_path(file) as temporary, temporary.open("wb") as stream:
        np.save(stream, np.round(mono * (0.89 / peak) * 32767).astype(np.int16), allow_pickle=False)
