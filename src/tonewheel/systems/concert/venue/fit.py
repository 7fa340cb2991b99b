"""Fit the blind measurement on known halls: `python -m tonewheel.systems.concert.venue.fit PREPARED`.

Ridge regression on the train split; its strength, and the error that the model states about itself, come from rooms
that were left out of the fit, whole rooms at a time. The test split is only looked at to report.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.files import write_json
from tonewheel.core.progress import progress
from tonewheel.systems.concert.prepare import Prepared
from tonewheel.systems.concert.venue.blind import SHIPPED, Blind, targets
from tonewheel.systems.concert.venue.features import NAMES, features
from tonewheel.systems.concert.venue.known import SONGS_A_HALL, draw

Floats64 = NDArray[np.float64]

HALLS = 300
FOLDS = 5
STRENGTHS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Ridge penalties tried, as a share of the number of examples."""


class Examples(NamedTuple):
    """Shapes: rows (n, features), truth (n, 3) as `blind.targets`; rooms (n,) and halls (n,) say which go together."""

    rows: Floats64
    truth: Floats64
    rooms: NDArray[Any]
    halls: NDArray[Any]


def gather(prepared: Prepared, split: str, halls: int, seed: int = 0) -> Examples:
    """Features and truth of known halls."""
    rows, truth, rooms, numbers = [], [], [], []
    total = halls * SONGS_A_HALL
    for one in progress(draw(prepared, split, halls, seed), f"{split} halls", total):
        rows.append(features(one.audio))
        truth.append(targets(one.t60_s, one.snr_db, one.clipped))
        # A statistical room is a room of its own each time.
        rooms.append(one.room or f"statistical {one.hall}")
        numbers.append(one.hall)
    return Examples(np.array(rows), np.array(truth), np.array(rooms), np.array(numbers))


def fit(examples: Examples, seed: int = 0) -> Blind:
    """The model of the best ridge penalty, with the error that it shows on halls in rooms that were left out."""
    _, room = np.unique(examples.rooms, return_inverse=True)
    fold = np.random.default_rng(seed).permutation(int(room.max()) + 1)[room] % FOLDS
    tried: list[tuple[float, float, Floats64]] = []
    for strength in STRENGTHS:
        missed = np.empty_like(examples.truth)
        for number in range(FOLDS):
            held = fold == number
            model = _ridge(examples.rows[~held], examples.truth[~held], strength)
            missed[held] = model.predict(examples.rows[held]) - examples.truth[held]
        error = by_hall(missed, examples.halls).std(axis=0)
        tried.append((float(np.sum(error / examples.truth.std(axis=0))), strength, error))
    _, strength, error = min(tried, key=lambda one: one[0])
    return _ridge(examples.rows, examples.truth, strength, error)


def by_hall(values: Floats64, halls: NDArray[Any]) -> Floats64:
    """Mean over the stretches of each hall: (n, k) -> (halls, k)."""
    _, number = np.unique(halls, return_inverse=True)
    return np.stack([values[number == one].mean(axis=0) for one in range(int(number.max()) + 1)])


def _ridge(rows: Floats64, truth: Floats64, strength: float, error: Floats64 | None = None) -> Blind:
    centre, scale = rows.mean(axis=0), np.maximum(rows.std(axis=0), 1e-6)
    scaled, bias = np.clip((rows - centre) / scale, -4, 4), truth.mean(axis=0)
    gram = scaled.T @ scaled + strength * len(rows) * np.eye(rows.shape[1])
    weights = np.linalg.solve(gram, scaled.T @ (truth - bias)).T
    first, second, third = (tuple(round(float(w), 6) for w in row) for row in weights)
    b, e = bias, truth.std(axis=0) if error is None else error
    return Blind(
        names=NAMES,
        centre=tuple(round(float(value), 6) for value in centre),
        scale=tuple(round(float(value), 6) for value in scale),
        weights=(first, second, third),
        bias=(round(float(b[0]), 6), round(float(b[1]), 6), round(float(b[2]), 6)),
        error=(round(float(e[0]), 4), round(float(e[1]), 4), round(float(e[2]), 4)),
    )


if __name__ == "__main__":
    write_json(SHIPPED, fit(gather(Prepared(Path(sys.argv[1])), "train", HALLS)))
