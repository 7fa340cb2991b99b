"""What a concert can be doing: a song of the show at a place of half a second, no song, or an unknown song.

A song is a chain of bins, one a part of its reference, run through from its beginning to its end at its own tempo
with a little slack; it may be entered late and left early. Between the songs there is either no song or an unknown
one, and both remember which song came last, so that the order of the set list counts after a pause too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.records import Record
from tonewheel.systems.concert.decode.order import Planned, order_of
from tonewheel.systems.concert.pack import Pack

Floats = NDArray[np.float32]
Ints = NDArray[np.intp]


class Habits(Record):
    """What bands and audiences do, as probabilities of one step of half a second unless it says otherwise."""

    stay: float = 0.02
    """The song advances by no bin: played slower than on the record, or a bin heard twice."""
    skip: float = 0.02
    """It advances by two."""
    early_end: float = 0.01
    """It ends before its end."""
    late_entry: float = 0.1
    """Share of songs that do not begin at their beginning: a medley, a cut, a recording that starts late."""
    straight: float = 0.12
    """Share of songs that follow without a pause; `marked_straight` where the set list says so."""
    marked_straight: float = 0.6
    then_unknown: float = 0.04
    """Share of songs after which an unknown one follows without a pause."""
    pause_ends: float = 0.03
    """A pause lasts 17 s on average."""
    pause_to_unknown: float = 0.06
    """Share of pauses after which a song comes that is not in the pack."""
    unknown_ends: float = 0.005
    """An unknown song lasts 100 s on average, or as long as the set list says."""
    listed_unknown: float = 0.5
    """Share of pauses, or of segues, after which the song comes that the list names and the pack lacks."""
    listed_end: float = 0.93
    """Share of songs that end about when the list says, of those that are still played then."""
    unknown_to_song: float = 0.25
    """Share of unknown songs that run straight into a known one."""


@dataclass(frozen=True)
class States:
    """The chains of all songs one after the other, in the order of the show.

    Shapes: `parts` (states, size) unit rows; the vectors (states,); `first` (songs,) the state in which each song
    begins; `order` (songs + 1, songs), row k + 1 after song k, row 0 before any. After the states of the songs come
    songs + 1 states of no song, then as many of an unknown song.
    """

    songs: tuple[str, ...]
    hop_s: float
    parts: Floats
    first: Ints
    song_of: Ints
    place: Ints
    """Bin of each state in its own reference."""
    stay: Floats
    advance: Floats
    """Probability of coming from the state before; 0 at the first bin of a chain."""
    skip: Floats
    enter: Floats
    leave: Floats
    straight: Floats
    then_unknown: Floats
    pause_to_unknown: Floats
    unknown_ends: Floats
    """These four by the song that came last, none first: (songs + 1,)."""
    order: Floats
    habits: Habits

    @property
    def bins(self) -> int:
        """States of songs."""
        return len(self.song_of)

    @property
    def memories(self) -> int:
        """States of no song: one for each song that may have come last, and one for none."""
        return len(self.songs) + 1

    @property
    def size(self) -> int:
        """States in all."""
        return self.bins + 2 * self.memories

    def label_of(self, state: int) -> int:
        """The number of the song, `len(songs)` for no song, one more for an unknown one."""
        if state < self.bins:
            return int(self.song_of[state])
        return len(self.songs) + (state - self.bins) // self.memories

    def begins(self) -> Floats:
        """Probability of each state at the first step: a recording may start anywhere. Shape: (size,)."""
        early = np.zeros(self.size, np.float32)
        early[: self.bins] = 0.4 * self.order[0][self.song_of] * self.enter
        early[self.bins] = 0.5
        early[self.bins + self.memories] = 0.1
        return early


def states_of(pack: Pack, planned: Sequence[Planned] | None, habits: Habits | None = None) -> States:
    """The states of a show: the songs as `planned`, then the others of the pack; without a plan all are alike."""
    chosen = habits or Habits()
    sequence = list(planned) if planned is not None else [Planned(song=song) for song in pack.songs]
    listed = {one.song for one in sequence}
    songs = [one.song for one in sequence] + [song for song in pack.songs if song not in listed]
    chains = _chains(pack)
    parts: list[Floats] = []
    song_of: list[int] = []
    place: list[int] = []
    lengths: list[int] = []
    for number, song in enumerate(songs):
        for chain in chains[song]:
            parts.append(chain)
            song_of += [number] * len(chain)
            place += range(len(chain))
            lengths.append(len(chain))
    numbers = np.array(song_of, np.intp)
    listed_s = [one.seconds for one in sequence] + [None] * (len(songs) - len(sequence))
    expected = [None if seconds is None else seconds / pack.header.hop_s for seconds in listed_s]
    return States(
        songs=tuple(songs),
        hop_s=pack.header.hop_s,
        parts=np.concatenate(parts),
        first=np.searchsorted(numbers, np.arange(len(songs))),
        song_of=numbers,
        place=np.array(place, np.intp),
        **_moves(lengths, numbers, expected, chosen),
        **_between(sequence, len(songs), pack.header.hop_s, chosen),
        order=order_of(sequence, len(songs), follows=planned is not None),
        habits=chosen,
    )


def _chains(pack: Pack) -> dict[str, list[Floats]]:
    """Unit parts of every reference of every song: a row of the pack is its two parts side by side."""
    half = pack.embeddings.shape[1] // 2
    apart = round(pack.header.window_s / 2 / pack.header.hop_s)
    found: dict[str, list[Floats]] = {song: [] for song in pack.songs}
    end = 0
    for reference in pack.header.references:
        rows = pack.embeddings[end : end + reference.windows].astype(np.float32)
        end += reference.windows
        chain = np.concatenate([rows[:, :half], rows[-apart:, half:]])
        found[reference.song].append(chain / np.maximum(np.linalg.norm(chain, axis=1, keepdims=True), 1e-9))
    return found


def _between(planned: Sequence[Planned], songs: int, hop_s: float, habits: Habits) -> dict[str, Floats]:
    """What follows a song that ends, by its number; row 0 is the beginning of the show. Shapes: (songs + 1,)."""
    marked = np.array([False, *(one.straight for one in planned)] + [False] * (songs - len(planned)))
    unknown_s = np.array([0.0, *(one.unknown_s for one in planned)] + [0.0] * (songs - len(planned)))
    listed = unknown_s > 0
    straight = np.where(marked, habits.marked_straight, habits.straight)
    # A segue into a song that the pack lacks is one into an unknown song.
    lacking = 1 - habits.listed_unknown
    made = {
        "straight": np.where(listed, straight * lacking, straight),
        "then_unknown": np.where(listed & marked, habits.listed_unknown, habits.then_unknown),
        "pause_to_unknown": np.where(listed, habits.listed_unknown, habits.pause_to_unknown),
        "unknown_ends": np.where(listed, hop_s / np.maximum(unknown_s, 10.0), habits.unknown_ends),
    }
    return {name: values.astype(np.float32) for name, values in made.items()}


def _leave(lengths: Sequence[int], song_of: Ints, listed: Sequence[float | None], habits: Habits) -> Floats:
    """Chance of each bin that its song ends after it: the last bins, and where the set list says that it ends."""
    leave = np.full(len(song_of), habits.early_end)
    ends = np.cumsum(lengths) - 1
    for length, end in zip(lengths, ends, strict=True):
        wanted = listed[int(song_of[end])]
        first = end - length + 1
        if wanted is not None and wanted < 0.95 * length:
            near = max(6.0, 0.04 * wanted)
            leave[first : end + 1] *= 0.3
            low, high = first + round(wanted - near), first + round(wanted + near)
            leave[max(first, low) : min(high, end) + 1] = 1 - (1 - habits.listed_end) ** (
                1 / (high - low + 1)
            )
        elif wanted is not None:
            leave[first : end + 1] *= 0.3  # it is going to be played to its end
        # A fade that the hall did not hear, or a last chord that rings on.
        for back, chance in ((2, 0.1), (1, 0.2), (0, 0.6)):
            leave[max(end - back, first)] = chance
    return leave.astype(np.float32)


def _moves(
    lengths: Sequence[int], song_of: Ints, listed: Sequence[float | None], habits: Habits
) -> dict[str, Floats]:
    bins, songs = len(song_of), len(listed)
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.intp)
    ends = np.cumsum(lengths).astype(np.intp) - 1
    leave = _leave(lengths, song_of, listed, habits)
    going = 1 - leave
    stay = going * habits.stay
    stay[ends] = going[ends]
    advance, skip = np.zeros(bins), np.zeros(bins)
    advance[1:] = going[:-1] * (1 - habits.stay - habits.skip)
    skip[2:] = going[:-2] * habits.skip
    advance[starts] = 0
    for start in (starts, np.minimum(starts + 1, bins - 1)):
        skip[start] = 0
    enter = np.zeros(bins)
    references = np.bincount(song_of[starts], minlength=songs)[song_of[starts]]
    for start, length, share in zip(starts, lengths, 1 / references, strict=True):
        early = 0.5 ** np.arange(1, min(8, length) + 1)
        enter[start : start + length] += share * habits.late_entry / length
        enter[start : start + len(early)] += share * (1 - habits.late_entry) * early / early.sum()
    made = {"stay": stay, "advance": advance, "skip": skip, "enter": enter, "leave": leave}
    return {name: values.astype(np.float32) for name, values in made.items()}
