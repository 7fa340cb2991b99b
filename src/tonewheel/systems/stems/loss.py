"""What shares of the mix are compared by: the amplitude of the error of each stem beside that of the stem.

Shape of everything with stems: (n, 5, 2, ROWS, frames). The error of a stem is exact for shares that are equal within
a row, see `data`. It is a ratio of amplitudes and not its logarithm: in decibels the silence of absent stems has more
to give than any stem that sounds, and a network that learns from it falls silent first and seldom recovers. A part of
the mix counts beside the stem, so that absent stems have the aim of silence and faint ones do not rule the gradient.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tonewheel.systems.stems.data import Batch
from tonewheel.systems.stems.recipe import LossRecipe
from tonewheel.systems.stems.rows import N_FFT, SAMPLE_RATE_HZ, row_starts

TINY = 1e-12
SMOOTH = 1e-5
"""Keeps the gradient finite where nothing is wrong."""


def errors(shares: Tensor, batch: Batch) -> Tensor:
    """Energy of stem minus estimate, by row and frame."""
    return (shares.square() * batch.power[:, None] - 2 * shares * batch.cross + batch.own).clamp_min(0)


def lift() -> Tensor:
    """Weight of each row that lifts what ears hear and energy hides: 6 dB an octave above 500 Hz, (ROWS, 1)."""
    frequency_hz = torch.from_numpy(row_starts()).float() * SAMPLE_RATE_HZ / N_FFT
    return (frequency_hz / 500).clamp_min(1)[:, None] ** 2


def loss(shares: Tensor, batch: Batch, recipe: LossRecipe) -> Tensor:
    """Mean over stems and examples of error over stem, in amplitude: 1 where a stem is missed, 0 where all is right."""
    error = errors(shares, batch)
    weight = lift().to(error)
    plain = _ratio(error, batch.own, batch.power, recipe)
    bright = _ratio(error * weight, batch.own * weight, batch.power * weight, recipe)
    return ((1 - recipe.bright_weight) * plain + recipe.bright_weight * bright).mean()


def _ratio(error: Tensor, own: Tensor, power: Tensor, recipe: LossRecipe) -> Tensor:
    """Amplitude of the error of each stem over that of the stem and a part of the mix, (n, 5)."""
    mix = power.sum(dim=(1, 2, 3))[:, None]
    measure = own.sum(dim=(2, 3, 4)) + 10 ** (recipe.quiet_db / 10) * mix + TINY
    return torch.sqrt(error.sum(dim=(2, 3, 4)) / measure + SMOOTH)


def sdr(shares: Tensor, batch: Batch) -> Tensor:
    """Signal-to-distortion ratio of each stem in dB, (n, 5); NaN where a stem is absent or 40 dB under the mix."""
    own = batch.own.sum(dim=(2, 3, 4))
    ratio = 10 * torch.log10(own / (errors(shares, batch).sum(dim=(2, 3, 4)) + TINY) + TINY)
    heard = own > 1e-4 * batch.power.sum(dim=(1, 2, 3))[:, None]
    return torch.where(heard, ratio, torch.nan)


def ideal(batch: Batch) -> Tensor:
    """Shares by the true powers of the stems in each row: what a mask of this resolution can reach."""
    shares: Tensor = batch.own / (batch.own.sum(dim=1, keepdim=True) + TINY)
    return shares
