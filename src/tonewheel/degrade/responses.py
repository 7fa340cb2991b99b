"""Impulse responses: loaded once, aligned to their direct sound, levelled, convolved in full length.

Shared by rooms and microphones. The cache makes training on a few dozen responses cost no decoding at all.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from scipy import fft, signal

from tonewheel.audio import decode
from tonewheel.core.errors import InputError
from tonewheel.degrade.base import Audio

LEAD_S = 0.002
"""How much is kept before the direct sound, so that its own rise is not cut."""

FLOOR_HZ = 50.0


class Response(NamedTuple):
    """Impulse response and the index of its direct sound, which becomes time 0."""

    samples: Audio
    direct: int


@lru_cache(maxsize=256)
def load(path: str, channel: int, sample_rate_hz: int) -> Response:
    """One channel of a measured response at the asked rate, silence before its direct sound removed,
    levelled.

    A pair of microphones is never summed: that would comb the spectrum as no single microphone does.
    """
    channels = read(path, sample_rate_hz)
    samples = channels[channel % len(channels)]
    if samples.size == 0 or not np.all(np.isfinite(samples)) or not np.any(samples):
        raise InputError(path, "an impulse response needs finite samples that are not all zero")
    direct = direct_index(samples, sample_rate_hz)
    start = max(0, direct - round(LEAD_S * sample_rate_hz))
    return Response(level(samples[start:], sample_rate_hz), direct - start)


def read(path: str, sample_rate_hz: int) -> Audio:
    """A whole file at the asked rate as (channels, samples)."""
    channels, _ = decode.load(path, sample_rate_hz=sample_rate_hz, mono=False)
    return channels


def direct_index(samples: Audio, sample_rate_hz: int) -> int:
    """Where the direct sound is: the peak within 1 ms after the response first rises to 20 dB below its
    maximum.

    ISO 3382-1 starts a response there; the strongest sample alone would pick a loud reflection in some rooms.
    """
    magnitude = np.abs(samples)
    onset = int(np.argmax(magnitude >= 0.1 * magnitude.max()))
    return onset + int(np.argmax(magnitude[onset : onset + max(1, sample_rate_hz // 1000)]))


def level(samples: Audio, sample_rate_hz: int) -> Audio:
    """Scale a response so that sound with music's long-term spectrum (pink above 50 Hz) keeps its power."""
    spectrum = np.abs(fft.rfft(samples, fft.next_fast_len(max(len(samples), 1024), real=True))) ** 2
    frequency_hz = np.linspace(0, sample_rate_hz / 2, len(spectrum))
    weight = 1 / np.maximum(frequency_hz, FLOOR_HZ)
    power = float(np.sum(weight * spectrum) / np.sum(weight))
    return (samples / np.sqrt(power)).astype(np.float32) if power > 0 else samples


def convolve(audio: Audio, response: Response) -> Audio:
    """Every channel through the whole response, direct sound at time 0, cut to the length of the input.

    Shape: (channels, samples) in and out.
    """
    samples = audio.shape[-1]
    if 8 * len(response.samples) < samples:
        full = signal.oaconvolve(audio, response.samples[None], axes=-1)
        return np.asarray(full[..., response.direct : response.direct + samples], dtype=np.float32)
    size = fast_size(samples + len(response.samples) - 1)
    spectrum: np.ndarray[Any, Any] = fft.rfft(audio, size, axis=-1)
    spectrum *= fft.rfft(response.samples, size)
    full = fft.irfft(spectrum, size, axis=-1, overwrite_x=True)
    out: Audio = full[..., response.direct : response.direct + samples]
    return out


def fast_size(samples: int) -> int:
    """The next 2^n, 3 * 2^n or 15 * 2^n: measured up to a third faster than the nearest 2-3-5 product."""
    return min(odd << max(0, (-(-samples // odd) - 1).bit_length()) for odd in (1, 3, 15))
