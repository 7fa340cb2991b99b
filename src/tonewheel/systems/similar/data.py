"""Training batches: two views of each track, several tracks of each style or source.

Batch k is a pure function of (seed, k), so a resumed run sees what an uninterrupted one would have seen. A view is a
few windows from anywhere in one version of the track, varied once more: sound that a person would call the same
track, whichever part of it is heard.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tonewheel.core.errors import InputError
from tonewheel.systems.similar.prepare import Prepared, PreparedTrack
from tonewheel.systems.similar.recipe import SimilarRecipe
from tonewheel.systems.similar.vary import Variation


class Batch(NamedTuple):
    """Shapes: (n, windows, frames, n_mels) two views of n tracks, (n,) the number of each track's group."""

    first: Tensor
    second: Tensor
    group: Tensor


class ViewStream:
    """Draw batches by step number from a prepared folder."""

    def __init__(self, prepared: Prepared, recipe: SimilarRecipe, split: str = "train") -> None:
        if prepared.spec != recipe.front_end.spec():
            raise InputError(prepared.folder, "was prepared with another front end than the recipe's")
        self.prepared, self.recipe = prepared, recipe
        self.tracks = [t for t in prepared.tracks if t.source.split == split]
        if len(self.tracks) < 2:
            raise InputError(
                prepared.folder, f"has {len(self.tracks)} {split} tracks long enough; at least 2 needed"
            )
        names = sorted({t.source.group for t in self.tracks})
        self.group = np.array([names.index(t.source.group) for t in self.tracks])
        synthetic = np.array([bool(t.source.style) for t in self.tracks])
        self.pools = [p for p in (np.flatnonzero(synthetic), np.flatnonzero(~synthetic)) if len(p)]

    def draw(self, rng: np.random.Generator, step: int) -> Batch:
        """One batch; all its randomness comes from `rng`."""
        count = self.recipe.fit.batch_size
        synth = round(self.recipe.views.synth_share * count)
        shares = [synth, count - synth] if len(self.pools) == 2 else [count]
        chosen = [
            i for pool, share in zip(self.pools, shares, strict=True) for i in self._some(rng, pool, share)
        ]
        # Moments of a track are searched too, so the encoder learns to do with few windows.
        windows = int(rng.integers(2, max(2, self.recipe.views.windows) + 1))
        views = [
            torch.from_numpy(np.stack([self._view(rng, self.tracks[i], windows) for i in chosen]))
            for _ in "ab"
        ]
        return Batch(views[0], views[1], torch.from_numpy(self.group[chosen]))

    def _some(self, rng: np.random.Generator, pool: NDArray[np.intp], count: int) -> list[int]:
        """Distinct tracks of a pool: `per_group` of one group after the other, until there are enough."""
        chosen: list[int] = []
        names, counts = np.unique(self.group[pool], return_counts=True)
        # A large group comes early more often, or single tracks would fill every batch.
        for group in rng.choice(names, len(names), replace=False, p=counts / counts.sum()):
            members = rng.permutation(pool[self.group[pool] == group])
            chosen += members[: self.recipe.views.per_group].tolist()
        rest: list[int] = rng.permutation(np.setdiff1d(pool, chosen[:count])).tolist()
        return (chosen[:count] + rest)[: min(count, len(pool))]

    def _view(self, rng: np.random.Generator, track: PreparedTrack, windows: int) -> NDArray[np.float32]:
        """Shape: -> (windows, frames, n_mels)."""
        mel = self.prepared.mel(track, int(rng.integers(len(track.files))))
        variation = Variation(rng, self.recipe.views, self.prepared.spec)
        frames = self.recipe.window_frames
        need = variation.frames(frames)
        # One window in each equal part of the track, or of a moment of it.
        span = max(need + 1, round(len(mel) * (1.0 if rng.random() < 0.5 else rng.uniform(0.2, 0.6))))
        begin = int(rng.integers(0, max(1, len(mel) - span)))
        edges = np.linspace(begin, max(begin, min(begin + span, len(mel)) - need), windows + 1)
        starts = [int(rng.uniform(edges[i], edges[i + 1])) for i in range(windows)]
        return np.stack([variation.apply(_span(mel, start, need), frames) for start in starts])


def whole(mel: NDArray[np.floating], window: int, hop: int) -> Tensor:
    """All windows of a log-mel, as in use. Shape: (frames, n_mels) -> (windows, window, n_mels)."""
    mel = _span(mel, 0, max(window, len(mel)))
    cut = np.lib.stride_tricks.sliding_window_view(mel, window, axis=0)[::hop]
    return torch.from_numpy(np.ascontiguousarray(cut.transpose(0, 2, 1), dtype=np.float32))


def _span(mel: NDArray[np.floating], start: int, length: int) -> NDArray[np.floating]:
    """Frames [start, start + length), from the beginning again where the track is shorter."""
    part = mel[start : start + length]
    return part if len(part) == length else mel[np.arange(start, start + length) % len(mel)]
