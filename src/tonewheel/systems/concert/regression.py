"""A frozen regression set: queries with known answers that no new weights may answer worse than those before.

Everything is in one file, audio too, so the questions stay the same when simulation or data change. The front end and
the embedding are the model's own, so models of any recipe can be compared.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.errors import InputError
from tonewheel.core.files import atomic_path
from tonewheel.core.progress import progress
from tonewheel.gates.base import Verdict
from tonewheel.gates.regression import RegressionGate
from tonewheel.systems.concert.calibrate import PACK_SONGS
from tonewheel.systems.concert.embed import Embedder
from tonewheel.systems.concert.match import Catalogue
from tonewheel.systems.concert.prepare import SAMPLE_RATE_HZ, Prepared
from tonewheel.systems.concert.queries import Hall

FORMAT = "tonewheel concert regression 1"
QUERY_S = 5.0
OTHERS_S = 60
"""What is kept of a song that is only there to be mistaken for."""
SNRS_DB = (0.0, 5.0, 10.0)
LENGTHS = {2: 1, 5: 7}
"""Seconds of a query, and the windows that they are: every query is asked twice."""
MOST_BYTES = 2**31

Samples = NDArray[np.int16]


class Frozen(NamedTuple):
    """The set: studio `tracks` with their titles, and `queries` (n, samples) int16 with the track of each."""

    titles: tuple[str, ...]
    tracks: tuple[Samples, ...]
    queries: Samples
    track_of: NDArray[np.int64]
    kinds: tuple[str, ...]
    """Of each query: the noise level, or that it is of an aligned concert."""

    @property
    def questions(self) -> list[str]:
        """Names of all questions, in the order of `answer`."""
        return [
            f"{self.titles[track]}, {kind}, query {number}, {seconds} s"
            for number, (track, kind) in enumerate(zip(self.track_of, self.kinds, strict=True))
            for seconds in LENGTHS
        ]


def freeze(prepared: Prepared, split: str = "valid", count: int = 150, seed: int = 0) -> Frozen:
    """Draw `count` queries of a split through its rooms and crowds, and one of every live pair of its tracks.

    Songs of training fill the set up to a show's worth: with few songs every model is right.
    """
    hall = Hall(prepared, split)
    queries: list[Samples] = []
    track_of: list[int] = []
    kinds: list[str] = []
    for place, snr_db in enumerate(SNRS_DB):
        share = len(range(place, count, len(SNRS_DB)))
        for query in progress(hall.queries(share, snr_db, QUERY_S, "freeze", seed), f"{snr_db:g} dB", share):
            queries.append(_as_int16(query.audio))
            track_of.append(query.song)
            kinds.append(f"{snr_db:g} dB")
    files = {track.file: number for number, track in enumerate(hall.tracks)}
    length = round(QUERY_S * SAMPLE_RATE_HZ)
    for pair in prepared.pairs:
        if pair.track in files and pair.seconds >= QUERY_S:
            first = (round(pair.seconds * SAMPLE_RATE_HZ) - length) // 2
            queries.append(_as_int16(prepared.live(pair, first, first + length)))
            track_of.append(files[pair.track])
            kinds.append("aligned concert")
    others = [track for track in prepared.tracks if track.split == "train"]
    others = [track for track in others if not track.synthetic] or others
    needed = max(0, PACK_SONGS - len(hall.tracks))
    others = others[:: max(1, len(others) // max(1, needed))][:needed]
    audio = [hall.song(track) for track in hall.tracks]
    audio += [prepared.floats(track, 0, OTHERS_S * SAMPLE_RATE_HZ) for track in others]
    return Frozen(
        titles=tuple(track.title for track in (*hall.tracks, *others)),
        tracks=tuple(_as_int16(track) for track in audio),
        queries=np.stack(queries),
        track_of=np.array(track_of),
        kinds=tuple(kinds),
    )


def _as_int16(audio: NDArray[np.float32]) -> Samples:
    peak = max(float(np.abs(audio).max(initial=0.0)), 1e-9)
    return np.round(audio * (0.89 / peak) * 32767).astype(np.int16)


def write(frozen: Frozen, path: Path) -> None:
    """Write the set whole or not at all."""
    about = {"format": FORMAT, "titles": frozen.titles, "kinds": frozen.kinds}
    with atomic_path(path) as temporary, temporary.open("wb") as out:
        np.savez(
            out,
            about=np.frombuffer(json.dumps(about).encode(), np.uint8),
            tracks=np.concatenate(frozen.tracks),
            ends=np.cumsum([len(track) for track in frozen.tracks]),
            queries=frozen.queries,
            track_of=frozen.track_of,
        )


def read(path: Path) -> Frozen:
    """A set that `write` wrote; InputError for anything else."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(path, "is larger than 2 GiB; is this a frozen set?")
        with path.open("rb") as file, np.load(file, allow_pickle=False) as held:  # opened here: closed here
            about = json.loads(held["about"].tobytes())
            tracks, ends = held["tracks"], held["ends"]
            frozen = Frozen(
                titles=tuple(map(str, about["titles"])),
                tracks=tuple(np.split(tracks, ends[:-1])),
                queries=held["queries"],
                track_of=held["track_of"],
                kinds=tuple(map(str, about["kinds"])),
            )
    except OSError as error:
        raise InputError(path, error.strerror or "is no frozen set; make one with `concert freeze`") from None
    except (ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile):
        raise InputError(path, "is no frozen set; make one with `tonewheel concert freeze`") from None
    asked = len(frozen.queries)
    whole = about.get("format") == FORMAT and frozen.queries.ndim == 2 and frozen.queries.dtype == np.int16
    whole = whole and len(frozen.track_of) == len(frozen.kinds) == asked > 0
    whole = whole and len(frozen.titles) == len(frozen.tracks) > int(frozen.track_of.max(initial=-1))
    if not whole or int(frozen.track_of.min(initial=0)) < 0:
        raise InputError(path, "is a frozen set of another version, or damaged")
    return frozen


def answer(frozen: Frozen, embedder: Embedder) -> list[bool]:
    """Whether the first song is the right one, for every question."""
    rows = [embedder.embed(_floats(track)).embeddings for track in progress(frozen.tracks, "embed tracks")]
    catalogue = Catalogue(rows, embedder.hop_s)
    right = []
    for query, track in progress(
        zip(frozen.queries, frozen.track_of, strict=True), "ask", len(frozen.queries)
    ):
        heard = embedder.embed(_floats(query)).embeddings
        right += [catalogue.rank(heard[:windows])[0].song == track for windows in LENGTHS.values()]
    return right


def _floats(samples: Samples) -> NDArray[np.float32]:
    return samples.astype(np.float32) / np.float32(32768)


def hold(
    frozen: Frozen, champion: Embedder, challenger: Embedder, gate: RegressionGate | None = None
) -> Verdict:
    """Whether the challenger answers the frozen set no worse than the champion."""
    before, after = answer(frozen, champion), answer(frozen, challenger)
    return (gate or RegressionGate()).check(frozen.questions, before, after)
