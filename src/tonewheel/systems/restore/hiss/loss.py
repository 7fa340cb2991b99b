"""What the denoiser is trained towards: little distortion of the waveform, and spectra as near as they can be.

The distortion is that of SI-SDR without the freedom of level, in dB, so that an example with faint hiss counts as
much as one with strong hiss; below `enough_db` nothing is asked for any more. The log-spectral distance is the
metric's own: 46 ms, everything 80 dB under the loudest bin counts as silence.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from tonewheel.metrics.log_spectral import FLOOR_DB
from tonewheel.systems.restore.hiss.data import Batch
from tonewheel.systems.restore.hiss.frames import OVERLAP, Grid, analyse, row_levels, synthesise, to_bins
from tonewheel.systems.restore.hiss.model import DEEPEST_DB, Denoiser
from tonewheel.systems.restore.hiss.recipe import LossRecipe

DISTANCE_FFT, DISTANCE_HOP = 2048, 1024
TOO_MUCH = 1.5
"""How much worse a floor that is too high is than a right one, and a right one than one that is too low."""


class Losses(NamedTuple):
    """One value an example, shape (n,), in dB: distortion under the music, spectral distance, error of the floor."""

    distortion: Tensor
    distance: Tensor
    floor: Tensor

    def total(self, settings: LossRecipe) -> Tensor:
        """The weighted sum, mean over the examples."""
        return (
            self.distortion + settings.distance_weight * self.distance + settings.floor_weight * self.floor
        ).mean()


def losses(model: Denoiser, batch: Batch, grid: Grid, settings: LossRecipe) -> Losses:
    """Clean a batch and compare."""
    spectra = analyse(batch.noisy, grid)
    floor = model.floor(batch.quantiles)
    # What a wrong floor costs in the music teaches it too: its own loss counts all rows alike.
    gains = model(row_levels(spectra, grid), batch.quantiles, floor)
    cleaned = synthesise(spectra * to_bins(gains.float(), grid), grid)
    edge = (OVERLAP - 1) * grid.hop
    cleaned, clean = cleaned[:, edge:-edge], batch.clean[:, edge : cleaned.shape[1] - edge]
    error = (cleaned - clean).square().mean(dim=1) / batch.power
    distortion = 10 * torch.log10(error + 10 ** (-settings.enough_db / 10))
    deepest = batch.quantiles[:, 1] + DEEPEST_DB
    above = floor - torch.maximum(batch.floor, deepest)
    # Hiss that is not there costs music, hiss that is missed stays: in doubt there is less of it.
    off = torch.where(above > 0, TOO_MUCH * above, -above / TOO_MUCH).mean(dim=1)
    return Losses(distortion, distance_db(clean, cleaned), off)


def distance_db(clean: Tensor, cleaned: Tensor) -> Tensor:
    """Log-spectral distance with a gradient, dB. Shape: (n, samples) twice -> (n,)."""
    power = [_power(signal) for signal in (clean, cleaned)]
    floor = power[0].amax(dim=(1, 2), keepdim=True) * 10 ** (FLOOR_DB / 10) + 1e-12
    first, second = (10 * torch.log10(one.clamp_min(floor)) for one in power)
    return ((first - second).square().mean(dim=1) + 1e-4).sqrt().mean(dim=1)


def _power(signal: Tensor) -> Tensor:
    window = torch.hann_window(DISTANCE_FFT)
    spectra = torch.stft(signal, DISTANCE_FFT, DISTANCE_HOP, window=window, center=False, return_complex=True)
    return torch.view_as_real(spectra).square().sum(-1)
