"""What was removed: is there music in it?

Task: `removed` is what a cleaner took out and `kept` what it left, mono (samples,) at one rate. Noise comes and
goes by itself; music that was taken with it comes and goes as the music does. So the levels of both are
compared over time, in thirds of an octave from 100 Hz: `musicality` is the correlation of their levels in dB,
averaged over the bands in which anything was removed, and 0 where it is negative (a gain that takes less noise
under loud music makes it so).

0 is noise only; 1 is a copy of the music. No reference is needed, so it works on a real disc. The definition is
ours.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tonewheel.audio.spectra import power

__all__ = ["band_correlations", "evaluate", "validate"]

Floats = NDArray[np.float64]

WINDOW_S = 0.046
LOWEST_HZ = 100.0
QUIET_DB = -100.0
"""A band in which less than this (of full scale) was removed is not looked at."""


def validate(removed: ArrayLike, kept: ArrayLike, sample_rate_hz: int = 44_100) -> tuple[Floats, Floats]:
    """Check two finite mono signals of one length."""
    out, left = np.asarray(removed, np.float64), np.asarray(kept, np.float64)
    if out.ndim != 1 or out.shape != left.shape or out.size == 0:
        raise ValueError(f"removed {out.shape} and kept {left.shape} must be equally long, (samples,)")
    if not (np.isfinite(out).all() and np.isfinite(left).all()):
        raise ValueError("a signal holds NaN or infinite samples")
    if sample_rate_hz < 1000:
        raise ValueError(f"the sample rate is {sample_rate_hz} Hz; expected at least 1000")
    return out, left


def band_correlations(removed: ArrayLike, kept: ArrayLike, sample_rate_hz: int = 44_100) -> Floats:
    """Correlation over time of the levels of both in each third of an octave, NaN where nothing was removed.

    >>> rng = np.random.default_rng(0)
    >>> music = rng.standard_normal(32_000) * (1 + np.sin(np.arange(32_000) / 2000))
    >>> bool(np.nanmean(band_correlations(music / 10, music, 16_000)) > 0.99)
    True
    """
    out, left = validate(removed, kept, sample_rate_hz)
    n_fft = max(64, 2 * round(WINDOW_S * sample_rate_hz / 2))
    if out.size < 8 * n_fft:
        out, left = (np.pad(signal, (0, 8 * n_fft - out.size)) for signal in (out, left))
    centres_hz = np.arange(n_fft // 2 + 1) * sample_rate_hz / n_fft
    edges_hz = LOWEST_HZ * 2 ** (np.arange(40) / 3)
    edges = np.unique(np.searchsorted(centres_hz, edges_hz[edges_hz < 0.45 * sample_rate_hz]))
    # Of a window's sum of squares to the mean square of full scale.
    scale = 1.0 / (n_fft**2 * 0.375 / 2)
    levels = []
    for signal in (out, left):
        bands = np.add.reduceat(np.asarray(power(signal, n_fft, n_fft // 2), np.float64), edges, axis=0)[:-1]
        levels.append(bands * scale)
    quiet = 10 ** (QUIET_DB / 10)
    found = np.full(len(levels[0]), np.nan)
    for band, (a, b) in enumerate(zip(*levels, strict=True)):
        x, y = np.log(a + quiet), np.log(b + quiet)
        if a.mean() > quiet and x.std() > 1e-6 and y.std() > 1e-6:
            found[band] = np.corrcoef(x, y)[0, 1]
    return found


def evaluate(removed: ArrayLike, kept: ArrayLike, sample_rate_hz: int = 44_100) -> dict[str, float | None]:
    """How musical the removed part is, 0..1, and its level against what was kept, dB.

    >>> evaluate(np.zeros(8000), np.ones(8000), 8000)
    {'musicality': None, 'removed_db': None}
    """
    out, left = validate(removed, kept, sample_rate_hz)
    energy, rest = float(np.sum(out**2)), float(np.sum(left**2))
    bands = band_correlations(out, left, sample_rate_hz)
    heard = bands[~np.isnan(bands)]
    return {
        "musicality": round(float(np.maximum(heard, 0).mean()), 4) if heard.size else None,
        "removed_db": round(10 * float(np.log10(energy / rest)), 2) if energy > 0 and rest > 0 else None,
    }
