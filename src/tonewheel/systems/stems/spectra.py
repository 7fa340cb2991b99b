"""From stereo sound to the spectrum that the separator sees, and back.

Left and right become mid and side first, so that what stands in the middle is in one channel alone. Frames are
centred on multiples of the hop; the inverse divides by the summed squared windows, so that a spectrum that was not
changed gives its sound back (to rounding).
"""

from __future__ import annotations

import torch
from torch import Tensor

from tonewheel.systems.stems.rows import HOP, N_FFT


def mid_side(stereo: Tensor) -> Tensor:
    """(left, right) to (mid, side), each half of the sum and the difference. Shape: (..., 2, n) -> the same."""
    left, right = stereo.unbind(-2)
    return torch.stack([(left + right) / 2, (left - right) / 2], dim=-2)


def left_right(middle: Tensor) -> Tensor:
    """(mid, side) back to (left, right). Shape: (..., 2, n) -> the same."""
    mid, side = middle.unbind(-2)
    return torch.stack([mid + side, mid - side], dim=-2)


def analyse(stereo: Tensor) -> Tensor:
    """Spectrum of mid and side; frame k is centred on sample k * HOP, zeros beyond both ends.

    Shape: (..., 2, n) at 44.1 kHz -> (..., 2, bins, 1 + n // HOP, 2 of re and im), float32.
    """
    audio = mid_side(stereo)
    spectrum = torch.stft(
        audio.reshape(-1, audio.shape[-1]),
        N_FFT,
        HOP,
        window=torch.hann_window(N_FFT, dtype=audio.dtype, device=audio.device),
        center=True,
        pad_mode="constant",
        return_complex=True,
    )
    return torch.view_as_real(spectrum).reshape(*audio.shape[:-1], *spectrum.shape[-2:], 2)


def synthesise(spectrum: Tensor, samples: int) -> Tensor:
    """Stereo sound of a spectrum of mid and side. Shape: (..., 2, bins, frames, 2) -> (..., 2, samples).

    >>> audio = torch.randn(2, 20_000)
    >>> bool((synthesise(analyse(audio), 20_000) - audio).abs().max() < 1e-5)
    True
    """
    lead = spectrum.shape[:-3]
    audio = torch.istft(
        torch.view_as_complex(spectrum.reshape(-1, *spectrum.shape[-3:]).contiguous()),
        N_FFT,
        HOP,
        window=torch.hann_window(N_FFT, dtype=spectrum.dtype, device=spectrum.device),
        center=True,
        length=samples,
    )
    return left_right(audio.reshape(*lead, samples))
