"""Is a song known when it is played again? The protocol of TARGETS.md for re-performances, for any method.

The catalogue is the records of a split's songs (composed and MIDI songs as first rendered) and its real tracks,
which are never asked for. A query is a cut of another rendition (other key, tempo within 6 %, other
instruments) through a room, a crowd and a phone of the same split. A rank is told among all songs, and among
40 drawn from them with the right one: the size of catalogue that TARGETS.md states.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.errors import InputError
from tonewheel.core.records import Record
from tonewheel.core.seeds import generator
from tonewheel.metrics.bootstrap import Interval, interval, mean
from tonewheel.metrics.retrieval import ranks
from tonewheel.systems.concert.prepare import SAMPLE_RATE_HZ
from tonewheel.systems.concert.queries import RUN_UP_S, Hall
from tonewheel.systems.concert.versions.bank import Bank, BankSong
from tonewheel.systems.concert.versions.sequence import Versions

Floats = NDArray[np.float32]
Embed = Callable[[Floats], Floats]
"""Mono audio at 16 kHz -> (windows, 12 * size) tables, half a second apart."""
LENGTHS_S = (6.0, 20.0)
CATALOGUE = 40
HOP_S = 0.5


class Query(NamedTuple):
    """A cut of a rendition as heard in the hall: the song's number in the catalogue, who played, and the sound."""

    song: int
    by: str
    audio: Floats


class Cell(Record):
    """One figure of one method."""

    method: str
    seconds: float
    snr_db: float
    measure: str
    """`top-1` or `MRR`."""
    songs: int
    value: Interval


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


def rank_all(
    stage: Stage,
    queries: Sequence[Query],
    embed: Embed,
    seconds: float,
    records: Sequence[Floats] | None = None,
) -> NDArray[np.float64]:
    """Score of every song for the first `seconds` of each query. Shape: (queries, songs)."""
    catalogue = Versions([embed(audio) for audio in stage.records()] if records is None else records, HOP_S)
    table = np.empty((len(queries), stage.count))
    for row, query in zip(table, queries, strict=True):
        for match in catalogue.rank(embed(query.audio[: round(seconds * SAMPLE_RATE_HZ)])):
            row[match.song] = match.score
    return table


def cells(
    method: str, table: NDArray[np.float64], queries: Sequence[Query], seconds: float, snr_db: float
) -> list[Cell]:
    """Top-1 and MRR among all songs and among 40; intervals resample songs."""
    right = np.array([query.song for query in queries])
    out = []
    for size in dict.fromkeys((min(CATALOGUE, table.shape[1]), table.shape[1])):
        rank = _ranks_among(table, right, size)
        for measure, values in (("top-1", rank == 1), ("MRR", 1 / rank)):
            value = interval(
                values.astype(float), rng=generator(0, "bootstrap"), groups=right, statistic=mean
            )
            out.append(
                Cell(method=method, seconds=seconds, snr_db=snr_db, measure=measure, songs=size, value=value)
            )
    return out


def _ranks_among(table: NDArray[np.float64], right: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Rank of the right song among `size` songs that are drawn for each query."""
    if size == table.shape[1]:
        return ranks(table, right)
    rng = generator(0, "catalogue of", size)
    chosen = np.full((len(table), size), -np.inf)
    for row, (scores, own) in enumerate(zip(table, right, strict=True)):
        others = np.delete(np.arange(len(scores)), own)
        chosen[row] = scores[[own, *rng.choice(others, size - 1, replace=False)]]
    return ranks(chosen, np.zeros(len(table), np.int64))
