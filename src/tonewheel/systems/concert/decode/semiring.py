"""One step through the states, forwards or backwards, of all paths (sum) or of the best path (max).

Both are the same algebra over another pair of operations (Goodman, "Semiring parsing", 1999): sums and products of
probabilities, or maxima and sums of their logarithms. The transitions are banded: within a song a state has three
predecessors, and everything else goes through the few states between songs.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonewheel.systems.concert.decode.states import States

Floats = NDArray[np.float32]
Kind = Literal["sum", "best"]


class Hub(NamedTuple):
    """Probabilities between songs by the song that came last, (memories,), in the numbers of a semiring."""

    straight: Floats
    to_pause: Floats
    to_unknown: Floats
    pause_stays: Floats
    pause_to_song: Floats
    pause_to_unknown: Floats
    unknown_stays: Floats
    unknown_to_song: Floats
    unknown_to_pause: Floats


class Machine:
    """The transitions of a show; `forward` and `backward` take vectors over all states, (size,) float32."""

    def __init__(self, states: States, kind: Kind) -> None:
        self.states = states
        self.kind = kind
        self.plus: np.ufunc = np.add if kind == "sum" else np.maximum
        self.times: np.ufunc = np.multiply if kind == "sum" else np.add
        self.zero = np.float32(0 if kind == "sum" else -np.inf)
        self.stay, self.advance, self.skip = map(self._in, (states.stay, states.advance, states.skip))
        self.enter, self.leave, self.order = map(self._in, (states.enter, states.leave, states.order))
        self.begins = self._in(states.begins())
        habits = states.habits
        rest, ends = 1 - states.straight, np.full(states.memories, habits.pause_ends)
        away = states.unknown_ends
        self.hub = Hub(
            straight=self._in(states.straight),
            to_pause=self._in(rest * (1 - states.then_unknown)),
            to_unknown=self._in(rest * states.then_unknown),
            pause_stays=self._in(1 - ends),
            pause_to_song=self._in(ends * (1 - states.pause_to_unknown)),
            pause_to_unknown=self._in(ends * states.pause_to_unknown),
            unknown_stays=self._in(1 - away),
            unknown_to_song=self._in(away * habits.unknown_to_song),
            unknown_to_pause=self._in(away * (1 - habits.unknown_to_song)),
        )
        self._moved = np.empty(states.bins, np.float32)

    def _in(self, probabilities: Floats) -> Floats:
        if self.kind == "sum":
            return np.asarray(probabilities, np.float32)
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(probabilities), np.float32)

    def parted(self, vector: Floats) -> tuple[Floats, Floats, Floats]:
        """Views of a vector: the songs' states, no song, unknown song."""
        bins, memories = self.states.bins, self.states.memories
        return vector[:bins], vector[bins : bins + memories], vector[bins + memories :]

    def forward(self, before: Floats, out: Floats) -> Floats:
        """From the states of a step to those of the next, its evidence not yet counted."""
        plus, times, hub = self.plus, self.times, self.hub
        songs, pause, unknown = self.parted(before)
        new_songs, new_pause, new_unknown = self.parted(out)
        moved = self._moved
        times(songs, self.stay, out=new_songs)
        times(songs[:-1], self.advance[1:], out=moved[1:])
        plus(new_songs[1:], moved[1:], out=new_songs[1:])
        times(songs[:-2], self.skip[2:], out=moved[2:])
        plus(new_songs[2:], moved[2:], out=new_songs[2:])
        left = self.left(songs)
        starts = self.starts(left, pause, unknown)
        into = plus.reduce(times(starts[:, None], self.order), axis=0)
        np.take(into, self.states.song_of, out=moved, mode="clip")
        times(moved, self.enter, out=moved)
        plus(new_songs, moved, out=new_songs)
        new_pause[:] = plus(times(pause, hub.pause_stays), times(left, hub.to_pause))
        plus(new_pause, times(unknown, hub.unknown_to_pause), out=new_pause)
        new_unknown[:] = plus(times(unknown, hub.unknown_stays), times(left, hub.to_unknown))
        plus(new_unknown, times(pause, hub.pause_to_unknown), out=new_unknown)
        return out

    def left(self, songs: Floats) -> Floats:
        """What leaves each song, after the memory of it; nothing leaves "no song yet". Shape: (memories,)."""
        leaving = self.plus.reduceat(self.times(songs, self.leave), self.states.first)
        return np.concatenate([[self.zero], leaving]).astype(np.float32)

    def starts(self, left: Floats, pause: Floats, unknown: Floats) -> Floats:
        """What begins a song now, by the song that came last. Shape: (memories,)."""
        out = self.plus(self.times(left, self.hub.straight), self.times(pause, self.hub.pause_to_song))
        return np.asarray(self.plus(out, self.times(unknown, self.hub.unknown_to_song)))

    def backward(self, after: Floats, out: Floats) -> Floats:
        """From what the states of a step promise, their evidence counted, to what those of the step before do."""
        plus, times, hub = self.plus, self.times, self.hub
        songs, pause, unknown = self.parted(after)
        new_songs, new_pause, new_unknown = self.parted(out)
        moved = self._moved
        entered = plus.reduceat(times(songs, self.enter), self.states.first)
        ahead = plus.reduce(times(self.order, entered[None, :]), axis=1)
        beyond = plus(times(hub.straight, ahead), times(hub.to_pause, pause))
        beyond = plus(beyond, times(hub.to_unknown, unknown))
        np.take(beyond[1:], self.states.song_of, out=moved, mode="clip")
        times(moved, self.leave, out=new_songs)
        times(songs, self.stay, out=moved)
        plus(new_songs, moved, out=new_songs)
        times(songs[1:], self.advance[1:], out=moved[1:])
        plus(new_songs[:-1], moved[1:], out=new_songs[:-1])
        times(songs[2:], self.skip[2:], out=moved[2:])
        plus(new_songs[:-2], moved[2:], out=new_songs[:-2])
        new_pause[:] = plus(times(pause, hub.pause_stays), times(ahead, hub.pause_to_song))
        plus(new_pause, times(unknown, hub.pause_to_unknown), out=new_pause)
        new_unknown[:] = plus(times(unknown, hub.unknown_stays), times(ahead, hub.unknown_to_song))
        plus(new_unknown, times(pause, hub.unknown_to_pause), out=new_unknown)
        return out

    def level(self, vector: Floats) -> Floats:
        """Scale a vector in place so that its numbers stay in range; the same factor for all states."""
        if self.kind == "sum":
            vector /= vector.sum()
        else:
            vector -= vector.max()
        return vector

    def came_from(self, before: Floats, state: int) -> int:
        """The state of the step before on the best path into `state`; only for "best"."""
        states, hub = self.states, self.hub
        songs, pause, unknown = self.parted(before)
        bins, memories = states.bins, states.memories
        if state >= bins:
            return self._came_into_pause(before, state)
        ways = [(float(songs[state] + self.stay[state]), state)]
        for back, moves in ((1, self.advance), (2, self.skip)):
            if state >= back:
                ways.append((float(songs[state - back] + moves[state]), state - back))
        starts = self.starts(self.left(songs), pause, unknown) + self.order[:, states.song_of[state]]
        last = int(starts.argmax())
        begun = self.enter[state] + self.order[last, states.song_of[state]]
        ways.append((float(pause[last] + hub.pause_to_song[last] + begun), bins + last))
        ways.append((float(unknown[last] + hub.unknown_to_song[last] + begun), bins + memories + last))
        if last > 0:
            end, score = self._last_bin(songs, last - 1)
            ways.append((score + float(hub.straight[last] + begun), end))
        return max(ways)[1]

    def _came_into_pause(self, before: Floats, state: int) -> int:
        hub, bins, memories = self.hub, self.states.bins, self.states.memories
        songs, pause, unknown = self.parted(before)
        kind, last = divmod(state - bins, memories)
        from_pause = hub.pause_to_unknown if kind else hub.pause_stays
        from_unknown = hub.unknown_stays if kind else hub.unknown_to_pause
        from_song = hub.to_unknown if kind else hub.to_pause
        ways = [
            (float(pause[last] + from_pause[last]), bins + last),
            (float(unknown[last] + from_unknown[last]), bins + memories + last),
        ]
        if last > 0:
            end, score = self._last_bin(songs, last - 1)
            ways.append((score + float(from_song[last]), end))
        return max(ways)[1]

    def _last_bin(self, songs: Floats, song: int) -> tuple[int, float]:
        """The state in which a song is left best, and how good that is."""
        first = int(self.states.first[song])
        end = int(self.states.first[song + 1]) if song + 1 < len(self.states.first) else self.states.bins
        scores = songs[first:end] + self.leave[first:end]
        best = int(scores.argmax())
        return first + best, float(scores[best])
