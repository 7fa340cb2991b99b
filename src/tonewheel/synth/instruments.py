"""Instruments as numbers: a family gives ranges, a draw gives one player's instrument."""

from __future__ import annotations

import numpy as np

from tonewheel.core.records import Record


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
    "piano": {
        "synthesis": "modal",
        "tilt_db": (7.0, 10.0),
        "decay_s": (1.6, 3.5),
        "decay_slope": (0.5, 0.8),
        "release_s": 0.12,
        "inharmonicity": (1e-4, 6e-4),
        "noise_db": -34.0,
        "attack_s": 0.002,
        "bright_db": 8.0,
        "pick": 0.125,
        "detune_cents": (0.5, 1.5),
        "unison": 2,
    },
    "epiano": {
        "synthesis": "fm",
        "fm_ratio": (1.0, 1.0),
        "fm_index": (0.8, 2.4),
        "decay_s": (1.0, 2.5),
        "release_s": 0.1,
        "attack_s": 0.002,
        "sweep_s": (0.1, 0.5),
        "bright_db": 7.0,
    },
    "organ": {
        "ratios": (0.5, 1, 1.5, 2, 3, 4, 6, 8),
        "synthesis": "drawbar",
        "sustain": 1.0,
        "attack_s": 0.008,
        "release_s": 0.04,
        "vibrato_cents": (4.0, 14.0),
        "vibrato_hz": (5.5, 7.0),
        "noise_db": -38.0,
        "noise_decay_s": 0.01,
    },
    "harpsichord": {
        "tilt_db": (4.0, 7.0),
        "decay_s": (0.8, 1.6),
        "decay_slope": 0.4,
        "pick": (0.07, 0.14),
        "attack_s": 0.001,
        "unison": 2,
        "detune_cents": (1.0, 3.0),
        "bright_db": 1.0,
    },
    "harp": {
        "tilt_db": (9.0, 12.0),
        "decay_s": (1.2, 2.5),
        "decay_slope": 0.9,
        "pick": (0.3, 0.45),
        "attack_s": 0.003,
    },
    "guitar_acoustic": {
        "tilt_db": (7.0, 11.0),
        "decay_s": (1.0, 2.4),
        "decay_slope": (0.55, 0.8),
        "pick": (0.1, 0.25),
        "attack_s": 0.002,
        "noise_db": (-30.0, -22.0),
        "formants": ((105, 6, 40), (210, 4, 60), (2500, 3, 900)),
        "bright_db": 6.0,
    },
    "guitar_clean": {
        "tilt_db": (7.0, 11.0),
        "decay_s": (1.2, 3.0),
        "decay_slope": (0.5, 0.7),
        "pick": (0.12, 0.3),
        "attack_s": 0.002,
        "noise_db": -34.0,
        "cutoff_hz": (2800.0, 5000.0),
        "bright_db": 5.0,
    },
    "guitar_distorted": {
        "tilt_db": (5.0, 8.0),
        "decay_s": (2.5, 5.0),
        "decay_slope": 0.5,
        "pick": (0.1, 0.2),
        "attack_s": 0.002,
        "drive": (6.0, 25.0),
        "noise_db": -28.0,
        "unison": 2,
        "detune_cents": (3.0, 8.0),
        "cutoff_hz": 5000.0,
    },
    "guitar_lead": {
        "tilt_db": (5.0, 7.0),
        "decay_s": (3.0, 6.0),
        "decay_slope": 0.4,
        "pick": (0.15, 0.3),
        "attack_s": 0.004,
        "drive": (4.0, 15.0),
        "vibrato_cents": (12.0, 35.0),
        "scoop_semitones": (-1.0, 0.0),
        "cutoff_hz": 4500.0,
    },
    "strings": {
        "tilt_db": (6.5, 10.0),
        "sustain": 0.9,
        "attack_s": (0.06, 0.2),
        "release_s": (0.2, 0.4),
        "unison": 3,
        "detune_cents": (9.0, 18.0),
        "vibrato_cents": (6.0, 14.0),
        "decay_slope": 0.1,
        "noise_db": -36.0,
        "noise_decay_s": 9.0,
        "formants": ((300, 4, 150), (1000, 3, 300), (2600, 4, 700)),
        "cutoff_hz": (3500.0, 7000.0),
    },
    "fiddle": {
        "tilt_db": (6.0, 9.0),
        "sustain": 0.95,
        "attack_s": (0.03, 0.09),
        "release_s": 0.12,
        "vibrato_cents": (12.0, 30.0),
        "decay_slope": 0.1,
        "noise_db": -32.0,
        "noise_decay_s": 9.0,
        "scoop_semitones": (-0.4, 0.0),
        "formants": ((280, 5, 80), (460, 5, 80), (1000, 3, 300), (2500, 8, 700)),
        "cutoff_hz": 8000.0,
    },
    "cello": {
        "tilt_db": (7.5, 11.0),
        "sustain": 0.9,
        "attack_s": (0.03, 0.1),
        "release_s": 0.2,
        "vibrato_cents": (5.0, 14.0),
        "unison": 2,
        "detune_cents": (4.0, 9.0),
        "formants": ((110, 3, 50), (250, 4, 80), (1500, 4, 500)),
        "noise_db": -36.0,
        "noise_decay_s": 9.0,
        "cutoff_hz": 5000.0,
        "low": 28,
        "high": 55,
    },
    "brass": {
        "tilt_db": (4.0, 7.0),
        "sustain": 0.85,
        "attack_s": (0.03, 0.06),
        "attack_slope": 0.35,
        "release_s": 0.09,
        "vibrato_cents": (3.0, 12.0),
        "unison": 2,
        "detune_cents": (4.0, 10.0),
        "cutoff_hz": (1200.0, 2600.0),
        "sweep_octaves": (0.5, 1.2),
        "sweep_s": 0.25,
        "bright_db": 9.0,
        "scoop_semitones": (-0.5, 0.0),
        "noise_db": -40.0,
    },
    "reed": {
        "tilt_db": (6.5, 10.0),
        "even_db": (-18.0, 0.0),
        "sustain": 0.9,
        "attack_s": (0.025, 0.05),
        "release_s": 0.08,
        "vibrato_cents": (5.0, 20.0),
        "noise_db": (-38.0, -26.0),
        "noise_decay_s": 9.0,
        "scoop_semitones": (-0.8, 0.0),
        "formants": ((600, 4, 200), (1400, 5, 400), (3000, 4, 600)),
    },
    "flute": {
        "tilt_db": (12.0, 17.0),
        "sustain": 0.9,
        "attack_s": (0.04, 0.09),
        "release_s": 0.1,
        "vibrato_cents": (8.0, 22.0),
        "noise_db": (-26.0, -18.0),
        "noise_decay_s": 9.0,
        "low": 60,
        "high": 93,
    },
    "accordion": {
        "tilt_db": (5.5, 8.5),
        "sustain": 1.0,
        "attack_s": 0.03,
        "release_s": 0.06,
        "unison": 2,
        "detune_cents": (7.0, 16.0),
        "formants": ((700, 3, 300), (1800, 4, 500)),
        "cutoff_hz": 6000.0,
    },
    "sung": {
        "synthesis": "sung",
        "tilt_db": (8.0, 12.0),
        "sustain": 0.9,
        "attack_s": (0.02, 0.06),
        "release_s": 0.1,
        "vibrato_cents": (15.0, 50.0),
        "vibrato_hz": (4.8, 6.2),
        "scoop_semitones": (-1.5, -0.2),
        "noise_db": (-34.0, -22.0),
        "noise_decay_s": 9.0,
        "pick": (0.85, 1.22),
        "low": 50,
        "high": 79,
    },
    "choir": {
        "synthesis": "sung",
        "tilt_db": (8.0, 11.0),
        "sustain": 0.95,
        "attack_s": (0.1, 0.25),
        "release_s": 0.35,
        "unison": 4,
        "detune_cents": (10.0, 22.0),
        "vibrato_cents": (10.0, 25.0),
        "noise_db": -30.0,
        "noise_decay_s": 9.0,
        "pick": (0.9, 1.15),
    },
    "bell": {
        "synthesis": "fm",
        "fm_ratio": (1.4, 3.6),
        "fm_index": (1.0, 3.5),
        "decay_s": (1.0, 3.0),
        "release_s": 0.5,
        "attack_s": 0.001,
        "sweep_s": (0.3, 1.0),
    },
    "mallet": {
        "synthesis": "modal",
        "ratios": (1.0, 3.93, 9.2, 16.0),
        "tilt_db": (6.0, 10.0),
        "decay_s": (0.3, 1.2),
        "decay_slope": (0.7, 1.2),
        "release_s": 0.3,
        "attack_s": 0.001,
        "noise_db": -30.0,
        "noise_decay_s": 0.006,
    },
    "pluck_synth": {
        "tilt_db": (4.5, 8.0),
        "even_db": (-20.0, 0.0),
        "decay_s": (0.15, 0.7),
        "decay_slope": (0.5, 1.0),
        "unison": 2,
        "detune_cents": (4.0, 14.0),
        "release_s": 0.12,
        "attack_s": 0.002,
        "cutoff_hz": (800.0, 3000.0),
        "sweep_octaves": (1.0, 2.5),
        "sweep_s": (0.05, 0.2),
    },
    "supersaw": {
        "tilt_db": 6.0,
        "sustain": 0.9,
        "attack_s": (0.004, 0.03),
        "release_s": (0.1, 0.3),
        "unison": 5,
        "decay_slope": 0.0,
        "detune_cents": (14.0, 30.0),
        "cutoff_hz": (2500.0, 9000.0),
        "sweep_octaves": (0.0, 1.0),
        "sweep_s": (0.2, 0.6),
    },
    "saw_lead": {
        "tilt_db": 6.0,
        "sustain": 0.85,
        "attack_s": 0.004,
        "release_s": 0.1,
        "unison": 3,
        "detune_cents": (5.0, 16.0),
        "vibrato_cents": (0.0, 18.0),
        "cutoff_hz": (1800.0, 6000.0),
        "sweep_octaves": (0.5, 2.0),
        "decay_slope": 0.0,
        "scoop_semitones": (-0.5, 0.0),
    },
    "square_lead": {
        "tilt_db": 6.0,
        "even_db": (-40.0, -15.0),
        "sustain": 0.8,
        "attack_s": 0.004,
        "release_s": 0.08,
        "unison": 2,
        "detune_cents": (2.0, 10.0),
        "vibrato_cents": (0.0, 18.0),
        "cutoff_hz": (2000.0, 7000.0),
        "decay_slope": 0.0,
    },
    "warm_pad": {
        "tilt_db": (6.0, 9.0),
        "sustain": 0.95,
        "attack_s": (0.15, 0.6),
        "release_s": (0.4, 0.9),
        "unison": 4,
        "decay_slope": 0.0,
        "detune_cents": (8.0, 20.0),
        "cutoff_hz": (700.0, 2500.0),
        "sweep_octaves": (-1.0, 0.8),
        "sweep_s": (0.5, 1.5),
    },
    "bass_electric": {
        "tilt_db": (6.0, 9.0),
        "decay_s": (1.0, 2.0),
        "decay_slope": (0.4, 0.8),
        "pick": (0.12, 0.3),
        "attack_s": 0.004,
        "cutoff_hz": (900.0, 3000.0),
        "noise_db": -36.0,
        "release_s": 0.06,
        "low": 28,
        "high": 52,
    },
    "bass_upright": {
        "tilt_db": (8.0, 11.0),
        "decay_s": (0.5, 1.1),
        "decay_slope": 0.9,
        "pick": (0.25, 0.4),
        "attack_s": 0.008,
        "cutoff_hz": (600.0, 1500.0),
        "noise_db": -30.0,
        "release_s": 0.08,
        "scoop_semitones": (-0.3, 0.0),
        "formants": ((100, 4, 50), (220, 3, 80)),
        "low": 28,
        "high": 52,
    },
    "bass_synth": {
        "tilt_db": (5.5, 7.0),
        "even_db": (-25.0, 0.0),
        "sustain": 0.6,
        "decay_s": (0.2, 0.6),
        "attack_s": 0.003,
        "cutoff_hz": (200.0, 800.0),
        "sweep_octaves": (1.0, 3.0),
        "sweep_s": (0.06, 0.3),
        "unison": 2,
        "decay_slope": 0.0,
        "detune_cents": (2.0, 9.0),
        "release_s": 0.05,
        "low": 28,
        "high": 52,
    },
    "bass_sub": {
        "tilt_db": (14.0, 22.0),
        "sustain": 0.9,
        "decay_s": 0.8,
        "attack_s": 0.005,
        "drive": (0.0, 2.5),
        "release_s": 0.07,
        "decay_slope": 0.3,
        "low": 26,
        "high": 50,
    },
    "chip_pulse": {
        "synthesis": "harmonic",
        "tilt_db": 6.0,
        "pick": (0.125, 0.5),
        "sustain": (0.5, 0.9),
        "decay_s": (0.1, 0.4),
        "attack_s": 0.001,
        "decay_slope": 0.0,
        "release_s": 0.01,
        "vibrato_cents": (0.0, 15.0),
        "rough_db": 0.0,
    },
    "chip_triangle": {
        "tilt_db": 12.0,
        "even_db": -60.0,
        "sustain": 1.0,
        "attack_s": 0.001,
        "release_s": 0.008,
        "rough_db": 0.0,
        "low": 33,
        "high": 57,
    },
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
