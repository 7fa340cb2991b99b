"""The bass is what lies low: a low-pass, what an equaliser does in a second."""

from __future__ import annotations

import torch
from torch import Tensor

from tonewheel.systems.stems.rows import BINS, N_FFT, SAMPLE_RATE_HZ, sub_share

CUTOFF_HZ = 150.0
SLOPE_OCTAVES = 1.0


class LowPass:
    """Below the cutoff all is bass (or sub), above it all is harmonic; at the cutoff half and half."""

    name = "low-pass"
    claims: tuple[str, ...] = ("bass", "sub")
    reach = 0

    def __init__(self, cutoff_hz: float = CUTOFF_HZ) -> None:
        frequency_hz = torch.arange(BINS).clamp_min(1) * SAMPLE_RATE_HZ / N_FFT
        octaves = torch.log2(frequency_hz / cutoff_hz) / SLOPE_OCTAVES
        low = 0.5 - 0.5 * torch.sin(torch.pi * octaves.clamp(-0.5, 0.5))
        sub = torch.from_numpy(sub_share())
        nothing = torch.zeros(BINS)
        self.gains = torch.stack([nothing, nothing, low * (1 - sub), 1 - low, nothing, low * sub])

    def shares(self, spectrum: Tensor) -> Tensor:
        """See `Masker`."""
        return self.gains[:, None, :, None].expand(-1, 1, -1, spectrum.shape[2])
