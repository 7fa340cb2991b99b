"""The torch twin of audio/spectra.py: log-mel as a module, for training and for export."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tonewheel.audio.spectra import MelSpec, hann, mel_filterbank


class LogMel(nn.Module):
    """Natural log of the mel power, equal to `audio.spectra.log_mel` to 1e-5.

    Shape: (..., samples) at spec.sample_rate_hz -> (..., n_mels, frames). The tables are buffers that are not
    saved with the weights: the spec makes them anew. `precise=False` transforms in float32: half the time,
    for training and for machines without float64, equal to 2e-4 at worst and 1e-5 mostly.

    >>> module = LogMel(MelSpec())
    >>> module(torch.zeros(2, 16_000)).shape
    torch.Size([2, 64, 59])
    """

    window: Tensor
    filters: Tensor

    def __init__(self, spec: MelSpec | None = None, precise: bool = True) -> None:
        super().__init__()
        self.precise = precise
        self.spec = spec or MelSpec()
        window = torch.from_numpy(hann(self.spec.n_fft))
        self.register_buffer("window", window if precise else window.float(), persistent=False)
        self.register_buffer("filters", torch.from_numpy(mel_filterbank(self.spec)), persistent=False)

    def forward(self, audio: Tensor) -> Tensor:
        spec = self.spec
        if audio.shape[-1] < spec.n_fft:
            return self.filters.new_zeros((*audio.shape[:-1], spec.n_mels, 0))
        dtype = torch.float64 if self.precise else torch.float32
        spectrum = torch.stft(
            audio.reshape(-1, audio.shape[-1]).to(dtype),
            spec.n_fft,
            spec.hop_samples,
            window=self.window.to(dtype),
            center=False,
            return_complex=True,
        )
        power = torch.view_as_real(spectrum).square().sum(-1)  # not abs(): exports, and has a gradient at 0
        mel = torch.matmul(self.filters, power.to(self.filters.dtype)).clamp_min(spec.floor).log()
        return mel.reshape(*audio.shape[:-1], *mel.shape[-2:])
