"""Impulses of a disc, drawn exactly: when each begins, how many samples it hits, and its waveform.

A record is hit by dust at random, by a scratch once a revolution, and by wear in bursts; so arrivals are three
processes. Whoever trains on the result knows every sample that was hit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tonewheel.degrade.base import Audio

Shape = Literal["pulse", "doublet", "spike", "step", "ringing", "noise"]

SHAPES: tuple[Shape, ...] = ("pulse", "doublet", "spike", "step", "ringing", "noise")
"""Half a sine, a whole one, one sample with small neighbours, a jump that decays, a decaying oscillation, noise."""

REVOLUTION_JITTER_S = 1e-4
SCRATCH_LASTS = (3, 30)
"""Revolutions in which a scratch is heard."""


@dataclass(frozen=True)
class Impulses:
    """Impulses in order of their starts; row i of `waveforms` is 0 from `widths[i]` on.

    Shapes: starts, widths, replacing (n,); waveforms (n, longest); gains (n, channels).
    """

    starts: NDArray[np.int64]
    widths: NDArray[np.int64]
    waveforms: Audio
    gains: Audio
    """What each channel gets of an impulse, within -1 to 1; 0 where a channel is not hit."""
    replacing: NDArray[np.bool_]
    """True where the sound itself is lost in the width of the impulse."""

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def amplitudes(self) -> NDArray[np.float32]:
        """The largest magnitude of each in its strongest channel, (n,)."""
        if not len(self):
            return np.zeros(0, np.float32)
        peaks: NDArray[np.float32] = np.abs(self.waveforms).max(axis=1) * np.abs(self.gains).max(axis=1)
        return peaks

    def mask(self, samples: int) -> NDArray[np.bool_]:
        """Which samples are hit, (channels, samples).

        >>> one = Impulses(np.array([2]), np.array([3]), np.ones((1, 3), np.float32), np.ones((1, 1), np.float32),
        ...                np.array([False]))
        >>> one.mask(7).astype(int).tolist()
        [[0, 0, 1, 1, 1, 0, 0]]
        """
        rises = np.zeros((self.gains.shape[1], samples + 1), np.int32)
        for channel, hit in enumerate((self.gains != 0).T):
            np.add.at(rises[channel], self.starts[hit], 1)
            np.add.at(rises[channel], np.minimum(self.starts + self.widths, samples)[hit], -1)
        return np.cumsum(rises[:, :-1], axis=1) > 0

    def put_on(self, audio: Audio) -> Audio:
        """The audio, (channels, samples), with the impulses in it; only samples of the mask differ."""
        out = audio.copy()
        rows = zip(self.starts, self.widths, self.waveforms, self.gains, self.replacing, strict=True)
        for start, width, waveform, gains, replacing in rows:
            span = out[:, start : start + width]
            impulse = gains[:, None] * waveform[None, : span.shape[1]]
            if replacing:
                hit = gains != 0
                span[hit] = impulse[hit]
            else:
                span += impulse
        return out


def arrivals(
    rng: np.random.Generator,
    samples: int,
    sample_rate_hz: int,
    *,
    rate_per_s: float,
    clustered: float = 0.0,
    burst_size: float = 4.0,
    burst_ms: float = 20.0,
    repeating: float = 0.0,
    revolutions_per_minute: float = 78.26,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Starts in rising order, and for each the number of the cause that it shares with others, both (n,).

    A Poisson number of impulses; of these a share `clustered` falls into bursts (a Neyman-Scott process: a
    parent, then children at exponential distances of `burst_ms` on average), and a share `repeating` belongs to
    scratches that come back every revolution.

    >>> starts, causes = arrivals(np.random.default_rng(1), 480_000, 48_000, rate_per_s=100)
    >>> 900 < len(starts) < 1100, len(set(causes.tolist())) == len(starts)
    (True, True)
    """
    seconds = samples / sample_rate_hz
    total = int(rng.poisson(rate_per_s * seconds))
    bursting, scratching = rng.binomial(total, [clustered, repeating])
    times = [rng.uniform(0, seconds, max(0, total - bursting - scratching))]
    causes = [np.arange(len(times[0]))]
    if bursting:
        parents = max(1, round(bursting / burst_size))
        of = rng.integers(parents, size=bursting)
        at = rng.uniform(0, seconds, parents)[of] + rng.exponential(burst_ms / 1000, bursting)
        times.append(at % seconds)
        causes.append(len(times[0]) + np.arange(bursting))
    turn_s, cause = 60 / revolutions_per_minute, total
    while scratching > 0:
        most = max(1, int(seconds / turn_s))
        turns = int(min(scratching, most, rng.integers(SCRATCH_LASTS[0], SCRATCH_LASTS[1] + 1)))
        first = rng.uniform(0, max(seconds - (turns - 1) * turn_s, min(seconds, turn_s)))
        at = first + turn_s * np.arange(turns) + rng.normal(0, REVOLUTION_JITTER_S, turns)
        times.append(at % seconds)
        causes.append(np.full(turns, cause))
        scratching, cause = scratching - turns, cause + 1
    starts = np.clip((np.concatenate(times) * sample_rate_hz).astype(np.int64), 0, samples - 1)
    order = np.argsort(starts, kind="stable")
    return starts[order], np.concatenate(causes)[order]


def waveforms(rng: np.random.Generator, shapes: Sequence[Shape], widths: NDArray[np.int64]) -> Audio:
    """One waveform of peak 1 for each width, of a shape and a sign drawn at random, (n, longest width).

    >>> waveforms(np.random.default_rng(0), ("pulse",), np.array([1, 3])).round(2).__abs__().tolist()
    [[1.0, 0.0, 0.0], [0.5, 1.0, 0.5]]
    """
    if not len(widths):
        return np.zeros((0, 1), np.float32)
    t = np.arange(int(widths.max()))[None, :]
    rows = np.zeros((len(widths), t.shape[1]))
    chosen = rng.integers(len(shapes), size=len(widths))
    for number, shape in enumerate(shapes):
        of = chosen == number
        if of.any():
            rows[of] = _drawn(rng, shape, t, widths[of, None])
    rows[t >= widths[:, None]] = 0.0
    peaks = np.abs(rows).max(axis=1, keepdims=True)
    rows[:, :1] = np.where(peaks < 1e-9, 1.0, rows[:, :1])
    rows *= rng.choice((-1.0, 1.0), (len(widths), 1)) / np.maximum(
        np.abs(rows).max(axis=1, keepdims=True), 1e-9
    )
    return rows.astype(np.float32)


def _drawn(rng: np.random.Generator, shape: Shape, t: NDArray[Any], width: NDArray[Any]) -> NDArray[Any]:
    """(n, longest) of one shape, at no particular level and not yet cut to its width."""
    size = (len(width), 1)
    phase = (t + 0.5) / width
    decay = np.exp(-rng.uniform(2.5, 6.0, size) * phase)
    drawn: NDArray[Any]
    if shape == "pulse":
        drawn = np.sin(np.pi * np.minimum(phase, 1.0))
    elif shape == "doublet":
        drawn = np.sin(2 * np.pi * np.minimum(phase, 1.0)) * np.exp(-rng.uniform(0, 2, size) * phase)
    elif shape == "spike":
        small = rng.uniform(-0.35, 0.35, phase.shape)
        drawn = np.where(t == (rng.random(size) * np.minimum(width, 4)).astype(int), 1.0, small)
    elif shape == "step":
        drawn = decay
    elif shape == "ringing":
        turns = rng.uniform(0.7, 5.0, size) * phase
        drawn = decay * np.cos(2 * np.pi * turns + rng.uniform(-1.5, 1.5, size))
    else:
        drawn = decay * rng.standard_normal(phase.shape)
    return drawn
