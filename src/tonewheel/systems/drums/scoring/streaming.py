"""Is a stream heard as the whole is? Recall of the hits near the edges of chunks, and of all others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.records import Record
from tonewheel.manifest.drum_hits import DrumHit
from tonewheel.metrics.onsets import match
from tonewheel.systems.drums.families import FAMILIES, FAMILY_OF, LABELS
from tonewheel.systems.drums.hearing.decode import decode, join
from tonewheel.systems.drums.hearing.ears import Audio, Ears, Stream

CHUNK_S = 0.5
NEAR_S = 0.05
WAYS = ("whole", "stream", "each chunk alone")


class StreamFigures(Record):
    """Recall (50 ms, six families) of hits near an edge and of the others, heard in three ways."""

    chunk_s: float
    near_s: float
    recall_near: dict[str, float]
    recall_away: dict[str, float]
    n_near: int
    n_away: int
    hits: int
    """That the whole was heard to hold."""
    hits_that_differ: int
    """Of the stream, in label, in time by more than 0.1 ms, or in velocity or confidence by more than 0.001."""


class StreamTally:
    """Adds recordings up."""

    def __init__(self, ears: Ears, chunk_s: float = CHUNK_S) -> None:
        self.ears, self.chunk_s = ears, chunk_s
        self.found: dict[str, list[bool]] = {way: [] for way in WAYS}
        self.near: list[bool] = []
        self.hits = self.differ = 0

    def add(self, audio: Audio, times: Sequence[NDArray[np.float64]]) -> None:
        """One recording, mono, and the times of each family that are in it."""
        whole = self._whole(audio)
        chunks = list(self._cut(audio))
        told = list(self.ears.listen(chunks))
        alone = [
            (number * self.chunk_s + hit.onset_s, hit.label)
            for number, chunk in enumerate(chunks)
            for hit in decode(self.ears.curves(chunk), self.ears.rule)
        ]
        self.hits += len(whole)
        self.differ += differing(whole, told)
        heard = (
            [(hit.onset_s, hit.label) for hit in whole],
            [(hit.onset_s, hit.label) for hit in told],
            alone,
        )
        for family, reference in enumerate(times[: len(FAMILIES)]):
            inside = reference % self.chunk_s
            self.near += (np.minimum(inside, self.chunk_s - inside) <= NEAR_S).tolist()
            for way, hits in zip(WAYS, heard, strict=True):
                own = sorted(time for time, label in hits if FAMILY_OF[LABELS.index(label)] == family)
                matched = np.zeros(len(reference), bool)
                matched[match(reference, own)[:, 0]] = True
                self.found[way] += matched.tolist()

    def _whole(self, audio: Audio) -> list[DrumHit]:
        stream = Stream(self.ears)
        return decode(join([stream.push(audio), stream.finish()]), self.ears.rule)

    def _cut(self, audio: Audio) -> Iterator[Audio]:
        size = round(self.chunk_s * self.ears.spec.sample_rate_hz)
        return (audio[start : start + size] for start in range(0, len(audio), size))

    def figures(self) -> StreamFigures:
        """Recall of all recordings together."""
        near = np.array(self.near, bool)
        found = {way: np.array(one, bool) for way, one in self.found.items()}
        return StreamFigures(
            chunk_s=self.chunk_s,
            near_s=NEAR_S,
            recall_near={way: _share(one[near]) for way, one in found.items()},
            recall_away={way: _share(one[~near]) for way, one in found.items()},
            n_near=int(near.sum()),
            n_away=int((~near).sum()),
            hits=self.hits,
            hits_that_differ=self.differ,
        )


def differing(a: Sequence[DrumHit], b: Sequence[DrumHit]) -> int:
    """How many hits of one list are not in the other: of another label, or another last digit but one.

    >>> one = DrumHit(onset_s=0.5, label="kick")
    >>> differing([one], [DrumHit(onset_s=0.5001, label="kick")]), differing([one], [])
    (0, 1)
    """
    odd = 0
    for label in LABELS:
        rows = [
            np.array(
                sorted((hit.onset_s, hit.velocity, hit.confidence) for hit in hits if hit.label == label)
            )
            for hits in (a, b)
        ]
        if len(rows[0]) != len(rows[1]):
            odd += abs(len(rows[0]) - len(rows[1]))
        elif len(rows[0]):
            odd += int((np.abs(rows[0] - rows[1]) > [1.5e-4, 1.5e-3, 1.5e-3]).any(axis=1).sum())
    return odd


def _share(found: NDArray[np.bool_]) -> float:
    return round(float(found.mean()), 4) if found.size else 0.0
