"""Room: everything the walls add, from a measured response or from a statistical model of one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Self

import numpy as np
from scipy import fft

from tonewheel.core.errors import InputError
from tonewheel.core.seeds import draw_seed, generator
from tonewheel.degrade.base import Audio, Degradation
from tonewheel.degrade.responses import Response, convolve, level, load

OCTAVES_HZ = (125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0)
"""Centres of the octave bands that have a reverberation time of their own; the outer two reach to the
ends."""

DIRECT_S = 0.0025
"""What arrives this soon after the direct sound counts as direct, as in ISO 3382 style
direct-to-reverberant ratios."""

EARLY_S = 0.08


class Room(Degradation):
    """Convolution with a room response of full length, direct sound at time 0, level kept for music-like
    spectra.

    With a `path`, a measured response; else a statistical one: a direct sound, sparse early reflections,
    and noise that decays exponentially at its own rate in every octave band (Polack's model, as in J.-M.
    Jot et al., "Analysis and synthesis of room reverberation based on a statistical time-frequency model",
    AES 1997). The sound before the clip is silence to it: give some seconds of context where that matters.

    >>> Room(seed=1, t60_s=(0.5,) * 7).apply(np.ones(100, np.float32), 16000).shape
    (100,)
    """

    path: str = ""
    channel: int = 0
    direct_to_reverb_db: float | None = None
    """Of the response; None leaves a measured response as it is (0 dB in a statistical one)."""
    t60_s: tuple[float, float, float, float, float, float, float] = (1.2, 1.1, 1.0, 1.0, 0.9, 0.7, 0.5)
    """Seconds for 60 dB of decay in the octaves around 125, 250, 500, 1000, 2000, 4000 and 8000 Hz."""
    pre_delay_ms: float = 10.0
    early_reflections: int = 12
    early_to_late_db: float = -3.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not all(0.05 <= t60 <= 30 for t60 in self.t60_s):
            raise InputError("room", f"t60_s {self.t60_s}: every value must be within 0.05 to 30 s")
        if not (0 <= self.pre_delay_ms <= 500 and 0 <= self.early_reflections <= 1000 and self.channel >= 0):
            raise InputError(
                "room", f"{self}: need pre_delay_ms to 500, early_reflections to 1000, none below 0"
            )

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        *,
        paths: Sequence[str] = (),
        measured_share: float = 1.0,
        t60_s: tuple[float, float] = (0.3, 2.5),
        direct_to_reverb_db: tuple[float, float] = (-8.0, 8.0),
        pre_delay_ms: tuple[float, float] = (2.0, 40.0),
    ) -> Self:
        """One of the measured responses (in `measured_share` of draws, if there are any) or a statistical
        room.

        A `t60_s` uniform in octaves holds at 500 Hz to 1 kHz; the bass decays up to 30 % slower, and the
        highest octave 0.3 to 0.8 times as long, because air and soft surfaces take the high end.
        """
        if paths and rng.random() < measured_share:
            return cls(path=str(paths[int(rng.integers(len(paths)))]), channel=int(rng.integers(2)))
        middle_s = float(np.exp(rng.uniform(*np.log(t60_s))))
        low, high = rng.uniform(0.9, 1.3), rng.uniform(0.3, 0.8)
        shape = np.interp(range(7), (0, 2, 3, 6), (low, 1, 1, high)) * rng.uniform(0.95, 1.05, 7)
        a, b, c, d, e, f, g = (float(max(0.1, value)) for value in middle_s * shape)
        return cls(
            t60_s=(a, b, c, d, e, f, g),
            direct_to_reverb_db=float(rng.uniform(*direct_to_reverb_db)),
            pre_delay_ms=float(rng.uniform(*pre_delay_ms)),
            early_reflections=int(rng.integers(6, 25)),
            early_to_late_db=float(rng.uniform(-6, 0)),
            seed=draw_seed(rng),
        )

    def response(self, sample_rate_hz: int) -> Response:
        """The impulse response at a rate, and where in it the direct sound is; do not write into it."""
        if not self.path:
            return _statistical(self, sample_rate_hz)
        measured = load(self.path, self.channel, sample_rate_hz)
        if self.direct_to_reverb_db is None:
            return measured
        return _rebalance(measured, self.direct_to_reverb_db, sample_rate_hz)

    def process(self, audio: Audio, sample_rate_hz: int) -> Audio:
        return convolve(audio, self.response(sample_rate_hz))


def _rebalance(response: Response, direct_to_reverb_db: float, sample_rate_hz: int) -> Response:
    """Move the listener: scale the direct sound until the ratio is as stated."""
    samples = response.samples.copy()
    end = response.direct + round(DIRECT_S * sample_rate_hz) + 1
    direct = float(np.sum(samples[:end].astype(np.float64) ** 2))
    reverb = float(np.sum(samples[end:].astype(np.float64) ** 2))
    if direct > 0 and reverb > 0:
        samples[:end] *= np.sqrt(reverb / direct) * 10 ** (direct_to_reverb_db / 20)
    return Response(level(samples, sample_rate_hz), response.direct)


@lru_cache(maxsize=32)
def _statistical(room: Room, sample_rate_hz: int) -> Response:
    rng = generator(room.seed, "room")
    start = max(round(DIRECT_S * sample_rate_hz) + 1, round(room.pre_delay_ms / 1000 * sample_rate_hz))
    # 72 dB of the slowest band: past that it is below the noise of any recording.
    late = _late_tail(room.t60_s, round(1.2 * max(room.t60_s) * sample_rate_hz) + 1, sample_rate_hz, rng)
    if room.early_reflections:
        t60_s = room.t60_s[3]
        # Over at most 10 dB of decay, and by the same law, so that reflections do not bend the decay curve.
        arrival_s = np.sort(rng.uniform(0, min(EARLY_S, t60_s / 6), room.early_reflections))
        strength = rng.uniform(0.5, 1.0, len(arrival_s)) * rng.choice((-1.0, 1.0), len(arrival_s))
        early = np.zeros_like(late)
        positions = np.minimum((arrival_s * sample_rate_hz).astype(int), len(late) - 1)
        np.add.at(early, positions, strength * 10 ** (-3 * arrival_s / t60_s))
        ratio = np.sum(late**2) / max(float(np.sum(early**2)), 1e-12)
        late += early * np.sqrt(ratio) * 10 ** (room.early_to_late_db / 20)
    samples = np.zeros(start + len(late))
    samples[start:] = late / np.sqrt(np.sum(late**2))
    samples[0] = 10 ** ((room.direct_to_reverb_db or 0.0) / 20)
    return Response(level(samples.astype(np.float32), sample_rate_hz), 0)


def _late_tail(
    t60_s: Sequence[float], length: int, sample_rate_hz: int, rng: np.random.Generator
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Noise split into octaves that add up to a flat spectrum, each with its own exponential decay."""
    size = fft.next_fast_len(length, real=True)
    spectrum = fft.rfft(rng.standard_normal(size).astype(np.float32))
    frequency_hz = np.linspace(0, sample_rate_hz / 2, len(spectrum), dtype=np.float32)
    octave = np.clip(np.log2(np.maximum(frequency_hz, 1) / OCTAVES_HZ[0]), 0, len(OCTAVES_HZ) - 1)
    time_s = np.arange(length, dtype=np.float32) / np.float32(sample_rate_hz)
    tail = np.zeros(length)
    for number, t60 in enumerate(t60_s):
        distance = np.abs(octave - number)
        # Full within 0.3 octave of the centre, crossing its neighbour at -3 dB half an octave away.
        share = np.cos(np.pi / 2 * np.clip((distance - 0.3) / 0.4, 0, 1))
        if share.any():
            band = fft.irfft(spectrum * share, size)[:length]
            tail += band * np.exp(np.float32(-3 * np.log(10) / t60) * time_s)
    return tail
