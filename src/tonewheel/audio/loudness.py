"""Programme loudness in LUFS by EBU R128 / ITU-R BS.1770-4, of a whole or of a stream.

K-weighting (a high shelf and a high-pass), mean square in blocks of 400 ms that overlap by 75 %, and the mean
of the blocks above -70 LUFS and above 10 LU below the mean of those. The filters are the standard's analogue
prototypes at the given rate (parameters as in libebur128), so any rate works. Differs from pyloudnorm, whose
filters are rounded, by less than 0.1 LU on music (tests/audio/test_loudness.py), and a little more on white noise.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Audio = NDArray[np.float32]

_STEPS_A_BLOCK = 4  # 400 ms blocks every 100 ms
_GATE_LUFS, _RELATIVE_GATE_LU = -70.0, -10.0
_OFFSET_LU = -0.691  # makes a 997 Hz sine of full scale in one channel -3.01 LUFS
_BIN_LU, _BINS = 0.01, 10_000  # the histogram covers -70 to 30 LUFS
_HIGH_PASS_A0_48_KHZ = 1.0049949
_WEIGHTS = {5: (1.0, 1.0, 1.0, 1.41, 1.41), 6: (1.0, 1.0, 1.0, 0.0, 1.41, 1.41)}  # L R C (LFE) Ls Rs


def integrated_lufs(audio: NDArray[Any], sample_rate_hz: int) -> float:
    """Integrated loudness of (samples,) or (channels, samples); -inf for silence.

    Sound shorter than 400 ms is measured as one block.

    >>> import numpy as np
    >>> tone = np.sin(2 * np.pi * 997 * np.arange(96_000) / 48_000)
    >>> round(integrated_lufs(tone, 48_000), 2)
    -3.01
    """
    audio = np.atleast_2d(np.asarray(audio, np.float32))
    meter = LoudnessMeter(sample_rate_hz, len(audio))
    for first in range(0, audio.shape[-1], 10 * sample_rate_hz):  # bounds the memory of the filters
        meter.push(audio[:, first : first + 10 * sample_rate_hz])
    return meter.integrated_lufs()


def normalise(audio: NDArray[Any], sample_rate_hz: int, target_lufs: float = -23.0) -> tuple[Audio, float]:
    """The audio at the target loudness, and the gain in dB that was applied.

    Silence comes back unchanged with gain 0. Peaks may pass 1: nothing is limited.

    >>> import numpy as np
    >>> tone = np.sin(2 * np.pi * 997 * np.arange(96_000) / 48_000)
    >>> round(normalise(tone, 48_000)[1], 2)
    -19.99
    """
    audio = np.asarray(audio, np.float32)
    lufs = integrated_lufs(audio, sample_rate_hz)
    if not math.isfinite(lufs):
        return audio, 0.0
    gain_db = target_lufs - lufs
    return audio * np.float32(10.0 ** (gain_db / 20.0)), gain_db


class LoudnessMeter:
    """Integrated loudness of a stream: push blocks of any length, ask at any time.

    Memory does not grow: blocks are kept as a histogram of 0.01 LU with the energy of each bin.

    >>> import numpy as np
    >>> meter = LoudnessMeter(16_000)
    >>> for _ in range(100):
    ...     meter.push(np.zeros(1_600, np.float32))
    >>> meter.integrated_lufs()
    -inf
    """

    def __init__(self, sample_rate_hz: int, channels: int = 1) -> None:
        self._sos = k_weighting(sample_rate_hz)
        self._state = np.zeros((len(self._sos), channels, 2))
        self._weights = np.array(_WEIGHTS.get(channels, (1.0,) * channels))
        self._step_samples = max(1, round(0.1 * sample_rate_hz))
        self._energy_of_part, self._samples_of_part = 0.0, 0  # of the 100 ms step that is being filled
        self._recent: list[float] = []  # mean squares of the last steps
        self._counts, self._energies = np.zeros(_BINS, np.int64), np.zeros(_BINS)
        self._whole_block_seen = False

    def push(self, block: NDArray[Any]) -> None:
        """Add (samples,) or (channels, samples)."""
        from scipy.signal import sosfilt

        block = np.atleast_2d(np.asarray(block, np.float64))
        weighted, self._state = sosfilt(self._sos, block, axis=-1, zi=self._state)
        energy = self._weights @ np.square(weighted)
        first = self._step_samples - self._samples_of_part
        edges = [0, *range(first, len(energy) + 1, self._step_samples)]
        if edges[-1] != len(energy):
            edges.append(len(energy))
        for begin, end in pairwise(edges):
            self._energy_of_part += float(energy[begin:end].sum())
            self._samples_of_part += end - begin
            if self._samples_of_part == self._step_samples:
                self._end_step()

    def integrated_lufs(self) -> float:
        """The loudness of everything so far; -inf when all of it is below -70 LUFS."""
        counts, energies = self._counts, self._energies
        if not self._whole_block_seen:
            steps = len(self._recent) + self._samples_of_part / self._step_samples
            part = self._energy_of_part / self._step_samples
            lufs = lufs_of((sum(self._recent) + part) / steps) if steps else -math.inf
            return lufs if lufs >= _GATE_LUFS else -math.inf
        if not counts.any():
            return -math.inf
        gate_lufs = lufs_of(energies.sum() / counts.sum()) + _RELATIVE_GATE_LU
        kept = slice(max(0, math.ceil((gate_lufs - _GATE_LUFS) / _BIN_LU)), None)
        return lufs_of(energies[kept].sum() / counts[kept].sum())

    def _end_step(self) -> None:
        self._recent.append(self._energy_of_part / self._step_samples)
        self._step_done(self._recent[-1])
        self._energy_of_part, self._samples_of_part = 0.0, 0
        if len(self._recent) < _STEPS_A_BLOCK:
            return
        self._whole_block_seen = True
        energy = sum(self._recent) / _STEPS_A_BLOCK
        del self._recent[0]
        lufs = lufs_of(energy)
        if lufs >= _GATE_LUFS:
            at = min(_BINS - 1, int((lufs - _GATE_LUFS) / _BIN_LU))
            self._counts[at] += 1
            self._energies[at] += energy

    def _step_done(self, mean_square: float) -> None:
        """A place for meters that keep the course of the loudness."""


def k_weighting(sample_rate_hz: int) -> NDArray[np.float64]:
    """The K filter at a rate as second-order sections, (sections, 6); the standard's own numbers at 48 kHz.

    Below 3.7 kHz there is no room for the high shelf, which leaves that band alone anyway.

    >>> k_weighting(48_000)[0].round(4).tolist()
    [1.5351, -2.6917, 1.1984, 1.0, -1.6907, 0.7325]
    """
    sections = []
    if sample_rate_hz > 2.2 * 1681.974450955533:
        k, q = math.tan(math.pi * 1681.974450955533 / sample_rate_hz), 0.7071752369554196
        high = 10 ** (3.999843853973347 / 20)
        middle = high**0.4996667741545416
        a0 = 1 + k / q + k * k
        b = (high + middle * k / q + k * k, 2 * (k * k - high), high - middle * k / q + k * k)
        sections.append([x / a0 for x in b] + [1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0])
    k, q = math.tan(math.pi * 38.13547087602444 / sample_rate_hz), 0.5003270373238773
    a0 = 1 + k / q + k * k
    gain = _HIGH_PASS_A0_48_KHZ / a0  # the standard leaves out the division by a0, which at 48 kHz is near 1
    sections.append([gain, -2 * gain, gain, 1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0])
    return np.array(sections)


def lufs_of(mean_square: float) -> float:
    """The loudness of a K-weighted mean square; -inf for none.

    >>> round(lufs_of(1.0), 3), lufs_of(0.0)
    (-0.691, -inf)
    """
    return _OFFSET_LU + 10 * math.log10(mean_square) if mean_square > 0 else -math.inf
