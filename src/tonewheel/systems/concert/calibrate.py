"""Fit the decision rule: when is the best song of a pack the one that is playing?

Queries of the valid split are ranked twice, against all songs and with their own song left out; the second
answer is always wrong, as for a song outside the pack. Talk and applause are always wrong too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.progress import progress
from tonewheel.core.seeds import generator
from tonewheel.metrics.calibration import fit_logistic
from tonewheel.systems.concert.decide import DecisionRule, weigh
from tonewheel.systems.concert.embed import Embedded, Embedder
from tonewheel.systems.concert.listen import Listener
from tonewheel.systems.concert.match import Catalogue, SongMatch
from tonewheel.systems.concert.pack import Pack, Reference
from tonewheel.systems.concert.prepare import Prepared
from tonewheel.systems.concert.queries import Hall

Floats = NDArray[np.float32]
Floats64 = NDArray[np.float64]
SNRS_DB = (0.0, 5.0, 10.0)
WINDOWS = (1, 3, 7, 13, 17)
QUERY_S = 10.0
AMBIENCE_CLIPS = 60
PACK_SONGS = 40
"""A show's worth: the more songs a pack has, the likelier one of them fits by chance."""
LEAST_PRECISION = 0.99
"""Of the answers "it is this song", where half of the queries are of a song outside the pack, or no music."""


def fit_rule(
    prepared: Prepared, embedder: Embedder, *, split: str = "valid", count: int = 150
) -> DecisionRule:
    """Fit on `count` queries for each signal-to-noise ratio, and half as many clips of ambience."""
    hall = Hall(prepared, split)
    rows = [embedder.embed(hall.song(track)).embeddings for track in hall.tracks]
    rows += _others(prepared, embedder, PACK_SONGS - len(rows))
    catalogue = Catalogue(rows, embedder.hop_s)
    features: list[tuple[float, ...]] = []
    right: list[bool] = []
    music: list[float] = []
    quiet: list[float] = []

    def learn(ranked: list[SongMatch], embedded: Embedded, windows: int, correct: bool) -> None:
        evidence = weigh(ranked, windows, float(embedded.music[:windows].mean()))
        features.append(evidence.features())
        right.append(correct)

    for snr_db in SNRS_DB:
        queries = hall.queries(count, snr_db, QUERY_S, "calibrate")
        for query in progress(queries, f"calibrate {snr_db:g} dB", count):
            embedded = embedder.embed(query.audio)
            music.extend(embedded.music)
            for windows in WINDOWS:
                ranked = catalogue.rank(embedded.embeddings[:windows])
                learn(ranked, embedded, windows, ranked[0].song == query.song)
                others = [match for match in ranked if match.song != query.song]
                learn(others, embedded, windows, correct=False)
    for audio in progress(hall.ambience(count // 2, QUERY_S, "calibrate"), "calibrate ambience", count // 2):
        embedded = embedder.embed(audio)
        quiet.extend(embedded.music)
        for windows in WINDOWS:
            learn(catalogue.rank(embedded.embeddings[:windows]), embedded, windows, correct=False)
    model = fit_logistic(features, right)
    score, margin, length, long_score, sound = model.weights
    return DecisionRule(
        weights=(score, margin, length, long_score, sound),
        bias=model.bias,
        least_odds=_threshold(np.array(features) @ np.array(model.weights) + model.bias, np.array(right)),
        least_music=_between(np.array(quiet), np.array(music)),
    )


def fit_live_limit(
    prepared: Prepared, embedder: Embedder, *, split: str = "valid", hours: float = 4.0, plays: int = 150
) -> float:
    """The lowest odds at which listening to songs outside the pack, and to applause, starts a song once in `hours`.

    Half of the split's songs and some of training are the pack, the other half is played, and the other way round;
    at most `plays` songs.
    """
    hall = Hall(prepared, split)
    rows = [embedder.embed(hall.song(track)).embeddings for track in hall.tracks]
    halves = [list(range(first, len(rows), 2)) for first in (0, 1)]
    others = _others(prepared, embedder, PACK_SONGS - len(halves[0]))
    more = list(range(len(rows), len(rows) + len(others)))
    rows += others
    rate = embedder.spec.sample_rate_hz
    highest: list[float] = []
    heard_s = 0.0

    def listen_to(audio: Floats, songs: list[int]) -> None:
        nonlocal heard_s
        references = [
            Reference(song=str(song), file="", seconds=0.0, windows=len(rows[song]), lufs=None)
            for song in [*songs, *more]
        ]
        listener = Listener(Pack.of(references, [rows[song] for song in [*songs, *more]], embedder), embedder)
        listener.starts_at = np.inf  # nothing starts, so every step is a chance
        heard_s += len(audio) / rate
        odds = []
        for first in range(0, len(audio), listener.hop):
            listener.push(audio[first : first + listener.hop])
            odds.append(listener.agreed_odds)
        highest.append(max(odds))

    played = [
        (own, song, snr_db)
        for own, other in (halves, halves[::-1])
        for song in other
        for snr_db in (5.0, 10.0)
    ][:plays]
    for own, song, snr_db in progress(played, "calibrate listening", len(played)):
        rng = generator(0, "calibrate live", song, f"{snr_db:g}")
        listen_to(hall.chain(rng, snr_db).apply(hall.song(hall.tracks[song]), rate), own)
    # A split has few crowds; what is heard between songs may come from training too, as its songs do not.
    for place in (hall, Hall(prepared, "train")):
        quiet = place.ambience(min(AMBIENCE_CLIPS, plays), 30.0, "calibrate live")
        for audio in progress(quiet, "calibrate applause and talk", min(AMBIENCE_CLIPS, plays)):
            listen_to(audio, halves[0])
    allowed = int(heard_s / 3600 / hours)
    return float(sorted(highest, reverse=True)[allowed] + 1e-3)


def _others(prepared: Prepared, embedder: Embedder, count: int) -> list[Floats]:
    """Embeddings of songs of the train split, to fill a pack with."""
    tracks = [track for track in prepared.tracks if track.split == "train"]
    # Real ones if there are any, as synthesised songs are less like the others; of all artists, who stand together.
    tracks = [track for track in tracks if not track.synthetic] or tracks
    chosen = tracks[:: max(1, len(tracks) // max(1, count))][: max(0, count)]
    return [embedder.embed(prepared.floats(track)).embeddings for track in chosen]


def _threshold(odds: Floats64, right: NDArray[np.bool_]) -> float:
    """The lowest odds from which at least LEAST_PRECISION of the answers are right."""
    order = np.argsort(-odds)
    precision = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(precision >= LEAST_PRECISION)
    return float(odds[order[enough[-1]]]) if enough.size else float(odds.max())


def _between(quiet: Floats, music: Floats) -> float:
    """The limit that errs least on windows without and with music, both counted alike."""
    limits = np.quantile(np.concatenate([quiet, music]), np.linspace(0, 1, 501))
    errors = [np.mean(quiet >= limit) + np.mean(music < limit) for limit in limits]
    return float(limits[int(np.argmin(errors))])
