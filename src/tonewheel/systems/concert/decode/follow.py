"""The decoder while the show goes on: after every half second, how probable is each song now, given all so far?

The forward half of `sweep`: what was heard up to now counts, what comes later cannot. A song is announced when it is
probable enough; two songs that only together are, because they begin alike, are a tie until they part.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from tonewheel.systems.concert.decode.emission import Heard, RunningLevel
from tonewheel.systems.concert.decode.order import Planned
from tonewheel.systems.concert.decode.semiring import Machine
from tonewheel.systems.concert.decode.states import Habits, States, states_of
from tonewheel.systems.concert.embed import Embedder
from tonewheel.systems.concert.listen import POSITION_EVERY_S, Event, Listener
from tonewheel.systems.concert.pack import Pack

Floats = NDArray[np.float32]
STARTS_AT = 0.98
"""Probability from which a song is announced."""
ENDS_AT = 0.3
"""Probability of the running song below which it has ended."""
TIE_SHARE = 0.25
"""Least probability of each of two songs that tie."""
LIVE_TRUST = 0.2
"""`Emission.trust` while listening: on the valid split 0.15 names a song 1 s later, 0.3 names wrong songs."""


class Belief(NamedTuple):
    """What is thought at one step: probability of each title (titles,), and the likeliest place in the likeliest."""

    shares: Floats
    position_s: float


class Filter:
    """The forward filter: one row of a part and its music odds in, a belief out.

    >>> rng = np.random.default_rng(0)
    >>> from types import SimpleNamespace
    >>> from tonewheel.systems.concert.pack import Reference
    >>> rows = rng.normal(size=(30, 16)).astype(np.float32)
    >>> rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    >>> embedder = SimpleNamespace(fingerprint="", window_s=2.0, hop_s=0.5)
    >>> about = Reference(song="a", file="", seconds=16.0, windows=30, lufs=None)
    >>> heard = Filter(states_of(Pack.of([about], [rows], embedder), None))
    >>> beliefs = [heard.step(row / np.linalg.norm(row), 6.0) for row in rows[:20, :8]]
    >>> bool(beliefs[-1].shares[0] > 0.9), abs(beliefs[-1].position_s - 10.5) < 0.3  # the 20th part ends at 10.5 s
    (True, True)
    """

    def __init__(self, states: States, embedder: Embedder | None = None) -> None:
        from tonewheel.systems.concert.decode.emission import Emission

        self.states = states
        self.emission = replace(embedder.emission if embedder else Emission(), trust=LIVE_TRUST)
        self.titles = tuple(dict.fromkeys(states.songs))
        self._title_of = np.array([self.titles.index(song) for song in states.songs])
        self._machine = Machine(states, "sum")
        self._level = RunningLevel()
        self._now: Floats | None = None
        self._spare = np.empty(states.size, np.float32)

    def step(self, part: Floats, music: float) -> Belief:
        """Hear one more part. Shape: (size,), unit length."""
        heard = Heard(part[None], np.full(1, self._level.push(music), np.float32))
        gains = np.exp(self.emission.gains(heard, self.states)[0])
        if self._now is None:
            now = self._machine.begins.copy()
        else:
            now = self._machine.forward(self._now, self._spare)
            self._spare = self._now
        now *= gains
        self._now = self._machine.level(now)
        songs = self._machine.parted(now)[0]
        by_song = np.add.reduceat(songs, self.states.first)
        shares = np.bincount(self._title_of, by_song, len(self.titles)).astype(np.float32)
        return Belief(shares, self._position_s(songs, part, int(by_song.argmax())))

    def _position_s(self, songs: Floats, part: Floats, song: int) -> float:
        """Place in the likeliest song at the end of this part, between bins by the vertex of the cosines."""
        edges = [*self.states.first.tolist(), self.states.bins]
        first, end = list(pairwise(edges))[song]
        best = first + int(songs[first:end].argmax())
        place = float(self.states.place[best])
        if first < best < end - 1:
            left, peak, right = (float(v) for v in self.states.parts[best - 1 : best + 2] @ part)
            curve = left - 2 * peak + right
            if curve < -1e-3:
                place += min(0.5, max(-0.5, 0.5 * (left - right) / curve))
        return (place + 2) * self.states.hop_s  # a part is two hops long


class DecodingListener(Listener):
    """A listener whose gate is the decoder; `planned` is the set list, if there is one.

    A `tie` names two songs that fit alike; `score` is a probability here, not a cosine.
    """

    def __init__(
        self,
        pack: Pack,
        embedder: Embedder,
        planned: Sequence[Planned] | None = None,
        habits: Habits | None = None,
    ) -> None:
        super().__init__(pack, embedder)
        self.window = round(embedder.recipe.views.part_s * self.rate)
        self.filter = Filter(states_of(pack, planned, habits), embedder)
        self._numbers = [pack.songs.index(title) for title in self.filter.titles]
        self._tied: tuple[int, int] | None = None

    def _step(self, audio: Floats) -> list[Event]:
        now_s = (self._heard + self.window) / self.rate
        embedded = self.embedder.embed_parts(self.embedder.parts(audio))
        belief = self.filter.step(embedded.embeddings[0], float(embedded.music[0]))
        return self.follow(belief, now_s)

    def follow(self, belief: Belief, now_s: float) -> list[Event]:
        """What a belief at a moment changes."""
        events: list[Event] = []
        likely = np.argsort(-belief.shares)
        best, share = self._numbers[likely[0]], float(belief.shares[likely[0]])
        own = 0.0 if self._song is None else float(belief.shares[self._numbers.index(self._song)])
        if self._song is not None and own >= 0.5:
            self._confirmed_s = now_s
        if self._song is not None and own < ENDS_AT:
            events += self._end(now_s if share >= STARTS_AT and best != self._song else self._confirmed_s)
        if share >= STARTS_AT:
            self._tied = None
            self._score = share
            begins_s = now_s - belief.position_s
            if self._song is None:
                self._song, self._begins_s, self._told_s, self._confirmed_s = best, begins_s, now_s, now_s
                events.append(self._event("song_start", now_s, best))
            elif best == self._song:
                near = abs(begins_s - self._begins_s) <= 1.0
                self._begins_s += (0.2 if near else 1.0) * (begins_s - self._begins_s)
        elif self._song is None:
            events += self._tie(belief, likely, now_s)
        if self._song is not None and now_s - self._told_s >= POSITION_EVERY_S:
            self._told_s = now_s
            events.append(self._event("position", now_s, self._song))
        return events

    def _tie(self, belief: Belief, likely: NDArray[np.intp], now_s: float) -> list[Event]:
        """Two songs that only together are probable, told once."""
        shares = [float(belief.shares[k]) for k in likely[:2]]
        if len(shares) < 2 or sum(shares) < STARTS_AT or shares[1] < TIE_SHARE:
            return []
        pair = (min(likely[:2]), max(likely[:2]))
        if pair == self._tied:
            return []
        self._tied = pair
        titles = [self.filter.titles[k] for k in likely[:2]]
        return [
            Event(
                time_s=round(now_s, 2),
                event="tie",
                song=titles[0],
                position_s=round(belief.position_s, 2),
                score=round(shares[0], 4),
                other=titles[1],
            )
        ]
