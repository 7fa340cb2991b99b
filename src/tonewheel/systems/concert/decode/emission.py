"""How well does what is heard fit a state? Cosines and the music head, turned into log-likelihood ratios.

Everything is told against "no song, and like no bin of the pack": a bin counts by how much likelier its cosine is if
it is the one that sounds than if it is not, every song and an unknown one by how much likelier the music head's
answer is with music than without. Parts overlap and halls ring, so neighbouring steps say much the same thing:
`trust` discounts each, and was fitted so that the posterior means what it says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.records import Record

if TYPE_CHECKING:
    from tonewheel.systems.concert.decode.states import States

Floats = NDArray[np.float32]


class Heard(NamedTuple):
    """A recording in parts a hop apart: unit rows (steps, size), zeros for silence; log-odds of music (steps,)."""

    parts: Floats
    music: Floats


class Emission(Record):
    """Log-likelihood ratios; the weights are of logistic regressions, the rest was chosen, all on the valid split."""

    cosine: float = 11.4
    standing: float = 0.7
    """Weight of how far the cosine stands above those of all bins at this step, in their standard deviations."""
    bias: float = -5.1
    music: float = 0.7
    music_bias: float = -2.2
    least: float = -3.0
    """No single step speaks louder than this against a song: somebody may have shouted over it."""
    most: float = 8.0
    quietest: float = -1.0
    """No step speaks louder than this for "no song": a crowd can drown the music for the music head."""
    loudest: float = 2.0
    trust: float = 0.15
    unknown: float = 0.0
    """Added to an unknown song at every step: negative favours the songs of the pack."""

    def gains(self, heard: Heard, states: States) -> Floats:
        """Log of the evidence for every state. Shape: (steps, states.size)."""
        out = np.zeros((len(heard.music), states.size), np.float32)
        songs = out[:, : states.bins]
        np.matmul(heard.parts, states.parts.T, out=songs)
        centre = songs.mean(axis=1, keepdims=True)
        spread = np.maximum(songs.std(axis=1, keepdims=True), np.float32(0.05))
        # bias + cosine * x + standing * (x - centre) / spread, without copies of the largest array there is
        songs *= np.float32(self.cosine) + np.float32(self.standing) / spread
        songs += np.float32(self.bias) - np.float32(self.standing) * centre / spread
        np.clip(songs, np.float32(self.least), np.float32(self.most), out=songs)
        odds = np.clip(self.music * heard.music + self.music_bias, self.quietest, self.loudest)
        sounds = odds.astype(np.float32)[:, None]
        songs += sounds
        out[:, states.bins + states.memories :] = sounds + np.float32(self.unknown)
        out *= np.float32(self.trust)
        return out
