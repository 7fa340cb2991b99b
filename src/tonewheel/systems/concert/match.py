"""Find a run of query windows in the songs of a pack: exact cosine search along diagonals.

Consecutive query windows are one hop apart, so are those of a song; a true match is therefore a diagonal in
the matrix of cosines. Its mean over the query is the score of (song, position): windows beyond the song's
ends count as zero. Exact search is as fast as any index at this size (19,200 x 128 in 0.4 ms on one thread).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


LONGEST_QUERY = 32
"""Windows of one query: 17.5 s at a hop of 0.5 s and a window of 2 s; `identify` cuts longer ones."""
ROWS_AT_ONCE = 1024


class SongMatch(NamedTuple):
    """A song with its best diagonal: cosine in [-1, 1] and the place in the song where the query begins."""

    song: int
    score: float
    position_s: float


class Catalogue:
    """Reference embeddings of all songs, laid out so that diagonals never run from one song into the next.

    Shapes: `references` is a list of (windows, size) rows, `hop_s` apart, of any length: directions count, so
    a pack's int8 rows serve as they are. `song_of` names the song of each, as a song may have several
    references (by default each is a song of its own).

    >>> rng = np.random.default_rng(0)
    >>> songs = [rng.normal(size=(20, 8)).astype(np.float32) for _ in range(3)]
    >>> songs = [s / np.linalg.norm(s, axis=1, keepdims=True) for s in songs]
    >>> best = Catalogue(songs, hop_s=0.5).rank(songs[2][6:10])[0]
    >>> best.song, round(best.position_s, 1), round(best.score, 3)
    (2, 3.0, 1.0)
    """

    def __init__(
        self,
        references: Sequence[NDArray[np.float32 | np.int8]],
        hop_s: float,
        song_of: list[int] | None = None,
    ) -> None:
        self.hop_s = hop_s
        self.song_of = np.array(song_of if song_of is not None else range(len(references)))
        gap = LONGEST_QUERY - 1
        self.first = np.cumsum([gap] + [len(r) + gap for r in references[:-1]])
        self.count = np.array([len(r) for r in references])
        rows = (self.first[-1] + self.count[-1] + gap, references[0].shape[1])
        self.rows: NDArray[np.float32 | np.int8] = np.zeros(rows, np.result_type(*references))
        # Rounding to int8 leaves lengths of 0.999 to 1.001 times the scale; a cosine must not exceed 1.
        self._to_unit: Floats = np.zeros(len(self.rows), np.float32)
        for reference, first, count in zip(references, self.first, self.count, strict=True):
            self.rows[first : first + count] = reference
            lengths = np.linalg.norm(reference.astype(np.float32), axis=1)
            self._to_unit[first : first + count] = 1 / np.maximum(lengths, 1e-9)

    def cosines(self, query: Floats) -> Floats:
        """Cosine of unit windows with every row. Shape: (..., size) -> (..., rows)."""
        along: Floats = np.empty((*query.shape[:-1], len(self.rows)), np.float32)
        # Rows of int8 become float32 a block at a time, in the processor's cache: a quarter of the memory, and
        # hardly slower, as less of it has to be read.
        for first in range(0, len(self.rows), ROWS_AT_ONCE):
            block = self.rows[first : first + ROWS_AT_ONCE].astype(np.float32, copy=False)
            along[..., first : first + ROWS_AT_ONCE] = query @ block.T
        along *= self._to_unit
        return along

    def rank(self, query: Floats) -> list[SongMatch]:
        """Every song with its best diagonal, best first; of several references the best counts.

        Shape: (windows, size). ValueError for more than LONGEST_QUERY windows.
        """
        return self.rank_cosines(self.cosines(query))

    def rank_cosines(self, cosines: Sequence[Floats] | Floats) -> list[SongMatch]:
        """As `rank`, for a query whose windows' `cosines` are known: a listener hears each window often."""
        before = len(cosines) - 1
        along = self._mean_along(cosines)
        best: dict[int, SongMatch] = {}
        for song, first, count in zip(self.song_of, self.first, self.count, strict=True):
            scores = along[first - before : first + count]
            at = int(scores.argmax())
            if song not in best or scores[at] > best[song].score:
                position_s = (at + _vertex(scores, at) - before) * self.hop_s
                best[song] = SongMatch(int(song), float(scores[at]), position_s)
        return sorted(best.values(), key=lambda match: -match.score)

    def _mean_along(self, cosines: Sequence[Floats] | Floats) -> Floats:
        """Mean along every diagonal. Shape: windows of (rows,) -> (starts,); entry s begins at row s."""
        if not 0 < len(cosines) <= LONGEST_QUERY:
            raise ValueError(f"a query has 1 to {LONGEST_QUERY} windows, got {len(cosines)}")
        starts = len(self.rows) - len(cosines) + 1
        total: Floats = cosines[0][:starts].copy()
        for i in range(1, len(cosines)):
            total += cosines[i][i : i + starts]
        total /= np.float32(len(cosines))
        return total


def _vertex(values: Floats, best: int) -> float:
    """Sub-hop offset of a peak by the parabola through it and its neighbours, in [-0.5, 0.5]."""
    if not 0 < best < len(values) - 1:
        return 0.0
    left, peak, right = (float(v) for v in values[best - 1 : best + 2])
    curvature = left - 2 * peak + right
    return 0.0 if curvature >= -1e-9 else min(0.5, max(-0.5, 0.5 * (left - right) / curvature))
