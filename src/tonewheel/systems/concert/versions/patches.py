"""What an embedding is made of: for each pitch class, three registers over three seconds around a moment.

Octaves of a pitch map are folded into registers, so a semitone is one turn of the twelve classes, and the
neighbourhood in time is laid beside each moment. Two moments a second.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from tonewheel.core.records import Record
from tonewheel.systems.concert.versions.pitches import PitchSpec

Floats = NDArray[np.float32]
CLASSES = 12
FRAMES_A_ROW = 8
"""Frames of the pitch map for one row: at 16 a second, two rows a second."""


class PatchSpec(Record):
    """What is laid together for a row."""

    registers: tuple[tuple[int, ...], ...] = ((0, 1), (2,), (3, 4))
    """Octaves of the pitch map, counted from its lowest, that are averaged."""
    steps: int = 6
    """Moments before and after the row that it sees."""
    step_frames: int = 4
    smooth_frames: float = 2.0
    """Standard deviation of the smoothing in time."""

    @property
    def size(self) -> int:
        """Numbers for each pitch class."""
        return len(self.registers) * (2 * self.steps + 1)


def patches(pitches: Floats, pitch_spec: PitchSpec, spec: PatchSpec) -> Floats:
    """Rows of a pitch map, see `pitches`. Shape: (bins, frames) -> (frames / 8, 12, size), the last row begun.

    What lies before the first and after the last frame is as these are.

    >>> spec, rows = PatchSpec(), PitchSpec()
    >>> low = np.zeros((rows.bins, 40), np.float32)
    >>> low[2 * 7] = 1.0  # the eighth semitone, G
    >>> found = patches(low, rows, spec)
    >>> found.shape, int(found[2].sum(axis=1).argmax())
    ((5, 12, 39), 7)
    """
    on = pitches.reshape(pitch_spec.octaves, CLASSES, pitch_spec.bins_per_semitone, -1)[:, :, 0]
    registers = np.stack([on[list(octaves)].mean(axis=0) for octaves in spec.registers], axis=1)
    smooth = gaussian_filter1d(registers, spec.smooth_frames, axis=2, mode="nearest")
    rows = np.arange(0, smooth.shape[2], FRAMES_A_ROW)
    at = rows[:, None] + spec.step_frames * np.arange(-spec.steps, spec.steps + 1)
    seen = smooth[:, :, np.clip(at, 0, smooth.shape[2] - 1)]  # class, register, row, moment
    return np.ascontiguousarray(seen.transpose(2, 0, 1, 3).reshape(len(rows), CLASSES, -1), np.float32)
