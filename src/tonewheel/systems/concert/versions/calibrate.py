"""Fit how fingerprint and version scores make one answer, on the valid split.

Every second query is a cut of the record itself, the others are played again; both are heard in the hall, and
each is asked at several lengths.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.progress import progress
from tonewheel.core.seeds import generator
from tonewheel.systems.concert.embed import Embedder
from tonewheel.systems.concert.identify import RUN_WINDOWS, over_runs
from tonewheel.systems.concert.match import Catalogue
from tonewheel.systems.concert.prepare import SAMPLE_RATE_HZ
from tonewheel.systems.concert.queries import RUN_UP_S
from tonewheel.systems.concert.versions.embed import VersionEmbedder
from tonewheel.systems.concert.versions.fuse import Fusion, fit, rank_runs
from tonewheel.systems.concert.versions.sequence import Versions
from tonewheel.systems.concert.versions.trials import LENGTHS_S, Query, Stage

Floats = NDArray[np.float32]
Floats64 = NDArray[np.float64]
SNRS_DB = (0.0, 5.0, 10.0)


def fit_fusion(stage: Stage, embedder: Embedder, versions: VersionEmbedder, *, count: int = 300) -> Fusion:
    """Fit on `count` queries, a third of them at each signal-to-noise ratio."""
    near, far, rows, right = tables(stage, embedder, versions, count=count)
    return fit(near, far, rows, right)


def tables(
    stage: Stage, embedder: Embedder, versions: VersionEmbedder, *, count: int
) -> tuple[Floats64, Floats64, NDArray[np.int64], NDArray[np.int64]]:
    """Scores of every song by both branches (queries, songs), the queries' rows, and their songs (queries,)."""
    records = list(stage.records())
    recordings = Catalogue([embedder.embed(audio).embeddings for audio in records], embedder.hop_s)
    songs = Versions([versions.embed(audio) for audio in records], versions.hop_s)
    near: list[list[float]] = []
    far: list[list[float]] = []
    rows: list[int] = []
    right: list[int] = []
    for query in progress(queries(stage, records, count), "calibrate both branches", count):
        for seconds in LENGTHS_S:
            audio = query.audio[: round(seconds * SAMPLE_RATE_HZ)]
            windows = embedder.embed(audio).embeddings
            starts = range(0, len(windows), RUN_WINDOWS)
            whole = [i for i in starts if i == 0 or len(windows) - i > RUN_WINDOWS // 2]  # as `identify` does
            runs = [recordings.rank(windows[i : i + RUN_WINDOWS]) for i in whole]
            heard = versions.embed(audio)
            near.append([match.score for match in sorted(over_runs(runs, embedder.hop_s))])
            far.append([match.score for match in sorted(rank_runs(songs, heard))])
            rows.append(len(heard))
            right.append(query.song)
    return np.array(near), np.array(far), np.array(rows), np.array(right)


def queries(stage: Stage, records: list[Floats], count: int) -> Iterator[Query]:
    """Renditions and records by turns, as heard in the hall, at each signal-to-noise ratio."""
    each = max(2, count // len(SNRS_DB))
    for snr_db in SNRS_DB:
        again = stage.queries(each - each // 2, snr_db, max(LENGTHS_S), "fusion")
        for number, query in enumerate(again):
            yield query
            if number < each // 2:
                yield _record(stage, records, snr_db, number)


def _record(stage: Stage, records: list[Floats], snr_db: float, number: int) -> Query:
    """A cut of a song's own record, or of a real track, as heard in the hall."""
    rng = generator(0, "played back", f"{snr_db:g}", number)
    song = int(rng.integers(len(records)))
    length = round(max(LENGTHS_S) * SAMPLE_RATE_HZ)
    start = int(rng.integers(0, max(1, len(records[song]) - length + 1)))
    run_up = min(start, round(RUN_UP_S * SAMPLE_RATE_HZ))
    clean = records[song][start - run_up : start + length]
    return Query(song, "record", stage.hall.chain(rng, snr_db).apply(clean, SAMPLE_RATE_HZ)[run_up:])
