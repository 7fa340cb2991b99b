"""The oracle: shares from the true stems, what a separator of this kind would reach if it knew them.

`bins` is the ideal ratio mask, the share of each stem's power in the sum of all, bin by bin (as sigsep-mus-oracle
has it by default); `rows` gives all bins of a row of our network the same share, `bands` those of each of 64 mel
bands. Shares of magnitudes (power 1) are worse by about 1 dB; who knows the phases too can find slightly better ones.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tonewheel.audio.spectra import MelSpec, mel_filterbank
from tonewheel.systems.stems.rows import N_FFT, SAMPLE_RATE_HZ, row_of_bin
from tonewheel.systems.stems.spectra import analyse

Resolution = Literal["bins", "rows", "bands"]
BANDS = 64


def true_shares(stems: NDArray[Any], resolution: Resolution = "bins", power: float = 2.0) -> Tensor:
    """The share of each stem in each bin. Shape: (stems, 2, samples) at 44.1 kHz -> (stems, 2, bins, frames).

    Where all are silent, all have the same share.

    >>> stems = np.zeros((2, 2, 9000)); stems[0] = np.sin(np.arange(9000))
    >>> true_shares(stems)[0, 0, 652].mean().round().item()
    1.0
    """
    sizes = torch.stack(
        [analyse(torch.from_numpy(np.asarray(stem, np.float32))).square().sum(-1) for stem in stems]
    ).pow(power / 2)
    if resolution != "bins":
        gather, spread = _groups(resolution)
        sizes = torch.einsum("gb,scbf->scgf", gather, sizes).index_select(2, spread)
    total = sizes.sum(0)
    return torch.where(total > 1e-12, sizes / total.clamp_min(1e-12), 1 / len(stems))


def _groups(resolution: Resolution) -> tuple[Tensor, Tensor]:
    """Which bins are added up, (groups, bins), and the group of each bin."""
    if resolution == "rows":
        spread = torch.from_numpy(row_of_bin())
        return torch.nn.functional.one_hot(spread).float().T, spread
    spec = MelSpec(
        sample_rate_hz=SAMPLE_RATE_HZ, n_fft=N_FFT, hop_samples=N_FFT // 4, n_mels=BANDS, f_min_hz=0.0,
        f_max_hz=SAMPLE_RATE_HZ / 2, mel_norm="none",
    )  # fmt: skip
    spread = torch.from_numpy(mel_filterbank(spec)).argmax(0)
    return torch.nn.functional.one_hot(spread, BANDS).float().T, spread
