"""What a snapshot tells about each stem: 64 numbers, from the stems that a separation gave.

| index | what                                                                                       |
|-------|--------------------------------------------------------------------------------------------|
| 0-23  | share of the stem in the power of all stems, in each band: the mean of an ideal power mask    |
| 24-47 | level of the stem in each band, 0 (-120 dB) to 1 (0 dB)                                      |
| 48-63 | share of the stem in the power of all stems, in each of 16 equal parts of the sound          |

No wave can be had back from this, and so no SDR either: a model that predicts these numbers knows how much of a band
belongs to a stem, not which samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonewheel.manifest.stems import STEMS
from tonewheel.systems.stems.features.families import parts
from tonewheel.systems.stems.features.frames import BANDS, Floats, level
from tonewheel.systems.stems.features.listen import Heard, listen

TIME_PARTS = 16
WIDTH = 2 * BANDS + TIME_PARTS
SHARES = slice(0, BANDS)
LEVELS = slice(BANDS, 2 * BANDS)
TIMES = slice(2 * BANDS, WIDTH)


def stem_features(stems: NDArray[Any], sample_rate_hz: float) -> Floats:
    """The vectors of six stems, (6, channels, samples) or (6, samples) -> (6, 64).

    >>> rng = np.random.default_rng(0)
    >>> stems = np.zeros((6, 44100)); stems[1] = 0.1 * rng.normal(size=44100)
    >>> stem_features(stems, 44100)[:, 12].tolist()
    [0.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    """
    return stem_vectors([listen(stem, sample_rate_hz) for stem in stems])


def stem_vectors(heard: Sequence[Heard]) -> Floats:
    """The vectors of stems that were listened to, in the order of STEMS: (6, 64)."""
    bands = np.stack([0.5 * (one.left + one.right) for one in heard])
    times = np.stack([parts(one.power, TIME_PARTS) for one in heard])
    return np.concatenate([_shares(bands), level(bands), _shares(times)], axis=1)


def as_truth(vectors: Floats, stems: Sequence[str] = STEMS) -> Mapping[str, tuple[float, ...]]:
    """The vectors of some stems as a snapshot's `ground_truth`, to six decimals."""
    return {stem: tuple(round(float(value), 6) for value in vectors[STEMS.index(stem)]) for stem in stems}


def _shares(power: Floats) -> Floats:
    total = power.sum(axis=0)
    return np.where(total > 1e-12, power / np.maximum(total, 1e-12), 0.0)
