"""What the transcriber is trained towards: triangles around each hit, its label there, and its velocity."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from tonewheel.systems.drums.families import FAMILIES, FAMILY_OF, LABELS
from tonewheel.systems.drums.model import Frames
from tonewheel.systems.drums.recipe import LossRecipe

UNHEARD_FRAMES = 3
"""Frames on either side of a hit that cannot be heard where any answer is right."""


class Losses(NamedTuple):
    """Scalars: onset (cross-entropy a frame and family), label (a hit), velocity (mean square)."""

    onset: Tensor
    label: Tensor
    velocity: Tensor


def triangles(hits: Tensor, rows: Tensor, shape: tuple[int, int, int], half_width: float) -> Tensor:
    """A triangle of height 1 around every hit, at the fraction of a frame where it is; overlaps take the higher.

    Shape: hits (m, 5) as in `Batch`, rows (m,) of the output -> (n, rows, frames).

    >>> hit = torch.tensor([[0.0, 0.0, 2.5, 1.0, 1.0]])
    >>> triangles(hit, torch.tensor([0]), (1, 1, 5), 2.0).tolist()
    [[[0.0, 0.25, 0.75, 0.75, 0.25]]]
    """
    count, height, frames = shape
    out = hits.new_zeros(count * height * frames)
    reach = int(half_width) + 1
    base = torch.floor(hits[:, 2]).long()
    for offset in range(-reach, reach + 1):
        frame = base + offset
        value = (1 - (frame - hits[:, 2]).abs() / half_width).clamp_min(0)
        inside = (frame >= 0) & (frame < frames) & (value > 0)
        place = (hits[:, 0].long() * height + rows) * frames + frame
        out.scatter_reduce_(0, place[inside], value[inside], "amax")
    return out.reshape(shape)


def losses(frames: Frames, hits: Tensor, settings: LossRecipe) -> Losses:
    """All losses of a batch; a hit that cannot be heard asks for nothing, and forbids nothing."""
    count, _, length = frames.onset.shape
    family_of = torch.from_numpy(FAMILY_OF).to(hits.device)
    label = hits[:, 1].long()
    heard = hits[:, 4] > 0
    onset_shape = (count, len(FAMILIES), length)
    target = triangles(hits[heard], family_of[label[heard]], onset_shape, settings.half_width_frames)
    unheard = triangles(hits[~heard], family_of[label[~heard]], onset_shape, float(UNHEARD_FRAMES))
    weight = (1 + (settings.positive_weight - 1) * target) * ((unheard == 0) | (target > 0))
    onset = functional.binary_cross_entropy_with_logits(frames.onset, target, weight)
    # From here on at the frame of each hit alone.
    told, at = hits[heard], (hits[heard, 2] + 0.5).long().clamp(0, length - 1)
    clip, own = told[:, 0].long(), label[heard]
    if not len(told):
        nothing = frames.onset.sum() * 0
        return Losses(onset, nothing, nothing)
    there = triangles(told, own, (count, len(LABELS), length), settings.half_width_frames)[clip, :, at] > 0.4
    same = family_of[None, :] == family_of[own][:, None]
    likely = functional.binary_cross_entropy_with_logits(
        frames.label[clip, :, at], there.float(), same.float(), reduction="sum"
    )
    velocity = torch.sigmoid(frames.velocity[clip, own, at])
    return Losses(onset, likely / len(told), functional.mse_loss(velocity, told[:, 3]))
