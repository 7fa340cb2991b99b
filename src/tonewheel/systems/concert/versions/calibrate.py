"""Fit how fingerprint and version scores make one answer, on the valid split.

Every second query is a cut of the record itself, the others are played again; both are heard in the hall, and
each is asked at several lengths.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.progress import progress
from tonewheel.systems.concert.embed import Embedder
from tonewheel.systems.concert.prepare import SAMPLE_RATE_HZ
from tonewheel.systems.concert.versions.embed import VersionEmbedder
from tonewheel.systems.concert.versions.fuse import Fusion, fit
from tonewheel.systems.concert.versions.trials import LENGTHS_S, Branches, Query, Stage

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
    branches = Branches(stage, embedder, versions)
    near: list[list[float]] = []
    far: list[list[float]] = []
    rows: list[int] = []
    right: list[int] = []
    for query in progress(queries(stage, branches.sound, count), "weigh both branches", count):
        windows = embedder.embed(query.audio).embeddings
        for seconds in LENGTHS_S:
            heard = versions.embed(query.audio[: round(seconds * SAMPLE_RATE_HZ)])
            known = 1 + round((seconds - embedder.window_s) / embedder.hop_s)
            near.append(branches.near(windows[:known]))
            far.append(branches.far(heard))
            rows.append(len(heard))
            right.append(query.song)
    return np.array(near), np.array(far), np.array(rows), np.array(right)


def queries(stage: Stage, records: list[Floats], count: int) -> Iterator[Query]:
    """Renditions and records by turns, as heard in the hall, at each signal-to-noise ratio."""
    each = max(2, count // len(SNRS_DB))
    for snr_db in SNRS_DB:
        yield from stage.queries(each - each // 2, snr_db, max(LENGTHS_S), "fusion")
        yield from stage.record_queries(records, each // 2, snr_db, max(LENGTHS_S), "fusion")
