"""What the click detector looks at: how far each sample is from what its neighbours predict.

A first, classical repair (residual beyond a robust threshold, interpolated) keeps the clicks themselves out of
the models; the features are then those of the damaged signal under the repaired signal's models.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from tonewheel.systems.restore.ar import Models, Samples, estimate, interpolate, residual, residuals
from tonewheel.systems.restore.clicks.recipe import AnalysisRecipe

FEATURES = 8
LEAST_SCALE = 3e-6
"""What a residual is measured against at least: about the rounding of 16 bits under a good model."""
COMPRESSED = 0.4


class Analysis(NamedTuple):
    """A mono signal as the detector sees it.

    Shapes: features (FEATURES, samples) float32, scale (samples,), repaired (samples,). `scale` is the robust size
    of the residual of undamaged music; damage is measured in it.
    """

    features: NDArray[np.float32]
    scale: Samples
    repaired: Samples


def analyse(signal: Samples, sample_rate_hz: int, settings: AnalysisRecipe) -> Analysis:
    """Features of a mono signal, shape (samples,).

    A click disturbs predictions after it or before it, but only its own samples surprise from both sides.
    """
    hop, window = settings.hop(sample_rate_hz), settings.window(sample_rate_hz)
    order = settings.order(sample_rate_hz)
    repaired = signal
    for threshold in settings.thresholds:
        models = estimate(repaired, order, hop, window)
        forward, backward = residual(signal, models), residual(signal, models, backward=True)
        scale = robust_scale(forward if repaired is signal else residual(repaired, models), models)
        surprise = np.minimum(np.abs(forward), np.abs(backward))
        mask = ndimage.binary_dilation(surprise > threshold * scale, iterations=settings.widened)
        size = ndimage.maximum_filter1d(surprise, 2 * settings.widened + 1)
        repaired = signal.copy()
        repaired[mask] = interpolate(signal, mask, models, size[mask] ** 2)
    return examine(signal, repaired, sample_rate_hz, settings)


def examine(signal: Samples, repaired: Samples, sample_rate_hz: int, settings: AnalysisRecipe) -> Analysis:
    """Features of a signal of which a `repaired` version is known, under that one's models."""
    hop, window = settings.hop(sample_rate_hz), settings.window(sample_rate_hz)
    models = estimate(repaired, settings.order(sample_rate_hz), hop, window)
    forward, backward, both = residuals(signal, models)
    clean_forward = residual(repaired, models)
    scale = robust_scale(clean_forward, models)
    near = _mean_size(clean_forward, 2 * (hop // 12) + 1)
    level = _mean_size(repaired, hop)
    bend = np.zeros_like(signal)
    bend[1:-1] = signal[:-2] - 2 * signal[1:-1] + signal[2:]
    bend_scale = _by_segment(np.abs(bend), models)
    features = np.stack(
        [
            COMPRESSED * np.arcsinh(forward / scale),
            COMPRESSED * np.arcsinh(backward / scale),
            COMPRESSED * np.arcsinh(both / scale),
            COMPRESSED * np.arcsinh((signal - repaired) / scale),
            COMPRESSED * np.log1p(np.minimum(np.abs(forward), np.abs(backward)) / scale),
            COMPRESSED * np.arcsinh(bend / bend_scale),
            COMPRESSED * np.log((near + LEAST_SCALE) / scale),
            0.2 * np.log((level + LEAST_SCALE) / scale),
        ]
    )
    return Analysis(features.astype(np.float32), scale, repaired)


def robust_scale(residual: Samples, models: Models) -> Samples:
    """Standard deviation of a residual, sample by sample, from medians that clicks do not move."""
    return _by_segment(np.abs(residual), models)


def _mean_size(signal: Samples, samples: int) -> Samples:
    """Root mean square around each sample; a running sum may end a little below 0."""
    return np.asarray(np.sqrt(np.maximum(ndimage.uniform_filter1d(signal**2, samples, mode="nearest"), 0)))


def _by_segment(magnitude: Samples, models: Models) -> Samples:
    """Median of each segment over 0.6745 (the standard deviation, if it were normal), linear in between."""
    hop, count = models.hop, len(models.coefficients)
    half = hop // 2
    padded = np.full(count * hop, np.nan)
    padded[half : half + len(magnitude)] = magnitude[: count * hop - half]
    with np.errstate(all="ignore"):
        medians = np.nanmedian(padded.reshape(count, hop), axis=1)
    medians = np.nan_to_num(medians, nan=0.0) / 0.6745
    return np.asarray(
        np.maximum(np.interp(np.arange(len(magnitude)), hop * np.arange(count), medians), LEAST_SCALE)
    )
