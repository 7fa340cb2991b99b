"""One note as sound.

A harmonic note is a sum over octave bands of harmonics. Each band is one wavetable with its own envelope, so
that plucked strings lose their high harmonics first, brass opens up, and synthesiser filters sweep; all bands
are read with the same phase. Struck bars, bells and pianos add inharmonic partials; electric pianos and bells
use two- operator FM (Chowning 1973); voices put vowel formants (Peterson and Barney 1952) on a glottal
spectrum.
"""

from __future__ import annotations

import functools
import itertools
import math

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.seeds import generator
from tonewheel.synth.instruments import Instrument

Audio = NDArray[np.float32]
TABLE = 2048
VOWELS: tuple[tuple[tuple[float, float, float], ...], ...] = (
    ((730, 0, 80), (1090, -5, 90), (2440, -18, 120), (3400, -25, 160)),
    ((530, 0, 70), (1840, -11, 100), (2480, -15, 120), (3500, -26, 160)),
    ((300, 0, 60), (2250, -18, 110), (3010, -20, 140), (3700, -28, 180)),
    ((570, 0, 70), (840, -5, 80), (2410, -26, 120), (3300, -30, 160)),
    ((320, 0, 60), (870, -14, 80), (2240, -30, 120), (3200, -34, 160)),
)
"""a e i o u: (frequency Hz, level dB, bandwidth Hz) of four formants."""


def hertz(pitch: float) -> float:
    """Equal temperament, A4 = 440 Hz.

    >>> hertz(69)
    440.0
    """
    return float(440.0 * 2.0 ** ((pitch - 69) / 12))


def _formant_gain(
    frequency_hz: NDArray[np.float64], formants: tuple[tuple[float, float, float], ...], body: bool
) -> NDArray[np.float64]:
    """Amplitude of resonances; `body` resonances colour a flat response, a voice has nothing between
    formants.
    """
    total = np.full_like(frequency_hz, 1.0 if body else 0.004)
    for centre, level_db, width in formants:
        level = 10 ** (level_db / 20)
        total += (level - 1.0 if body else level) / (
            1.0 + ((frequency_hz - centre) / (0.5 * width + 0.03 * centre)) ** 2
        )
    return np.asarray(total)


@functools.lru_cache(maxsize=4096)
def _tables(
    instrument: Instrument, pitch: int, level: int, syllable: int, sample_rate_hz: int
) -> tuple[NDArray[np.float32], tuple[float, ...]]:
    """Wavetables (TABLE + 1, bands) of the octave bands of harmonics, and each band's centre harmonic."""
    f0 = hertz(pitch)
    count = max(1, min(int(0.46 * sample_rate_hz / f0), int(11000 / f0) + 1, TABLE // 2 - 1))
    h = np.arange(1, count + 1, dtype=np.float64)
    rng = generator(instrument.seed, "table", pitch)
    tilt = instrument.tilt_db + instrument.bright_db * (1 - level) / 2
    amplitude = 10 ** (-tilt * np.log2(h) / 20)
    if instrument.synthesis == "sung":
        vowel = VOWELS[syllable % 5]
        scaled = tuple((frequency * instrument.pick, db, width) for frequency, db, width in vowel)
        amplitude = amplitude * _formant_gain(h * f0, scaled, body=False) * (h * f0 / 500) ** 0.5
    else:
        if instrument.pick > 0:
            amplitude = amplitude * (np.abs(np.sin(np.pi * h * instrument.pick)) + 0.02)
        if instrument.formants:
            amplitude = amplitude * _formant_gain(h * f0, instrument.formants, body=True)
    amplitude[1::2] *= 10 ** (instrument.even_db / 20)
    amplitude *= 10 ** (rng.normal(0, instrument.rough_db, size=count) / 20) if instrument.rough_db else 1.0
    phase = rng.uniform(0, 2 * np.pi, size=count) if instrument.rough_db else np.full(count, -np.pi / 2)
    spectrum = amplitude * np.exp(1j * phase)
    edges = [1, 2, 3, 5, 8, 12, 20, 40, 80, count + 1]
    bands, centres = [], []
    for low, high in itertools.pairwise(edges):
        high = min(high, count + 1)
        if low >= high:
            continue
        bins = np.zeros(TABLE // 2 + 1, dtype=np.complex128)
        bins[low:high] = spectrum[low - 1 : high - 1]
        bands.append(np.fft.irfft(bins, TABLE) * TABLE / 2)
        centres.append(math.sqrt(low * (high - 1)))
    table = np.stack(bands, axis=1)
    table /= np.sqrt(np.mean(table.sum(axis=1) ** 2)) + 1e-9
    return np.ascontiguousarray(table, dtype=np.float32), tuple(centres)


def _envelope(
    instrument: Instrument, n: int, sample_rate_hz: int, harmonic: float, f0: float, level: int
) -> NDArray[np.float32]:
    """Amplitude of the band round a harmonic over `n` samples: attack, decay to the sustain level, swept low-
    pass.
    """
    step = 16
    t = np.arange(n // step + 2, dtype=np.float64) * step / sample_rate_hz
    attack = instrument.attack_s * (1 + instrument.attack_slope * math.log2(harmonic))
    envelope = 1 - np.exp(-t * (4.0 / attack))
    decay = instrument.decay_s * harmonic**-instrument.decay_slope * min(2.0, max(0.35, (220.0 / f0) ** 0.4))
    envelope *= instrument.sustain + (1 - instrument.sustain) * np.exp(-t / decay)
    if instrument.cutoff_hz < 11000:
        cutoff = instrument.cutoff_hz * (f0 / 220) ** 0.4 * 2 ** (0.5 * (level - 1))
        cutoff = cutoff * 2 ** (instrument.sweep_octaves * np.exp(-t / instrument.sweep_s))
        envelope /= np.sqrt(1 + (harmonic * f0 / cutoff) ** 6)
    return np.asarray(np.interp(np.arange(n), np.arange(len(t)) * step, envelope), dtype=np.float32)


def _phase(
    instrument: Instrument, n: int, sample_rate_hz: int, f0: float, cents: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Phase in cycles with scoop, delayed vibrato and the slight drift of a player."""
    step = 32
    t = np.arange(n // step + 2, dtype=np.float64) * step / sample_rate_hz
    bend = np.full_like(t, cents / 100)
    if instrument.scoop_semitones:
        bend += instrument.scoop_semitones * np.exp(-t / 0.05)
    if instrument.vibrato_cents:
        rate = instrument.vibrato_hz * rng.uniform(0.93, 1.07)
        rise = np.clip((t - 0.15) / 0.4, 0, 1)
        bend += instrument.vibrato_cents / 100 * rise * np.sin(2 * np.pi * (rate * t + rng.uniform()))
        bend += 0.04 * rise * np.sin(2 * np.pi * 1.3 * t + rng.uniform(0, 6))
    if not np.any(bend != bend[0]):
        return np.asarray(np.arange(n) * (f0 * 2 ** (bend[0] / 12) / sample_rate_hz) + rng.uniform())
    rate_per_sample = f0 / sample_rate_hz * 2 ** (bend / 12)
    coarse = (
        np.concatenate(([0.0], np.cumsum(0.5 * (rate_per_sample[1:] + rate_per_sample[:-1]) * step)))
        + rng.uniform()
    )
    return np.asarray(np.interp(np.arange(n), np.arange(len(t)) * step, coarse))


def render_note(
    instrument: Instrument, pitch: int, seconds: float, level: int, syllable: int, sample_rate_hz: int
) -> Audio:
    """A held note, (samples,) float32, about unit RMS while it sounds; the caller cuts it and fades its
    release.

    `level` 0, 1, 2 is soft, medium, hard: harder is brighter. `syllable` picks the vowel of a sung note.

    >>> from tonewheel.synth.instruments import draw_instrument
    >>> organ = draw_instrument(np.random.default_rng(0), "organ")
    >>> render_note(organ, 69, 0.5, 1, 0, 16000).shape
    (8000,)
    """
    n = max(16, int(seconds * sample_rate_hz))
    f0 = hertz(pitch)
    rng = generator(instrument.seed, "note", pitch, level, syllable)
    if instrument.synthesis == "fm":
        out = _fm(instrument, n, sample_rate_hz, f0, level)
    elif instrument.synthesis in ("modal", "drawbar"):
        out = _partials(instrument, n, sample_rate_hz, f0, level, rng)
    else:
        table, centres = _tables(instrument, pitch, level, syllable, sample_rate_hz)
        voices = instrument.unison
        out = np.zeros(n, dtype=np.float32)
        gains = np.stack([_envelope(instrument, n, sample_rate_hz, c, f0, level) for c in centres], axis=1)
        for voice in range(voices):
            cents = (
                0.0
                if voices == 1
                else instrument.detune_cents * (2 * voice / (voices - 1) - 1) + rng.normal(0, 1)
            )
            cycles = _phase(instrument, n, sample_rate_hz, f0, cents, rng)
            rows = (cycles * TABLE).astype(np.int64) & (TABLE - 1)
            out += np.einsum("ng,ng->n", table[rows], gains)
        out /= math.sqrt(voices)
    if instrument.noise_db > -55:
        out = out + _breath(instrument, n, sample_rate_hz, f0, syllable, rng)
    return out.astype(np.float32)


def _fm(instrument: Instrument, n: int, sample_rate_hz: int, f0: float, level: int) -> Audio:
    t = np.arange(n, dtype=np.float32) / np.float32(sample_rate_hz)
    ratio = round(instrument.fm_ratio * 2) / 2 if instrument.family == "epiano" else instrument.fm_ratio
    limit = max(0.0, (0.46 * sample_rate_hz / f0 - 1) / max(ratio, 1) - 1)
    index = min(limit, instrument.fm_index * (0.5 + 0.4 * level))
    decay = instrument.decay_s * min(2.0, (300 / f0) ** 0.5)
    cycle = np.float32(2 * np.pi * f0)
    modulator = (index * np.exp(-t / instrument.sweep_s)) * np.sin(cycle * np.float32(ratio) * t)
    out = np.sin(cycle * t + modulator) * np.exp(-t / decay)
    if instrument.family == "epiano":
        tine = min(14.0, math.floor(0.4 * sample_rate_hz / f0))
        out = out + 0.12 * level * np.sin(cycle * np.float32(tine) * t) * np.exp(-t / 0.06)
    return np.asarray(out * np.minimum(1, t / instrument.attack_s), dtype=np.float32)


def _partials(
    instrument: Instrument, n: int, sample_rate_hz: int, f0: float, level: int, rng: np.random.Generator
) -> Audio:
    t = np.arange(n, dtype=np.float32) / np.float32(sample_rate_hz)
    sustained = instrument.synthesis == "drawbar"
    h = np.asarray(instrument.ratios) if instrument.ratios else np.arange(1, 17, dtype=np.float64)
    ratio = h * np.sqrt(1 + instrument.inharmonicity * h**2)
    tilt = instrument.tilt_db + instrument.bright_db * (1 - level) / 2
    amplitude = 10 ** (-tilt * np.log2(np.maximum(h, 1)) / 20) * 10 ** (rng.normal(0, 2, size=len(h)) / 20)
    if sustained:
        stops = generator(instrument.seed, "drawbars").random(len(h))
        amplitude = np.where(np.arange(len(h)) == 1, 1.0, stops**2)
    elif instrument.pick > 0:
        amplitude *= np.abs(np.sin(np.pi * h * instrument.pick)) + 0.05
    wobble = 0.0
    if sustained:
        # phase in cycles whose slope is a vibrato of so many cents
        depth = instrument.vibrato_cents / 1200 * math.log(2) * f0 / (2 * math.pi * instrument.vibrato_hz)
        wobble = depth * np.cos(2 * np.pi * instrument.vibrato_hz * t)
    out = np.zeros(n, dtype=np.float32)
    detune = 2 ** (instrument.detune_cents / 1200)
    for k in range(len(h)):
        frequency = f0 * ratio[k]
        if frequency > 0.46 * sample_rate_hz or amplitude[k] < 1e-3:
            continue
        sine = np.sin(
            np.float32(2 * np.pi)
            * ((np.float32(frequency) * t + np.float32(ratio[k]) * wobble) % np.float32(1))
        )
        if not sustained:
            decay = (
                instrument.decay_s * h[k] ** -instrument.decay_slope * min(2.2, max(0.25, (220 / f0) ** 0.6))
            )
            fall = np.exp(-t / np.float32(decay))
            if instrument.unison > 1:  # two strings beat slowly
                fall = fall * np.cos(np.float32(np.pi * frequency * (detune - 1)) * t)
            sine = sine * fall
        out += np.float32(amplitude[k]) * sine.astype(np.float32)
    out *= np.float32(1 / np.sqrt(np.sum(amplitude**2) / 2))
    return np.asarray(out * np.minimum(1, t / instrument.attack_s), dtype=np.float32)


def _breath(
    instrument: Instrument, n: int, sample_rate_hz: int, f0: float, syllable: int, rng: np.random.Generator
) -> Audio:
    from scipy.signal import lfilter

    lasting = instrument.noise_decay_s > 1
    length = n if lasting else min(n, int(6 * instrument.noise_decay_s * sample_rate_hz))
    noise = rng.standard_normal(length).astype(np.float32)
    centre = min(0.4 * sample_rate_hz, 2500.0 if instrument.synthesis == "sung" else 3.0 * f0 + 800)
    radius = math.exp(-math.pi * centre * 0.7 / sample_rate_hz)
    band = lfilter(
        [1 - radius, 0, radius - 1],
        [1, -2 * radius * math.cos(2 * math.pi * centre / sample_rate_hz), radius**2],
        noise,
    )
    t = np.arange(length) / sample_rate_hz
    if lasting:
        shape = np.minimum(1, t / (0.7 * instrument.attack_s))
        if instrument.synthesis == "sung" and syllable >= 5:  # a consonant before the vowel
            shape = shape + 5 * np.exp(-(((t - 0.03) / 0.02) ** 2))
    else:
        shape = np.exp(-t / instrument.noise_decay_s)
    out = np.zeros(n, dtype=np.float32)
    out[:length] = band * shape * (1.3 * 10 ** (instrument.noise_db / 20))
    return out
