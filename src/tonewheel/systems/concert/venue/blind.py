"""From features of music to the figures of its hall: a linear model with its own error, fitted on known halls.

The weights are a small JSON file beside those of the encoder; `fit` makes them from a prepared folder:
`python -m tonewheel.systems.concert.venue.fit PREPARED`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.records import Record
from tonewheel.systems.concert.venue.features import NAMES
from tonewheel.systems.concert.venue.profile import Estimate

Floats64 = NDArray[np.float64]

SHIPPED = Path(__file__).parent.parent / "weights" / "venue.json"
LOWEST, HIGHEST = (0.1, -10.0, 0.0), (6.0, 40.0, 0.2)
"""T60 in s, SNR in dB, clipped share: nothing outside is said, however strange the sound."""
CERTAIN_FROM = 1.28
"""Standard deviations of a normal distribution between which four cases of five lie."""


class Blind(Record):
    """ln T60, SNR in dB and the square root of the clipped share, each linear in the features of a stretch.

    `error` is the standard deviation of what an average over a whole recording still misses, on halls that the
    weights were not fitted to: more stretches of the same hall do not mend it.
    """

    names: tuple[str, ...]
    centre: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]
    bias: tuple[float, float, float]
    error: tuple[float, float, float]

    @classmethod
    def shipped(cls) -> Blind:
        """The weights that come with Tonewheel, read once."""
        return _shipped()

    def predict(self, rows: NDArray[Any]) -> Floats64:
        """ln T60, SNR and root of the clipped share of each stretch: (n, features) -> (n, 3)."""
        scaled = (np.atleast_2d(rows) - np.array(self.centre)) / np.array(self.scale)
        # A feature far outside what was ever seen would carry a line far outside as well.
        return np.asarray(np.clip(scaled, -4, 4) @ np.array(self.weights).T + np.array(self.bias))

    def estimate(self, rows: NDArray[Any]) -> tuple[Estimate, Estimate, Estimate]:
        """T60 in s, SNR in dB and clipped share of a recording from its stretches, (n, features) with n > 0."""
        middle, spread = np.median(self.predict(rows), axis=0), CERTAIN_FROM * np.array(self.error)
        low, value, high = (_said(row) for row in (middle - spread, middle, middle + spread))
        return (
            Estimate(value=value[0], low=low[0], high=high[0]),
            Estimate(value=value[1], low=low[1], high=high[1]),
            Estimate(value=value[2], low=low[2], high=high[2]),
        )


def targets(t60_s: float, snr_db: float, clipped: float) -> tuple[float, float, float]:
    """What the model is linear in."""
    return float(np.log(t60_s)), snr_db, float(np.sqrt(clipped))


def _said(row: Floats64) -> Sequence[float]:
    values = (np.exp(row[0]), row[1], max(row[2], 0.0) ** 2)
    return [
        round(float(np.clip(value, low, high)), 4)
        for value, low, high in zip(values, LOWEST, HIGHEST, strict=True)
    ]


@lru_cache(maxsize=1)
def _shipped() -> Blind:
    model = Blind.read(SHIPPED)
    if model.names != NAMES:  # only a change of the code that forgot to fit again comes here
        raise RuntimeError(
            f"{SHIPPED.name} was fitted to other features; run tonewheel.systems.concert.venue.fit"
        )
    return model
