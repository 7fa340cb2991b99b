"""How good verdicts are: cross-entropy of being hit, and the likelihood of the damage under the size told.

The size is that of a t distribution around 0 (Student), so that one sample that was missed costs a bounded amount.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from tonewheel.systems.restore.clicks.model import Judged
from tonewheel.systems.restore.clicks.recipe import LossRecipe


class Losses(NamedTuple):
    """Scalars: mean over samples, and over the samples that are hit."""

    hit: Tensor
    size: Tensor


def is_hit(damage: Tensor, visible: float) -> Tensor:
    """1 for samples whose damage, or a neighbour's, reaches `visible`. Shape (n, samples), damage in scales.

    >>> is_hit(torch.tensor([[0.0, 0.2, 3.0, 0.2, 0.0]]), 1.0).tolist()
    [[0.0, 1.0, 1.0, 1.0, 0.0]]
    """
    # A waveform that passes through 0 is damage there too; what was not touched at all is not.
    near = functional.max_pool1d(damage.abs().unsqueeze(1), 3, stride=1, padding=1).squeeze(1)
    return ((near >= visible) & (damage != 0)).float()


def losses(judged: Judged, damage: Tensor, settings: LossRecipe, known: Tensor | None = None) -> Losses:
    """Losses of verdicts against the true `damage`, (n, samples) in residual scales.

    With `known`, of the same shape, only samples count where it is 1.
    """
    target = is_hit(damage, settings.visible)
    weight = 1 + (settings.hit_weight - 1) * target
    if known is not None:
        weight = weight * known / known.mean().clamp_min(1e-6)
    hit = functional.binary_cross_entropy_with_logits(judged.hit, target, weight)
    # Sizes of what is not hit are not asked for: nearly all samples would pull them down, the hit ones with them.
    asked = target if known is None else target * known
    nu = settings.freedom
    surprise = torch.log1p(damage.square() * torch.exp(-2 * judged.size) / nu)
    size = judged.size + (nu + 1) / 2 * surprise
    return Losses(hit, (asked * size).sum() / asked.sum().clamp_min(1))
