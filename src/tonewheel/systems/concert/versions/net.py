"""The version encoder: pitch maps in, every half second a table of the twelve pitch classes out.

Convolutions over pitch and time do the same at every pitch; octaves are then folded onto each other, and
convolutions around the circle of pitch classes do the same at every class. So a song that is transposed by k
semitones gives the same tables, turned by k rows (but for what leaves the five octaves): nothing about keys has
to be learned, and twelve turns of a query are all keys. After "group equivariant convolutional networks"
(Cohen and Welling, ICML 2016) for the cyclic group of twelve.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from tonewheel.systems.concert.versions.recipe import VersionEncoderRecipe

CLASSES = 12
FRAMES_A_ROW = 8
"""Frames of the pitch map for one embedding: at 16 a second, two embeddings a second."""


class AroundTheClasses(nn.Module):
    """A convolution over all twelve classes, as a circle, and some time.

    Shape: (n, i, 12, t) -> (n, o, 12, t / stride).
    """

    def __init__(self, channels_in: int, channels_out: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            channels_in, channels_out, (CLASSES, 3), stride=(1, stride), padding=(0, 1), bias=False
        )
        self.norm = nn.BatchNorm2d(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        around = torch.cat([x, x[:, :, : CLASSES - 1]], dim=2)
        return functional.relu(self.norm(self.conv(around)))


class VersionEncoder(nn.Module):
    """Map pitch maps to tables of pitch classes of unit length.

    Shape: (n, bins, frames) -> (n, frames / 8, 12, size), at 16 frames a second two tables a second.

    >>> encoder = VersionEncoder(VersionEncoderRecipe(), bins_per_semitone=2, octaves=5).eval()
    >>> tables = encoder(torch.rand(2, 120, 64)).detach()
    >>> tuple(tables.shape), round(float(tables[0, 0].norm()), 4)
    ((2, 8, 12, 8), 1.0)
    """

    def __init__(self, recipe: VersionEncoderRecipe, bins_per_semitone: int, octaves: int) -> None:
        super().__init__()
        first, second, third = recipe.channels
        self.octaves = octaves
        self.stem = nn.Conv2d(
            1,
            first,
            (2 * bins_per_semitone + 1, 5),
            stride=(bins_per_semitone, 2),
            padding=(bins_per_semitone, 2),
        )
        # Over an octave: a note, its fifth and its octave are seen together.
        self.chord = nn.Conv2d(first, second, (13, 3), stride=(1, 2), padding=(6, 1), bias=False)
        self.chord_norm = nn.BatchNorm2d(second)
        self.phrase = nn.Conv2d(second, third, (13, 3), padding=(6, 1), bias=False)
        self.phrase_norm = nn.BatchNorm2d(third)
        self.classes = nn.Sequential(
            AroundTheClasses(2 * third, recipe.classes),
            AroundTheClasses(recipe.classes, recipe.classes, stride=2),
        )
        self.project = nn.Conv2d(recipe.classes, recipe.size, (1, 3), padding=(0, 1))

    def forward(self, pitches: Tensor) -> Tensor:
        x = functional.relu(self.stem(pitches.unsqueeze(1)))
        x = functional.relu(self.chord_norm(self.chord(x)))
        x = functional.relu(self.phrase_norm(self.phrase(x)))
        x = x.reshape(*x.shape[:2], self.octaves, CLASSES, x.shape[3])
        x = torch.cat([x.mean(dim=2), x.amax(dim=2)], dim=1)
        x = self.project(self.classes(x)).float()  # (n, size, 12, t)
        x = x - x.mean(dim=2, keepdim=True)  # what all classes share says nothing about the song
        tables = x.permute(0, 3, 2, 1)
        unit: Tensor = tables / tables.flatten(2).norm(dim=2).clamp(min=1e-6)[..., None, None]
        return unit


def all_keys(tables: Tensor, others: Tensor) -> Tensor:
    """Cosines in all keys: k says that `others` is k semitones above.

    Shape: (n, 12, size), (m, 12, size) -> (12, n, m).

    >>> tables = functional.normalize(torch.rand(1, 12, 4).flatten(1)).unflatten(1, (12, 4))
    >>> int(all_keys(tables, tables.roll(3, dims=1))[:, 0, 0].argmax())
    3
    """
    turned = torch.stack([others.roll(-k, dims=1).flatten(1) for k in range(CLASSES)])
    return tables.flatten(1) @ turned.transpose(1, 2)


def contrast(tables: Tensor, others: Tensor, semitones: Tensor, song: Tensor, temperature: float) -> Tensor:
    """Cross-entropy of the same place of the same song, in its key, against all other songs in all keys.

    Other places of the same song are neither right nor wrong. Shapes: (n, 12, size) twice, (n,) semitones of
    `others` above `tables` (0 to 11), (n,) song number -> scalar; both ways.
    """
    cosines = all_keys(tables, others) / temperature
    count = len(song)
    right = cosines[semitones, torch.arange(count), torch.arange(count)]
    same = song[:, None] == song[None, :]
    wrong = torch.logsumexp(cosines, dim=0).masked_fill(same, -torch.inf)
    total = torch.tensor(0.0)
    for dim in (1, 0):
        against = torch.logsumexp(wrong, dim=dim)
        total = total + functional.softplus(against - right).mean() / 2
    return total
