"""Decode a recording in bounded memory: the best path, and the probability of every song at every step.

A sweep forwards keeps one vector a block of a minute; a sweep backwards makes the block before again from it, traces
the best path through it and multiplies what came before with what comes after. So memory grows by a few vectors a
minute, not by all states at all steps. When a person fixes something, the sweeps start at that block and stop as
soon as they meet what was there before: the result is that of decoding everything again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tonewheel.systems.concert.decode.emission import Emission, Heard, level
from tonewheel.systems.concert.decode.fixes import Allowed, Fix
from tonewheel.systems.concert.decode.semiring import Machine
from tonewheel.systems.concert.decode.states import States

Floats = NDArray[np.float32]
BLOCK = 120
"""Steps between two vectors that are kept: a minute."""
SAME = 1e-4
"""Two vectors are the same when no state differs by more, as a share of the largest."""


@dataclass
class Decoding:
    """What was decoded, and what is needed to decode it again after a fix.

    Shapes: `path` (steps,) states; `posterior` (steps, songs + 2), the songs, no song, an unknown one. `best`,
    `ahead` and `behind` hold a vector over all states at the end of each block.
    """

    path: NDArray[np.int32]
    posterior: Floats
    best: Floats
    ahead: Floats
    behind: Floats
    fixes: tuple[Fix, ...] = ()
    blocks_done: int = field(default=0, compare=False)
    """Blocks that the last sweep backwards went through."""


class Decoder:
    """Everything that stays while one recording is decoded, again and again."""

    def __init__(self, states: States, emission: Emission, heard: Heard) -> None:
        self.states = states
        self.emission = emission
        self.heard = Heard(heard.parts, level(heard.music))
        self.steps = len(heard.music)
        self.blocks = -(-self.steps // BLOCK)
        self.sum = Machine(states, "sum")
        self.max = Machine(states, "best")

    def decode(self, fixes: Sequence[Fix] = ()) -> Decoding:
        """Decode the whole recording."""
        size, songs = self.states.size, len(self.states.songs)
        made = Decoding(
            path=np.full(self.steps, -1, np.int32),
            posterior=np.zeros((self.steps, songs + 2), np.float32),
            best=np.full((self.blocks, size), np.nan, np.float32),
            ahead=np.full((self.blocks, size), np.nan, np.float32),
            behind=np.full((self.blocks, size), np.nan, np.float32),
        )
        return self._run(made, tuple(fixes), 0, self.blocks - 1)

    def again(self, made: Decoding, fixes: Sequence[Fix]) -> Decoding:
        """Decode with other fixes; only what they change is worked out anew, in place."""
        before, now = (Allowed(some, self.states, self.steps) for some in (made.fixes, fixes))
        changed = np.flatnonzero(now.differs(before))
        if len(changed) == 0:
            made.blocks_done = 0
            return made
        return self._run(made, tuple(fixes), int(changed[0]) // BLOCK, int(changed[-1]) // BLOCK)

    def _run(self, made: Decoding, fixes: tuple[Fix, ...], first: int, last: int) -> Decoding:
        allowed = Allowed(fixes, self.states, self.steps)
        made.fixes, made.blocks_done = fixes, 0
        end = self._forwards(made, allowed, first, last)
        self._backwards(made, allowed, first, end)
        return made

    def _forwards(self, made: Decoding, allowed: Allowed, first: int, last: int) -> int:
        """Renew `best` and `ahead` from block `first` on; returns the last block that changed."""
        for block in range(first, self.blocks):
            gains = self._gains(block, allowed)
            best = self._through(self.max, made.best[block - 1] if block else None, gains)[-1].copy()
            np.exp(gains, out=gains)
            ahead = self._through(self.sum, made.ahead[block - 1] if block else None, gains)[-1].copy()
            same = block >= last and _same(ahead, made.ahead[block]) and _same_best(best, made.best[block])
            made.best[block], made.ahead[block] = best, ahead
            if same:
                return block
        return self.blocks - 1

    def _backwards(self, made: Decoding, allowed: Allowed, first: int, end: int) -> None:
        """Renew path, posterior and `behind` from block `end` down, at least to block `first`."""
        if end == self.blocks - 1:
            made.behind[end] = 1 / self.states.size
        behind = made.behind[end].copy()
        spare = np.empty_like(behind)
        for block in range(end, -1, -1):
            start, stop = self._span(block)
            before = (made.best[block - 1], made.ahead[block - 1]) if block else (None, None)
            gains = self._gains(block, allowed)
            through = self._through(self.max, before[0], gains)
            if stop == self.steps:
                made.path[-1] = through[-1].argmax()
            else:
                made.path[stop - 1] = self.max.came_from(through[-1], int(made.path[stop]))
            for step in range(stop - 1, start, -1):
                made.path[step - 1] = self.max.came_from(through[step - 1 - start], int(made.path[step]))
            np.exp(gains, out=gains)
            through = self._through(self.sum, before[1], gains)
            for step in range(stop - 1, start - 1, -1):
                here = through[step - start]
                here *= behind
                made.posterior[step] = self._by_song(here)
                behind *= gains[step - start]
                behind, spare = self.sum.level(self.sum.backward(behind, spare)), behind
            made.blocks_done += 1
            if block:
                joins = block <= first and self.max.came_from(made.best[block - 1], int(made.path[start]))
                same = (
                    block <= first and joins == made.path[start - 1] and _same(behind, made.behind[block - 1])
                )
                made.behind[block - 1] = behind
                if same:
                    return

    def _span(self, block: int) -> tuple[int, int]:
        return block * BLOCK, min(self.steps, (block + 1) * BLOCK)

    def _gains(self, block: int, allowed: Allowed) -> Floats:
        """Log of the evidence at each step of a block, minus infinity where a fix forbids a state."""
        start, stop = self._span(block)
        gains = self.emission.gains(
            Heard(self.heard.parts[start:stop], self.heard.music[start:stop]), self.states
        )
        for step in range(start, stop):
            forbidden = allowed.forbidden(step)
            if forbidden is not None:
                gains[step - start, forbidden] = -np.inf
        return gains

    def _through(self, machine: Machine, before: Floats | None, gains: Floats) -> Floats:
        """The vectors of all steps of a block; `gains` are in the numbers of the machine. Shape: as `gains`."""
        out = np.empty_like(gains)
        for row, gain in zip(out, gains, strict=True):
            if before is None:
                row[:] = machine.begins
            else:
                machine.forward(before, row)
            machine.times(row, gain, out=row)
            before = machine.level(row)
        return out

    def _by_song(self, weights: Floats) -> Floats:
        """Share of each song, no song and an unknown one. Shape: (size,) -> (songs + 2,)."""
        songs, pause, unknown = self.sum.parted(weights)
        shares = np.concatenate([np.add.reduceat(songs, self.states.first), [pause.sum(), unknown.sum()]])
        return np.asarray(shares / shares.sum(), np.float32)


def _same(one: Floats, other: Floats) -> bool:
    return bool(np.abs(one - other).max() <= SAME * one.max())  # false where the other was never made


def _same_best(one: Floats, other: Floats) -> bool:
    near = (one > -50) | (other > -50)
    return bool(near.any() and np.abs(one[near] - other[near]).max() <= 1e-2)
