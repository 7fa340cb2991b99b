"""The interface of everything that stands beside our encoder in a table: add songs, rank them for a clip.

All take mono float32 at 16 kHz and work offline; none is trained. A method that has nothing to say about a
clip (too short, silent, no landmark in common) scores every song -inf, and `winner` is None: an evaluation
counts that as not identified, never as the first song of the list.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.errors import InputError

SAMPLE_RATE_HZ = 16_000

Audio = NDArray[np.float32]
Scores = NDArray[np.float64]


class Baseline(Protocol):
    """One method; songs are numbered by the caller, and a song may be added in several parts."""

    name: str

    def add(self, song: int, audio: Audio) -> None:
        """Take a reference. Shape: (samples,) at 16 kHz."""

    def rank(self, query: Audio) -> Scores:
        """Score of every song up to the highest number added, higher is better.

        Shape: (samples,) at 16 kHz -> (songs,). A number that was never added scores -inf.
        """


def winner(scores: Scores) -> int | None:
    """The song with the highest score; None when no song leads the others.

    >>> winner(np.array([0.2, 0.9, 0.1])), winner(np.array([3.0, 3.0, 1.0])), winner(np.full(4, -np.inf))
    (1, None, None)
    """
    if len(scores) == 0 or np.max(scores) == -np.inf:
        return None
    leaders = np.flatnonzero(scores == np.max(scores))
    return int(leaders[0]) if len(leaders) == 1 else None


def mono(audio: NDArray[Any]) -> Audio:
    """The audio as float32; InputError when it is not (samples,) or holds NaN or infinity."""
    samples = np.asarray(audio, dtype=np.float32)
    if samples.ndim != 1:
        raise InputError("audio", f"has shape {samples.shape}, expected mono (samples,)")
    if not np.all(np.isfinite(samples)):
        raise InputError("audio", "holds NaN or infinite samples")
    return samples
