"""The scores behind the decisions: the best and the second song at every step of a recording."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tonewheel.systems.concert.embed import Embedder
from tonewheel.systems.concert.pack import Pack

Floats = NDArray[np.float32]
WINDOWS = 7
"""Windows of a run: 5 s at a hop of 0.5 s and a window of 2 s, the listener's middle length."""


@dataclass(frozen=True)
class Trace:
    """Vectors of one entry a step: time (s), mean cosine of the best song and of the second, best song."""

    time_s: NDArray[np.float64]
    best: NDArray[np.float64]
    second: NDArray[np.float64]
    song: NDArray[np.int64]


def trace(heard: Floats, pack: Pack, embedder: Embedder) -> Trace:
    """Score runs of `WINDOWS` windows at every hop of mono audio at the encoder's rate.

    Shape: (samples,). The second score is NaN for a pack of one song.
    """
    rows = embedder.embed(heard).embeddings
    ranked = [pack.catalogue.rank(rows[max(0, i + 1 - WINDOWS) : i + 1]) for i in range(len(rows))]
    return Trace(
        time_s=embedder.window_s + embedder.hop_s * np.arange(len(rows), dtype=np.float64),
        best=np.array([one[0].score for one in ranked]),
        second=np.array([one[1].score if len(one) > 1 else np.nan for one in ranked]),
        song=np.array([one[0].song for one in ranked]),
    )
