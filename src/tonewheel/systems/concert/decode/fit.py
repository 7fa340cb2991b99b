"""Fit the decoder's evidence on whole concerts of the valid split, so that its probabilities mean what they say.

Two logistic regressions give the weights of the cosines and of the music head; a search along one number after the
other then finds bounds and discount with the highest likelihood of what was really played. Rooms and crowds of
training are heard too, as a valid split has few; its songs are not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from tonewheel.core.progress import progress
from tonewheel.core.seeds import generator
from tonewheel.metrics.calibration import expected_calibration_error, fit_logistic
from tonewheel.synth.concert import Span
from tonewheel.systems.concert.ambience import SHARES
from tonewheel.systems.concert.decode.emission import Emission, Heard, level
from tonewheel.systems.concert.decode.order import Planned
from tonewheel.systems.concert.decode.states import States, states_of
from tonewheel.systems.concert.decode.sweep import Decoder
from tonewheel.systems.concert.embed import Embedder
from tonewheel.systems.concert.pack import Pack, Reference
from tonewheel.systems.concert.prepare import Prepared
from tonewheel.systems.concert.queries import Hall
from tonewheel.systems.concert.shows import assemble, title

Floats = NDArray[np.float64]
SNRS_DB = (0.0, 5.0, 10.0)
SONGS_A_SHOW = 8
EDGE_S = 0.6
OTHERS = 6
"""Bins of other songs that are looked at for each of the right one."""
RARELY = 1e-6
"""A probability below this counts as this: one moment shall not outweigh an evening."""
SEARCHED: dict[str, tuple[float, ...]] = {
    "trust": (0.08, 0.1, 0.12, 0.15, 0.2, 0.25),
    "quietest": (-0.5, -1.0, -1.5, -2.0, -3.0),
    "loudest": (1.0, 1.5, 2.0, 3.0),
    "unknown": (-0.3, -0.15, 0.0, 0.15, 0.3),
    "least": (-2.0, -3.0, -4.0),
}


class Evening(NamedTuple):
    """A concert that was heard, and what was played; `truth` counts as the posterior does, -1 near a boundary."""

    heard: Heard
    states: States
    spans: tuple[Span, ...]

    @property
    def truth(self) -> NDArray[np.intp]:
        """The song of every step, `len(songs)` for none, one more for an unknown one."""
        songs = self.states.songs
        middles = np.arange(len(self.heard.music)) * self.states.hop_s + self.states.hop_s
        found = np.full(len(middles), len(songs), np.intp)
        for span in self.spans:
            inside = (middles >= span.start_s) & (middles < span.end_s)
            if span.kind == "song":
                found[inside] = songs.index(span.title) if span.title in songs else len(songs) + 1
            found[np.abs(middles - span.start_s) < EDGE_S] = -1
        return found


def evenings(
    prepared: Prepared, embedder: Embedder, shows: int, *, split: str = "valid", pack_songs: int = 38
) -> list[Evening]:
    """`shows` concerts at each noise level; one song of each is not in the pack, songs of training fill it."""
    own, training = Hall(prepared, split), Hall(prepared, "train")
    wide = Hall(prepared, split)
    wide.rooms, wide.crowds = own.rooms + training.rooms, own.crowds + training.crowds
    wide.microphones = own.microphones + training.microphones
    wide.bank = {kind: own.bank[kind] + training.bank[kind] for kind in SHARES}
    rows = {title(own, k): embedder.embed(own.song(track)).embeddings for k, track in enumerate(own.tracks)}
    others = training.tracks[:: max(1, len(training.tracks) // max(1, pack_songs - len(rows)))]
    for number, track in enumerate(others[: max(0, pack_songs - len(rows))]):
        rows[f"other {number} {track.title}"] = embedder.embed(training.song(track)).embeddings
    found: list[Evening] = []
    cells = [(show, snr_db) for show in range(shows) for snr_db in SNRS_DB]
    for show, snr_db in progress(cells, "play shows to fit on", len(cells), "shows"):
        rng = generator(0, "fit decoder", show, f"{snr_db:g}")
        played = [int(song) for song in rng.permutation(len(own.tracks))[:SONGS_A_SHOW]]
        surprise = title(own, played[int(rng.integers(len(played)))])
        concert = assemble(wide if show % 3 else own, played, rng, snr_db)
        known = {name: some for name, some in rows.items() if name != surprise}
        pack = Pack.of(
            [
                Reference(song=name, file="", seconds=0.0, windows=len(some), lufs=None)
                for name, some in known.items()
            ],
            list(known.values()),
            embedder,
        )
        plan = [Planned(song=name) for song in played if (name := title(own, song)) in known]
        heard = Heard(*embedder.embed_parts(embedder.parts(concert.audio)))
        # Every other show without a set list: the evidence has to serve both.
        found.append(Evening(heard, states_of(pack, plan if len(found) % 2 else None), concert.spans))
    return found


def fit(played: Sequence[Evening]) -> Emission:
    """The weights with which the evenings are most probable."""
    found = replace(Emission(), **_regressions(played))
    best = likelihood(played, found)[0]
    for name, values in SEARCHED.items():
        for value in progress(values, f"fit {name}"):
            tried = replace(found, **{name: value})
            if value != getattr(found, name) and (score := likelihood(played, tried)[0]) > best:
                found, best = tried, score
    return found


def likelihood(played: Sequence[Evening], emission: Emission) -> tuple[float, float]:
    """Mean log-probability of what was played, and the calibration error of the largest probabilities."""
    logs: list[Floats] = []
    sure: list[Floats] = []
    right: list[NDArray[np.bool_]] = []
    for one in played:
        posterior = Decoder(one.states, emission, one.heard).decode().posterior.astype(np.float64)
        truth = one.truth
        clear = np.flatnonzero(truth >= 0)
        logs.append(np.log(np.maximum(posterior[clear, truth[clear]], RARELY)))
        sure.append(np.minimum(posterior[clear].max(axis=1), 1.0))
        right.append(posterior[clear].argmax(axis=1) == truth[clear])
    error = expected_calibration_error(np.concatenate(sure), np.concatenate(right))
    return float(np.mean(np.concatenate(logs))), error


def _regressions(played: Sequence[Evening]) -> dict[str, Any]:
    """Weights of a bin's cosine and of how it stands out, and of the music head."""
    rng = generator(0, "fit decoder", "bins")
    bins = [pair for one in played for pair in _bins(one, rng)]
    right = np.array([is_right for _, is_right in bins])
    features = np.array([values for values, _ in bins])
    (cosine, standing), bias = _even(features, right, rng)
    music = np.concatenate([level(one.heard.music)[one.truth >= 0] for one in played])
    sounds = np.concatenate([(t := one.truth)[t >= 0] != len(one.states.songs) for one in played])
    (slope,), music_bias = _even(music[:, None], sounds, rng)
    values = (cosine, standing, bias, slope, music_bias)
    names = ("cosine", "standing", "bias", "music", "music_bias")
    return {name: round(float(value), 3) for name, value in zip(names, values, strict=True)}


def _bins(one: Evening, rng: np.random.Generator) -> Iterator[tuple[tuple[float, float], bool]]:
    """(cosine, standing) of the bin that sounds, and of some that do not."""
    states = one.states
    for span in one.spans:
        if span.kind != "song" or span.title not in states.songs:
            continue
        song = states.songs.index(span.title)
        first, end = int(states.first[song]), int(np.searchsorted(states.song_of, song, side="right"))
        steps = range(int(np.ceil(span.start_s / states.hop_s)), int((span.end_s - 1) / states.hop_s), 3)
        for step in steps:
            place = first + round(step - span.start_s / states.hop_s)
            if not (first <= place < end and step < len(one.heard.music)):
                continue
            cosines = states.parts @ one.heard.parts[step]
            centre, spread = cosines.mean(), max(float(cosines.std()), 0.05)
            wrong = rng.integers(0, states.bins, OTHERS)
            for number in (place, *wrong[states.song_of[wrong] != song]):
                yield (
                    (float(cosines[number]), float((cosines[number] - centre) / spread)),
                    bool(number == place),
                )


def _even(
    features: NDArray[Any], right: NDArray[np.bool_], rng: np.random.Generator
) -> tuple[tuple[float, ...], float]:
    """Logistic regression with both answers equally often: its log-odds are then a log-likelihood ratio."""
    count = min(int(right.sum()), int((~right).sum()))
    chosen = np.concatenate([rng.permutation(np.flatnonzero(right == one))[:count] for one in (True, False)])
    model = fit_logistic(features[chosen], right[chosen])
    return tuple(model.weights), float(model.bias)
