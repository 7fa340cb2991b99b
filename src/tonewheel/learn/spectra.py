"""The torch twin of audio/spectra.py: log-mel as a module, for training and for export."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tonewheel.audio.spectra import MelSpec, hann, mel_filterbank


class LogMel(nn.Module):
    """Natural log of the mel power, equal to `audio.spectra.log_mel` to 1e-5 on music.

    Shape: (..., samples) at spec.sample_rate_hz -> (..., n_mels, frames). The tables are buffers that are not
    saved with the weights: the spec makes them anew.

    >>> module = LogMel(MelSpec())
    >>> module(torch.zeros(2, 16_000)).shape
    torch.Size([2, 64, 59])
    """

    window: Tensor
    filters: Tensor

    def __init__(self, spec: MelSpec | None = None) -> None:
        super().__init__()
        self.spec = spec or MelSpec()
        self.register_buffer("window", torch.from_numpy(hann(self.spec.n_fft)).float(), persistent=False)
        self.register_buffer("filters", torch.from_numpy(mel_filterbank(self.spec)), persistent=False)

    def forward(self, audio: Tensor) -> Tensor:
        spec = self.spec
        spectrum = torch.stft(
            audio.reshape(-1, audio.shape[-1]),
            spec.n_fft,
            spec.hop_samples,
            window=self.window,
            center=False,
            return_complex=True,
        )
        power = torch.view_as_real(spectrum).square().sum(-1)  # not abs(): exports, and has a gradient at 0
        mel = torch.matmul(self.filters, power).clamp_min(spec.floor).log()
        return mel.reshape(*audio.shape[:-1], *mel.shape[-2:])
