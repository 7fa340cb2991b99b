"""What can be learned from recordings of which no clean version exists.

Four ideas: the same verdict on the same sound heard backwards (consistency), finding again what was put on it
(cycle), believing earlier weights where they are sure (pseudo-labels; both in `data`), and real and synthetic damage
held apart (contrast), so that the net sees how they differ.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from tonewheel.learn.losses import supcon
from tonewheel.systems.restore.clicks.features import BACKWARD, FORWARD, SIGNED
from tonewheel.systems.restore.clicks.model import STACKED, Judged

REMOVED = 0.1
"""Consistency acts from this chance of being hit on: over what is left alone it would reward leaving all alone."""
TEMPERATURE = 0.2


def backwards(features: Tensor, upside_down: bool = False) -> Tensor:
    """The features of the same sound played backwards, and with its polarity turned. Shape (n, features, samples).

    >>> from tonewheel.systems.restore.clicks.features import FEATURES
    >>> seen = torch.randn(1, FEATURES, 16)
    >>> bool((backwards(backwards(seen, True), True) == seen).all())
    True
    """
    turned = features.flip(-1).clone()
    turned[:, [FORWARD, BACKWARD]] = turned[:, [BACKWARD, FORWARD]]
    if upside_down:
        turned[:, SIGNED] = -turned[:, SIGNED]
    return turned


def consistency(ahead: Judged, back: Judged) -> Tensor:
    """Cross-entropy between verdicts on a sound and on itself backwards, where something is removed; scalar."""
    told = torch.sigmoid(ahead.hit.detach())
    heard = back.hit.flip(-1)
    removed = ((told > REMOVED) | (torch.sigmoid(heard.detach()) > REMOVED)).float()
    apart = functional.binary_cross_entropy_with_logits(heard, told, removed, reduction="sum")
    # Less the least it can be, so that agreement is 0.
    least = functional.binary_cross_entropy(told, told, removed, reduction="sum")
    return (apart - least) / removed.sum().clamp_min(1)


def contrast(described: Tensor, hit: Tensor, real: Tensor) -> Tensor:
    """Supervised contrastive loss of the mean description of what is hit, real against synthetic; scalar.

    Shape: described (n, width, groups), hit (n, samples) logits, real (n,) 0 or 1.
    """
    chance = torch.sigmoid(hit.detach()).reshape(len(hit), -1, STACKED).amax(dim=2)
    mean = (described * chance[:, None]).sum(dim=2) / chance.sum(dim=1, keepdim=True).clamp_min(1e-6)
    return supcon(mean, real.long(), TEMPERATURE)
