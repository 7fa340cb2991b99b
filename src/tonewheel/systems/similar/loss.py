"""The loss of a head: triplets that are nearly right, so that there is something to learn and no noise to follow."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize


def semi_hard_triplet(z: Tensor, labels: Tensor, margin: float = 0.2) -> Tensor:
    """Mean of cos(anchor, negative) - cos(anchor, positive) + margin over semi-hard triplets; 0 without one.

    Semi-hard: the negative is further than the positive, but by less than the margin. Equal to
    pytorch-metric-learning's TripletMarginLoss with CosineSimilarity and its semi-hard miner. Shapes: z (examples,
    dimensions), scaled to unit length here, labels (examples,). Source: Schroff et al., "FaceNet", 2015.

    >>> z = torch.nn.functional.normalize(torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.9, 0.2]]))
    >>> round(semi_hard_triplet(z, torch.tensor([0, 0, 1])).item(), 3)
    0.182
    """
    if z.ndim != 2 or labels.shape != (len(z),):
        raise ValueError(f"z {tuple(z.shape)} and labels {tuple(labels.shape)}: expected (n, size) and (n,)")
    unit = normalize(z.float(), dim=1)
    cosine = unit @ unit.T
    same = labels[:, None] == labels[None, :]
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    # by[a, p, n]: how much nearer the positive p is to the anchor a than the negative n.
    by = cosine[:, :, None] - cosine[:, None, :]
    triplet = (same & ~itself)[:, :, None] & ~same[:, None, :]
    mined = triplet & (by.detach() > 0) & (by.detach() <= margin)
    wrong = (margin - by).clamp_min(0) * mined
    # What is exactly at the margin has nothing left to say.
    return wrong.sum() / (wrong.detach() > 0).sum().clamp(min=1)
