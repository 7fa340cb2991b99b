"""Drums are what is short and wide, the rest what is long and narrow: harmonic/percussive separation by medians.

Fitzgerald, "Harmonic/percussive separation using median filtering", DAFx 2010, with Wiener-like masks of power 2, as
`librosa.decompose.hpss` (a test shows that the masks are the same).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

KERNEL = 31
"""Frames, and bins, of the medians; librosa's default."""


class Hpss:
    """What is percussive is `drums`, what is harmonic is `harmonic`."""

    name = "HPSS"
    claims: tuple[str, ...] = ("drums", "harmonic", "other")
    reach = 16

    def shares(self, spectrum: Tensor) -> Tensor:
        """See `Masker`."""
        percussive = torch.from_numpy(percussive_share(spectrum.square().sum(-1).sqrt().numpy()))
        nothing = torch.zeros_like(percussive)
        return torch.stack([nothing, percussive, nothing, 1 - percussive, nothing, nothing])


def percussive_share(magnitude: np.ndarray) -> np.ndarray:
    """Share of each bin that is percussive. Shape: (..., bins, frames) -> the same, float32."""
    from scipy.ndimage import median_filter

    lead = (1,) * (magnitude.ndim - 2)
    along = median_filter(magnitude, size=(*lead, 1, KERNEL), mode="reflect")
    across = median_filter(magnitude, size=(*lead, KERNEL, 1), mode="reflect")
    harmonic, percussive = np.square(along, dtype=np.float64), np.square(across, dtype=np.float64)
    total = harmonic + percussive
    share = np.divide(percussive, total, out=np.full_like(total, 0.5), where=total > 0)
    return np.asarray(share, np.float32)
