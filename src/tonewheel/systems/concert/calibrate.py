"""Fit the decision rule: when is the best song of a pack the one that is playing?

Queries of the valid split are ranked twice, against all songs and with their own song left out; the second
answer is always wrong, as for a song outside the pack. Talk and applause are always wrong too.
"""

from __future__ import annotations

import math

import numpy as np

from tonewheel.core.progress import progress
from tonewheel.metrics.calibration import fit_logistic
from tonewheel.systems.concert.decide import DecisionRule, lead
from tonewheel.systems.concert.embed import Embedder
from tonewheel.systems.concert.match import Catalogue, SongMatch
from tonewheel.systems.concert.prepare import Prepared
from tonewheel.systems.concert.queries import Hall

SNRS_DB = (0.0, 5.0, 10.0)
WINDOWS = (1, 3, 7, 13, 17)
QUERY_S = 10.0
LEAST_PRECISION = 0.99
"""Of the answers "it is this song", where half of the queries are of a song outside the pack, or no music."""


def fit_rule(
    prepared: Prepared, embedder: Embedder, *, split: str = "valid", count: int = 150
) -> DecisionRule:
    """Fit on `count` queries for each signal-to-noise ratio, and half as many clips of ambience."""
    hall = Hall(prepared, split)
    catalogue = Catalogue([embedder.embed(hall.song(t)).embeddings for t in hall.tracks], embedder.hop_s)
    features: list[tuple[float, float, float]] = []
    right: list[bool] = []
    music: list[float] = []
    quiet: list[float] = []

    def learn(ranked: list[SongMatch], windows: int, correct: bool) -> None:
        features.append((ranked[0].score, lead(ranked), math.log2(windows)))
        right.append(correct)

    for snr_db in SNRS_DB:
        for query in progress(
            hall.queries(count, snr_db, QUERY_S, "calibrate"), f"calibrate {snr_db:g} dB", count
        ):
            embedded = embedder.embed(query.audio)
            music.extend(embedded.music)
            for windows in WINDOWS:
                ranked = catalogue.rank(embedded.embeddings[:windows])
                learn(ranked, windows, ranked[0].song == query.song)
                learn([match for match in ranked if match.song != query.song], windows, False)
    for audio in progress(hall.ambience(count // 2, QUERY_S, "calibrate"), "calibrate ambience", count // 2):
        embedded = embedder.embed(audio)
        quiet.extend(embedded.music)
        for windows in WINDOWS:
            learn(catalogue.rank(embedded.embeddings[:windows]), windows, False)
    model = fit_logistic(features, right)
    return DecisionRule(
        bias=model.bias,
        score=model.weights[0],
        margin=model.weights[1],
        log2_windows=model.weights[2],
        least_probability=_threshold(model.predict(features), np.array(right)),
        least_music=_between(np.array(quiet), np.array(music)),
    )


def _threshold(probability: np.ndarray, right: np.ndarray) -> float:
    """The lowest probability above which at least LEAST_PRECISION of the answers are right."""
    order = np.argsort(-probability)
    precision = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(precision >= LEAST_PRECISION)
    return float(np.clip(probability[order[enough[-1]]] if enough.size else 0.95, 0.5, 0.99))


def _between(quiet: np.ndarray, music: np.ndarray) -> float:
    """The limit that errs least on windows without and with music, both counted alike."""
    limits = np.unique(np.concatenate([quiet, music]))
    errors = [np.mean(quiet >= limit) + np.mean(music < limit) for limit in limits]
    return float(limits[int(np.argmin(errors))])
