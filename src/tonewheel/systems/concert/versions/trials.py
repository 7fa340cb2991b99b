"""Is a song known when it is played again? The protocol of TARGETS.md for re-performances, for any method.

The catalogue is the records of a split's songs (composed and MIDI songs as first rendered) and its real tracks,
which are never asked for. A query is a cut of another rendition (other key, tempo within 6 %, other
instruments) through a room, a crowd and a phone of the same split. A rank is told among all songs, and among
40 drawn from them with the right one: the size of catalogue that TARGETS.md states.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.errors import InputError
from tonewheel.core.progress import progress
from tonewheel.core.seeds import generator
from tonewheel.systems.concert.embed import Embedder
from tonewheel.systems.concert.identify import RUN_WINDOWS, over_runs
from tonewheel.systems.concert.match import Catalogue
from tonewheel.systems.concert.prepare import SAMPLE_RATE_HZ
from tonewheel.systems.concert.queries import RUN_UP_S, Hall
from tonewheel.systems.concert.versions.bank import Bank, BankSong
from tonewheel.systems.concert.versions.embed import VersionEmbedder
from tonewheel.systems.concert.versions.fuse import rank_runs
from tonewheel.systems.concert.versions.sequence import Versions

Floats = NDArray[np.float32]
LENGTHS_S = (6.0, 20.0)
CATALOGUE = 40
RECORD = "record"
"""Who plays a query that is the record itself."""


class Query(NamedTuple):
    """A cut of a rendition as heard in the hall: the song's number in the catalogue, who played, and the sound."""

    song: int
    by: str
    audio: Floats


class Stage:
    """The songs of a split: what a catalogue holds and what is played."""

    def __init__(self, bank: Bank, hall: Hall, split: str) -> None:
        self.bank, self.hall = bank, hall
        self.songs: list[BankSong] = bank.of(split)
        if len(self.songs) < 2:
            raise InputError(bank.folder, f"has {len(self.songs)} {split} songs; at least 2 needed")

    @property
    def count(self) -> int:
        """Songs of the catalogue."""
        return len(self.songs) + len(self.hall.tracks)

    def records(self) -> Iterator[Floats]:
        """The sound of every song of the catalogue: those that are played again come first."""
        for song in self.songs:
            yield self.bank.floats(song.renditions[0])
        for track in self.hall.tracks:
            yield self.hall.song(track)

    def queries(self, count: int, snr_db: float, seconds: float, *seed: int | str) -> Iterator[Query]:
        """Cuts of other renditions, each through a chain of its own."""
        for number in range(count):
            rng = generator(0, "played again", *seed, f"{snr_db:g}", number)
            song = int(rng.integers(len(self.songs)))
            others = self.songs[song].renditions[1:]
            rendition = others[int(rng.integers(len(others)))]
            length = round(seconds * SAMPLE_RATE_HZ)
            samples = round(rendition.seconds * SAMPLE_RATE_HZ)
            start = int(rng.integers(0, max(1, samples - length + 1)))
            run_up = min(start, round(RUN_UP_S * SAMPLE_RATE_HZ))
            clean = self.bank.floats(rendition, start - run_up, start + length)
            heard = self.hall.chain(rng, snr_db).apply(clean, SAMPLE_RATE_HZ)[run_up:]
            yield Query(song, rendition.by, heard)

    def record_queries(
        self, records: Sequence[Floats], count: int, snr_db: float, seconds: float, *seed: int | str
    ) -> Iterator[Query]:
        """Cuts of the records themselves, and of the real tracks, as heard in the hall."""
        for number in range(count):
            rng = generator(0, "played back", *seed, f"{snr_db:g}", number)
            song = int(rng.integers(len(records)))
            length = round(seconds * SAMPLE_RATE_HZ)
            start = int(rng.integers(0, max(1, len(records[song]) - length + 1)))
            run_up = min(start, round(RUN_UP_S * SAMPLE_RATE_HZ))
            clean = records[song][start - run_up : start + length]
            heard = self.hall.chain(rng, snr_db).apply(clean, SAMPLE_RATE_HZ)[run_up:]
            yield Query(song, RECORD, heard)


class Branches:
    """A stage's records as both branches know them; each gives scores of all songs for a piece of sound."""

    def __init__(self, stage: Stage, embedder: Embedder, versions: VersionEmbedder) -> None:
        self.embedder, self.versions = embedder, versions
        self.sound = list(stage.records())
        told = progress(self.sound, "embed records", len(self.sound))
        self.rows = [embedder.embed(audio).embeddings for audio in told]
        self.tables = [versions.embed(audio) for audio in self.sound]
        self.recordings = Catalogue(self.rows, embedder.hop_s)
        self.songs = Versions(self.tables, versions.hop_s)

    def near(self, windows: Floats) -> list[float]:
        """By fingerprint, as `identify` does. Shape: (windows, size)."""
        starts = range(0, len(windows), RUN_WINDOWS)
        whole = [i for i in starts if i == 0 or len(windows) - i > RUN_WINDOWS // 2]
        runs = [self.recordings.rank(windows[i : i + RUN_WINDOWS]) for i in whole]
        return [match.score for match in sorted(over_runs(runs, self.embedder.hop_s))]

    def far(self, rows: Floats) -> list[float]:
        """As a song played again. Shape: (rows, 12 * size)."""
        return [match.score for match in sorted(rank_runs(self.songs, rows))]


def among(scores: Sequence[float] | NDArray[np.float64], right: int, size: int, seed: int | str) -> int:
    """Rank of the right song among `size` songs that are drawn for this query, from 1 on.

    >>> among([0.1, 0.9, 0.5], 2, 3, 0), among([0.1, 0.9, 0.5], 1, 2, 0)
    (2, 1)
    """
    table = np.asarray(scores)
    others = np.delete(np.arange(len(table)), right)
    drawn = generator(0, "catalogue of", size, seed).choice(others, min(size, len(table)) - 1, replace=False)
    return 1 + int((table[drawn] >= table[right]).sum())
