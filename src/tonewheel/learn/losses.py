"""Contrastive losses on embeddings.

Shape:
    z, z_a, z_b   (examples, dimensions), of any length; they are scaled to unit length here
    labels        (examples,) integers; equal labels are the same song (class)
    result        scalar
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize


def ntxent(z_a: Tensor, z_b: Tensor, labels: Tensor | None = None, temperature: float = 0.05) -> Tensor:
    """Normalised temperature-scaled cross-entropy: row i of `z_a` belongs to row i of `z_b`, both ways.

    All other rows of both are negatives; with `labels`, those of the same label are left out instead of
    pushed away (two places of one song sound alike). Raises ValueError when the shapes do not fit.
    Source: Chen et al., A simple framework for contrastive learning of visual representations, 2020.

    >>> z = torch.eye(4)
    >>> round(ntxent(z, z, temperature=1.0).item(), 4)  # -log(e / (e + 6))
    1.1654
    """
    if z_a.shape != z_b.shape or z_a.ndim != 2:
        raise ValueError(
            f"z_a and z_b are (examples, dimensions) of one shape, got {z_a.shape} and {z_b.shape}"
        )
    count = len(z_a)
    logits = _similarity(torch.cat([z_a, z_b]), temperature)
    if labels is None:
        masked = torch.eye(2 * count, dtype=torch.bool, device=logits.device)
    else:
        twice = _checked(labels, count).repeat(2)
        masked = twice[:, None] == twice[None, :]
    positives = torch.arange(2 * count, device=logits.device).roll(count)
    masked = masked.scatter(1, positives[:, None], False)
    return cross_entropy(logits.masked_fill(masked, -torch.inf), positives)


def supcon(z: Tensor, labels: Tensor, temperature: float = 0.05) -> Tensor:
    """Supervised contrastive loss: every row of the same label is a positive, all other rows are negatives.

    The mean over the rows that have a positive, of the mean over their positives of the log-probability
    ("L_out"); 0 where no row has one. Raises ValueError when the shapes do not fit.
    Source: Khosla et al., Supervised contrastive learning, 2020, equation 2.

    >>> round(supcon(torch.eye(2).repeat(2, 1), torch.tensor([0, 1, 0, 1]), temperature=1.0).item(), 4)
    0.5514
    """
    if z.ndim != 2:
        raise ValueError(f"z is (examples, dimensions), got {z.shape}")
    labels = _checked(labels, len(z))
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    positive = (labels[:, None] == labels[None, :]) & ~itself
    logits = _similarity(z, temperature).masked_fill(itself, -torch.inf)
    log_probability = torch.log_softmax(logits, dim=1).masked_fill(~positive, 0.0)
    positives = positive.sum(dim=1)
    per_row = -log_probability.sum(dim=1) / positives.clamp(min=1)
    return per_row.sum() / (positives > 0).sum().clamp(min=1)


def _similarity(z: Tensor, temperature: float) -> Tensor:
    # In float32 even under bf16 autocast: at temperature 0.05 a bf16 cosine is off by 0.08 in the exponent.
    with torch.autocast(z.device.type, enabled=False):
        unit = normalize(z.float() if z.dtype in (torch.bfloat16, torch.float16) else z, dim=1)
        return unit @ unit.T / temperature


def _checked(labels: Tensor, count: int) -> Tensor:
    if labels.shape != (count,):
        raise ValueError(f"labels are one integer an example ({count},), got {tuple(labels.shape)}")
    return labels
