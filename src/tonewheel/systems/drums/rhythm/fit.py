"""Fit the weights of the tempo and bar cues: `python -m tonewheel.systems.drums.rhythm.fit GROOVE_FOLDER`.

Both are softmax regressions with a ridge. The tempo's choose among all tempi, in windows of the train split of
the Groove MIDI data set (Gillick et al., ICML 2019, CC BY 4.0; tempo from its info.csv) and of synthesised
songs; half of the grooves are heard with hits left out and times shaken, as a transcriber would hand them over.
The bars' choose among the half beats of a bar, where the tempo was found.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from tonewheel.core.files import write_json
from tonewheel.core.progress import progress
from tonewheel.core.seeds import generator
from tonewheel.manifest.drum_hits import DrumHit
from tonewheel.manifest.midi import read_midi
from tonewheel.systems.drums.rhythm.bars import DRUMS, BarWeights, describe, halves
from tonewheel.systems.drums.rhythm.beats import settle, track
from tonewheel.systems.drums.rhythm.pulse import (
    CUES,
    TEMPI_BPM,
    USUAL_BPM,
    WEIGHTS,
    Weights,
    course,
    path,
    scores,
    trains,
    windows,
)

Floats = NDArray[np.float64]

SHORTEST_S = 6.0
SONGS = 120
FIRST_SEED = 7_000_000
NEAR = 0.016
"""So near to the true tempo (natural logarithm) a tempo is right."""
MOST_WINDOWS = 12
TEMPO_RIDGE, BAR_RIDGE = 1e-3, 3e-3
SYNTHETIC_WEIGHT = 3.0
PIECES_BEATS = (16, 32, 64)


class Example(NamedTuple):
    """A performance whose tempo and bars are known."""

    hits: tuple[DrumHit, ...]
    bpm: float
    beats: int
    downbeat_s: float
    synthetic: bool


def grooves(folder: Path, split: str = "train") -> Iterator[Example]:
    """Performances of a Groove MIDI folder in 3/4 and 4/4, long enough to have a tempo."""
    with (folder / "info.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        meter = row["time_signature"]
        if row["split"] != split or float(row["duration"]) < SHORTEST_S or meter not in ("4-4", "3-4"):
            continue
        if not (midi := folder / row["midi_filename"]).is_file():
            continue
        hits: tuple[DrumHit, ...] = tuple(read_midi(midi).hits)
        if len(hits) >= 8:
            yield Example(hits, float(row["bpm"]), int(meter[0]), 0.0, False)


def songs(count: int, seed: int = FIRST_SEED) -> Iterator[Example]:
    """The drums of synthesised songs in 3/4 and 4/4."""
    from tonewheel.synth.compose import compose
    from tonewheel.synth.song import METRES

    for number in range(count):
        song = compose(seed + number)
        if len(song.drums) < 16 or song.metre == "6/8":
            continue
        found = sorted(song.drums, key=lambda event: event.onset_s)
        hits = tuple(DrumHit(onset_s=e.onset_s, label=e.label, velocity=e.velocity) for e in found)
        downbeat_s = next(time_s for time_s, beat in song.beats() if beat == 1)
        yield Example(hits, song.tempo_bpm, METRES[song.metre][0], downbeat_s, True)


def shaken(example: Example, rng: np.random.Generator) -> Example:
    """As a transcriber might hear it: a tenth of the hits missing, times and strengths a little wrong."""
    heard = [hit for hit in example.hits if rng.random() > 0.12] or list(example.hits)
    hits = (
        replace(
            hit,
            onset_s=max(0.0, hit.onset_s + rng.normal(0, 0.005)),
            velocity=float(np.clip(hit.velocity + rng.normal(0, 0.1), 0.05, 1)),
        )
        for hit in heard
    )
    return example._replace(hits=tuple(sorted(hits, key=lambda hit: hit.onset_s)))


def softmax_fit(features: Floats, right: Floats, weight: Floats, ridge: Floats) -> Floats:
    """Weights (k,) that make the right ones likely: features (n, choices, k), right (n, choices) 0 or 1."""
    from scipy.optimize import minimize

    weight = weight / weight.sum()

    def loss(beta: Floats) -> tuple[float, Floats]:
        raw = features @ beta
        raw = np.exp(raw - raw.max(axis=1, keepdims=True))
        share = raw / raw.sum(axis=1, keepdims=True)
        chance = (share * right).sum(axis=1) + 1e-9
        pull = (share - share * right / chance[:, None]) * weight[:, None]
        slope = np.einsum("nc,nck->k", pull, features)
        value = -(weight * np.log(chance)).sum() + (ridge * beta**2).sum()
        return float(value), slope + 2 * ridge * beta

    found = minimize(loss, np.zeros(features.shape[2]), jac=True, method="L-BFGS-B")
    return np.asarray(found.x, np.float64)


def fit_tempo(examples: list[Example]) -> tuple[tuple[float, ...], tuple[float, float]]:
    """Weights of the cues, and of the octave and its square."""
    octaves = np.log2(TEMPI_BPM / USUAL_BPM)
    prior = np.stack([octaves, octaves**2], axis=1)
    features, right, weight = [], [], []
    for one in progress(examples, "tempo cues", unit="performances"):
        if not TEMPI_BPM[0] <= one.bpm <= TEMPI_BPM[-1]:
            continue
        _, cues = windows(trains(one.hits, one.hits[-1].onset_s + 1))
        chosen = cues[
            np.unique(np.linspace(0, len(cues) - 1, min(len(cues), MOST_WINDOWS)).round().astype(int))
        ]
        features.append(np.concatenate([chosen, np.broadcast_to(prior, (len(chosen), *prior.shape))], axis=2))
        distance = np.abs(np.log(TEMPI_BPM / one.bpm))
        right += [(distance <= max(NEAR, distance.min())).astype(float)] * len(chosen)
        weight += [(SYNTHETIC_WEIGHT if one.synthetic else 1.0) / len(chosen)] * len(chosen)
    ridge = np.append(np.full(len(CUES), TEMPO_RIDGE), [0.0, 0.0])
    beta = softmax_fit(np.concatenate(features), np.array(right), np.array(weight), ridge).round(4).tolist()
    return tuple(beta[:-2]), (beta[-2], beta[-1])


def fit_bars(examples: list[Example], weights: Weights) -> BarWeights:
    """Weights of the drums on the half beats of a bar of four and of three."""
    features: dict[int, list[Floats]] = {3: [], 4: []}
    right: dict[int, list[Floats]] = {3: [], 4: []}
    for one in progress(examples, "bar cues", unit="performances"):
        rows = trains(one.hits, one.hits[-1].onset_s + 1)
        at_s, cues = windows(rows)
        bpm = TEMPI_BPM[path(scores(cues, weights))]
        if abs(np.log(np.median(bpm) / one.bpm)) > 0.04:
            continue
        beats_s, _ = settle(track(rows, course(at_s, bpm, rows.shape[1])), one.hits)
        pattern = describe(beats_s, one.hits)
        place = np.round(2 * (beats_s - one.downbeat_s) * one.bpm / 60).astype(int) % (2 * one.beats)
        for length in PIECES_BEATS:
            for first in range(0, max(1, len(pattern) - length), length - 1):
                # The first half beat of the piece is so many after a downbeat, as most of its beats say.
                told = (place[first : first + length] - 2 * np.arange(len(place[first : first + length]))) % (
                    2 * one.beats
                )
                votes = np.bincount(told, minlength=2 * one.beats)
                if votes.max() < 0.8 * len(told):
                    continue
                answer = np.zeros(2 * one.beats)
                answer[-int(votes.argmax()) % (2 * one.beats)] = 1
                features[one.beats].append(halves(pattern[first : first + length], one.beats))
                right[one.beats].append(answer)
    fitted = []
    for beats in (4, 3):
        x = np.stack(features[beats])
        beta = softmax_fit(x, np.stack(right[beats]), np.ones(len(x)), np.full(x.shape[2], BAR_RIDGE))
        fitted.append(tuple(map(tuple, beta.round(3).reshape(2 * beats, len(DRUMS)).tolist())))
    return BarWeights(four=fitted[0], three=fitted[1])


def fit(folder: Path | None, count: int = SONGS, seed: int = 0) -> Weights:
    """Fit everything; without a folder on synthesised songs alone."""
    rng = generator(seed, "tempo")
    played = list(grooves(folder)) if folder else []
    made = list(songs(count))
    everything = [*played, *(shaken(one, rng) for one in played), *made]
    cues, octaves = fit_tempo(everything)
    told = f"{len(played)} performances of the train split of Groove MIDI, {len(made)} synthesised songs"
    none = BarWeights(four=(), three=())
    weights = Weights(cues=cues, octaves=octaves, bars=none, fitted_on=told)
    return replace(weights, bars=fit_bars([*played, *made], weights))


if __name__ == "__main__":
    write_json(WEIGHTS, fit(Path(sys.argv[1])))
