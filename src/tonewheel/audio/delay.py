"""How much later does one microphone hear a transient than another, to a fraction of a sample?

Normalised cross-correlation of a short window around a transient, upsampled 8 times by zero-padding the
spectrum (the band-limited interpolation of the correlation itself), then a parabola through the peak (Knapp and
Carter, "The generalized correlation method for estimation of time delay", IEEE TASSP 1976; the unweighted
form, because the phase transform gives every noisy bin the weight of the drum).

A microphone may be wired the other way round, so both signs are looked at: the peak of the correlation and that
of its negative are both given, and whoever has many transients decides.

Shapes: mono (samples,). A delay is positive when `other` hears the transient later.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FINER = 8
"""Steps a sample at which the correlation is looked at before the parabola."""


class Peak(NamedTuple):
    """A delay in samples and the normalised correlation there, 0..1."""

    delay_samples: float
    correlation: float


def find_delay(reference: NDArray[Any], other: NDArray[Any], margin: int) -> tuple[Peak, Peak]:
    """The best delay with equal and with inverted polarity, each within -margin..margin samples.

    `reference` (n,) is a window around a transient; `other` (n + 2 margin,) begins `margin` samples earlier.

    >>> rng = np.random.default_rng(0)
    >>> drum = rng.standard_normal(400) * np.exp(-np.arange(400) / 60)
    >>> heard = np.concatenate((np.zeros(24), -0.5 * drum, np.zeros(16)))  # 4 samples late, inverted
    >>> same, inverted = find_delay(drum, heard, margin=20)
    >>> round(inverted.delay_samples, 3), round(inverted.correlation, 2)
    (4.0, 1.0)
    """
    first = np.asarray(reference, np.float64)
    second = np.asarray(other, np.float64)
    if first.ndim != 1 or second.shape != (first.size + 2 * margin,):
        raise ValueError(f"other must have {first.size} + 2 * {margin} samples, got {second.shape}")
    size = 1 << (second.size + 1).bit_length()
    cross = np.conj(np.fft.rfft(first, size)) * np.fft.rfft(second, size)
    cross[-1] = 0.0  # the Nyquist bin has no phase; upsampled it would be half of a pair
    fine = np.fft.irfft(cross, size * FINER) * FINER
    running = np.concatenate(([0.0], np.cumsum(second**2)))
    energy = (running[first.size :] - running[: second.size - first.size + 1]) * (first @ first)
    steps = np.arange(2 * margin * FINER + 1)
    scale = np.sqrt(np.maximum(np.interp(steps / FINER, np.arange(energy.size), energy), 1e-30))
    curve = fine[: steps.size] / scale if first.any() and second.any() else np.zeros(steps.size)
    return _peak(curve, margin), _peak(-curve, margin)


def _peak(curve: Floats, margin: int) -> Peak:
    at = int(np.argmax(curve))
    offset, height = 0.0, float(curve[at])
    if 0 < at < curve.size - 1:
        before, here, after = curve[at - 1 : at + 2]
        bend = before - 2 * here + after
        if bend < 0:
            offset = float(0.5 * (before - after) / bend)
            height = float(here - 0.25 * (before - after) * offset)
    return Peak((at + offset) / FINER - margin, min(max(height, 0.0), 1.0))


def transients(
    audio: NDArray[Any], sample_rate_hz: int, *, gap_s: float = 0.1
) -> tuple[NDArray[np.int64], Floats]:
    """Sudden rises of level: their positions in samples (sorted) and how much each rises (natural log).

    `audio` is (samples,), or (channels, samples) of which all count alike, however loud they are. The level is
    the energy in steps of 1 ms, with what lies below some hundred Hz weakened; a transient rises 4 times above
    the 20 ms before it, is the highest rise within `gap_s`, and is at most 50 dB below the loudest.

    >>> clicks = np.zeros(8000, np.float32)
    >>> clicks[[2000, 6000]] = 1.0
    >>> transients(clicks, 8000)[0].tolist()
    [2000, 6000]
    """
    channels = np.atleast_2d(np.asarray(audio, np.float64))
    step, lag = max(1, sample_rate_hz // 1000), max(1, sample_rate_hz // 2000)
    frames = channels.shape[1] // step
    if frames < 8:
        return np.empty(0, np.int64), np.empty(0)
    high = channels.copy()
    high[:, lag:] -= channels[:, :-lag]
    cut = high[:, : frames * step].reshape(len(channels), frames, step)
    energy = np.square(cut).mean(axis=2)
    energy = (energy / np.maximum(energy.mean(axis=1, keepdims=True), 1e-14)).mean(axis=0)
    floor = max(float(energy.max()) * 1e-5, 1e-9)
    running = np.concatenate((np.zeros(21), np.cumsum(energy)))
    before = (running[20 : 20 + frames] - running[:frames]) / 20
    rise = np.log((energy + floor) / (before + floor))
    wide = max(1, round(gap_s * sample_rate_hz / step))
    padded = np.pad(rise, wide, constant_values=-np.inf)
    highest = np.lib.stride_tricks.sliding_window_view(padded, 2 * wide + 1).max(axis=1)
    found = np.flatnonzero((rise == highest) & (rise > np.log(4)) & (energy > floor))
    return found * step, rise[found]
