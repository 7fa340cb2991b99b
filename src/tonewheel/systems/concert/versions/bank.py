"""A folder of songs, each in several renditions of its own key, tempo and instruments, made once.

    BANK/songs/<song>.json      the renditions of a song: how each relates in key and time to the score
    BANK/audio/<song>-<n>.npy   int16 samples, mono, 16 kHz; rendition 0 is the record, the others play it again

A song that is there is not made again, so a killed run continues, and several may work side by side. A song
is of one split with all its renditions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.errors import InputError, TonewheelError
from tonewheel.core.files import atomic_path, write_json
from tonewheel.core.progress import progress
from tonewheel.core.records import Record
from tonewheel.core.seeds import generator
from tonewheel.manifest.tracks import Quarantined, read_tracks
from tonewheel.synth.song import Song
from tonewheel.systems.concert.prepare import SAMPLE_RATE_HZ
from tonewheel.systems.concert.versions.band import rearrange, sound
from tonewheel.systems.concert.versions.piece import from_midi, from_song

Floats = NDArray[np.float32]
FIRST_SEED = {"train": 3_000_000, "valid": 4_000_000, "test": 5_000_000}
"""Composed songs of a split count from here; the concert system trains on 0 to 10,000."""
VALID_EVERY = 6
"""Of the MIDI songs of the train split, every so many are for validation."""
FOLDER = "versions"
"""Of a prepared folder."""
SONG_S = 60.0
TRAIN_TEMPO = 0.10
TEST_TEMPO = 0.06
"""How far a tempo may be from the record's: TARGETS.md says 6 %; training goes beyond."""


class Rendition(Record):
    """One playing of a song; `beats` pairs seconds of the score with seconds of this file."""

    file: str
    semitones: int
    """Up from the record, 0 to 11."""
    by: str
    """Who plays: `synth` (tonewheel.synth) or `soundfont`."""
    seconds: float
    beats: tuple[tuple[float, float], ...]


class BankSong(Record):
    """A song with its renditions; the first is the record."""

    song: str
    split: str
    kind: str
    licence: str
    renditions: tuple[Rendition, ...]


class Job(NamedTuple):
    """A song to be made: its name, split and kind, and what makes (samples, semitones, beats, player) of it."""

    song: str
    split: str
    kind: str
    licence: str
    play: Callable[[], Iterator[tuple[Floats, int, NDArray[np.float64], str]]]


class Bank:
    """An opened bank."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        if not (self.folder / "songs").is_dir():
            raise InputError(
                self.folder, "holds no renditions; make them with `tonewheel concert prepare --versions`"
            )
        files = sorted((self.folder / "songs").glob("*.json"))
        self.songs = [BankSong.from_json(file.read_text(), where=file) for file in files]

    def of(self, split: str) -> list[BankSong]:
        """The songs of a split that have another rendition than the record."""
        return [song for song in self.songs if song.split == split and len(song.renditions) > 1]

    def floats(self, rendition: Rendition, start: int = 0, stop: int | None = None) -> Floats:
        """Samples [start, stop) of a rendition; the file is memory-mapped."""
        mapped = np.load(self.folder / rendition.file, mmap_mode="r", allow_pickle=False)
        return np.asarray(mapped[start:stop], dtype=np.float32) / np.float32(32768)


def build(jobs: list[Job], out: Path) -> list[Quarantined]:
    """Make every song that is not there; returns those that could not be made."""
    (out / "songs").mkdir(parents=True, exist_ok=True)
    (out / "audio").mkdir(exist_ok=True)
    left_out = []
    for job in progress(jobs, "play songs again", len(jobs)):
        told = out / "songs" / f"{job.song}.json"
        if told.exists():
            continue
        renditions = []
        try:
            for number, (audio, semitones, beats, by) in enumerate(job.play()):
                file = f"audio/{job.song}-{number}.npy"
                peak = max(float(np.abs(audio).max()), 1e-9)
                with atomic_path(out / file) as temporary, temporary.open("wb") as stream:
                    np.save(
                        stream, np.round(audio * (0.89 / peak) * 32767).astype(np.int16), allow_pickle=False
                    )
                renditions.append(
                    Rendition(
                        file=file,
                        semitones=semitones % 12,
                        by=by,
                        seconds=len(audio) / SAMPLE_RATE_HZ,
                        beats=tuple((round(a, 4), round(b, 4)) for a, b in beats.tolist()),
                    )
                )
        except TonewheelError as error:
            left_out.append(Quarantined(path=job.song, reason=str(error)))
            continue
        write_json(
            told,
            BankSong(
                song=job.song,
                split=job.split,
                kind=job.kind,
                licence=job.licence,
                renditions=tuple(renditions),
            ),
        )
    return left_out


def jobs_of(sources: Sequence[Path], composed: int) -> list[Job]:
    """`composed` songs for training and a third as many to test on, and the MIDI songs of the sources."""
    jobs = [
        job
        for split, share in (("valid", 7), ("test", 5), ("train", 1))
        for job in composed_jobs(split, max(2, composed // share))
    ]
    for source in sources:
        if (source / "index.csv").is_file():
            jobs += midi_jobs(source / "index.csv")
    return jobs


def composed_jobs(split: str, count: int) -> list[Job]:
    """Composed songs: as `tonewheel.synth` renders them, covered by it, and covered by soundfonts."""

    def job(number: int) -> Job:
        seed = FIRST_SEED[split] + number

        def play() -> Iterator[tuple[Floats, int, NDArray[np.float64], str]]:
            from tonewheel.synth.compose import compose
            from tonewheel.synth.render import render
            from tonewheel.synth.versions import align, version_of

            within = TRAIN_TEMPO if split == "train" else TEST_TEMPO
            song = compose(seed, seconds=SONG_S)
            yield render(song, SAMPLE_RATE_HZ).mix, 0, align(song, song), "synth"
            for number, by in enumerate(("synth", "soundfont"), 1):
                other = _other_key(
                    lambda s: version_of(song, s, tempo_within=within), song.tonic, number, split
                )
                moved = (other.tonic - song.tonic) % 12
                if by == "synth":
                    audio = render(other, SAMPLE_RATE_HZ).mix
                else:
                    rng = generator(seed, "band", number)
                    playing = rearrange(from_song(other), rng, semitones=(0, 0), tempo_within=0.0)
                    audio = sound(playing.lines, SAMPLE_RATE_HZ)
                yield audio, moved, align(song, other), by

        return Job(f"synth-{seed}", split, "synth", "CC0-1.0 (made by tonewheel.synth)", play)

    return [job(number) for number in range(count)]


def _other_key(play: Callable[[int], Song], tonic: int, number: int, split: str) -> Song:
    """A version in another key than the record's; in training the same key is a key, too."""
    for attempt in range(20):
        other = play(100 * number + attempt)
        if split == "train" or other.tonic != tonic:
            break
    return other


def midi_jobs(index: Path, renditions: int = 3) -> list[Job]:
    """The MIDI songs of an index.csv: as they were written, and played again."""
    reading = read_tracks(index)
    found = [t for t in reading.tracks if t.kind == "midi"]
    order = {t.path: i for i, t in enumerate(t for t in found if t.split == "train")}

    def job(number: int) -> Job:
        track = found[number]
        held_out = order.get(track.path, 0) % VALID_EVERY == VALID_EVERY - 1
        split = "valid" if track.split == "train" and held_out else (track.split or "train")

        def play() -> Iterator[tuple[Floats, int, NDArray[np.float64], str]]:
            piece = from_midi(index.parent / track.path, longest_s=SONG_S)
            for n in range(renditions):
                rng = generator(0, "rendition", track.path, n)
                if n == 0:
                    playing = rearrange(
                        piece, rng, semitones=(0, 0), tempo_within=0.0, other_instruments=False
                    )
                else:
                    within = TRAIN_TEMPO if split == "train" else TEST_TEMPO
                    keys = (-5, 6) if split == "train" else ((-5, -1) if rng.random() < 0.5 else (1, 6))
                    playing = rearrange(piece, rng, semitones=keys, tempo_within=within)
                at = np.arange(0.0, piece.seconds, 0.5)
                yield (
                    sound(playing.lines),
                    playing.semitones,
                    np.stack([at, at * playing.stretch], 1),
                    "soundfont",
                )

        return Job(f"midi-{Path(track.path).stem}", split, "midi", track.licence, play)

    return [job(number) for number in range(len(found))]
