"""Find a run of windows in songs that may be in another key and at another tempo.

An embedding here is a table (12 pitch classes, size): transposing the music by a semitone turns the table by
one row. A query is therefore compared in all twelve keys by turning it, and along lines of several slopes in
(query time, song time), one for each tempo; the best key, tempo and place count. Exact: nothing is indexed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
KEYS = 12
TEMPI = tuple(float(np.round(np.exp(x), 4)) for x in np.linspace(-0.06, 0.06, 7))
"""Seconds of the song for one of the query."""


class VersionMatch(NamedTuple):
    """A song where it fits best: mean cosine, place of the query's start in it, key and tempo beside the song's."""

    song: int
    score: float
    position_s: float
    semitones: int
    """The query sounds so many semitones above the song, -5 to 6."""
    tempo: float
    """The query's tempo as a share of the song's."""


class Versions:
    """References of all songs, searched in every key and at several tempi.

    Shapes: `references` is a list of (windows, 12 * size) rows, flattened tables, of any length; each row is
    scaled to unit length, rows of zeros stay. `song_of` names the song of each.

    >>> rng = np.random.default_rng(0)
    >>> songs = [rng.normal(size=(30, 12, 3)).astype(np.float32) for _ in range(3)]
    >>> versions = Versions([s.reshape(30, -1) for s in songs], hop_s=0.5)
    >>> query = np.roll(songs[1], 2, axis=1)[6:16].reshape(10, -1)  # two semitones higher
    >>> best = versions.rank(query)[0]
    >>> best.song, best.semitones, round(best.position_s, 1), round(best.score, 3)
    (1, 2, 3.0, 1.0)
    """

    def __init__(
        self,
        references: Sequence[NDArray[np.float32 | np.int8]],
        hop_s: float,
        song_of: Sequence[int] | None = None,
        tempi: Sequence[float] = TEMPI,
    ) -> None:
        self.hop_s = hop_s
        self.song_of = np.array(song_of if song_of is not None else range(len(references)))
        self.tempi = tuple(tempi)
        self.count = np.array([len(r) for r in references])
        self.first = np.cumsum([0, *self.count[:-1]])
        rows = np.concatenate([np.asarray(r, np.float32) for r in references])
        self.rows: Floats = unit(rows)

    def scores(self, query: Floats) -> NDArray[np.float32]:
        """Mean cosine of a query that starts at each row. Shape: (windows, 12 * size) -> (12, tempi, rows).

        A query may run out of a song by half; what is outside counts as zero.
        """
        query = unit(np.asarray(query, np.float32))
        windows = len(query)
        tables = query.reshape(windows, KEYS, -1)
        keys = np.stack([np.roll(tables, -k, axis=1).reshape(windows, -1) for k in range(KEYS)])
        cosines = (keys.reshape(KEYS * windows, -1) @ self.rows.T).reshape(KEYS, windows, -1)
        out = np.zeros((KEYS, len(self.tempi), len(self.rows)), np.float32)
        for first, count in zip(self.first, self.count, strict=True):
            own = cosines[:, :, first : first + count]
            for number, tempo in enumerate(self.tempi):
                steps = np.round(np.arange(windows) * tempo).astype(np.int64)
                total = out[:, number, first : first + count]
                for window, step in enumerate(steps):
                    if step < count:
                        total[:, : count - step] += own[:, window, step:]
        return out / np.float32(windows)

    def rank(self, query: Floats) -> list[VersionMatch]:
        """Every song with its best place, key and tempo, best first. Shape: (windows, 12 * size)."""
        scores = self.scores(query)
        best: dict[int, VersionMatch] = {}
        for song, first, count in zip(self.song_of.tolist(), self.first, self.count, strict=True):
            own = scores[:, :, first : first + count]
            key, tempo, at = (int(i) for i in np.unravel_index(int(own.argmax()), own.shape))
            score = float(own[key, tempo, at])
            if song not in best or score > best[song].score:
                up = key if key <= 6 else key - KEYS
                best[song] = VersionMatch(song, score, at * self.hop_s, up, self.tempi[tempo])
        return sorted(best.values(), key=lambda match: -match.score)


def unit(rows: Floats) -> Floats:
    """Rows of unit length; rows of zeros stay. Shape: (windows, size)."""
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9), np.float32)
