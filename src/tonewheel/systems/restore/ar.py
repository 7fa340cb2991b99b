"""Autoregressive models of sound: estimated frame by frame, and used to predict and to interpolate samples.

Frame k is centred on sample k * hop and speaks for the samples of its segment, the half hop on either side.
Positions are absolute, so a cut of a recording gives the models of the whole. A model is the row
(1, a_1 .. a_p): its residual is x[t] + a_1 x[t-1] + ... + a_p x[t-p].
Source: Godsill & Rayner, Digital Audio Restoration, 1998, chapters 4 and 5.
"""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.linalg import LinAlgError, solveh_banded

Samples = NDArray[np.float64]
Mask = NDArray[np.bool_]

LEAST_VARIANCE = 1e-16
"""Residual power of what counts as digital silence."""
WIDER = 0.5
"""Of the range of the sound around: how far beyond it an interpolation may go."""
LEAST_PULL = 1e-8
"""Towards a straight line, as a share of what holds a sample to its model, where the model swings too wide."""


class Models(NamedTuple):
    """AR models of a stretch of sound. Shapes: coefficients (frames, order + 1), variance (frames,).

    `hop` is the distance of frames in samples; frame 0 is centred on sample 0 of the stretch.
    """

    coefficients: Samples
    variance: Samples
    hop: int

    @property
    def order(self) -> int:
        """Samples that a prediction looks back."""
        return int(self.coefficients.shape[1]) - 1

    def segment(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """The frame that speaks for each sample."""
        return np.minimum((places + self.hop // 2) // self.hop, len(self.coefficients) - 1)


def estimate(signal: Samples, order: int, hop: int, window: int, floor: float = 1e-9) -> Models:
    """Models of a mono signal, shape (samples,), from the autocorrelation of Hann-windowed frames.

    `floor` is white noise added to the autocorrelation, as a share of the power: it bounds how sharp a model
    may be. What lies before and after the signal counts as silence.

    >>> tone = np.sin(0.1 * np.arange(4000.0))
    >>> models = estimate(tone, order=2, hop=1000, window=2000)
    >>> models.coefficients[2].round(2).tolist()
    [1.0, -1.99, 1.0]
    """
    frames = 1 + (len(signal) + hop // 2) // hop
    padded = np.pad(signal, (window // 2, window + hop))
    windows = np.lib.stride_tricks.sliding_window_view(padded, window)[: frames * hop : hop]
    size = fft.next_fast_len(window + order, real=True)
    shape = np.hanning(window + 2)[1:-1]
    power = np.abs(fft.rfft(windows * shape, size)) ** 2
    autocorrelation = fft.irfft(power, size)[:, : order + 1]
    autocorrelation[:, 0] += floor * autocorrelation[:, 0] + LEAST_VARIANCE * window
    coefficients, error = levinson(autocorrelation)
    return Models(coefficients, error / np.sum(shape**2), hop)


def levinson(autocorrelation: Samples) -> tuple[Samples, Samples]:
    """Models and residual energies of many autocorrelations at once, by the recursion of Levinson and Durbin.

    Shape: (frames, order + 1) -> (frames, order + 1), (frames,).

    >>> levinson(np.array([[1.0, 0.5, 0.25]]))[0].tolist()
    [[1.0, -0.5, 0.0]]
    """
    count, width = autocorrelation.shape
    model = np.zeros((count, width))
    model[:, 0] = 1.0
    error = autocorrelation[:, 0].copy()
    for i in range(1, width):
        reflection = -np.sum(model[:, :i] * autocorrelation[:, i:0:-1], axis=1) / error
        # Beyond 1 is rounding, where next to nothing is left to predict; it would grow from order to order.
        reflection = np.clip(reflection, -1.0, 1.0)
        model[:, 1 : i + 1] += (
            reflection[:, None] * model[:, i - 1 :: -1][:, :i] if i > 1 else reflection[:, None]
        )
        error *= np.maximum(1 - reflection**2, 1e-12)
    return model, error


def residual(signal: Samples, models: Models, backward: bool = False) -> Samples:
    """What the models cannot predict from the samples before (or after); shape (samples,) as the signal."""
    before, after = (0, models.order) if backward else (models.order, 0)
    spectra, size = _segments(signal, models, before, after)
    response = fft.rfft(models.coefficients, size)
    filtered = fft.irfft(spectra * (response.conj() if backward else response), size)
    return _joined(filtered[:, before : before + models.hop], models, len(signal))


def residuals(signal: Samples, models: Models) -> tuple[Samples, Samples, Samples]:
    """Forward, backward and two-sided residual, each of shape (samples,).

    The backward one predicts from the samples after. The two-sided one is how far a sample is from the best
    guess from all others, scaled so that all three are of one size on sound that follows its model.
    """
    order, hop = models.order, models.hop
    spectra, size = _segments(signal, models, order, order)
    response = fft.rfft(models.coefficients, size)
    inside = slice(order, order + hop)
    forward = fft.irfft(spectra * response, size)[:, inside]
    # Looking ahead is the conjugate: the same filter turned round.
    backward = fft.irfft(spectra * response.conj(), size)[:, inside]
    both = fft.irfft(spectra * np.abs(response) ** 2, size)[:, inside]
    both /= np.sqrt(np.sum(models.coefficients**2, axis=1, keepdims=True))
    joined = [_joined(part, models, len(signal)) for part in (forward, backward, both)]
    return joined[0], joined[1], joined[2]


def interpolate(signal: Samples, mask: Mask, models: Models, noise: Samples | None = None) -> Samples:
    """The samples under `mask`, guessed from the others by least squares over the models' residuals.

    `noise` (one value a masked sample) is the power of the damage there: with it a damaged sample still
    counts as an observation, as far as it deserves (a Wiener estimate); without it, it counts as lost.
    Returns the masked samples only, in order. Every sample outside the mask is taken as right; where that makes
    a model swing wider than the sound around ever does (damage that was missed, a model too sharp), it is believed
    the less, down to a straight line between the neighbours.
    """
    unknown = np.flatnonzero(mask)
    if not len(unknown):
        return np.zeros(0)
    weight = 1.0 / (models.variance + LEAST_VARIANCE)
    known = np.where(mask, 0.0, signal)
    gradient = _normal(known, models, weight)[unknown]
    bands = _curvature(unknown, models, weight)
    right = -gradient
    if noise is not None:
        precision = 1.0 / (noise + LEAST_VARIANCE)
        bands[-1] += precision
        right += precision * signal[unknown]
    return _within_reason(bands, right, _surroundings(signal, mask, models.hop), unknown, models.order)


def _extremes(signal: Samples, length: int, best: np.ufunc, worst: float) -> Samples:
    """The extreme of each part of so many samples and of the parts beside it."""
    own = best.reduceat(signal, np.arange(0, len(signal), length))
    padded = np.pad(own, 1, constant_values=worst)
    return np.asarray(best(best(padded[:-2], padded[2:]), own))


class Surroundings(NamedTuple):
    """What the sound around masked samples allows for, each (masked samples,)."""

    low: Samples
    high: Samples
    line: Samples
    """Straight from one neighbour to the other."""


def _surroundings(signal: Samples, mask: Mask, reach: int) -> Surroundings:
    """The range of the samples within reach that are not masked, and half of that more on either side."""
    unknown, known = np.flatnonzero(mask), np.flatnonzero(~mask)
    if not len(known):  # nothing but damage: there is no more to go by than that
        least, most = min(0.0, float(signal.min())), max(0.0, float(signal.max()))
        nothing = np.zeros(len(unknown))
        return Surroundings(nothing + least, nothing + most, nothing)
    part = unknown // reach
    low = _extremes(np.where(mask, np.inf, signal), reach, np.minimum, np.inf)[part]
    high = _extremes(np.where(mask, -np.inf, signal), reach, np.maximum, -np.inf)[part]
    # Deep inside a long gap: as at its edges.
    near = np.flatnonzero(low <= high)
    low = np.interp(unknown, unknown[near], low[near])
    high = np.interp(unknown, unknown[near], high[near])
    more = WIDER * (high - low)
    return Surroundings(low - more, high + more, np.interp(unknown, known, signal[known]))


def _within_reason(
    bands: Samples, right: Samples, around: Surroundings, unknown: NDArray[np.int64], order: int
) -> Samples:
    """Solve the banded system, the parts of it that swing out of reason once more with the line beside them.

    Parts are solved alone: unknown samples further apart than the models reach have nothing to do with each other.
    """
    out = np.full(len(right), np.nan)
    first = np.flatnonzero(np.diff(unknown, prepend=unknown[0] - order - 1) > order)
    last = np.append(first[1:], len(unknown))
    diagonal = bands[-1].copy()
    # The least help against a singular matrix; far below what the weights can resolve.
    ridge, pull, todo = 1e-12, 0.0, [slice(None)]
    while todo and ridge <= 1:
        for part in todo:
            more = ridge * diagonal[part]
            bands[-1, part] = diagonal[part] + more
            system = bands[-len(more) :, part]  # no wider than the part
            with suppress(LinAlgError):  # not positive definite, as far as rounding lets one see
                line = pull * more * around.line[part]
                out[part] = solveh_banded(system, right[part] + line, check_finite=False)
        wild = ~((out >= around.low) & (out <= around.high))
        holds = np.maximum.reduceat(wild, first)
        todo = [slice(int(a), int(b)) for a, b in zip(first[holds], last[holds], strict=True)]
        ridge, pull = max(LEAST_PULL, 100 * ridge), 1.0
    return np.where(np.isfinite(out), np.clip(out, around.low, around.high), around.line)


def _segments(signal: Samples, models: Models, before: int, after: int) -> tuple[NDArray[np.complex128], int]:
    """Spectra of all segments with some samples around each, and the FFT length."""
    hop, count = models.hop, len(models.coefficients)
    start = hop // 2 + before
    padded = np.pad(signal, (start, count * hop + after + before))
    size = fft.next_fast_len(hop + before + after + models.order, real=True)
    windows = np.lib.stride_tricks.sliding_window_view(padded, hop + before + after)[: count * hop : hop]
    return fft.rfft(windows, size), size


def _joined(segments: Samples, models: Models, length: int) -> Samples:
    half = models.hop // 2
    return segments.reshape(-1)[half : half + length]


def _normal(signal: Samples, models: Models, weight: Samples) -> Samples:
    """A^T W A x for the matrix A whose rows are the predictions; rows past the end see silence."""
    order, hop, count = models.order, models.hop, len(models.coefficients)
    spectra, size = _segments(signal, models, order, 0)
    response = fft.rfft(models.coefficients, size)
    rows = fft.irfft(spectra * response, size)[:, order : order + hop] * weight[:, None]
    back = fft.irfft(fft.rfft(rows, size) * response.conj(), size)
    # A row reaches back over the segment before its own: circular places -order .. -1 lie at the end.
    out = np.zeros((count + 1) * hop)
    out[hop:] += back[:, :hop].reshape(-1)
    ahead = np.zeros((count, hop))
    ahead[:, hop - order :] = back[:, size - order :]
    out[: count * hop] += ahead.reshape(-1)
    half = hop // 2
    return out[hop + half : hop + half + len(signal)]


def _curvature(unknown: NDArray[np.int64], models: Models, weight: Samples) -> Samples:
    """A^T W A among the unknown samples in LAPACK's upper banded form: (band + 1, unknowns)."""
    order, hop = models.order, models.hop
    size = fft.next_fast_len(2 * order + 1, real=True)
    used, place = np.unique(models.segment(unknown), return_inverse=True)
    model = models.coefficients[used]
    full = fft.irfft(np.abs(fft.rfft(model, size)) ** 2, size)[:, : order + 1] * weight[used, None]
    reach = np.searchsorted(unknown, unknown + order, side="right") - np.arange(len(unknown)) - 1
    band = int(reach.max(initial=0))
    bands = np.zeros((band + 1, len(unknown)))
    for k in range(band + 1):
        first = np.flatnonzero(reach >= k)
        second = first + k
        # Rows t from the second sample to `order` after the first see both.
        bands[band - k, second] = full[place[second], unknown[second] - unknown[first]]
    last = len(models.coefficients) - 1
    for frame in range(last):
        edge = frame * hop + hop - hop // 2
        low, high = np.searchsorted(unknown, (edge - order, edge))
        if low == high:
            continue
        # Rows from the edge on belong to the next model; above they were counted with the one before.
        taps = edge + np.arange(order)[:, None] - unknown[low:high]
        seen = taps <= order
        taps = np.minimum(taps, order)
        own, follow = (models.coefficients[f][taps] * seen * np.sqrt(weight[f]) for f in (frame, frame + 1))
        change = follow.T @ follow - own.T @ own
        i, j = np.triu_indices(high - low)
        within = unknown[low + j] - unknown[low + i] <= order
        i, j = i[within], j[within]
        bands[band - (j - i), low + j] += change[i, j]
    return bands
