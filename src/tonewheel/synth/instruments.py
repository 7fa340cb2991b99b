"""Instruments as numbers: a family gives ranges, a draw gives one player's instrument."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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


FAMILIES: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("families.json").read_text())
"""Family -> parameter: a value, or [low, high] to draw from; what is left out is as in `Instrument`."""
_LISTS = ("formants", "ratios")


def draw_instrument(rng: np.random.Generator, family: str) -> Instrument:
    """One instrument of a family, every ranged parameter drawn.

    >>> draw_instrument(np.random.default_rng(1), "sung").synthesis
    'sung'
    """
    values: dict[str, object] = {"family": family, "seed": int(rng.integers(2**31))}
    for name, given in FAMILIES[family].items():
        if name in _LISTS:
            values[name] = tuple(tuple(one) if isinstance(one, list) else one for one in given)
        elif isinstance(given, list):
            low, high = given
            values[name] = float(rng.uniform(low, high))
        else:
            values[name] = given
    return Instrument(**values)  # type: ignore[arg-type]
