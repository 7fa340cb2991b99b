"""Effects of a mixing desk, on (samples,) float32: filters, drive, chorus, echo, reverb, ducking,
compression.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, lfilter, oaconvolve, resample_poly, sosfilt

Audio = NDArray[np.float32]


def db(decibels: float) -> float:
    """Amplitude of a level."""
    return float(10 ** (decibels / 20))


def high_pass(audio: Audio, hz: float, sample_rate_hz: int) -> Audio:
    """Second-order Butterworth high-pass."""
    return np.asarray(
        sosfilt(butter(2, hz, "highpass", fs=sample_rate_hz, output="sos").astype(np.float32), audio),
        dtype=np.float32,
    )


def low_pass(audio: Audio, hz: float, sample_rate_hz: int) -> Audio:
    """Second-order Butterworth low-pass; nothing to do above the band."""
    if hz > 0.45 * sample_rate_hz:
        return audio
    return np.asarray(
        sosfilt(butter(2, hz, "lowpass", fs=sample_rate_hz, output="sos").astype(np.float32), audio),
        dtype=np.float32,
    )


def equalise(audio: Audio, tilt_db: float, low_db: float, low_pass_hz: float, sample_rate_hz: int) -> Audio:
    """The tone of a record on (..., samples): shelves above 1 kHz and below 150 Hz, and a roll-off."""
    for corner_hz, level_db in ((1000.0, tilt_db), (150.0, -low_db)):
        if abs(level_db) < 0.1:
            continue
        pole = math.exp(-2 * math.pi * corner_hz / sample_rate_hz)
        high = np.float32(db(level_db))
        # low + high * (x - low), where low is the one-pole low-pass of x
        b = np.array([high + (1 - high) * (1 - pole), -pole * high], dtype=np.float32)
        audio = np.asarray(lfilter(b, np.array([1, -pole], dtype=np.float32), audio), dtype=np.float32)
        if corner_hz < 500:
            audio = audio / high
    if low_pass_hz < 0.45 * sample_rate_hz:
        sos = butter(2, low_pass_hz, "lowpass", fs=sample_rate_hz, output="sos").astype(np.float32)
        audio = np.asarray(sosfilt(sos, audio), dtype=np.float32)
    return audio


def drive(audio: Audio, gain: float, sample_rate_hz: int) -> Audio:
    """Saturate as a valve amplifier does, at twice the rate against aliasing, then the loudspeaker's band."""
    if gain <= 0:
        return audio
    level = float(np.sqrt(np.mean(audio**2))) + 1e-9
    double = resample_poly(audio, 2, 1).astype(np.float32)
    shaped = np.tanh(gain * double / (3 * level) + 0.15) - np.float32(np.tanh(0.15))
    out = resample_poly(shaped.astype(np.float32), 1, 2).astype(np.float32)[: len(audio)]
    return low_pass(high_pass(out, 70.0, sample_rate_hz), 4500.0, sample_rate_hz) if gain > 3 else out


def chorus(audio: Audio, depth: float, phase: float, sample_rate_hz: int) -> Audio:
    """Add a copy with a slowly swaying delay of 8 +- 3 ms."""
    step = 64  # the sway is slow: computed now and then, drawn through
    coarse = np.arange(len(audio) // step + 2) * step
    read = coarse - sample_rate_hz * (
        0.008 + 0.003 * np.sin(2 * np.pi * 0.7 * coarse / sample_rate_hz + phase)
    )
    position = np.maximum(np.interp(np.arange(len(audio)), coarse, read), 0)
    index = position.astype(np.int32)
    part = (position - index).astype(np.float32)
    late = audio[index] * (1 - part) + audio[np.minimum(index + 1, len(audio) - 1)] * part
    return np.asarray(audio + depth * late, dtype=np.float32) / np.float32(1 + 0.4 * depth)


def echo(audio: Audio, level_db: float, seconds: float, sample_rate_hz: int) -> Audio:
    """Three echoes, each a third quieter and duller."""
    if level_db <= -50:
        return audio
    out = audio.copy()
    tap, gain, step = audio, db(level_db), int(seconds * sample_rate_hz)
    for count in range(1, 4):
        tap = low_pass(tap, 3500.0, sample_rate_hz)
        if count * step >= len(audio):
            break
        out[count * step :] += np.float32(gain) * tap[: -count * step]
        gain *= 0.6
    return out


def room_response(rng: np.random.Generator, t60_s: float, bright_hz: float, sample_rate_hz: int) -> Audio:
    """Unit-energy decaying noise whose treble dies faster: early reflections, then a diffuse tail."""
    n = int(min(t60_s, 3.0) * sample_rate_hz)
    t = np.arange(n, dtype=np.float32) / np.float32(sample_rate_hz)
    noise = rng.standard_normal(n).astype(np.float32)
    dull = low_pass(noise, min(bright_hz, 0.4 * sample_rate_hz), sample_rate_hz)
    tail = dull * np.exp(-6.9 * t / t60_s) + 0.5 * (noise - dull) * np.exp(-6.9 * t / (0.35 * t60_s))
    tail *= np.minimum(1, t / 0.02)
    for _ in range(8):
        tail[int(rng.uniform(0.005, 0.06) * sample_rate_hz) % n] += rng.choice([-1, 1]) * rng.uniform(
            0.5, 2.5
        )
    tail = high_pass(tail, 150.0, sample_rate_hz)
    return np.asarray(tail / (np.sqrt(np.sum(tail**2)) + 1e-9), dtype=np.float32)


def reverberate(audio: Audio, response: Audio) -> Audio:
    """The wet sound alone, same length."""
    return np.asarray(oaconvolve(audio, response)[: len(audio)], dtype=np.float32)


def duck_gain(onsets_s: list[float], depth: float, n: int, sample_rate_hz: int) -> Audio:
    """Gain that dips at each onset and recovers in about 0.2 s (the pumping of a side chain)."""
    gain = np.ones(n, dtype=np.float32)
    dip = 1 - depth * np.exp(
        -np.arange(int(0.3 * sample_rate_hz), dtype=np.float32) / np.float32(0.09 * sample_rate_hz)
    )
    for onset in onsets_s:
        start = int(onset * sample_rate_hz)
        span = gain[start : start + len(dip)]
        np.minimum(span, dip[: len(span)], out=span)
    return gain


def bus_gain(
    mix: Audio, reduction_db: float, sample_rate_hz: int, peak: float, unlimited_percent: float
) -> Audio:
    """Gain of a bus compressor and limiter, (samples,), for a mix (samples,) or (channels, samples).

    Given as gain so that every stem can be turned down alike and the stems still sum to the mix; |gain * mix|
    <= peak.
    """
    rectified = np.abs(mix) if mix.ndim == 1 else np.abs(mix).max(axis=0)
    hop = max(1, sample_rate_hz // 500)
    blocks = -(-len(rectified) // hop)
    padded = np.zeros(blocks * hop, dtype=np.float32)
    padded[: len(rectified)] = rectified
    frames = padded.reshape(blocks, hop)
    level = np.sqrt(lfilter([0.03], [1, -0.97], np.mean(frames**2, axis=1)))
    active = level[level > 1e-4]
    threshold = float(np.percentile(active, 50)) if len(active) else 1.0
    over = np.maximum(0, 20 * np.log10(np.maximum(level, 1e-6) / threshold))
    gain = 10 ** (-np.minimum(over * 0.5, reduction_db) / 20)
    # Scale so that only rare peaks meet the limiter, then look ahead: the gain is down before the peak comes.
    peaks = frames.max(axis=1) * gain
    loud = float(np.percentile(peaks, unlimited_percent)) if blocks > 10 else float(peaks.max())
    gain *= peak / max(loud, 1e-6)
    need = np.minimum(1.0, peak / np.maximum(frames.max(axis=1) * gain, 1e-9))
    width = 5
    edged = np.pad(need, width, constant_values=1.0)
    held = np.min(np.lib.stride_tricks.sliding_window_view(edged, 2 * width + 1), axis=1)
    smooth = np.convolve(np.pad(held, 2, mode="edge"), np.full(5, 0.2), mode="valid")
    centres = (np.arange(blocks) + 0.5) * hop
    return np.asarray(np.interp(np.arange(len(rectified)), centres, gain * smooth), dtype=np.float32)
