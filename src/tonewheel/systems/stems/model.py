"""The separator: the spectrum of a mix in, for every stem the share of each bin that is its own.

A U-shaped network over rows (frequency) and frames. Blocks see a neighbourhood (convolutions) and then all rows of a
frame at once (a narrow layer across rows), after Choi et al., "Investigating U-Nets with various intermediate blocks
for spectrogram-based singing voice separation", ISMIR 2020; at the lowest level all rows meet and look along time.
Shares come from a softmax, so they are never negative and sum to 1, and the stems sum to the mix. They are real:
phases are those of the mix. The bass instrument is split into `bass` and `sub` by a fixed crossover (`rows.SUB_HZ`).

Channels are mid and side, (left + right) / 2 and (left - right) / 2: what stands in the middle is in the mid alone.
A share depends on `reach` frames to either side and nothing beyond, and on where a frame lies modulo `GRID`: any cut
of a recording into blocks that start at multiples of `GRID` and overlap by `reach` gives the same shares.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from tonewheel.systems.stems.recipe import NetworkRecipe
from tonewheel.systems.stems.rows import N_FFT, ROWS, row_of_bin, sub_share

NET_STEMS = ("vocals", "drums", "bass", "harmonic", "perc")
"""What the network tells apart, in this order; its bass is the whole instrument."""
CONTEXT = 16
"""Numbers that describe the music around: 12 of key or chroma, mode, tempo, tension, and 1 where they are known."""
GRID = 16
FLOOR = 1e-9
"""Power of a row below which nothing is told apart."""
FULL_SCALE = (N_FFT / 4) ** 2
"""Power of the bin of a sine of amplitude 1; powers of rows are measured in it."""


class Separator(nn.Module):
    """Shares from a spectrum.

    >>> model = Separator(NetworkRecipe()).eval()
    >>> shares = model(torch.randn(1, 2, 2049, 20, 2), torch.zeros(1, CONTEXT))
    >>> tuple(shares.shape), bool((shares.sum(1) - 1).abs().max() < 1e-5)
    ((1, 6, 2, 2049, 20), True)
    """

    row_of_bin: Tensor
    to_rows: Tensor
    sub: Tensor

    def __init__(self, recipe: NetworkRecipe) -> None:
        super().__init__()
        rows = torch.from_numpy(row_of_bin())
        self.register_buffer("row_of_bin", rows, persistent=False)
        self.register_buffer(
            "to_rows", functional.one_hot(rows, ROWS).float().T / FULL_SCALE, persistent=False
        )
        self.register_buffer("sub", torch.from_numpy(sub_share()), persistent=False)
        self.core = RowSeparator(recipe)
        self.reach = self.core.reach

    def forward(self, spectrum: Tensor, context: Tensor) -> Tensor:
        """Shares of vocals, drums, bass, harmonic, perc, sub.

        Shape: (n, 2 of mid and side, bins, frames, 2 of re and im), (n, CONTEXT) -> (n, 6, 2, bins, frames).
        """
        power = torch.matmul(self.to_rows, spectrum.square().sum(-1))
        shares = self.core(power, context).index_select(3, self.row_of_bin)
        sub = self.sub[:, None]
        bass = shares[:, 2:3]
        return torch.cat([shares[:, :2], bass * (1 - sub), shares[:, 3:], bass * sub], dim=1)


class RowSeparator(nn.Module):
    """The network proper, on powers of rows.

    Shape: power (n, 2, ROWS, frames) in units of `FULL_SCALE`, context (n, CONTEXT) ->
    (n, 5, 2, ROWS, frames), any number of frames.
    """

    place: Tensor

    def __init__(self, recipe: NetworkRecipe) -> None:
        super().__init__()
        wide, counts = recipe.channels, recipe.convolutions
        self.register_buffer("place", torch.linspace(-1, 1, ROWS)[None, None, :, None], persistent=False)
        self.enter = nn.Conv2d(4, wide[0], 3, padding=1)
        self.down_blocks = nn.ModuleList(
            Block(c, k, ROWS >> level, recipe.row_squeeze)
            for level, (c, k) in enumerate(zip(wide, counts, strict=False))
        )
        self.up_blocks = nn.ModuleList(
            Block(c, k, ROWS >> level, recipe.row_squeeze)
            for level, (c, k) in enumerate(zip(wide, counts, strict=False))
        )
        self.downs = nn.ModuleList(nn.Conv2d(a, b, 2, 2) for a, b in pairwise(wide))
        self.ups = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, 2) for a, b in pairwise(wide))
        self.lowest = Lowest(wide[4], ROWS // GRID, recipe.wide, recipe.dilations)
        self.last_norm = nn.BatchNorm2d(wide[0])
        self.leave = nn.Conv2d(wide[0], 2 * len(NET_STEMS), 3, padding=1)
        # All stems alike at first: a softmax that starts out sure of something wrong hardly learns.
        nn.init.normal_(self.leave.weight, std=0.01)
        self.reach = (
            2 + sum(2 * k * 2**level for level, k in enumerate(counts)) + GRID * (1 + sum(recipe.dilations))
        )
        """Frames to either side that a share depends on (rounded up to `GRID`)."""
        self.reach += -self.reach % GRID
        # Channels last in memory: 1.5 times as fast.
        nn.Module.to(self, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, power: Tensor, context: Tensor) -> Tensor:
        frames = power.shape[3]
        # What is missing to a whole cell of the grid is silence, as it is to a browser that has to add it itself.
        power = functional.pad(power, (0, -frames % GRID))
        level = 0.25 * torch.log(power + FLOOR) + 2.0
        side = 0.25 * torch.log((power[:, 1:] + FLOOR) / (power[:, :1] + FLOOR)).clamp(-6, 6)
        place = self.place.expand(len(level), 1, ROWS, level.shape[3])
        x = self.enter(torch.cat([level, side, place], dim=1).contiguous(memory_format=torch.channels_last))
        skips = []
        for block, down in zip(self.down_blocks, self.downs, strict=True):
            x = block(x)
            skips.append(x)
            x = down(x)
        x = self.lowest(x, context)
        for level_number in reversed(range(len(skips))):
            x = self.up_blocks[level_number](skips[level_number] + self.ups[level_number](x))
        logits = self.leave(functional.relu(self.last_norm(x)))[..., :frames]
        shares: Tensor = logits.float().reshape(len(x), len(NET_STEMS), 2, ROWS, frames).softmax(dim=1)
        return shares


class Block(nn.Module):
    """Convolutions over the neighbourhood, then a look at all rows of a frame; each adds to what came in."""

    def __init__(self, channels: int, convolutions: int, rows: int, squeeze: int) -> None:
        super().__init__()
        self.near = nn.ModuleList(
            nn.Sequential(
                nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1, bias=False)
            )
            for _ in range(convolutions)
        )
        self.norm = nn.BatchNorm2d(channels)
        self.narrow = nn.Linear(rows, rows // squeeze)
        self.widen = nn.Linear(rows // squeeze, rows)

    def forward(self, x: Tensor) -> Tensor:
        for near in self.near:
            x = x + near(x)
        across = functional.relu(self.norm(x)).transpose(2, 3)
        seen: Tensor = self.widen(functional.relu(self.narrow(across)))
        return x + seen.transpose(2, 3)


class Lowest(nn.Module):
    """All rows and channels of a frame meet, look along time, and hear what is known about the music."""

    def __init__(self, channels: int, rows: int, wide: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.gather = nn.Conv1d(channels * rows, wide, 1)
        self.told = nn.Linear(CONTEXT, wide)
        nn.init.zeros_(self.told.weight)
        self.along = nn.ModuleList(
            nn.Sequential(nn.BatchNorm1d(wide), nn.ReLU(), nn.Conv1d(wide, wide, 3, padding=d, dilation=d))
            for d in dilations
        )
        self.norm = nn.BatchNorm1d(wide)
        self.spread = nn.Conv1d(wide, channels * rows, 1)
        self.near = nn.Sequential(
            nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        )

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        n, channels, rows, frames = x.shape
        y = self.gather(x.reshape(n, channels * rows, frames)) + self.told(context)[..., None]
        for along in self.along:
            y = y + along(y)
        x = x + self.spread(functional.relu(self.norm(y))).reshape(n, channels, rows, frames)
        refined: Tensor = x + self.near(x)
        return refined
