"""Every stem the same share of the mix: mix / N, the figure from which everything starts."""

from __future__ import annotations

import torch
from torch import Tensor

from tonewheel.manifest.stems import FOLD_2, FOLD_4, STEMS


class EqualShares:
    """Each of N stems of a fold is mix / N; of the six, those that a fold joins divide its share.

    >>> EqualShares(4).shares(torch.zeros(2, 5, 3, 2))[:, 0, 0, 0].tolist()
    [0.25, 0.25, 0.125, 0.125, 0.125, 0.125]
    """

    name = "mix / N"
    claims: tuple[str, ...] = (*STEMS, *FOLD_4, *FOLD_2)
    reach = 0

    def __init__(self, fold: int = 6) -> None:
        from tonewheel.manifest.stems import fold_rows

        rows = fold_rows(fold)
        self.gains = torch.zeros(len(STEMS))
        for members in rows.values():
            self.gains[members] = 1 / len(rows) / len(members)

    def shares(self, spectrum: Tensor) -> Tensor:
        """See `Masker`."""
        return self.gains[:, None, None, None].expand(-1, 1, *spectrum.shape[1:3])
