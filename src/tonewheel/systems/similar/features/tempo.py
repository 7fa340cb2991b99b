"""How fast: where the onsets of a track repeat, weighed by how usual the tempo is.

Autocorrelation of the onset strength over windows of 12 s (Ellis, JNMR 36, 2007). It cannot tell a tempo from
its double or half; a prior can: tempi that people tap lie around 120 BPM, log-normal (Moelants, Preferred tempo
reconsidered, ICMPC 2002). The prior is a setting, stated in every profile. The beats are then followed through
the track, and their spacing over 16 beats gives the tempo to a fraction of a beat a minute.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.beats import track_beats
from tonewheel.core.errors import InputError
from tonewheel.core.records import Record
from tonewheel.systems.similar.features.listen import FRAME_HZ

Audio = NDArray[np.float32]
Floats = NDArray[np.float64]

SLOWEST_BPM, FASTEST_BPM = 55.0, 215.0
TEMPI_BPM: Floats = np.geomspace(SLOWEST_BPM, FASTEST_BPM, 138)
"""The tempi that are compared, 1 % apart."""
WINDOW_S, HOP_S = 12.0, 4.0
MULTIPLES = (1, 2, 4)
"""A beat repeats after one; metres in which it does not after two or four are rare."""
SHARPNESS = 16.0
"""How many times likelier the autocorrelation of 1 makes a tempo than that of 0 (natural logarithm); fitted on
synthesised songs, so that the confidence is the share that is right."""
NEAR_STEPS = 4
"""Tempi so many steps (of 1 %) apart are the same to a listener."""
STRETCH_BEATS = 16


class TempoPrior(Record):
    """How usual a tempo is before the track is heard: log-normal, `octaves` is its standard deviation."""

    bpm: float = 120.0
    octaves: float = 0.45

    def __post_init__(self) -> None:
        if not SLOWEST_BPM <= self.bpm <= FASTEST_BPM:
            raise InputError(
                "tempo prior", f"must be {SLOWEST_BPM:g} to {FASTEST_BPM:g} BPM, got {self.bpm:g}"
            )
        if not 0.05 <= self.octaves <= 10:
            raise InputError("tempo prior", f"must be 0.05 to 10 octaves wide, got {self.octaves:g}")

    def logarithm(self) -> Floats:
        """Of the probability of each of `TEMPI_BPM`, up to a constant."""
        return np.asarray(-0.5 * (np.log2(TEMPI_BPM / self.bpm) / self.octaves) ** 2)


class Beats(Record):
    """The tempo of a track, how probable it is, and the frames of its beats."""

    bpm: float
    confidence: float
    frames: tuple[int, ...]


def onsets(bands: Audio) -> Audio:
    """How much louder each band becomes, (bands, frames) from powers; a doubling counts alike at any level."""
    level = np.log1p(10 * bands / (bands.mean(axis=1, keepdims=True) + 1e-9))
    out: Audio = np.zeros_like(level)
    out[:, 1:-1] = np.maximum(0.0, level[:, 2:] - level[:, :-2])  # neighbouring windows overlap
    return out


def strength(onsets_of_bands: Audio) -> Floats:
    """One strength a frame: what stands out of the second around it."""
    from scipy.ndimage import uniform_filter1d

    mean = onsets_of_bands.mean(axis=0, dtype=np.float64)
    return np.asarray(np.maximum(0.0, mean - uniform_filter1d(mean, round(FRAME_HZ), mode="nearest")))


def find_beats(strengths: Floats, prior: TempoPrior | None = None) -> Beats:
    """The tempo and the beats of a track from its onset strength, (frames,).

    The confidence is the probability of the tempi within 4 %, under the prior and `SHARPNESS`.

    >>> clicks = np.zeros(4000)
    >>> clicks[(np.arange(90) * FRAME_HZ * 60 / 133).round().astype(int)] = 1.0
    >>> found = find_beats(clicks)
    >>> abs(found.bpm - 133) < 0.2, found.confidence > 0.5
    (True, True)
    """
    prior = prior or TempoPrior()
    scored = SHARPNESS * _repetition(strengths) + prior.logarithm()
    chosen = int(scored.argmax())
    probability = np.exp(scored - scored.max())
    near = slice(max(0, chosen - NEAR_STEPS), chosen + NEAR_STEPS + 1)
    confidence = float(probability[near].sum() / probability.sum()) if strengths.any() else 0.0
    bpm = float(TEMPI_BPM[chosen])
    frames = track_beats(strengths, np.full(len(strengths), 60 / bpm * FRAME_HZ))
    stretch = min(STRETCH_BEATS, len(frames) - 1)
    if confidence and stretch > 3:
        measured = 60 * FRAME_HZ * stretch / float(np.median(frames[stretch:] - frames[:-stretch]))
        bpm = measured if abs(measured / bpm - 1) < 0.04 else bpm
    return Beats(bpm=bpm, confidence=confidence, frames=tuple(frames.tolist()))


def _repetition(strengths: Floats) -> Floats:
    """Mean autocorrelation after one, two and four beats of each of `TEMPI_BPM`; 1 for a perfect repetition."""
    from scipy.fft import irfft, next_fast_len, rfft

    length, hop = round(WINDOW_S * FRAME_HZ), round(HOP_S * FRAME_HZ)
    if len(strengths) < length:
        strengths = np.pad(strengths, (0, length - len(strengths)))
    lags = int(max(MULTIPLES) * 60 / SLOWEST_BPM * FRAME_HZ) + 2
    size = next_fast_len(length + lags)
    shape = np.hanning(length + 2)[1:-1] ** 0.5
    overlap = irfft(np.abs(rfft(shape, size)) ** 2, size)[:lags]
    total = np.zeros(lags)
    starts = range(0, len(strengths) - length + 1, hop)
    for start in starts:
        part = strengths[start : start + length]
        spectrum = rfft((part - part.mean()) * shape, size)
        repeated = irfft(np.abs(spectrum) ** 2, size)[:lags] / np.maximum(overlap, 1e-3) * overlap[0]
        total += repeated / (repeated[0] + 1e-9)
    at = np.outer(MULTIPLES, 60 / TEMPI_BPM * FRAME_HZ)
    floor = at.astype(int)
    course = total / len(starts)
    return np.asarray((course[floor] * (1 - at + floor) + course[floor + 1] * (at - floor)).mean(axis=0))
