"""How often every row of a recording has which level: all that is known of its hiss before the network listens.

Steady noise shows in the low quantiles: wherever the music pauses, or has no partial, the level of the noise is left,
with the spread of noise and not of music. Histograms are added up block by block, so that an hour takes no more
memory than a second (the idea of minimum statistics: Martin, "Noise power spectral density estimation based on
optimal smoothing and minimum statistics", IEEE TSAP 2001, taken over a whole recording).
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tonewheel.systems.restore.hiss.frames import LOWEST_DB, OVERLAP, analyse, grid, row_levels

QUANTILES = (0.03, 0.1, 0.25, 0.5, 0.75, 0.95)
STEP_DB = 0.5
STEPS = 360
"""From LOWEST_DB up to 30 dB."""
SILENT_DB = -120.0
"""Frames below this mean level are digital silence; they say nothing of the hiss."""
FRAMES_AT_ONCE = 256


class Levels:
    """Histograms of the level of every row of one channel, filled block by block.

    >>> levels = Levels(44_100)
    >>> levels.push(np.random.default_rng(0).normal(0, 0.01, 220_500).astype(np.float32))
    >>> levels.quantiles().shape, round(float(np.median(levels.quantiles()[3])))
    ((6, 640), -41)
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self.grid = grid(sample_rate_hz)
        self.counts = np.zeros((self.grid.rows, STEPS), np.int64)
        self.rest: NDArray[np.float32] = np.zeros(0, np.float32)

    def push(self, audio: NDArray[np.float32]) -> None:
        """The next block, mono (samples,), of any length."""
        known = np.concatenate([self.rest, audio])
        hop, most = self.grid.hop, FRAMES_AT_ONCE * self.grid.hop
        start = 0
        while len(known) - start >= self.grid.n_fft:
            block = known[start : start + most + (OVERLAP - 1) * hop]
            spectra = analyse(torch.from_numpy(block)[None], self.grid)
            self.add(row_levels(spectra, self.grid)[0])
            start += spectra.shape[2] * hop
        self.rest = known[start:]

    def add(self, levels_db: Tensor) -> None:
        """Count frames that are at hand already, (rows, frames)."""
        # A row wide enough to matter decides; bins at 0 Hz may hold an offset.
        loud = levels_db[2:].amax(dim=0) > SILENT_DB
        kept = levels_db[:, loud]
        step = ((kept - LOWEST_DB) / STEP_DB).long().clamp_(0, STEPS - 1)
        step += STEPS * torch.arange(len(step))[:, None]
        counted = np.bincount(step.numpy().ravel(), minlength=self.counts.size)
        self.counts += counted.reshape(self.counts.shape)

    def quantiles(self) -> NDArray[np.float32]:
        """Levels in dB that `QUANTILES` of the frames stay below, (6, rows); silence when nothing was heard."""
        total = np.cumsum(self.counts, axis=1)
        heard = int(total[0, -1])
        if heard == 0:
            return np.full((len(QUANTILES), len(total)), LOWEST_DB, np.float32)
        wanted = np.array(QUANTILES)[:, None, None] * heard
        at = (total[None] < wanted).sum(axis=2)
        rows = np.arange(len(total))
        before = np.where(at > 0, total[rows, np.maximum(at - 1, 0)], 0)
        share = (wanted[..., 0] - before) / np.maximum(self.counts[rows, at], 1)
        return np.asarray(LOWEST_DB + STEP_DB * (at + share), np.float32)

    def mean_power(self) -> NDArray[np.float64]:
        """Mean power of every row, (rows,), as fine as the histogram is."""
        power = 10 ** ((LOWEST_DB + STEP_DB * (np.arange(STEPS) + 0.5)) / 10)
        return np.asarray(self.counts @ power / max(1, int(self.counts[0].sum())))
