"""What happens to a stem between the instrument and the mix: amplifier, tone, compression, place and room.

Every function draws its settings from a Generator, so that no two songs are produced alike.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, lfilter, oaconvolve, resample_poly, sosfilt

from tonewheel.degrade.equaliser import Band, Equaliser
from tonewheel.synth.effects import chorus, echo, high_pass, low_pass, room_response

Audio = NDArray[np.float32]
RATE = 44_100


def rms(audio: Audio) -> float:
    """Root mean square of all samples."""
    return float(np.sqrt(np.mean(np.square(audio, dtype=np.float64)))) + 1e-12


def tone(rng: np.random.Generator, audio: Audio, spread_db: float = 6.0) -> Audio:
    """Two shelves and up to three bells of random gain, on (channels, samples)."""
    drawn = Equaliser.draw(
        rng, shelf_db=(-spread_db, spread_db), peak_db=(-spread_db, spread_db), frequency_hz=(150.0, 7000.0)
    )
    return drawn.process(audio, RATE)


def squash(rng: np.random.Generator, audio: Audio, most_db: float = 10.0) -> Audio:
    """A compressor: level over a threshold is divided by a ratio; both channels alike."""
    mono = audio if audio.ndim == 1 else np.abs(audio).max(axis=0)
    block = 64
    count = -(-mono.shape[-1] // block)
    padded = np.pad(np.square(mono), (0, count * block - mono.shape[-1])).reshape(count, block).mean(axis=1)
    fall = math.exp(-block / RATE / rng.uniform(0.03, 0.25))
    level = 10 * np.log10(lfilter([1 - fall], [1, -fall], padded) + 1e-10)
    active = level[level > level.max() - 45]
    threshold = np.percentile(active, rng.uniform(30, 80))
    ratio = rng.uniform(1.5, 6)
    reduction = np.minimum(np.maximum(level - threshold, 0) * (1 - 1 / ratio), most_db)
    rise = math.exp(-block / RATE / rng.uniform(0.001, 0.02))
    gain = 10 ** (-lfilter([1 - rise], [1, -rise], reduction) / 20)
    at = (np.arange(count) + 0.5) * block
    return np.asarray(audio * np.interp(np.arange(mono.shape[-1]), at, gain), np.float32)


def amplifier(rng: np.random.Generator, audio: Audio, heat: float) -> Audio:
    """A guitar amplifier on (samples,): `heat` 0 is clean, 1 a wall of distortion; then a cabinet.

    Two stages of soft clipping at four times the rate, tone between them, as in most simulations.
    """
    x = high_pass(audio, float(rng.uniform(70, 160)), RATE)
    x = x / np.float32(3 * rms(x))
    x = np.asarray(resample_poly(x, 4, 1), np.float32)
    gain = 10 ** ((2 + heat * 42 + rng.normal(0, 3)) / 20)
    first = np.tanh(np.float32(gain) * x + np.float32(rng.uniform(0, 0.3)))
    first = np.asarray(
        lfilter(*_shelf(rng.uniform(300, 900), rng.uniform(0, 6), 4 * RATE), first), np.float32
    )
    second = np.tanh(first * np.float32(1 + 2 * heat))
    x = np.asarray(resample_poly(second, 1, 4), np.float32)[: len(audio)]
    x = high_pass(x, float(rng.uniform(60, 110)), RATE)
    cabinet = (
        Band(shape="peak", frequency_hz=float(rng.uniform(90, 160)), gain_db=float(rng.uniform(0, 5)), q=1.2),
        Band(
            shape="peak", frequency_hz=float(rng.uniform(350, 700)), gain_db=float(rng.uniform(-7, 1)), q=0.9
        ),
        Band(
            shape="peak", frequency_hz=float(rng.uniform(1800, 3600)), gain_db=float(rng.uniform(0, 7)), q=1.1
        ),
    )
    x = Equaliser(bands=cabinet).process(x[None], RATE)[0]
    edge = butter(3, float(rng.uniform(3800, 6500)), "lowpass", fs=RATE, output="sos")
    return np.asarray(sosfilt(edge.astype(np.float32), x), np.float32)


def _shelf(corner_hz: float, gain_db: float, rate: int) -> tuple[list[float], list[float]]:
    pole = math.exp(-2 * math.pi * corner_hz / rate)
    high = 10 ** (gain_db / 20)
    return [high + (1 - high) * (1 - pole), -pole * high], [1.0, -pole]


def warm(rng: np.random.Generator, audio: Audio, most_db: float = 12.0) -> Audio:
    """Tape or valve saturation: a soft limit at a random level."""
    level = rms(audio) * 10 ** (rng.uniform(most_db / 2, most_db * 1.5) / 20)
    return np.asarray(np.tanh(audio / level) * level, np.float32)


def place(rng: np.random.Generator, audio: Audio, width: float, low_cut_hz: float = 0.0) -> Audio:
    """A stereo image of (samples,): panned, perhaps doubled or with chorus. Shape: (samples,) -> (2, samples)."""
    if low_cut_hz:
        audio = high_pass(audio, low_cut_hz, RATE)
    pan = float(np.clip(rng.normal(0, width), -1, 1))
    left = right = audio
    kind = rng.random()
    if width > 0.1 and kind < 0.2:
        left, right = chorus(audio, 0.7, 0.0, RATE), chorus(audio, 0.7, 1.6, RATE)
    elif width > 0.1 and kind < 0.35:  # the same part a little later on the other side
        late = int(rng.uniform(0.008, 0.03) * RATE)
        right = np.concatenate([np.zeros(late, np.float32), audio[:-late]])
    angle = (pan + 1) * np.pi / 4
    gains = np.sqrt(2) * np.array([np.cos(angle), np.sin(angle)], np.float32)
    return np.stack([left * gains[0], right * gains[1]])


class Rooms:
    """Responses of rooms, measured ones (a list of stereo or mono arrays) and drawn ones."""

    def __init__(self, measured: list[Audio]) -> None:
        self.measured = measured

    def draw(self, rng: np.random.Generator, longest_s: float = 2.5) -> Audio:
        """Left and right response without the direct sound, unit energy each. Shape: (2, samples)."""
        if self.measured and rng.random() < 0.5:
            pair = [self.measured[int(i)] for i in rng.integers(len(self.measured), size=2)]
            one = pair[0]
            sides = [one[0], one[-1]] if len(one) > 1 else [one[0], pair[1][0]]
            n = min(int(longest_s * RATE), *(len(s) for s in sides))
            cut = np.stack([s[:n] for s in sides])
            return np.asarray(cut / (np.sqrt(np.square(cut).sum(axis=1, keepdims=True)) + 1e-9), np.float32)
        t60 = float(np.exp(rng.uniform(np.log(0.25), np.log(longest_s))))
        bright = float(rng.uniform(2000, 9000))
        return np.stack([room_response(rng, t60, bright, RATE) for _ in range(2)])


def put_in_room(rng: np.random.Generator, audio: Audio, response: Audio, wet_db: float) -> Audio:
    """Add the room to (2, samples); the room gets what is in the middle of the image."""
    if wet_db < -40:
        return audio
    send = low_pass(high_pass(audio.mean(axis=0), float(rng.uniform(80, 250)), RATE), 9000.0, RATE)
    late = int(rng.uniform(0, 0.03) * RATE)
    wet = np.stack([oaconvolve(send, side)[: len(send)] for side in response]).astype(np.float32)
    wet = np.pad(wet, ((0, 0), (late, 0)))[:, : audio.shape[1]]
    scale = 10 ** (wet_db / 20) * rms(send) / rms(wet)
    return np.asarray(audio + np.float32(scale) * wet, np.float32)


def delayed(rng: np.random.Generator, audio: Audio, beat_s: float) -> Audio:
    """An echo in time with the music on (2, samples)."""
    level = float(rng.uniform(-20, -9))
    time = beat_s * float(rng.choice([0.5, 0.75, 1.0]))
    return np.stack([echo(side, level, time, RATE) for side in audio])
