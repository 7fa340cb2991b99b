"""Loudness range in LU by EBU Tech 3342, of a whole or of a stream: how far quiet and loud passages are apart."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.loudness import LoudnessMeter, lufs_of

_STEPS_SHORT_TERM = 30  # 3 s in steps of 100 ms
_GATE_MEAN_SQUARE = 10 ** ((-70.0 + 0.691) / 10)  # -70 LUFS
_RELATIVE_GATE_LU = -20.0
_LOW, _HIGH = 0.10, 0.95


class RangeMeter(LoudnessMeter):
    """A loudness meter that also keeps the course of the loudness: 10 numbers a second.

    >>> meter = RangeMeter(48_000)
    >>> tone = np.sin(2 * np.pi * 997 * np.arange(20 * 48_000) / 48_000)
    >>> meter.push(0.1 * tone)
    >>> meter.push(0.3 * tone)
    >>> round(meter.loudness_range_lu(), 1)
    9.5
    """

    def __init__(self, sample_rate_hz: int, channels: int = 1) -> None:
        super().__init__(sample_rate_hz, channels)
        self._steps: list[float] = []

    def steps(self) -> NDArray[np.float64]:
        """Mean square of every whole 100 ms after K-weighting, (n,)."""
        return np.array(self._steps)

    def loudness_range_lu(self) -> float:
        """Distance of the 10th and the 95th percentile of the gated short-term loudness; 0 below 3 s of sound."""
        steps = self.steps()
        if len(steps) < _STEPS_SHORT_TERM:
            return 0.0
        total = np.concatenate([[0.0], np.cumsum(steps)])
        mean_square = (total[_STEPS_SHORT_TERM:] - total[:-_STEPS_SHORT_TERM]) / _STEPS_SHORT_TERM
        mean_square = mean_square[mean_square >= _GATE_MEAN_SQUARE]
        if not len(mean_square):
            return 0.0
        mean_square = mean_square[mean_square >= mean_square.mean() * 10 ** (_RELATIVE_GATE_LU / 10)]
        low, high = np.quantile(mean_square, [_LOW, _HIGH])
        return lufs_of(float(high)) - lufs_of(float(low))

    def _step_done(self, mean_square: float) -> None:
        self._steps.append(mean_square)


def loudness_range_lu(audio: NDArray[Any], sample_rate_hz: int) -> float:
    """Loudness range of (samples,) or (channels, samples); 0 for a steady tone and for silence.

    >>> tone = np.sin(2 * np.pi * 997 * np.arange(10 * 48_000) / 48_000)
    >>> abs(round(loudness_range_lu(tone, 48_000), 1))
    0.0
    """
    audio = np.atleast_2d(np.asarray(audio, np.float32))
    meter = RangeMeter(sample_rate_hz, len(audio))
    meter.push(audio)
    return meter.loudness_range_lu()
