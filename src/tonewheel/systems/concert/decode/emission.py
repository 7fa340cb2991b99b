"""How well does what is heard fit a state? Cosines and the music head, turned into log-likelihood ratios.

Everything is told against "no song, and like no bin of the pack": a bin counts by how much likelier its cosine is if
it is the one that sounds than if it is not, every song and an unknown one by how much likelier the music head's
answer is with music than without. What the head says of a crowd in one hall it says of music in another, so its
answers are held against those to the rest of the recording. Parts overlap and halls ring, so neighbouring steps say
much the same thing: `trust` discounts each. `fit` finds all weights, such that the posterior means what it says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.records import Record

if TYPE_CHECKING:
    from tonewheel.systems.concert.decode.states import States

Floats = NDArray[np.float32]


SMOOTH_STEPS = 9
"""Music does not come and go by the half second, the head's answers do."""
BETWEEN = (0.05, 0.6)
"""Quantiles of a recording's answers, about the middles of its pauses and of its music."""
USUAL = 0.7
"""What lies between music and no music in most halls: for a recording that is too short to say."""
SURE_AFTER_STEPS = 120
"""Steps after which a recording's own level counts as much as the usual one."""
LIVE_SMOOTH_STEPS = 5
"""The same while listening, where only the past is known."""
LIVE_STEPS = 3600
LEVEL_EVERY_STEPS = 10
"""While listening, the level of the last half hour is worked out anew this often."""
SILENT = -9.0
"""Digital silence gets less than this; it says nothing about a hall."""


class Heard(NamedTuple):
    """A recording in parts a hop apart: unit rows (steps, size), zeros for silence; log-odds of music (steps,)."""

    parts: Floats
    music: Floats


def level(music: Floats) -> Floats:
    """The music head's answers, smoothed, against those to the whole recording. Shape: (steps,).

    >>> halls = [np.repeat([-4.0, 0.0], 600), np.repeat([1.0, 5.0], 600)]  # pauses, then songs
    >>> all(-2.5 < level(hall)[300] < -1.5 < 1.5 < level(hall)[900] < 2.5 for hall in halls)
    True
    """
    width = min(SMOOTH_STEPS, len(music))
    padded = np.pad(music, (width // 2, width - 1 - width // 2), mode="edge")
    smooth = np.convolve(padded, np.full(width, 1 / width), "valid").astype(np.float32)
    return smooth - np.float32(between(smooth[music > SILENT]))


def between(answers: Floats) -> float:
    """What lies between music and no music, by what was answered so far; the usual if that was little."""
    if len(answers) == 0:
        return USUAL
    sure = len(answers) / (len(answers) + SURE_AFTER_STEPS)
    return float(sure * np.quantile(answers, BETWEEN).mean() + (1 - sure) * USUAL)


class RunningLevel:
    """The same while the show goes on, from what was heard up to now.

    >>> running = RunningLevel()
    >>> quiet, song = [running.push(-4.0) for _ in range(600)], [running.push(0.0) for _ in range(600)]
    >>> quiet[-1] < 0 < song[-1]
    True
    """

    def __init__(self) -> None:
        self._heard: list[float] = []
        self._last: list[float] = []
        self._between = USUAL

    def push(self, music: float) -> float:
        """One more answer."""
        self._last = [*self._last, music][-LIVE_SMOOTH_STEPS:]
        smooth = sum(self._last) / len(self._last)
        if music > SILENT:
            self._heard.append(smooth)
            if len(self._heard) % LEVEL_EVERY_STEPS == 0:
                self._between = between(np.array(self._heard[-LIVE_STEPS:], np.float32))
        return smooth - self._between


class Emission(Record):
    """Log-likelihood ratios; the weights are of logistic regressions, the rest is of the best log-likelihood."""

    cosine: float = 14.85
    standing: float = 0.29
    """Weight of how far the cosine stands above those of all bins at this step, in their standard deviations."""
    bias: float = -4.93
    music: float = 1.52
    music_bias: float = 0.05
    least: float = -3.0
    """No single step speaks louder than this against a song: somebody may have shouted over it."""
    most: float = 8.0
    quietest: float = -1.0
    """No step speaks louder than this for "no song": a crowd can drown the music for the music head."""
    loudest: float = 2.0
    trust: float = 0.12
    unknown: float = 0.0
    """Added to an unknown song at every step: negative favours the songs of the pack."""

    def gains(self, heard: Heard, states: States) -> Floats:
        """Log of the evidence for every state; `heard.music` is levelled already. Shape: (steps, states.size)."""
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
