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
FORWARD, BACKWARD = 0, 1
SIGNED = (0, 1, 2, 3, 5)
"""Features that change their sign with the signal."""
OF_A_NORMAL = 0.6745
"""Median magnitude of a normal distribution of standard deviation 1."""
LEAST_SCALE = 3e-6
"""What a residual is measured against at least: about the rounding of 16 bits under a good model."""
COMPRESSED = 0.4
"""Keeps logarithms near 1, which nets like."""


class Analysis(NamedTuple):
    """A mono signal as the detector sees it.

    Shapes: features (FEATURES, samples) float32, the others (samples,). `scale` is the robust size of the residual
    of undamaged music; damage is measured in it. `surprise` is how far a sample is from predictions of both sides.
    """

    features: NDArray[np.float32]
    scale: Samples
    repaired: Samples
    surprise: Samples


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
        undamaged = forward if repaired is signal else residual(repaired, models)
        scale = robust_scale(undamaged, models)
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
    features = np.empty((FEATURES, signal.size), np.float32)
    features[FORWARD] = forward / scale
    features[BACKWARD] = backward / scale
    features[2] = both / scale
    features[3] = (signal - repaired) / scale
    features[4] = np.minimum(np.abs(features[0]), np.abs(features[1]))
    features[5] = bend / robust_scale(bend, models)
    features[6] = (near + LEAST_SCALE) / scale
    features[7] = np.sqrt((level + LEAST_SCALE) / scale)
    np.log1p(features[4], out=features[4])
    for part in (features[:4], features[5:6]):
        np.arcsinh(part, out=part)
    np.log(features[6:], out=features[6:])
    features *= COMPRESSED
    surprise = np.minimum(np.abs(forward), np.abs(backward))
    return Analysis(features, scale, repaired, surprise)


def _mean_size(signal: Samples, samples: int) -> Samples:
    """Root mean square around each sample; a running sum may end a little below 0."""
    return np.asarray(np.sqrt(np.maximum(ndimage.uniform_filter1d(signal**2, samples, mode="nearest"), 0)))


def robust_scale(residual: Samples, models: Models) -> Samples:
    """Standard deviation sample by sample, from medians of segments that clicks do not move; linear in between."""
    hop, count = models.hop, len(models.coefficients)
    inside = np.abs(residual)[: max(count - 1, 1) * hop]
    # Half segments at the ends are filled up with what is next to them.
    padded = np.pad(inside, (hop // 2, count * hop - hop // 2), mode="symmetric")[: count * hop]
    medians = np.median(padded.reshape(count, hop), axis=1) / OF_A_NORMAL
    return np.asarray(
        np.maximum(np.interp(np.arange(len(residual)), hop * np.arange(count), medians), LEAST_SCALE)
    )
