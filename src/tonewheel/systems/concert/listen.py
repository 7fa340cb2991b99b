"""Follow a show as it happens: blocks of sound in, song starts, positions and ends out.

Every half second the last window is embedded and compared with all references. A run of windows is scored
along its diagonal, so evidence grows with every step; two of the last three steps must name the same song
before it is announced, as one window may err.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from time import perf_counter, process_time
from typing import Literal, NamedTuple, cast, get_args

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.errors import InputError, TonewheelError, nearest
from tonewheel.core.records import Record
from tonewheel.core.units import format_time_s
from tonewheel.systems.concert.decide import weigh
from tonewheel.systems.concert.embed import Embedder, WindowStream
from tonewheel.systems.concert.pack import Pack, printable

Floats = NDArray[np.float32]
Gate = Literal["simple", "run", "decoder"]

RUNS = (1, 3, 7, 13)
"""Windows of the runs that are scored: 2, 3, 5 and 8 s. Longer ones are surer, shorter ones quicker."""
VOTES, OF_LAST = 2, 3
GIVE_UP_S = 6.0
"""A song ends when nothing has confirmed it for this long: a quiet bridge or a shout is shorter."""
SAME_PLACE_S = 1.0
"""A step confirms the running song when it is heard within this of where it should be by now."""
POSITION_EVERY_S = 1.0


Kind = Literal["song_start", "song_end", "position", "tie"]


class Event(Record, omit_defaults=True):
    """Something a light or lyrics program can follow; `time_s` counts from the first sample heard."""

    time_s: float
    event: Kind
    song: str
    position_s: float
    score: float
    other: str = ""
    """The second song of a tie: both fit alike, as two songs may begin alike."""


class Vote(NamedTuple):
    """The song that a step names, when its position 0 was by that, the cosine, and the log-odds that it is."""

    song: int
    begins_s: float
    score: float
    odds: float


class Cost(Record):
    """What one step took: wall time and processor time."""

    wall_ms: float
    cpu_ms: float


class Listener:
    """A state machine fed with mono blocks at the encoder's rate.

    `gate` "run" scores runs of up to 8 s; "simple" looks at single windows, which must agree 2 of 3.
    """

    def __init__(self, pack: Pack, embedder: Embedder, gate: Gate = "run") -> None:
        self.pack = pack
        self.embedder = embedder
        rate = embedder.spec.sample_rate_hz
        self.window = round(embedder.window_s * rate)
        self.hop = round(embedder.hop_s * rate)
        self.rate = rate
        self.costs: list[Cost] = []
        self._held: Floats = np.zeros(0, np.float32)
        self._heard = 0  # samples before `_held`
        self._arrived: list[Floats] = []  # blocks that do not fill a window yet
        self._samples = 0  # in both
        self.starts_at = embedder.rule.least_live_odds
        self.agreed_odds = -np.inf
        """Log-odds of the song that would start now; it does if they reach the rule's limit."""
        longest = 1 if gate == "simple" else RUNS[-1]
        self._windows = WindowStream(embedder)
        self._cosines: deque[Floats] = deque(maxlen=longest)  # of each window with the whole pack
        self._music: deque[float] = deque(maxlen=longest)
        self._votes: deque[Vote | None] = deque(maxlen=OF_LAST)
        self._song: int | None = None
        self._begins_s = 0.0  # when position 0 of the running song was, or would have been
        self._confirmed_s = 0.0
        self._told_s = 0.0
        self._score = 0.0

    def push(self, block: Floats) -> list[Event]:
        """Hear some more; returns what has happened by its end."""
        events: list[Event] = []
        self._arrived.append(np.array(block, np.float32))  # a copy: a sound device reuses its buffer
        self._samples += len(block)
        if self._samples < self.window:
            return events
        self._held = np.concatenate([self._held, *self._arrived])
        self._arrived.clear()
        while len(self._held) >= self.window:
            wall, cpu = perf_counter(), process_time()
            events += self._step(self._held[: self.window])
            self.costs.append(
                Cost(wall_ms=(perf_counter() - wall) * 1e3, cpu_ms=(process_time() - cpu) * 1e3)
            )
            self._held = self._held[self.hop :]
            self._heard += self.hop
        self._samples = len(self._held)
        return events

    def finish(self) -> list[Event]:
        """The source has ended, and with it the song, unless it was over before."""
        now_s = (self._heard + self._samples) / self.rate
        return self._end(now_s if now_s - self._confirmed_s <= self.embedder.window_s else self._confirmed_s)

    def _step(self, audio: Floats) -> list[Event]:
        now_s = (self._heard + self.window) / self.rate
        embedded = self._windows.push(audio)
        self._cosines.append(self.pack.catalogue.cosines(embedded.embeddings[0]))
        self._music.append(float(embedded.music[0]))
        vote = self._vote(now_s)
        self._votes.append(vote)
        self.agreed_odds = self._agreed(vote)
        events: list[Event] = []
        if vote is not None and self._confirms(vote):
            self._confirmed_s, self._score = now_s, vote.score
            # Follow slowly: a single parabola errs by more than a band drifts in half a second.
            self._begins_s += 0.2 * (vote.begins_s - self._begins_s)
        elif vote is not None and self.agreed_odds >= self.starts_at:
            if vote.song != self._song:
                events += self._end(now_s)
            events += self._start(vote, now_s)
        elif self._song is not None and now_s - self._confirmed_s > GIVE_UP_S:
            events += self._end(self._confirmed_s)
            self._cosines.clear()
            self._music.clear()
        if self._song is not None and now_s - self._told_s >= POSITION_EVERY_S:
            self._told_s = now_s
            events.append(self._event("position", now_s, self._song))
        return events

    def _vote(self, now_s: float) -> Vote | None:
        """The song that the latest windows name, if it leads the others."""
        rule = self.embedder.rule
        # A long run is sure, a short one quick after a change of song: the one with the best odds speaks.
        best: Vote | None = None
        cosines = list(self._cosines)
        # While a song runs the longest is left out: it would go on naming the song for seconds after its end.
        lengths = RUNS if self._song is None else RUNS[:-1]
        for windows in sorted({min(n, len(cosines)) for n in lengths}):
            ranked = self.pack.catalogue.rank_cosines(cosines[-windows:])
            evidence = weigh(ranked, windows, float(np.mean(list(self._music)[-windows:])))
            odds = rule.odds(evidence)
            if evidence.margin < rule.tie_margin or (best is not None and odds <= best.odds):
                continue
            run_began_s = now_s - self.embedder.window_s - (windows - 1) * self.embedder.hop_s
            begins_s = run_began_s - ranked[0].position_s
            best = Vote(ranked[0].song, begins_s, ranked[0].score, odds)
        return best

    def _confirms(self, vote: Vote) -> bool:
        here = vote.song == self._song and abs(vote.begins_s - self._begins_s) <= SAME_PLACE_S
        return here and vote.odds >= self.embedder.rule.least_odds

    def _agreed(self, vote: Vote | None) -> float:
        """The odds that 2 of the last 3 steps reach for this song at this place."""
        if vote is None:
            return -np.inf
        alike = [
            other.odds
            for other in self._votes
            if other is not None
            and other.song == vote.song
            and abs(other.begins_s - vote.begins_s) <= SAME_PLACE_S
        ]
        return sorted(alike)[-VOTES] if len(alike) >= VOTES else -np.inf

    def _start(self, vote: Vote, now_s: float) -> list[Event]:
        jumped = vote.song == self._song
        self._song, self._score = vote.song, vote.score
        self._begins_s = vote.begins_s
        self._confirmed_s = self._told_s = now_s
        return [self._event("position" if jumped else "song_start", now_s, vote.song)]

    def _end(self, time_s: float) -> list[Event]:
        if self._song is None:
            return []
        ended, self._song = self._song, None
        return [self._event("song_end", time_s, ended)]

    def _event(self, kind: Kind, time_s: float, song: int) -> Event:
        return Event(
            time_s=round(time_s, 2),
            event=kind,
            song=self.pack.songs[song],
            position_s=round(max(0.0, time_s - self._begins_s), 2),
            score=round(self._score, 4),
        )


def listen(source: Iterable[Floats], listener: Listener) -> Iterator[Event]:
    """Events of a source of mono blocks, as they happen; a source that breaks off ends its song too."""
    try:
        for block in source:
            yield from listener.push(block)
    except TonewheelError:
        yield from listener.finish()
        raise
    yield from listener.finish()


def check_gate(text: str) -> Gate:
    """The gate of this name; InputError names the nearest."""
    known = get_args(Gate)
    if text not in known:
        raise InputError("--gate", f'"{text}" is none of {", ".join(known)}{nearest(text, known)}')
    return cast(Gate, text)


def describe(event: Event) -> str:
    """One line for a person.

    >>> describe(Event(time_s=83.2, event="song_start", song="Intro", position_s=2.5, score=0.71))
    '   1:23.2  song_start  "Intro" at 0:02.5 (score 0.71)'
    """
    place = format_time_s(event.position_s)
    clock = format_time_s(event.time_s).rjust(9)
    if event.other:
        return f'{clock}  {event.event:<10}  "{printable(event.song)}" or "{printable(event.other)}"'
    return f'{clock}  {event.event:<10}  "{printable(event.song)}" at {place} (score {event.score:.2f})'


class CostSummary(Record):
    """What listening took: a step is due every `hop_s`, so a factor of 0.01 is a hundredth of one core."""

    steps: int
    wall_p50_ms: float
    wall_p95_ms: float
    cpu_p50_ms: float
    cpu_p95_ms: float
    real_time_factor: float
    """Mean processor time of a step over the time between two steps."""
    peak_resident_mb: float

    def __str__(self) -> str:
        return (
            f"{self.steps} steps: {self.wall_p50_ms:.1f} ms (p50), {self.wall_p95_ms:.1f} ms (p95);"
            f" processor {self.cpu_p50_ms:.1f} ms (p50), {self.real_time_factor:.2%} of real time;"
            f" at most {self.peak_resident_mb:.0f} MB resident"
        )


def cost_summary(costs: Sequence[Cost], hop_s: float) -> CostSummary:
    """Latency and processor time of the steps so far, and the memory of this process.

    >>> cost_summary([Cost(wall_ms=20.0, cpu_ms=10.0)] * 4, hop_s=0.5).real_time_factor
    0.02
    """
    wall = np.array([cost.wall_ms for cost in costs] or [0.0])
    cpu = np.array([cost.cpu_ms for cost in costs] or [0.0])
    return CostSummary(
        steps=len(costs),
        wall_p50_ms=round(float(np.percentile(wall, 50)), 2),
        wall_p95_ms=round(float(np.percentile(wall, 95)), 2),
        cpu_p50_ms=round(float(np.percentile(cpu, 50)), 2),
        cpu_p95_ms=round(float(np.percentile(cpu, 95)), 2),
        real_time_factor=round(float(cpu.mean()) / (hop_s * 1e3), 5),
        peak_resident_mb=round(peak_resident_bytes() / 1e6, 1),
    )


def peak_resident_bytes() -> int:
    """The most memory that this process ever held; 0 where the system does not say (Windows)."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux counts the parent's peak into getrusage's
        return int(status.read_text().split("VmHWM:")[1].split()[0]) * 1024
    try:
        from resource import RUSAGE_SELF, getrusage
    except ImportError:
        return 0
    return getrusage(RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
