"""Sounds that a click remover takes for clicks: castanets, brass attacks, consonants, sticks.

Rendered, so that they are clean by construction. They train the detector to leave them alone, with other seeds
they are measured.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tonewheel.synth.drums import LEVELS_DB, draw_kit, one_shot
from tonewheel.synth.speech import banter

Audio = NDArray[np.float32]

KITS = ("acoustic", "hand", "orchestral")


def castanets(rng: np.random.Generator, seconds: float, sample_rate_hz: int) -> Audio:
    """Rolls and single strokes of wooden shells: (samples,) float32, peak 0.7.

    A stroke is two shells that meet: decaying resonances between 1 and 6 kHz that start within a
    millisecond, ring for some milliseconds, and are followed by a bounce.
    """
    out = np.zeros(round(seconds * sample_rate_hz), np.float32)
    strokes = [_stroke(rng, sample_rate_hz) for _ in range(4)]
    at_s = float(rng.uniform(0.05, 0.3))
    while at_s < seconds:
        rolled = rng.random() < 0.4
        for number in range(int(rng.integers(4, 11)) if rolled else 1):
            stroke = strokes[int(rng.integers(len(strokes)))] * np.float32(rng.uniform(0.3, 1.0))
            first = round((at_s + number * rng.uniform(0.045, 0.075)) * sample_rate_hz)
            length = max(0, min(len(stroke), len(out) - first))
            out[first : first + length] += stroke[:length]
        at_s += float(rng.uniform(0.6, 1.0) if rolled else rng.uniform(0.12, 0.5))
    return _to_peak(out)


def _stroke(rng: np.random.Generator, sample_rate_hz: int) -> Audio:
    time_s = np.arange(round(0.06 * sample_rate_hz)) / sample_rate_hz
    body = np.zeros(len(time_s))
    top_hz = 0.45 * sample_rate_hz
    for _ in range(int(rng.integers(4, 8))):
        tone_hz = min(float(rng.uniform(900, 6500)), top_hz)
        ring = np.exp(-time_s / rng.uniform(0.001, 0.009))
        body += rng.uniform(0.2, 1) * ring * np.sin(2 * np.pi * tone_hz * time_s + rng.uniform(0, 6.28))
    body += 0.3 * rng.standard_normal(len(time_s)) * np.exp(-time_s / 0.0015)
    body *= np.minimum(1, time_s / rng.uniform(0.0001, 0.0008))
    bounce = round(rng.uniform(0.002, 0.006) * sample_rate_hz)
    body[bounce:] += rng.uniform(0.1, 0.5) * body[: len(body) - bounce]
    return np.asarray(body / max(np.abs(body).max(), 1e-9), np.float32)


def brass_attacks(rng: np.random.Generator, seconds: float, sample_rate_hz: int) -> Audio:
    """Short loud notes of trumpets and trombones, tongued hard: (samples,) float32, peak 0.7.

    All harmonics are in phase, so every period is a pulse: the sharpest of sustained sounds.
    """
    out = np.zeros(round(seconds * sample_rate_hz), np.float32)
    at_s = 0.1
    while at_s < seconds:
        length = round(rng.uniform(0.12, 0.6) * sample_rate_hz)
        time_s = np.arange(length) / sample_rate_hz
        tone_hz = 440 * 2 ** ((rng.integers(46, 75) - 69) / 12)
        attack_s, brightness = rng.uniform(0.008, 0.03), rng.uniform(1.0, 1.6)
        note = np.zeros(length)
        for harmonic in range(1, int(min(0.45 * sample_rate_hz, 9000) / tone_hz) + 1):
            rises = 1 - np.exp(-time_s / (attack_s * (1 + 0.15 * harmonic)))
            note += rises * harmonic**-brightness * np.cos(2 * np.pi * tone_hz * harmonic * time_s)
        note *= np.minimum(1, np.arange(length)[::-1] / (0.03 * sample_rate_hz))
        first = round(at_s * sample_rate_hz)
        end = min(len(out), first + length)
        out[first:end] += (note / np.abs(note).max() * rng.uniform(0.4, 1))[: end - first].astype(np.float32)
        at_s += length / sample_rate_hz + float(rng.uniform(0.0, 0.25))
    return _to_peak(out)


def consonants(rng: np.random.Generator, seconds: float, sample_rate_hz: int) -> Audio:
    """One speaker, whose stops are bursts and whose fricatives are noise: (samples,) float32, peak 0.7."""
    return _to_peak(banter(rng, seconds, sample_rate_hz, speakers=1))


def sticks(rng: np.random.Generator, seconds: float, sample_rate_hz: int) -> Audio:
    """A drum kit alone, with many cross sticks and snares: (samples,) float32, peak 0.7."""
    out = np.zeros(round(seconds * sample_rate_hz), np.float32)
    kit = draw_kit(rng, str(rng.choice(KITS)))
    labels = sorted(LEVELS_DB)
    step_s = float(rng.uniform(0.09, 0.2))
    for at_s in np.arange(0.05, seconds, step_s):
        for label in rng.choice(labels, size=int(rng.integers(0, 3)), replace=False):
            hit = one_shot(kit, str(label), int(rng.integers(3)), 0, sample_rate_hz)
            first = round((at_s + rng.normal(0, 0.004)) * sample_rate_hz)
            length = max(0, min(len(hit), len(out) - first))
            out[first : first + length] += hit[:length]
    return _to_peak(out)


def _to_peak(audio: Audio) -> Audio:
    return np.asarray(audio * np.float32(0.7 / max(float(np.abs(audio).max(initial=0.0)), 1e-9)), np.float32)


MAKERS: dict[str, Callable[[np.random.Generator, float, int], Audio]] = {
    "castanets": castanets,
    "brass": brass_attacks,
    "consonants": consonants,
    "sticks": sticks,
}
"""Every kind of transient by name.

>>> MAKERS["brass"](np.random.default_rng(0), 0.5, 16000).shape
(8000,)
"""
