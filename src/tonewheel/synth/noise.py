"""What is heard between songs: applause, cheering, a room with nobody speaking; each (samples,) float32, peak
below 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, lfilter, sosfilt

from tonewheel.synth.effects import reverberate, room_response
from tonewheel.synth.voices import VOWELS

Audio = NDArray[np.float32]


def _swell(
    rng: np.random.Generator, n: int, sample_rate_hz: int, attack_s: float, release_s: float
) -> NDArray[np.float64]:
    """A crowd starts within a second, wavers and dies away."""
    t = np.arange(n) / sample_rate_hz
    rise = 1 - np.exp(-t / attack_s)
    fall = np.minimum(1.0, (t[-1] - t + 1e-3) / min(release_s, 0.6 * t[-1] + 1e-3)) ** 1.3
    points = np.exp(rng.normal(0, 0.12, size=int(n / sample_rate_hz * 2) + 3))
    return np.asarray(rise * fall * np.interp(np.arange(n), np.linspace(0, n, len(points)), points))


def room_tone(
    rng: np.random.Generator, seconds: float, sample_rate_hz: int, *, level_db: float = -62.0
) -> Audio:
    """The hiss and rumble of a quiet hall at an RMS `level_db` under full scale."""
    n = round(seconds * sample_rate_hz)
    white = rng.standard_normal(n)
    pink = lfilter([0.049922, -0.095993, 0.050612, -0.004409], [1, -2.494956, 2.017265, -0.522189], white)
    hum = sum(
        0.02 / k * np.sin(2 * np.pi * 50 * k * np.arange(n) / sample_rate_hz + rng.uniform(0, 6))
        for k in (1, 2, 3)
    )
    out = pink + 0.1 * rng.uniform() * white + rng.uniform() * np.asarray(hum)
    return np.asarray(out * 10 ** (level_db / 20) / (np.std(out) + 1e-9), dtype=np.float32)


def applause(
    rng: np.random.Generator, seconds: float, sample_rate_hz: int, *, claps_per_s: float | None = None
) -> Audio:
    """Many people clapping: a Poisson process of band-passed bursts, each person with a spectrum, distance
    and pace.

    After the measurements of Repp (1987) and the model of Peltola et al. (2007): claps have a resonance at
    600-2800 Hz and last about 10 ms; people clap 2-6 times a second, unsynchronised.

    >>> applause(np.random.default_rng(0), 2.0, 16000).shape
    (32000,)
    """
    n = round(seconds * sample_rate_hz)
    density = float(np.exp(rng.uniform(np.log(40), np.log(900)))) if claps_per_s is None else claps_per_s
    people = int(np.clip(density / 4, 6, 220))
    out = np.zeros(n + sample_rate_hz, dtype=np.float32)
    length = int(0.05 * sample_rate_hz)
    t = np.arange(length) / sample_rate_hz
    for _ in range(people):
        centre, width = float(rng.uniform(600, 2800)), float(rng.uniform(1.2, 3.0))
        top = min(0.45 * sample_rate_hz, centre * width)
        sos = butter(1, [centre / width, top], "bandpass", fs=sample_rate_hz, output="sos")
        distance = float(np.exp(rng.uniform(0, 2.5)))
        claps = []
        for _ in range(3):
            burst = rng.standard_normal(length) * np.exp(-t / rng.uniform(0.002, 0.008))
            claps.append((sosfilt(sos, burst) / distance).astype(np.float32))
        pace = density / people * float(rng.uniform(0.7, 1.3))
        at = float(rng.uniform(0, 0.8))
        stop = seconds - float(rng.exponential(0.15 * seconds))
        while at < stop:
            start = int(at * sample_rate_hz)
            out[start : start + length] += claps[int(rng.integers(3))] * np.float32(rng.uniform(0.5, 1.0))
            at += max(0.06, float(rng.normal(1 / pace, 0.12 / pace)))
    hall = room_response(rng, float(rng.uniform(0.4, 1.6)), 5000.0, sample_rate_hz)
    dry = out[:n]
    wet = reverberate(dry, hall)
    sound = dry + np.float32(rng.uniform(0.3, 1.5)) * wet
    sound = sound * _swell(
        rng, n, sample_rate_hz, float(rng.uniform(0.15, 0.7)), float(rng.uniform(0.3, 3.0))
    )
    return _finish(sound, rng, -20.0)


def cheering(rng: np.random.Generator, seconds: float, sample_rate_hz: int) -> Audio:
    """Shouting people ('aah', 'woo'), a gliding glottal pulse through vowel formants, and whistles."""
    n = round(seconds * sample_rate_hz)
    out = np.zeros(n, dtype=np.float64)
    for _ in range(int(rng.integers(8, 40))):
        span = min(n, int(rng.uniform(0.4, 2.2) * sample_rate_hz))
        start = int(rng.uniform(0, max(1, n - span)))
        base = float(rng.choice([rng.uniform(160, 300), rng.uniform(300, 700)]))
        bend = np.interp(
            np.linspace(0, 1, span), [0, 0.25, 1], [rng.uniform(0.6, 0.9), 1.0, rng.uniform(0.6, 1.0)]
        )
        jitter = np.interp(np.arange(span), np.linspace(0, span, 40), rng.normal(1, 0.02, size=40))
        phase = np.cumsum(base * bend * jitter) / sample_rate_hz
        voice = 2 * (phase % 1) - 1 + 0.4 * rng.standard_normal(span)
        voice = formant_filter(
            voice, int(rng.choice([0, 0, 3, 4])), float(rng.uniform(0.9, 1.3)), sample_rate_hz
        )
        shape = np.hanning(2 * span)[span // 3 : span // 3 + span] * np.minimum(
            1, np.arange(span)[::-1] / (0.1 * span)
        )
        out[start : start + span] += voice * shape * np.exp(-rng.uniform(0, 2.5)) / (np.std(voice) + 1e-9)
    for _ in range(int(rng.poisson(0.25 * seconds))):
        span = min(n, int(rng.uniform(0.2, 0.8) * sample_rate_hz))
        start = int(rng.uniform(0, max(1, n - span)))
        pitch = np.interp(np.linspace(0, 1, span), [0, 0.4, 1], rng.uniform(1400, 3200, size=3))
        out[start : start + span] += (
            0.5 * np.sin(2 * np.pi * np.cumsum(pitch) / sample_rate_hz) * np.hanning(span)
        )
    hall = room_response(rng, float(rng.uniform(0.6, 2.0)), 4500.0, sample_rate_hz)
    sound = 0.5 * out + 1.5 * reverberate(out.astype(np.float32), hall)
    return _finish(sound * _swell(rng, n, sample_rate_hz, 0.4, 2.0), rng, -20.0)


def formant_filter(
    source: NDArray[np.float64], vowel: int, scale: float, sample_rate_hz: int
) -> NDArray[np.float64]:
    """A source through four resonators in parallel, formants of a vowel times `scale` (a smaller throat is >
    1).
    """
    out = np.zeros(len(source))
    for frequency, level_db, width in VOWELS[vowel]:
        centre = frequency * scale
        if centre > 0.46 * sample_rate_hz:
            continue
        radius = np.exp(-np.pi * width / sample_rate_hz)
        angle = 2 * np.pi * centre / sample_rate_hz
        out += 10 ** (level_db / 20) * lfilter(
            [1 - radius, 0, radius - 1], [1, -2 * radius * np.cos(angle), radius**2], source
        )
    return out


def _finish(sound: NDArray[np.floating], rng: np.random.Generator, level_db: float) -> Audio:
    level = 10 ** ((level_db + rng.uniform(-4, 4)) / 20)
    sound = sound * (level / (np.std(sound) + 1e-9))
    return np.asarray(np.tanh(sound) * 0.97, dtype=np.float32)
