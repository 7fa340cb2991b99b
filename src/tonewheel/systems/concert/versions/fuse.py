"""Two branches, one answer: the fingerprint knows this recording, the version branch this song.

Each song's evidence is a weighted sum of its two scores; the weights are fitted on the valid split by the
likelihood of the right song among all (conditional logit), where half of the queries are the record itself and
half are played again. Whether the best song is believed is a logistic rule on its scores and leads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.records import Record
from tonewheel.metrics.calibration import fit_logistic
from tonewheel.systems.concert.match import SongMatch
from tonewheel.systems.concert.versions.sequence import VersionMatch, Versions

Floats = NDArray[np.float32]
Floats64 = NDArray[np.float64]
RUN_ROWS = 40
"""Rows matched as one run: 20 s; longer recordings are several."""
LEAST_PRECISION = 0.99


class Heard(NamedTuple):
    """A recording as version rows, (rows, 12 * size), and how they are weighed beside its fingerprints."""

    rows: Floats
    fusion: Fusion


class Fused(NamedTuple):
    """A song by both branches."""

    song: int
    evidence: float
    fingerprint: float
    version: VersionMatch


class Fusion(Record):
    """Weights of the two scores, and the rule that believes a song which the fingerprint alone does not name."""

    fingerprint: float = 20.0
    version: float = 30.0
    weights: tuple[float, float, float, float, float] = (4.0, 8.0, 10.0, 30.0, 0.3)
    bias: float = -14.0
    least_odds: float = 3.0

    def rank(self, fingerprints: Sequence[SongMatch], versions: Sequence[VersionMatch]) -> list[Fused]:
        """All songs by both scores, best first."""
        scores = {match.song: match.score for match in fingerprints}
        fused = [
            Fused(
                one.song,
                self.fingerprint * scores[one.song] + self.version * one.score,
                scores[one.song],
                one,
            )
            for one in versions
        ]
        return sorted(fused, key=lambda one: -one.evidence)

    def odds(self, ranked: Sequence[Fused], rows: int) -> float:
        """Log-odds that the best song is the one that is played."""
        return self.bias + sum(w * x for w, x in zip(self.weights, features_of(ranked, rows), strict=True))


def features_of(ranked: Sequence[Fused], rows: int) -> tuple[float, ...]:
    """What speaks for the best song: both scores, both leads over the best of the others, and the length."""
    best, others = ranked[0], ranked[1:]
    return (
        best.fingerprint,
        best.fingerprint - max((o.fingerprint for o in others), default=0.0),
        best.version.score,
        best.version.score - max((o.version.score for o in others), default=0.0),
        float(np.log2(max(1, rows))),
    )


def rank_runs(catalogue: Versions, rows: Floats) -> list[VersionMatch]:
    """Every song over a recording of any length: the mean of its better half of runs, as `identify` does.

    Shape: (rows, 12 * size).
    """
    runs = [rows[i : i + RUN_ROWS] for i in range(0, len(rows), RUN_ROWS)]
    if len(runs) > 1 and len(runs[-1]) < RUN_ROWS // 2:
        runs.pop()
    found: dict[int, list[tuple[int, VersionMatch]]] = {}
    for number, run in enumerate(runs):
        for match in catalogue.rank(run):
            found.setdefault(match.song, []).append((number, match))
    half = (len(runs) + 1) // 2
    merged = []
    for places in found.values():
        places.sort(key=lambda place: -place[1].score)
        number, best = places[0]
        score = float(np.mean([match.score for _, match in places[:half]]))
        start_s = best.position_s - number * RUN_ROWS * catalogue.hop_s * best.tempo
        merged.append(best._replace(score=score, position_s=start_s))
    return sorted(merged, key=lambda match: -match.score)


def fit_weights(fingerprints: Floats64, versions: Floats64, right: NDArray[np.int64]) -> tuple[float, float]:
    """The weights under which the right songs are likeliest. Shapes: (queries, songs) twice, (queries,).

    >>> rng = np.random.default_rng(0)
    >>> right = rng.integers(0, 9, 200)
    >>> telling = 0.2 * np.eye(9)[right] + rng.normal(0, 0.1, (200, 9))
    >>> one, other = fit_weights(telling, rng.normal(0, 0.1, (200, 9)), right)
    >>> one > 10 > abs(other)
    True
    """
    from scipy.optimize import minimize
    from scipy.special import logsumexp

    table = np.stack([fingerprints, versions])
    own = table[:, np.arange(len(right)), right]

    def loss(weights: Floats64) -> float:
        scores = np.tensordot(weights, table, axes=1)
        # A little towards zero: where everything is told apart, no weight is large enough.
        return float(np.mean(logsumexp(scores, axis=1) - weights @ own)) + 1e-5 * float(weights @ weights)

    found = minimize(loss, np.array([10.0, 10.0]), method="BFGS").x
    return max(0.0, float(found[0])), max(0.0, float(found[1]))


def fit(
    fingerprints: Floats64, versions: Floats64, rows: NDArray[np.int64], right: NDArray[np.int64]
) -> Fusion:
    """Fit weights and rule; every query is ranked twice, the second time without its song: that answer is wrong.

    Shapes: (queries, songs) twice, (queries,) rows of each query, (queries,) its song.
    """
    one, other = fit_weights(fingerprints, versions, right)
    fusion = Fusion(fingerprint=one, version=other)
    features, correct = [], []
    for near, far, length, song in zip(fingerprints, versions, rows, right, strict=True):
        songs = range(len(near))
        for left_out in (None, int(song)):
            ranked = fusion.rank(
                [SongMatch(s, float(near[s]), 0.0) for s in songs if s != left_out],
                [VersionMatch(s, float(far[s]), 0.0, 0, 1.0) for s in songs if s != left_out],
            )
            features.append(features_of(ranked, int(length)))
            correct.append(ranked[0].song == song)
    model = fit_logistic(features, correct)
    odds = np.array(features) @ np.array(model.weights) + model.bias
    order = np.argsort(-odds)
    precision = np.cumsum(np.array(correct)[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(precision >= LEAST_PRECISION)
    a, b, c, d, e = model.weights
    return Fusion(
        fingerprint=one,
        version=other,
        weights=(a, b, c, d, e),
        bias=model.bias,
        least_odds=float(odds[order[enough[-1]]]) if len(enough) else float(odds.max()) + 1.0,
    )
