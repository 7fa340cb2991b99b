"""Log-spectral distance: how far apart are two spectra, in dB?

Task: `reference` and `estimate`, mono (samples,) at one rate, in place. For every frame the root mean square
over the bins of the difference of both power spectra in dB; the mean over the frames is the distance (Gray and
Markel, "Distance measures for speech processing", IEEE TASSP 1976).

Where the reference holds nothing, its logarithm is arbitrary, and the distance would tell of that alone. So
only bins inside `band_hz` count, and power below `floor_db` under the loudest bin of the reference counts as
that floor, in both. Tools differ in floor, window and band, so distances of two papers can rarely be compared;
those of one table can.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tonewheel.audio.spectra import power

__all__ = ["distances_db", "evaluate", "validate"]

Floats = NDArray[np.float64]

WINDOW_S = 0.046
FLOOR_DB = -80.0


def validate(reference: ArrayLike, estimate: ArrayLike) -> tuple[Floats, Floats]:
    """Check two finite mono signals of one length, the reference not silent."""
    right, found = np.asarray(reference, np.float64), np.asarray(estimate, np.float64)
    if right.ndim != 1 or right.shape != found.shape or right.size == 0:
        raise ValueError(
            f"reference {right.shape} and estimate {found.shape} must be equally long, (samples,)"
        )
    if not (np.isfinite(right).all() and np.isfinite(found).all()):
        raise ValueError("a signal holds NaN or infinite samples")
    if not right.any():
        raise ValueError("the reference is silent")
    return right, found


def distances_db(
    reference: ArrayLike,
    estimate: ArrayLike,
    sample_rate_hz: int = 44_100,
    *,
    band_hz: tuple[float, float] | None = None,
    floor_db: float = FLOOR_DB,
) -> Floats:
    """The distance of every frame (46 ms, every quarter of it), dB, shape (frames,).

    >>> noise = np.random.default_rng(0).standard_normal(8000)
    >>> float(distances_db(noise, noise * 10, 8000).mean().round(3))
    20.0
    """
    right, found = validate(reference, estimate)
    n_fft = max(16, 2 * round(WINDOW_S * sample_rate_hz / 2))
    if right.size < n_fft:
        right, found = (np.pad(signal, (0, n_fft - right.size)) for signal in (right, found))
    spectra = [np.asarray(power(signal, n_fft, n_fft // 4), np.float64) for signal in (right, found)]
    if band_hz is not None:
        centres_hz = np.arange(n_fft // 2 + 1) * sample_rate_hz / n_fft
        inside = (centres_hz >= band_hz[0]) & (centres_hz <= band_hz[1])
        if not inside.any():
            raise ValueError(f"no bin lies between {band_hz[0]:g} and {band_hz[1]:g} Hz")
        spectra = [spectrum[inside] for spectrum in spectra]
    floor = max(spectra[0].max() * 10 ** (floor_db / 10), 1e-30)
    first, second = (10 * np.log10(np.maximum(spectrum, floor)) for spectrum in spectra)
    return np.asarray(np.sqrt(np.mean((first - second) ** 2, axis=0)))


def evaluate(reference: ArrayLike, estimate: ArrayLike, sample_rate_hz: int = 44_100) -> dict[str, float]:
    """Mean and worst distance over the frames, dB.

    >>> tone = np.sin(0.3 * np.arange(8000))
    >>> evaluate(tone, tone, 8000)
    {'lsd_db': 0.0, 'lsd_worst_db': 0.0}
    """
    found = distances_db(reference, estimate, sample_rate_hz)
    return {"lsd_db": round(float(found.mean()), 4), "lsd_worst_db": round(float(found.max()), 4)}
