"""Impulses told apart into clicks and crackle, and each kind described by its distributions.

Quiet impulses hide under loud music, so what is found is not what there is: amplitudes are fitted as a log-normal
distribution that is cut off where each impulse would have gone unseen, and an impulse that was unlikely to be seen
stands for several (the estimator of Horvitz and Thompson).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_ndtr, ndtr

from tonewheel.systems.restore.measure.arrivals import Floats, arrivals
from tonewheel.systems.restore.measure.impulses import Found
from tonewheel.systems.restore.profile import ImpulseProfile

LEAST_COUNT, LEAST_PER_S = 3, 0.05
"""Fewer impulses that stand out beyond doubt are none: what is left of drums and codecs is as many."""
BEYOND_DOUBT = 0.6
PULSING, PULSING_DOUBT, PULSING_LEAST_PER_S = 0.25, 2.2, 5.0
"""Where more of the candidates than this are periodic, the music itself is made of pulses (the square waves of game
consoles), and only what stands out so much further is an impulse, if there are enough of these."""
DENSE_PER_S = 40.0
"""A single kind of more impulses than this a second is crackle."""
APART = 1.2
"""Clicks and crackle differ by this in the logarithm of their median amplitudes, or are one kind."""
MOST_UNSEEN, FURTHEST = 4.0, 0.6
"""No impulse stands for more than so many, and the median is not moved further (in the logarithm): what hides under the
music can be guessed, but not far."""


def kinds(
    channels: list[Found], candidates: int, periodic: int, seconds: float, sample_rate_hz: int
) -> tuple[ImpulseProfile | None, ImpulseProfile | None]:
    """Clicks and crackle, from the impulses judged to be damage in each channel.

    `candidates` and `periodic` count what was looked at before that, and how much of it comes in periods.
    """
    pooled = Found.joined(channels)
    if seconds <= 0 or not len(pooled.starts):
        return None, None
    pulsing = periodic > PULSING * candidates
    doubt = PULSING_DOUBT if pulsing else BEYOND_DOUBT
    least_per_s = PULSING_LEAST_PER_S if pulsing else LEAST_PER_S
    if np.sum(pooled.contrast > doubt) < max(LEAST_COUNT, least_per_s * seconds * len(channels)):
        return None, None
    if pulsing:
        channels = [found.at(found.contrast > doubt) for found in channels]
        pooled = Found.joined(channels)
    of = np.repeat(np.arange(len(channels)), [len(found.starts) for found in channels])
    loud = _loud(np.log(pooled.amplitudes))
    described = []
    for chosen in (loud, ~loud):
        parts = [pooled.at(chosen & (of == number)) for number in range(len(channels))]
        described.append(_described(parts, seconds, sample_rate_hz))
    clicks, crackle = described
    if crackle is None and clicks is not None and clicks.rate_per_s > DENSE_PER_S:
        return None, clicks
    return clicks, crackle


def _loud(log_amplitudes: Floats) -> NDArray[np.bool_]:
    """Which belong to the louder of two kinds; all of them if there is but one.

    Two Gaussians against one by the Bayesian information criterion, fitted by expectation and maximisation.
    """
    count = len(log_amplitudes)
    one = np.ones(count, np.bool_)
    if count < 20:
        return one
    # The smallest are ticks in silence, and no kind of their own.
    log_amplitudes = np.maximum(log_amplitudes, np.quantile(log_amplitudes, 0.05))
    low, high = np.quantile(log_amplitudes, [0.25, 0.9])
    means, spreads = np.array([low, high]), np.full(2, max(0.3, float(log_amplitudes.std()) / 2))
    shares = np.array([0.7, 0.3])
    values, likelihood = log_amplitudes[:, None], -np.inf
    for _ in range(100):
        density = shares * np.exp(-0.5 * ((values - means) / spreads) ** 2) / spreads
        total = np.maximum(density.sum(axis=1), 1e-300)
        belongs = density / total[:, None]
        weight = np.maximum(belongs.sum(axis=0), 1e-9)
        means = (belongs * values).sum(axis=0) / weight
        spreads = np.maximum(np.sqrt((belongs * (values - means) ** 2).sum(axis=0) / weight), 0.15)
        shares = weight / count
        before, likelihood = likelihood, float(np.log(total).sum())
        if likelihood - before < 1e-6 * count:
            break
    spread = max(float(log_amplitudes.std()), 0.15)
    single = float(np.sum(-0.5 * ((log_amplitudes - log_amplitudes.mean()) / spread) ** 2 - np.log(spread)))
    if likelihood - single < 1.5 * np.log(count) or means[1] - means[0] < APART or shares.min() < 0.02:
        return one
    louder: NDArray[np.bool_] = (belongs[:, 1] > 0.5) | (log_amplitudes > means[1])
    louder &= log_amplitudes > means[0]
    return louder


def _described(channels: list[Found], seconds: float, sample_rate_hz: int) -> ImpulseProfile | None:
    found = Found.joined(channels)
    if not len(found.starts):
        return None
    median, spread, seen = _unseen(np.log(found.amplitudes), np.log(found.limits))
    weights = 1 / np.maximum(seen, 1 / MOST_UNSEEN)
    rate = float(weights.sum() / (seconds * len(channels)))
    process = arrivals([one.starts / sample_rate_hz for one in channels], seconds)
    widths_ms = 1000 * found.widths / sample_rate_hz
    return ImpulseProfile(
        rate_per_s=round(rate, 3),
        amplitude=round(float(np.exp(median)), 5),
        amplitude_spread=round(spread, 3),
        width_ms=round(float(np.median(widths_ms)), 4),
        width_spread=round(float(np.clip(np.std(np.log(widths_ms)), 0.0, 2.0)), 3),
        longest_ms=round(float(np.quantile(widths_ms, 0.99)), 3),
        clustered=process.clustered,
        burst_size=process.burst_size,
        burst_ms=process.burst_ms,
        repeating=process.repeating,
        revolutions_per_minute=process.revolutions_per_minute,
        count=len(found.starts),
    )


def _unseen(values: Floats, limits: Floats) -> tuple[float, float, Floats]:
    """Mean and deviation of a normal distribution of which each value was seen only because it is above its limit,
    and the probability that each would be seen."""
    spread = float(np.clip(values.std(), 0.2, 1.5)) if len(values) > 2 else 0.5
    middle = float(np.median(values))
    if len(values) >= 10:

        def surprise(at: Floats) -> float:
            mean, width = at[0], np.exp(at[1])
            score = -0.5 * ((values - mean) / width) ** 2 - np.log(width) - log_ndtr((mean - limits) / width)
            # A weak belief in what was seen: a tail alone says little about its middle.
            doubt = 0.5 * ((mean - middle) / 0.7) ** 2 + 0.5 * ((at[1] - np.log(spread)) / 0.3) ** 2
            return float(-score.sum() + 3 * doubt)

        fitted = minimize(surprise, np.array([middle, np.log(spread)]), method="Nelder-Mead").x
        middle = float(np.clip(fitted[0], middle - FURTHEST, middle + 0.1))
        spread = float(np.clip(np.exp(fitted[1]), 0.2, 1.5))
    seen: Floats = ndtr((middle - limits) / spread)
    return middle, spread, seen
