"""How long a room rings: the reverberation time of an impulse response."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def measure_t60_s(
    response: NDArray[np.float32], sample_rate_hz: int, *, from_db: float = -5.0, to_db: float = -25.0
) -> float | None:
    """Seconds for 60 dB of decay by Schroeder's backward integration, from the -5 to -25 dB slope (T20, ISO
    3382-1).

    Shape: (samples,). None where the response does not decay that far.

    >>> time_s = np.arange(16_000) / 16_000
    >>> round(measure_t60_s((10 ** (-3 * time_s / 0.4)).astype(np.float32), 16_000), 2)
    0.4
    """
    energy = np.cumsum(response[::-1].astype(np.float64) ** 2)[::-1]
    if energy.size == 0 or energy[0] <= 0:
        return None
    decay_db = 10 * np.log10(np.maximum(energy / energy[0], 1e-12))
    below = np.flatnonzero(decay_db <= to_db)
    if below.size == 0:
        return None
    first, last = int(np.argmax(decay_db <= from_db)), int(below[0])
    if last - first < 2:
        return None
    slope_db_s = np.polyfit(np.arange(first, last) / sample_rate_hz, decay_db[first:last], 1)[0]
    return float(-60 / slope_db_s) if slope_db_s < 0 else None
