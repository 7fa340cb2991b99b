"""Histograms of levels that grow while a recording is read, so that quantiles need no second look at it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LOWEST_DB, HIGHEST_DB, STEP_DB = -180.0, 20.0, 0.5
SILENT_DB = -170.0
"""What is as quiet as this is digital silence, and no noise that anybody recorded."""


class Levels:
    """One histogram a row (a frequency or a band) of levels in dB; memory does not grow with the recording.

    >>> levels = Levels(2)
    >>> levels.add(np.array([[-60.0, -50.0, -40.0], [-20.0, -20.0, -20.0]]))
    >>> levels.quantile(0.5).tolist()
    [-50.0, -20.0]
    """

    def __init__(self, rows: int) -> None:
        self.counts = np.zeros((rows, round((HIGHEST_DB - LOWEST_DB) / STEP_DB) + 1), np.int64)
        self.levels_db: Floats = LOWEST_DB + STEP_DB * np.arange(self.counts.shape[1], dtype=np.float64)

    def add(self, level_db: NDArray[Any]) -> None:
        """Count (rows, frames) levels."""
        own = np.arange(len(level_db))
        width = self.counts.shape[1]
        step = np.clip(np.rint((level_db - LOWEST_DB) / STEP_DB), 0, width - 1).astype(np.int64)
        flat = np.bincount((own[:, None] * width + step).ravel(), minlength=self.counts.size)
        self.counts += flat.reshape(self.counts.shape)

    def quantile(self, share: float) -> Floats:
        """The level that this share of a row's sounding frames is not above, (rows,); `LOWEST_DB` if none sounds."""
        below = np.cumsum(self.sounding, axis=1)
        found: Floats = self.levels_db[np.argmax(below >= np.maximum(share * below[:, -1:], 1), axis=1)]
        return np.where(below[:, -1] > 0, found, LOWEST_DB)

    def share_below(self, level_db: Floats) -> Floats:
        """Which share of a row's sounding frames is not above a level of its own, (rows,)."""
        inside = self.levels_db[None, :] <= level_db[:, None]
        share: Floats = (self.sounding * inside).sum(axis=1) / np.maximum(self.sounding.sum(axis=1), 1)
        return share

    @property
    def sounding(self) -> NDArray[np.int64]:
        """Counts without those of digital silence."""
        return self.counts * (self.levels_db > SILENT_DB)
