"""The transcriber: log-mel frames in, at each frame which drums are struck, how hard, and which label fits.

Convolutions over frequency and time, a recurrent layer that only looks back, and a fixed number of frames of
look-ahead (`look_ahead_frames`), in the manner of the onset networks for drums (Vogl et al., ISMIR 2017; Zehren
et al., ADTOF, ISMIR 2021). Nothing is normalised over the recording: levels are taken against the loudest band
so far, slowly forgotten. So any cut of a recording into blocks gives the same frames, from the same code:
`forward` is a stream that is given everything at once.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from tonewheel.systems.drums.families import FAMILIES, LABELS
from tonewheel.systems.drums.recipe import NetworkRecipe

NATS_PER_DB = math.log(10) / 10
LOWEST_LEVEL = -5.0
"""Natural log of mel power, about 60 dB below full scale: what is quieter is never blown up further."""
CONTEXT_FRAMES = 4
"""Frames on either side that the four 3-wide convolutions over frequency and time see."""


class State(NamedTuple):
    """What a stream remembers: level (n,), levelled frames (n, n_mels, context), recurrent state (1, n, width)."""

    level: Tensor
    tail: Tensor
    hidden: Tensor


class Frames(NamedTuple):
    """Outputs a frame, before the sigmoid: onset (n, 6, t), label (n, 12, t), velocity (n, 12, t)."""

    onset: Tensor
    label: Tensor
    velocity: Tensor


class Transcriber(nn.Module):
    """Map log-mel frames to drum hits a frame.

    Shape: (n, n_mels, frames) natural-log mel -> `Frames` of as many frames.

    >>> from tonewheel.systems.drums.recipe import NetworkRecipe
    >>> model = Transcriber(NetworkRecipe(), n_mels=80).eval()
    >>> frames = model(torch.zeros(2, 80, 50))
    >>> tuple(frames.onset.shape), tuple(frames.label.shape)
    ((2, 6, 50), (2, 12, 50))
    """

    def __init__(self, recipe: NetworkRecipe, n_mels: int, frame_rate_hz: float = 100.0) -> None:
        super().__init__()
        self.n_mels = n_mels
        self.dilations = recipe.dilations
        self.look_ahead_frames = CONTEXT_FRAMES + sum(recipe.dilations)
        """Frames that must be known after the one that is judged."""
        self.range = recipe.range_db * NATS_PER_DB
        self.release = recipe.release_db_per_s * NATS_PER_DB / frame_rate_hz
        a, b, c, d = recipe.channels
        # Frequency is padded, time is not: what is needed of it is remembered.
        self.stem = nn.Conv2d(1, a, (5, 3), stride=(2, 1), padding=(2, 0), bias=False)
        self.conv2 = nn.Conv2d(a, b, 3, padding=(1, 0), bias=False)
        self.conv3 = nn.Conv2d(b, c, 3, padding=(1, 0), bias=False)
        self.conv4 = nn.Conv2d(c, d, 3, padding=(1, 0), bias=False)
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in recipe.channels)
        bands = (n_mels + 1) // 2 // 2 // 2
        self.gather = nn.Conv1d(d * bands, recipe.width, 1, bias=False)
        self.gather_norm = nn.BatchNorm1d(recipe.width)
        self.dropout = nn.Dropout(recipe.dropout)
        self.over_time = nn.ModuleList(
            nn.Conv1d(recipe.width, recipe.width, 3, dilation=dilation, bias=False)
            for dilation in recipe.dilations
        )
        self.time_norms = nn.ModuleList(nn.BatchNorm1d(recipe.width) for _ in recipe.dilations)
        self.memory = nn.GRU(recipe.width, recipe.width, batch_first=True)
        self.heads = nn.Linear(2 * recipe.width, len(FAMILIES) + 2 * len(LABELS))
        nn.init.constant_(self.heads.bias[: len(FAMILIES)], -3.0)  # hits are rare

    def begin(self, count: int = 1, level: Tensor | None = None) -> State:
        """The state before the first frame: silence, or as loud as `level` (n,) says."""
        weight = self.heads.weight
        lowest = weight.new_full((count,), LOWEST_LEVEL)
        return State(
            lowest if level is None else torch.maximum(level.to(weight), lowest),
            weight.new_zeros((count, self.n_mels, self.look_ahead_frames)),
            weight.new_zeros((1, count, self.memory.hidden_size)),
        )

    def normalise(self, log_mel: Tensor, level: Tensor) -> tuple[Tensor, Tensor]:
        """Each frame against the loudest band so far, 0 (range_db below) to 1; and the level at the end."""
        # Frame 0 stands for what was before. A maximum that falls by `release` a frame is a running maximum of
        # what rises by it.
        loudest = torch.cat([level[:, None], log_mel.amax(dim=1)], dim=1)
        risen = self.release * torch.arange(loudest.shape[1], device=level.device, dtype=level.dtype)
        falling = (torch.cummax(loudest + risen, dim=1).values - risen).clamp_min(LOWEST_LEVEL)
        levelled = ((log_mel - falling[:, None, 1:]) / self.range + 1).clamp_min(0)
        return levelled, falling[:, -1]

    def _judge(self, levelled: Tensor, hidden: Tensor) -> tuple[Frames, Tensor]:
        """Frames that have their context on both sides. Shape: (n, n_mels, t + 2 * look_ahead) -> t frames."""
        x = functional.relu(self.norms[0](self.stem(levelled.unsqueeze(1))))
        x = functional.relu(self.norms[1](self.conv2(x)))
        x = functional.relu(self.norms[2](self.conv3(functional.max_pool2d(x, (2, 1)))))
        x = functional.relu(self.norms[3](self.conv4(functional.max_pool2d(x, (2, 1)))))
        x = functional.relu(self.gather_norm(self.gather(x.flatten(1, 2))))
        x = self.dropout(x)
        for edge, conv, norm in zip(self.dilations, self.over_time, self.time_norms, strict=True):
            x = x[..., edge:-edge] + functional.relu(norm(conv(x)))
        remembered, hidden = self.memory(x.transpose(1, 2), hidden)
        out = self.heads(torch.cat([x.transpose(1, 2), remembered], dim=2)).float().transpose(1, 2)
        families, labels = len(FAMILIES), len(LABELS)
        return Frames(*out.split([families, labels, labels], dim=1)), hidden

    def step(self, log_mel: Tensor, state: State) -> tuple[Frames, State]:
        """The next frames of a stream; answers come `look_ahead_frames` late, at first there may be none."""
        levelled, level = self.normalise(log_mel, state.level)
        return self._advance(levelled, State(level, state.tail, state.hidden))

    def finish(self, state: State) -> Frames:
        """The frames that were still waiting for what follows, when nothing follows."""
        return self._advance(torch.zeros_like(state.tail[..., : self.look_ahead_frames]), state)[0]

    def _advance(self, levelled: Tensor, state: State) -> tuple[Frames, State]:
        known = torch.cat([state.tail, levelled], dim=2)
        context = 2 * self.look_ahead_frames
        if known.shape[2] <= context:
            empty = [known.new_zeros((len(known), size, 0)) for size in (len(FAMILIES), *[len(LABELS)] * 2)]
            return Frames(*empty), State(state.level, known, state.hidden)
        frames, hidden = self._judge(known, state.hidden)
        return frames, State(state.level, known[..., -context:], hidden)

    def forward(self, log_mel: Tensor, level: Tensor | None = None) -> Frames:
        state = self.begin(len(log_mel), level)
        levelled, end = self.normalise(log_mel, state.level)
        silence = levelled.new_zeros((len(levelled), self.n_mels, self.look_ahead_frames))
        return self._advance(torch.cat([levelled, silence], dim=2), State(end, state.tail, state.hidden))[0]
