"""Short-time spectra for the denoiser: the same grid in Hz at every sample rate, and back without a seam.

Windows last 93 ms (Hann, hop of a quarter), so that the partials of a chord are told apart from the noise between
them: with ideal gains of bins that is worth 0.4 dB over 46 ms in pink hiss 10 dB under the music, and 0.1 dB in white.
Frame f covers
the samples [(f - 3) * hop, (f + 1) * hop) of the recording; before and after it there is silence.

Bins are gathered into rows: one bin each up to 2.8 kHz, then twice as many with every octave. Most of the music's
partials, and most of the hiss of a record, lie where rows are single bins.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from tonewheel.audio.spectra import hann

WINDOW_S = 4096 / 44_100
OVERLAP = 4
SINGLE_BINS = 256
LOWEST_DB = -150.0
"""Level of digital silence."""


class Grid(NamedTuple):
    """Window and hop in samples; for every bin the row it belongs to, (bins,); bins in every row, (rows,)."""

    n_fft: int
    hop: int
    row_of_bin: Tensor
    bins_of_row: Tensor

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.bins_of_row)


@lru_cache(maxsize=16)
def grid(sample_rate_hz: int) -> Grid:
    """The grid of a sample rate; a row means the same frequencies, to 1 %, at every rate.

    >>> grid(44_100).n_fft, grid(44_100).rows, grid(48_000).n_fft, grid(8_000).rows
    (4096, 640, 4460, 314)
    """
    n_fft = OVERLAP * round(WINDOW_S * sample_rate_hz / OVERLAP)
    bins = np.arange(n_fft // 2 + 1)
    # In octave k from 1 on, 128 rows of 2 ** k bins.
    octave = np.maximum(0, np.floor(np.log2(np.maximum(bins, 1) * 2 / SINGLE_BINS)).astype(np.int64))
    first_bin = np.where(octave > 0, SINGLE_BINS << np.maximum(octave - 1, 0), 0)
    first_row = np.where(octave > 0, SINGLE_BINS + (octave - 1) * (SINGLE_BINS // 2), 0)
    row = first_row + ((bins - first_bin) >> octave)
    row[-1] = row[-2]  # the bin at half the sample rate alone makes no row
    return Grid(n_fft, n_fft // OVERLAP, torch.from_numpy(row), torch.from_numpy(np.bincount(row)))


def analyse(audio: Tensor, grid: Grid) -> Tensor:
    """Spectra of the windows that fit, unpadded: (n, samples) -> (n, bins, frames) complex64."""
    window = torch.from_numpy(hann(grid.n_fft)).to(audio)
    spectra: Tensor = torch.stft(
        audio, grid.n_fft, grid.hop, window=window, center=False, onesided=True, return_complex=True
    )
    return spectra


def synthesise(spectra: Tensor, grid: Grid) -> Tensor:
    """Overlap-added windows: (n, bins, frames) -> (n, (frames + 3) * hop).

    What four windows cover is exact; the first and last 3 * hop samples are not, and belong to neighbours.
    """
    # The squares of four Hann windows add up to 1.5.
    window = torch.from_numpy(hann(grid.n_fft)).float() / 1.5
    windows = torch.fft.irfft(spectra.transpose(1, 2), n=grid.n_fft) * window
    count, frames = windows.shape[:2]
    quarters = windows.view(count, frames, OVERLAP, grid.hop)
    out: Tensor = windows.new_zeros((count, frames + OVERLAP - 1, grid.hop))
    for number in range(OVERLAP):
        out[:, number : number + frames] += quarters[:, :, number]
    return out.view(count, -1)


def row_levels(spectra: Tensor, grid: Grid) -> Tensor:
    """Mean power of every row in dB; white noise of RMS 1 has 0 dB. Shape: (n, bins, frames) -> (n, rows, frames)."""
    power = torch.view_as_real(spectra).square().sum(-1)
    summed = power.new_zeros((power.shape[0], grid.rows, power.shape[2])).index_add_(
        1, grid.row_of_bin, power
    )
    scale = grid.bins_of_row[:, None] * (grid.n_fft * 0.375)  # the sum of the squares of the window
    levels: Tensor = 10 * torch.log10(summed / scale + 10 ** (LOWEST_DB / 10))
    return levels


def to_bins(gains: Tensor, grid: Grid) -> Tensor:
    """The gain of its row for every bin: (n, rows, frames) -> (n, bins, frames)."""
    return gains[:, grid.row_of_bin]
