"""Hard negatives within a set list: which stretches of two songs does the encoder take for each other?

Each song of a pack is searched, six seconds at a time, among all the others. What comes nearest is what a listener
will confuse first, and what a fine-tune should learn to part (hard negative mining as in Schroff et al., "FaceNet",
CVPR 2015, but over whole runs of windows, as they are searched).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.progress import progress
from tonewheel.core.records import Record
from tonewheel.systems.concert.pack import Pack

Floats = NDArray[np.float32]

RUN_WINDOWS = 9
"""6 s at a hop of 0.5 s and a window of 2 s."""
STEP_WINDOWS = 12


class Confusion(Record):
    """Two songs, the places in them that are most alike, and how alike: mean cosine along six seconds."""

    song: str
    at_s: float
    other: str
    other_at_s: float
    cosine: float


def mine(pack: Pack, most: int = 20) -> tuple[Confusion, ...]:
    """The pairs of songs that are most alike, each pair once, worst first; none from a pack of one song.

    >>> from tonewheel.systems.concert.embed import Embedder
    >>> from tonewheel.systems.concert.pack import Reference
    >>> rng = np.random.default_rng(0)
    >>> riff, rows = rng.normal(size=(9, 256)), [rng.normal(size=(40, 256)) for _ in range(3)]
    >>> rows[0][12:21], rows[2][24:33] = riff, riff
    >>> songs = [Reference(song=name, file="", seconds=20.0, windows=40, lufs=None) for name in "ABC"]
    >>> worst = mine(Pack.of(songs, [np.float32(row) for row in rows], Embedder.shipped()))[0]
    >>> worst.song, worst.at_s, worst.other, worst.other_at_s
    ('A', 6.0, 'C', 12.0)
    """
    hop_s = pack.header.hop_s
    worst: dict[tuple[int, int], Confusion] = {}
    ends = np.cumsum([reference.windows for reference in pack.header.references])
    for reference, rows in progress(
        list(zip(pack.header.references, np.split(pack.embeddings, ends[:-1]), strict=True)), "compare songs"
    ):
        song = pack.songs.index(reference.song)
        unit = unit_rows(rows.astype(np.float32))
        for first in range(0, max(len(unit) - RUN_WINDOWS, 0) + 1, STEP_WINDOWS):
            for match in pack.catalogue.rank(unit[first : first + RUN_WINDOWS]):
                pair = (min(song, match.song), max(song, match.song))
                if match.song == song or (pair in worst and worst[pair].cosine >= match.score):
                    continue
                worst[pair] = Confusion(
                    song=reference.song,
                    at_s=first * hop_s,
                    other=pack.songs[match.song],
                    other_at_s=round(max(match.position_s, 0.0), 1),
                    cosine=round(match.score, 4),
                )
    return tuple(sorted(worst.values(), key=lambda one: -one.cosine)[:most])


def unit_rows(rows: Floats) -> Floats:
    """Rows of unit length; a row of zeros (silence) stays one."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(lengths > 1e-9, lengths, 1), np.float32)
