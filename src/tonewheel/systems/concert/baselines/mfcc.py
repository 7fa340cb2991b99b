"""MFCC statistics: the average timbre of two seconds and how it moves, the usual first thing to try.

Mean and standard deviation of 20 mel-frequency cepstral coefficients and the standard deviation of their
change, as in music similarity since Logan and Salomon (2001). The 0th coefficient is loudness and is left
out, so that the recording level does not matter.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.spectra import MelSpec, log_mel
from tonewheel.systems.concert.baselines.base import SAMPLE_RATE_HZ, Audio, Scores, mono

SPEC = MelSpec(sample_rate_hz=SAMPLE_RATE_HZ, floor=1e-10)
"""The band of our encoder's front end, without what a phone's high-pass takes away; librosa's floor."""
COEFFICIENTS = 20
WINDOW_S, HOP_S = 2.0, 0.5
DELTA_FRAMES = 9  # 144 ms: librosa's default width

Floats = NDArray[np.float64]


class MfccStatistics:
    """Windows of 2 s every 0.5 s, z-scored over all references; the score is the cosine.

    The windows of a query are compared in order, along the best diagonal, as the encoder's are. A query
    shorter than 2 s is one window.

    >>> noise = np.random.default_rng(0).normal(size=(2, 80_000)).astype(np.float32)
    >>> method = MfccStatistics()
    >>> method.add(0, noise[0]); method.add(1, noise[1] + np.roll(noise[1], 1))
    >>> int(method.rank(noise[0, 16_000:56_000]).argmax())
    0
    """

    name = "mfcc"

    def __init__(self) -> None:
        self._references: list[tuple[int, Floats]] = []
        self._scaled: list[tuple[int, Floats]] | None = None
        self._mean: Floats = np.zeros(3 * COEFFICIENTS)
        self._deviation: Floats = np.ones(3 * COEFFICIENTS)

    def add(self, song: int, audio: Audio) -> None:
        """Take a reference. Shape: (samples,) at 16 kHz."""
        self._references.append((song, statistics(mono(audio))))
        self._scaled = None

    def rank(self, query: Audio) -> Scores:
        """Mean cosine of the query's windows along the best diagonal of each song.

        Shape: (samples,) at 16 kHz -> (songs,).
        """
        scores = np.full(1 + max((song for song, _ in self._references), default=-1), -np.inf)
        windows = statistics(mono(query))
        if len(scores) == 0 or len(windows) == 0 or not np.any(query):
            return scores
        references = self._scale()
        scaled = self._unit(windows)
        for song, rows in references:
            if len(rows):
                scores[song] = max(scores[song], _best_diagonal(scaled @ rows.T))
        return scores

    def _scale(self) -> list[tuple[int, Floats]]:
        if self._scaled is None:
            every = np.concatenate([rows for _, rows in self._references])
            if len(every):
                self._mean, self._deviation = every.mean(axis=0), every.std(axis=0) + 1e-9
            self._scaled = [(song, self._unit(rows)) for song, rows in self._references]
        return self._scaled

    def _unit(self, rows: Floats) -> Floats:
        scaled = (rows - self._mean) / self._deviation
        unit: Floats = scaled / np.maximum(np.linalg.norm(scaled, axis=1, keepdims=True), 1e-12)
        return unit


def mfcc(audio: NDArray[Any], spec: MelSpec = SPEC, coefficients: int = COEFFICIENTS) -> Floats:
    """Cepstral coefficients from the 0th on: orthonormal DCT-II of the log-mel in dB, as librosa's `mfcc`.

    Shape: (samples,) -> (coefficients, frames). librosa limits a file to 80 dB below its peak; this does not.

    >>> mfcc(np.zeros(16_000)).shape
    (20, 59)
    """
    from scipy.fft import dct

    decibels = 10 / np.log(10) * log_mel(audio, spec).astype(np.float64)
    cepstrum: Floats = dct(decibels, type=2, norm="ortho", axis=0)[:coefficients]
    return cepstrum


def statistics(audio: Audio) -> Floats:
    """Mean, deviation and deviation of the slope of coefficients 1 to 20 in each window.

    Shape: (samples,) -> (windows, 60). Audio shorter than a window is one window; than a frame (64 ms), none.
    """
    cepstrum = mfcc(audio, coefficients=COEFFICIENTS + 1)[1:]
    frames = cepstrum.shape[1]
    if frames == 0:
        return np.zeros((0, 3 * COEFFICIENTS))
    length = min(frames, SPEC.frames(round(WINDOW_S * SAMPLE_RATE_HZ)))
    hop = HOP_S * SPEC.frame_rate_hz  # 31.25 frames
    starts = (np.arange(int((frames - length) / hop) + 1) * hop).astype(int)

    def windows(values: Floats) -> Floats:
        return np.lib.stride_tricks.sliding_window_view(values, length, axis=1)[:, starts]

    own, slope = windows(cepstrum), windows(_slope(cepstrum))
    return np.concatenate([own.mean(axis=2), own.std(axis=2), slope.std(axis=2)]).T


def _slope(values: Floats) -> Floats:
    """Slope of the least-squares line through DELTA_FRAMES frames, edges repeated."""
    half = DELTA_FRAMES // 2
    padded = np.pad(values, ((0, 0), (half, half)), mode="edge")
    weights = np.arange(-half, half + 1) / np.sum(np.arange(-half, half + 1) ** 2)
    return np.lib.stride_tricks.sliding_window_view(padded, DELTA_FRAMES, axis=1) @ weights


def _best_diagonal(cosines: Floats) -> float:
    """Highest mean along a full diagonal of (query windows, song windows), the shorter inside the longer."""
    matrix = cosines if cosines.shape[0] <= cosines.shape[1] else cosines.T
    short, long = matrix.shape
    total = sum(matrix[i, i : i + long - short + 1] for i in range(short))
    return float(np.max(total) / short)
