"""What was recognised, held against what was played."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec.structs import replace

from tonewheel.core.records import Record
from tonewheel.metrics.segments import frame_accuracy
from tonewheel.synth.concert import Span
from tonewheel.synth.song import Song
from tonewheel.systems.concert.listen import Event

SAME_PLACE_S = 1.0


class Recognised(Record):
    """A stretch [start_s, end_s) that the listener gave to a song, with what it said on the way."""

    song: str
    start_s: float
    end_s: float
    positions: tuple[tuple[float, float], ...]
    """(time in the show, place in the song), s."""
    right: bool
    """Whether this song was playing when it was announced."""


class Played(Record):
    """A song that was played, and how the listener followed it; None where it did not."""

    song: str
    known: bool
    """Whether it is in the pack; one that is not must not be recognised."""
    start_s: float
    end_s: float
    recognised_s: float | None
    latency_s: float | None
    position_error_s: float | None
    """Median over all positions that were told."""
    ended_s: float | None
    mistaken: bool = False
    """Whether another song was announced while it played."""
    repeats: bool = False
    """Whether the same section of the song is where the listener placed itself: both places sound alike."""


class Outcome(Record):
    """The show in figures."""

    played: tuple[Played, ...]
    recognised: tuple[Recognised, ...]
    followed: float
    """Share of the show's time with the right answer, "no song" included."""

    @property
    def expected(self) -> int:
        """Songs that were played and are in the pack."""
        return sum(song.known for song in self.played)

    @property
    def found(self) -> int:
        """How many of them were recognised."""
        return sum(song.known and song.recognised_s is not None for song in self.played)

    @property
    def false_identifications(self) -> int:
        """Announcements of a song that was not playing."""
        return sum(not stretch.right for stretch in self.recognised)

    def median(self, field: str) -> float | None:
        """Median of a field over the songs that were recognised; None if there are none."""
        values = [value for song in self.played if (value := getattr(song, field)) is not None]
        return float(np.median(values)) if values else None


def compare(
    events: Sequence[Event], setlist: Sequence[Span], known: Sequence[str], seconds: float
) -> Outcome:
    """Hold the events of one show against its setlist; the songs of the pack are `known`.

    Songs are taken to be played from their beginning at their own speed.

    >>> def event(time_s, kind, position_s): return Event(
    ...     time_s=time_s, event=kind, song="Intro", position_s=position_s, score=0.8)
    >>> events = [event(14.0, "song_start", 3.9), event(58.0, "song_end", 48.0)]
    >>> intro = Span(start_s=10.0, end_s=60.0, kind="song", title="Intro")
    >>> outcome = compare(events, [intro], ["Intro"], 70.0)
    >>> (song,) = outcome.played
    >>> song.latency_s, round(song.position_error_s, 2), song.ended_s, round(outcome.followed, 3)
    (4.0, 0.1, 58.0, 0.914)
    """
    stretches = _stretches(events, setlist, seconds)
    truth = [(span.start_s, span.end_s) for span in setlist]
    titles = [span.title if span.title in known else "" for span in setlist]
    whole = [(0.0, 0.0), *truth, (seconds, seconds)]
    answers = [(stretch.start_s, stretch.end_s) for stretch in stretches]
    followed = frame_accuracy(whole, ["", *titles, ""], answers, [stretch.song for stretch in stretches])
    return Outcome(
        played=tuple(_played(span, stretches, span.title in known) for span in setlist),
        recognised=tuple(stretches),
        followed=followed,
    )


def explain_positions(outcome: Outcome, songs: Mapping[str, Song]) -> Outcome:
    """Mark the songs whose wrong positions lie in a section that repeats the one that was playing.

    A chorus comes back note for note: no listener can tell which one it is from the sound of it alone.
    """
    played = tuple(
        replace(song, repeats=_repeats(song, outcome.recognised, songs[song.song])) for song in outcome.played
    )
    return replace(outcome, played=played)


def _repeats(played: Played, stretches: Sequence[Recognised], song: Song) -> bool:
    if (played.position_error_s or 0.0) <= SAME_PLACE_S:
        return False
    alike = [
        _alike(song, time_s - played.start_s, position_s)
        for stretch in stretches
        if stretch.right and stretch.song == played.song
        for time_s, position_s in stretch.positions
        if played.start_s <= time_s <= played.end_s
    ]
    return sum(alike) > len(alike) / 2


def _alike(song: Song, first_s: float, second_s: float) -> bool:
    """Whether both places are equally far into sections of one name, or near one another."""
    places = [
        (section.name, time_s - section.start_s)
        for time_s in (first_s, second_s)
        for section in song.sections
        if section.start_s <= time_s < section.end_s
    ]
    if abs(first_s - second_s) <= SAME_PLACE_S or len(places) < 2:
        return abs(first_s - second_s) <= SAME_PLACE_S
    (first, into_s), (second, other_s) = places
    return first == second and abs(into_s - other_s) <= SAME_PLACE_S


def _stretches(events: Sequence[Event], setlist: Sequence[Span], seconds: float) -> list[Recognised]:
    found: list[Recognised] = []
    told: list[tuple[float, float]] = []
    for number, event in enumerate(events):
        if event.event != "song_start":
            continue
        told = [(event.time_s, event.position_s)]
        end_s = seconds
        for later in events[number + 1 :]:
            if later.event == "song_end":
                end_s = max(event.time_s, later.time_s)
                break
            told.append((later.time_s, later.position_s))
        right = any(s.title == event.song and s.start_s <= event.time_s <= s.end_s for s in setlist)
        found.append(
            Recognised(song=event.song, start_s=event.time_s, end_s=end_s, positions=tuple(told), right=right)
        )
    return found


def _played(span: Span, stretches: Sequence[Recognised], known: bool) -> Played:
    own = [
        stretch
        for stretch in stretches
        if stretch.right and stretch.song == span.title and span.start_s <= stretch.start_s <= span.end_s
    ]
    errors = [
        abs(position_s - (time_s - span.start_s))
        for stretch in own
        for time_s, position_s in stretch.positions
        if time_s <= span.end_s
    ]
    return Played(
        song=span.title,
        known=known,
        start_s=span.start_s,
        end_s=span.end_s,
        recognised_s=own[0].start_s if own else None,
        latency_s=round(own[0].start_s - span.start_s, 2) if own else None,
        position_error_s=float(np.median(errors)) if errors else None,
        ended_s=own[-1].end_s if own else None,
        mistaken=any(not one.right and span.start_s <= one.start_s <= span.end_s for one in stretches),
    )
