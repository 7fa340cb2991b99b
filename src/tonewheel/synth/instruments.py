"""Instruments as numbers: a family gives ranges, a draw gives one player's instrument, a note gives sound.

A harmonic note is a sum over octave bands of harmonics. Each band is one wavetable with its own envelope, so that
plucked strings lose their high harmonics first, brass opens up, and synthesiser filters sweep; all bands are read with
the same phase. Struck bars, bells and pianos add inharmonic partials; electric pianos and bells use two-operator FM
(Chowning 1973); voices put vowel formants (Peterson and Barney 1952) on a glottal spectrum.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.records import Record
from tonewheel.core.seeds import generator

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


class Instrument(Record):
    """One instrument, completely; times in seconds, levels in dB, spectra relative to the fundamental."""

    family: str
    synthesis: str = "harmonic"
    seed: int = 0
    tilt_db: float = 9.0
    even_db: float = 0.0
    pick: float = 0.0
    rough_db: float = 2.0
    formants: tuple[tuple[float, float, float], ...] = ()
    attack_s: float = 0.005
    attack_slope: float = 0.0
    decay_s: float = 2.0
    decay_slope: float = 0.7
    sustain: float = 0.0
    release_s: float = 0.08
    cutoff_hz: float = 12000.0
    sweep_octaves: float = 0.0
    sweep_s: float = 0.3
    unison: int = 1
    detune_cents: float = 0.0
    vibrato_cents: float = 0.0
    vibrato_hz: float = 5.5
    scoop_semitones: float = 0.0
    noise_db: float = -60.0
    noise_decay_s: float = 0.03
    inharmonicity: float = 0.0
    ratios: tuple[float, ...] = ()
    fm_ratio: float = 1.0
    fm_index: float = 0.0
    drive: float = 0.0
    bright_db: float = 4.0
    low: int = 48
    high: int = 84


_Range = tuple[float, float]
FAMILIES: dict[str, dict[str, object]] = {
    "piano": {"synthesis": "modal", "tilt_db": (7.0, 10.0), "decay_s": (1.6, 3.5), "decay_slope": (0.5, 0.8), "release_s": 0.12,
              "inharmonicity": (1e-4, 6e-4), "noise_db": -34.0, "attack_s": 0.002, "bright_db": 8.0, "pick": 0.125,
              "detune_cents": (0.5, 1.5), "unison": 2},
    "epiano": {"synthesis": "fm", "fm_ratio": (1.0, 1.0), "fm_index": (0.8, 2.4), "decay_s": (1.0, 2.5), "release_s": 0.1,
               "attack_s": 0.002, "sweep_s": (0.1, 0.5), "bright_db": 7.0},
    "organ": {"ratios": (0.5, 1, 1.5, 2, 3, 4, 6, 8), "synthesis": "drawbar", "sustain": 1.0, "attack_s": 0.008, "release_s": 0.04,
              "vibrato_cents": (4.0, 14.0), "vibrato_hz": (5.5, 7.0), "noise_db": -38.0, "noise_decay_s": 0.01},
    "harpsichord": {"tilt_db": (3.0, 5.0), "decay_s": (0.8, 1.6), "decay_slope": 0.4, "pick": (0.07, 0.14), "attack_s": 0.001,
                    "unison": 2, "detune_cents": (1.0, 3.0), "bright_db": 1.0},
    "harp": {"tilt_db": (9.0, 12.0), "decay_s": (1.2, 2.5), "decay_slope": 0.9, "pick": (0.3, 0.45), "attack_s": 0.003},
    "guitar_acoustic": {"tilt_db": (5.0, 8.0), "decay_s": (1.0, 2.4), "decay_slope": (0.55, 0.8), "pick": (0.1, 0.25),
                        "attack_s": 0.002, "noise_db": (-30.0, -22.0), "formants": ((105, 6, 40), (210, 4, 60), (2500, 3, 900)),
                        "bright_db": 6.0},
    "guitar_clean": {"tilt_db": (6.0, 9.0), "decay_s": (1.2, 3.0), "decay_slope": (0.5, 0.7), "pick": (0.12, 0.3),
                     "attack_s": 0.002, "noise_db": -34.0, "cutoff_hz": (2800.0, 5000.0), "bright_db": 5.0},
    "guitar_distorted": {"tilt_db": (5.0, 8.0), "decay_s": (2.5, 5.0), "decay_slope": 0.5, "pick": (0.1, 0.2), "attack_s": 0.002,
                         "drive": (6.0, 25.0), "noise_db": -28.0, "unison": 2, "detune_cents": (3.0, 8.0), "cutoff_hz": 5000.0},
    "guitar_lead": {"tilt_db": (5.0, 7.0), "decay_s": (3.0, 6.0), "decay_slope": 0.4, "pick": (0.15, 0.3), "attack_s": 0.004,
                    "drive": (4.0, 15.0), "vibrato_cents": (12.0, 35.0), "scoop_semitones": (-1.0, 0.0), "cutoff_hz": 4500.0},
    "strings": {"tilt_db": (5.0, 7.5), "sustain": 0.9, "attack_s": (0.06, 0.2), "release_s": (0.2, 0.4), "unison": 3,
                "detune_cents": (9.0, 18.0), "vibrato_cents": (6.0, 14.0), "decay_slope": 0.1, "noise_db": -36.0, "noise_decay_s": 9.0,
                "formants": ((300, 4, 150), (1000, 3, 300), (2600, 4, 700)), "cutoff_hz": (3500.0, 7000.0)},
    "fiddle": {"tilt_db": (4.5, 6.5), "sustain": 0.95, "attack_s": (0.03, 0.09), "release_s": 0.12, "vibrato_cents": (12.0, 30.0),
               "decay_slope": 0.1, "noise_db": -32.0, "noise_decay_s": 9.0, "scoop_semitones": (-0.4, 0.0),
               "formants": ((280, 5, 80), (460, 5, 80), (1000, 3, 300), (2500, 8, 700)), "cutoff_hz": 8000.0},
    "cello": {"tilt_db": (5.5, 8.0), "sustain": 0.9, "attack_s": (0.03, 0.1), "release_s": 0.2, "vibrato_cents": (5.0, 14.0),
              "unison": 2, "detune_cents": (4.0, 9.0), "formants": ((110, 3, 50), (250, 4, 80), (1500, 4, 500)), "noise_db": -36.0,
              "noise_decay_s": 9.0, "cutoff_hz": 5000.0, "low": 28, "high": 55},
    "brass": {"tilt_db": (2.0, 4.5), "sustain": 0.85, "attack_s": (0.03, 0.06), "attack_slope": 0.35, "release_s": 0.09,
              "vibrato_cents": (3.0, 12.0), "unison": 2, "detune_cents": (4.0, 10.0), "cutoff_hz": (1200.0, 2600.0),
              "sweep_octaves": (0.5, 1.2), "sweep_s": 0.25, "bright_db": 9.0, "scoop_semitones": (-0.5, 0.0), "noise_db": -40.0},
    "reed": {"tilt_db": (5.0, 8.0), "even_db": (-18.0, 0.0), "sustain": 0.9, "attack_s": (0.025, 0.05), "release_s": 0.08,
             "vibrato_cents": (5.0, 20.0), "noise_db": (-38.0, -26.0), "noise_decay_s": 9.0, "scoop_semitones": (-0.8, 0.0),
             "formants": ((600, 4, 200), (1400, 5, 400), (3000, 4, 600))},
    "flute": {"tilt_db": (12.0, 17.0), "sustain": 0.9, "attack_s": (0.04, 0.09), "release_s": 0.1, "vibrato_cents": (8.0, 22.0),
              "noise_db": (-26.0, -18.0), "noise_decay_s": 9.0, "low": 60, "high": 93},
    "accordion": {"tilt_db": (4.0, 6.0), "sustain": 1.0, "attack_s": 0.03, "release_s": 0.06, "unison": 2, "detune_cents": (7.0, 16.0),
                  "formants": ((700, 3, 300), (1800, 4, 500)), "cutoff_hz": 6000.0},
    "sung": {"synthesis": "sung", "tilt_db": (6.0, 10.0), "sustain": 0.9, "attack_s": (0.02, 0.06), "release_s": 0.1,
             "vibrato_cents": (15.0, 50.0), "vibrato_hz": (4.8, 6.2), "scoop_semitones": (-1.5, -0.2), "noise_db": (-34.0, -22.0),
             "noise_decay_s": 9.0, "pick": (0.85, 1.22), "low": 50, "high": 79},
    "choir": {"synthesis": "sung", "tilt_db": (8.0, 11.0), "sustain": 0.95, "attack_s": (0.1, 0.25), "release_s": 0.35, "unison": 4,
              "detune_cents": (10.0, 22.0), "vibrato_cents": (10.0, 25.0), "noise_db": -30.0, "noise_decay_s": 9.0, "pick": (0.9, 1.15)},
    "bell": {"synthesis": "fm", "fm_ratio": (1.4, 3.6), "fm_index": (1.0, 3.5), "decay_s": (1.0, 3.0), "release_s": 0.5,
             "attack_s": 0.001, "sweep_s": (0.3, 1.0)},
    "mallet": {"synthesis": "modal", "ratios": (1.0, 3.93, 9.2, 16.0), "tilt_db": (6.0, 10.0), "decay_s": (0.3, 1.2),
               "decay_slope": (0.7, 1.2), "release_s": 0.3, "attack_s": 0.001, "noise_db": -30.0, "noise_decay_s": 0.006},
    "pluck_synth": {"tilt_db": (4.5, 8.0), "even_db": (-20.0, 0.0), "decay_s": (0.15, 0.7), "decay_slope": (0.5, 1.0), "unison": 2,
                    "detune_cents": (4.0, 14.0), "release_s": 0.12, "attack_s": 0.002, "cutoff_hz": (800.0, 3000.0),
                    "sweep_octaves": (1.0, 2.5), "sweep_s": (0.05, 0.2)},
    "supersaw": {"tilt_db": 6.0, "sustain": 0.9, "attack_s": (0.004, 0.03), "release_s": (0.1, 0.3), "unison": 5, "decay_slope": 0.0,
                 "detune_cents": (14.0, 30.0), "cutoff_hz": (2500.0, 9000.0), "sweep_octaves": (0.0, 1.0), "sweep_s": (0.2, 0.6)},
    "saw_lead": {"tilt_db": 6.0, "sustain": 0.85, "attack_s": 0.004, "release_s": 0.1, "unison": 3, "detune_cents": (5.0, 16.0),
                 "vibrato_cents": (0.0, 18.0), "cutoff_hz": (1800.0, 6000.0), "sweep_octaves": (0.5, 2.0), "decay_slope": 0.0,
                 "scoop_semitones": (-0.5, 0.0)},
    "square_lead": {"tilt_db": 6.0, "even_db": (-40.0, -15.0), "sustain": 0.8, "attack_s": 0.004, "release_s": 0.08, "unison": 2,
                    "detune_cents": (2.0, 10.0), "vibrato_cents": (0.0, 18.0), "cutoff_hz": (2000.0, 7000.0), "decay_slope": 0.0},
    "warm_pad": {"tilt_db": (6.0, 9.0), "sustain": 0.95, "attack_s": (0.15, 0.6), "release_s": (0.4, 0.9), "unison": 4,
                 "decay_slope": 0.0, "detune_cents": (8.0, 20.0), "cutoff_hz": (700.0, 2500.0), "sweep_octaves": (-1.0, 0.8),
                 "sweep_s": (0.5, 1.5)},
    "bass_electric": {"tilt_db": (6.0, 9.0), "decay_s": (1.0, 2.0), "decay_slope": (0.4, 0.8), "pick": (0.12, 0.3),
                      "attack_s": 0.004, "cutoff_hz": (900.0, 3000.0), "noise_db": -36.0, "release_s": 0.06, "low": 28, "high": 52},
    "bass_upright": {"tilt_db": (8.0, 11.0), "decay_s": (0.5, 1.1), "decay_slope": 0.9, "pick": (0.25, 0.4), "attack_s": 0.008,
                     "cutoff_hz": (600.0, 1500.0), "noise_db": -30.0, "release_s": 0.08, "scoop_semitones": (-0.3, 0.0),
                     "formants": ((100, 4, 50), (220, 3, 80)), "low": 28, "high": 52},
    "bass_synth": {"tilt_db": (5.5, 7.0), "even_db": (-25.0, 0.0), "sustain": 0.6, "decay_s": (0.2, 0.6), "attack_s": 0.003,
                   "cutoff_hz": (200.0, 800.0), "sweep_octaves": (1.0, 3.0), "sweep_s": (0.06, 0.3), "unison": 2, "decay_slope": 0.0,
                   "detune_cents": (2.0, 9.0), "release_s": 0.05, "low": 28, "high": 52},
    "bass_sub": {"tilt_db": (14.0, 22.0), "sustain": 0.9, "decay_s": 0.8, "attack_s": 0.005, "drive": (0.0, 2.5), "release_s": 0.07,
                 "decay_slope": 0.3, "low": 26, "high": 50},
    "chip_pulse": {"synthesis": "harmonic", "tilt_db": 6.0, "pick": (0.125, 0.5), "sustain": (0.5, 0.9), "decay_s": (0.1, 0.4),
                   "attack_s": 0.001, "decay_slope": 0.0, "release_s": 0.01, "vibrato_cents": (0.0, 15.0), "rough_db": 0.0},
    "chip_triangle": {"tilt_db": 12.0, "even_db": -60.0, "sustain": 1.0, "attack_s": 0.001, "release_s": 0.008, "rough_db": 0.0,
                      "low": 33, "high": 57},
}
_EXACT = ("formants", "ratios")


def draw_instrument(rng: np.random.Generator, family: str) -> Instrument:
    """One instrument of a family, every ranged parameter drawn.

    >>> draw_instrument(np.random.default_rng(1), "sung").synthesis
    'sung'
    """
    values: dict[str, object] = {"family": family, "seed": int(rng.integers(2**31))}
    for name, given in FAMILIES[family].items():
        if isinstance(given, tuple) and name not in _EXACT:
            low, high = given
            values[name] = float(rng.uniform(float(low), float(high)))
        else:
            values[name] = given
    return Instrument(**values)  # type: ignore[arg-type]


def hertz(pitch: float) -> float:
    """Equal temperament, A4 = 440 Hz.

    >>> hertz(69)
    440.0
    """
    return float(440.0 * 2.0 ** ((pitch - 69) / 12))


def _formant_gain(frequency_hz: NDArray[np.float64], formants: tuple[tuple[float, float, float], ...], body: bool) -> NDArray[np.float64]:
    """Amplitude of resonances; `body` resonances colour a flat response, a voice has nothing between formants."""
    total = np.full_like(frequency_hz, 1.0 if body else 0.004)
    for centre, level_db, width in formants:
        level = 10 ** (level_db / 20)
        total += (level - 1.0 if body else level) / (1.0 + ((frequency_hz - centre) / (0.5 * width + 0.03 * centre)) ** 2)
    return total


@functools.lru_cache(maxsize=4096)
def _tables(instrument: Instrument, pitch: int, level: int, syllable: int, sample_rate_hz: int) -> tuple[NDArray[np.float32], tuple[float, ...]]:
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
    for low, high in zip(edges, edges[1:], strict=False):
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


def _envelope(instrument: Instrument, n: int, sample_rate_hz: int, harmonic: float, f0: float, level: int) -> NDArray[np.float32]:
    """Amplitude of the band round a harmonic over `n` samples: attack, decay to the sustain level, swept low-pass."""
    step = 16
    t = np.arange(n // step + 2, dtype=np.float64) * step / sample_rate_hz
    attack = instrument.attack_s * (1 + instrument.attack_slope * math.log2(harmonic))
    envelope = 1 - np.exp(-t * (4.0 / attack))
    decay = instrument.decay_s * harmonic**-instrument.decay_slope * min(2.0, max(0.35, (220.0 / f0) ** 0.4))
    envelope *= instrument.sustain + (1 - instrument.sustain) * np.exp(-t / decay)
    if instrument.cutoff_hz < 11000:
        cutoff = instrument.cutoff_hz * (f0 / 220) ** 0.4 * 2 ** (0.5 * (level - 1))
        cutoff = cutoff * 2 ** (instrument.sweep_octaves * np.exp(-t / instrument.sweep_s))
        envelope /= np.sqrt(1 + (harmonic * f0 / cutoff) ** 4)
    return np.interp(np.arange(n), np.arange(len(t)) * step, envelope).astype(np.float32)


def _phase(instrument: Instrument, n: int, sample_rate_hz: int, f0: float, cents: float, rng: np.random.Generator) -> NDArray[np.float64]:
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
        return np.arange(n) * (f0 * 2 ** (bend[0] / 12) / sample_rate_hz) + rng.uniform()
    rate_per_sample = f0 / sample_rate_hz * 2 ** (bend / 12)
    coarse = np.concatenate(([0.0], np.cumsum(0.5 * (rate_per_sample[1:] + rate_per_sample[:-1]) * step))) + rng.uniform()
    return np.interp(np.arange(n), np.arange(len(t)) * step, coarse)


def render_note(instrument: Instrument, pitch: int, seconds: float, level: int, syllable: int, sample_rate_hz: int) -> Audio:
    """A held note, (samples,) float32, about unit RMS while it sounds; the caller cuts it and fades its release.

    `level` 0, 1, 2 is soft, medium, hard: harder is brighter. `syllable` picks the vowel of a sung note.

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
            cents = 0.0 if voices == 1 else instrument.detune_cents * (2 * voice / (voices - 1) - 1) + rng.normal(0, 1)
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
    return (out * np.minimum(1, t / instrument.attack_s)).astype(np.float32)


def _partials(instrument: Instrument, n: int, sample_rate_hz: int, f0: float, level: int, rng: np.random.Generator) -> Audio:
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
        wobble = instrument.vibrato_cents / 1200 * np.log(2) * f0 / instrument.vibrato_hz * np.cos(2 * np.pi * instrument.vibrato_hz * t)
    out = np.zeros(n, dtype=np.float32)
    detune = 2 ** (instrument.detune_cents / 1200)
    for k in range(len(h)):
        frequency = f0 * ratio[k]
        if frequency > 0.46 * sample_rate_hz or amplitude[k] < 1e-3:
            continue
        sine = np.sin(np.float32(2 * np.pi) * ((np.float32(frequency) * t + np.float32(ratio[k]) * wobble) % np.float32(1)))
        if not sustained:
            decay = instrument.decay_s * h[k] ** -instrument.decay_slope * min(2.2, max(0.25, (220 / f0) ** 0.6))
            fall = np.exp(-t / np.float32(decay))
            if instrument.unison > 1:  # two strings beat slowly
                fall = fall * np.cos(np.float32(np.pi * frequency * (detune - 1)) * t)
            sine = sine * fall
        out += np.float32(amplitude[k]) * sine.astype(np.float32)
    out *= np.float32(1 / np.sqrt(np.sum(amplitude**2) / 2))
    return (out * np.minimum(1, t / instrument.attack_s)).astype(np.float32)


def _breath(instrument: Instrument, n: int, sample_rate_hz: int, f0: float, syllable: int, rng: np.random.Generator) -> Audio:
    from scipy.signal import lfilter

    lasting = instrument.noise_decay_s > 1
    length = n if lasting else min(n, int(6 * instrument.noise_decay_s * sample_rate_hz))
    noise = rng.standard_normal(length).astype(np.float32)
    centre = min(0.4 * sample_rate_hz, 2500.0 if instrument.synthesis == "sung" else 3.0 * f0 + 800)
    radius = math.exp(-math.pi * centre * 0.7 / sample_rate_hz)
    band = lfilter([1 - radius, 0, radius - 1], [1, -2 * radius * math.cos(2 * math.pi * centre / sample_rate_hz), radius**2], noise)
    t = np.arange(length) / sample_rate_hz
    if lasting:
        shape = np.minimum(1, t / (0.7 * instrument.attack_s))
        if instrument.synthesis == "sung" and syllable >= 5:  # a consonant before the vowel
            shape = shape + 5 * np.exp(-(((t - 0.03) / 0.02) ** 2))
    else:
        shape = np.exp(-t / instrument.noise_decay_s)
    out = np.zeros(n, dtype=np.float32)
    out[:length] = band * shape * (3 * 10 ** (instrument.noise_db / 20))
    return out
