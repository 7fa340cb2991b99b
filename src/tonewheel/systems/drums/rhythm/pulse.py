"""How fast: a tempo for every few seconds of a performance, from what was struck when.

Hits become impulse trains by drum; their auto- and cross-correlations over some seconds say at which lags the
playing repeats (Scheirer, JASA 1998, and Ellis, JNMR 2007, do so with audio). A tempo is then scored by how
strong the correlations are at fractions and multiples of its beat, and by how usual the tempo is. Drums tell
the octave: kick and snare answer each other a beat apart, each repeats after two, hats divide the beat. The
weights of these cues are not chosen by hand but fitted (`fit.py`). A dynamic programme over the windows lets
the tempo drift, and change where the music does.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.records import Record
from tonewheel.manifest.components import fold, is_known
from tonewheel.manifest.drum_hits import DrumHit
from tonewheel.systems.drums.rhythm.bars import BarWeights

Floats = NDArray[np.float64]
Cues = NDArray[np.float32]

RATE_HZ = 100
"""Of the impulse trains; hits between two steps are shared between them."""
SLOWEST_BPM, FASTEST_BPM = 60.0, 200.0
TEMPI_BPM: Floats = np.geomspace(SLOWEST_BPM, FASTEST_BPM, 122)
"""The tempi that are compared, 1 % apart."""
WINDOW_S, HOP_S = 12.0, 3.0
BLUR_S = 0.016
"""Human timing errs by about this much (standard deviation)."""
TRAINS = ("all", "kick", "snare", "hihat")
WEIGHTS = Path(__file__).with_name("tempo.json")

CUES: tuple[tuple[str, str, float], ...] = tuple(
    (one, other, beats)
    for one, other, multiples in (
        ("all", "all", (1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 1, 3 / 2, 2, 3, 4)),
        ("kick", "kick", (1 / 2, 1, 3 / 2, 2, 3, 4)),
        ("snare", "snare", (1 / 4, 1 / 2, 1, 3 / 2, 2, 3, 4)),
        ("hihat", "hihat", (1 / 4, 1 / 3, 1 / 2, 2 / 3, 1, 2, 4)),
        ("kick", "snare", (1 / 2, 1, 2, 3)),
    )
    for beats in multiples
)
"""Correlation of which trains at how many beats."""
USUAL_BPM = 110.0


class Weights(Record):
    """Fitted weights of the cues and of the logarithm of the tempo, and what they were fitted on."""

    cues: tuple[float, ...]
    octaves: tuple[float, float]
    """Of log2(tempo / 110 BPM), and of its square."""
    bars: BarWeights
    fitted_on: str


@cache
def shipped() -> Weights:
    """The weights that come with the package."""
    return Weights.read(WEIGHTS)


def trains(hits: Sequence[DrumHit], seconds: float) -> Floats:
    """Impulse trains, (4, steps) at `RATE_HZ`, blurred by human timing; harder hits count more."""
    from scipy.ndimage import gaussian_filter1d

    out = np.zeros((len(TRAINS), int(np.ceil(seconds * RATE_HZ)) + 2))
    for hit in hits:
        at = hit.onset_s * RATE_HZ
        step = int(at)
        strength = hit.velocity**0.5
        for row in _rows(hit.label):
            out[row, step] += strength * (step + 1 - at)
            out[row, step + 1] += strength * (at - step)
    return np.asarray(gaussian_filter1d(out, BLUR_S * RATE_HZ, axis=1, mode="constant"))


@cache
def _rows(label: str) -> tuple[int, ...]:
    family = fold(label, 5) if is_known(label) else None
    return (0, TRAINS.index(family)) if family in TRAINS else (0,)


def windows(trains_of_it: Floats) -> tuple[Floats, Cues]:
    """Cues of every tempo in every window: times (n,) of the middles in s, cues (n, tempi, cues)."""
    from scipy.fft import irfft, next_fast_len, rfft

    length, hop = round(WINDOW_S * RATE_HZ), round(HOP_S * RATE_HZ)
    steps = trains_of_it.shape[1]
    if steps < length:
        trains_of_it = np.pad(trains_of_it, ((0, 0), (0, length - steps)))
        steps = length
    starts = np.arange(0, steps - length + hop, hop).clip(max=steps - length)
    shape = np.hanning(length + 2)[1:-1] ** 0.5
    lags = int(np.ceil(4.05 * 60 / SLOWEST_BPM * RATE_HZ)) + 2
    size = next_fast_len(length + lags)
    spectrum_of = np.abs(rfft(shape, size)) ** 2
    overlap = np.maximum(irfft(spectrum_of, size)[:lags], 1e-3)
    at = np.array([[60 / bpm * beats * RATE_HZ for _, _, beats in CUES] for bpm in TEMPI_BPM])
    floor = at.astype(np.int64)
    rest = at - floor
    pairs = [(TRAINS.index(one), TRAINS.index(other)) for one, other, _ in CUES]
    # The largest array of all: 3 hours have 3,600 windows.
    out = np.empty((len(starts), len(TEMPI_BPM), len(CUES)), np.float32)
    for number, start in enumerate(starts):
        part = trains_of_it[:, start : start + length]
        spectra = rfft(part * shape, size, axis=1)
        for pair in sorted(set(pairs)):
            which = [k for k, one in enumerate(pairs) if one == pair]
            power = np.sqrt(np.prod([(part[row] ** 2 * shape**2).sum() for row in pair])) + 1e-3
            product = (spectra[pair[0]] * np.conj(spectra[pair[1]])).real
            correlation = irfft(product, size)[:lags] / overlap * (overlap[0] / power)
            where, part_of = floor[:, which], rest[:, which]
            out[number][:, which] = correlation[where] * (1 - part_of) + correlation[where + 1] * part_of
    return starts / RATE_HZ + WINDOW_S / 2, out


def scores(cues: Cues, weights: Weights) -> Floats:
    """Log-probability of every tempo in every window, (n, tempi)."""
    octaves = np.log2(TEMPI_BPM / USUAL_BPM)
    raw = (
        cues @ np.array(weights.cues, np.float32)
        + weights.octaves[0] * octaves
        + weights.octaves[1] * octaves**2
    )
    raw -= raw.max(axis=1, keepdims=True)
    return np.asarray(raw - np.log(np.exp(raw).sum(axis=1, keepdims=True)))


JUMP = 8.0
"""Log-odds that a new tempo needs; a drift of 1 % between windows costs `DRIFT`."""
DRIFT = 0.7


def path(log_probability: Floats) -> NDArray[np.int64]:
    """The best course of the tempo: number of the tempo in every window (Viterbi)."""
    count, tempi = log_probability.shape
    distance = np.abs(np.subtract.outer(np.arange(tempi), np.arange(tempi)))
    cost = np.minimum(DRIFT * distance, JUMP)
    best = log_probability[0].copy()
    back = np.zeros((count, tempi), dtype=np.int64)
    for number in range(1, count):
        # Windows overlap, so each brings only its new part of evidence.
        reach = best[None, :] - cost
        back[number] = reach.argmax(axis=1)
        best = reach.max(axis=1) + log_probability[number] * min(1.0, 2 * HOP_S / WINDOW_S)
    chosen = np.zeros(count, dtype=np.int64)
    chosen[-1] = int(best.argmax())
    for number in range(count - 1, 0, -1):
        chosen[number - 1] = back[number, chosen[number]]
    return chosen


def course(at_s: Floats, bpm: Floats, steps: int) -> Floats:
    """The tempo at every step of the impulse trains, from that of the windows around `at_s`."""
    edges = (at_s[1:] + at_s[:-1]) / 2
    return np.asarray(bpm[np.searchsorted(edges, np.arange(steps) / RATE_HZ)], np.float64)
