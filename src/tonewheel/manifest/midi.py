"""Drums in Standard MIDI Files: General MIDI percussion on channel 10 to drum hits and back.

Notes become labels by the General MIDI map of the taxonomy, note-on velocity / 127 the velocity, and the last
value of CC4 at or before a hi-hat the openness. Modules send CC4 in one of two senses: how open the hat is, or
how far the pedal is down. A curve of the module decides; without one the file does: when its closed hats stand
higher than its open ones, high is closed, and the closed hats' median is what "closed" is. The raw value is
kept in every case.

Written files hold label, velocity and openness, but General MIDI has no notes for some labels: a rimshot is
read back as a snare, a foot splash as a pedal, a ride bow as a ride.
"""

from __future__ import annotations

import bisect
import io
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from tonewheel.core.errors import InputError
from tonewheel.core.files import atomic_path, reading
from tonewheel.core.records import Record
from tonewheel.manifest.components import class_of, gm_label, gm_note
from tonewheel.manifest.drum_hits import DrumHit, in_order, problem
from tonewheel.manifest.openness import Breakpoint, Curve
from tonewheel.manifest.timing import Timing, TimingPoint, bpm_problem, steady, timing_of

PERCUSSION_CHANNEL = 10
CC_OPENNESS = 4
LARGEST_BYTES = 64 * 2**20
HIGH_IS_OPEN = Curve(
    curve_id="generic_high_is_open",
    breakpoints=(Breakpoint(raw=0, normalized=0.0), Breakpoint(raw=127, normalized=1.0)),
)
TICKS_A_QUARTER = 1920
_NOTE_S = 0.05
_CURVE_TEXT = "openness_curve_id="


class MidiHit(DrumHit):
    """A drum hit with what the file said: the note, and CC4 as it was (hi-hats; None when none came)."""

    note: int | None = None
    openness_raw: int | None = None


class DrumScore(Record):
    """The drums of a MIDI file, its tempo and meter, and what was not understood."""

    hits: tuple[MidiHit, ...]
    timing: Timing
    seconds: float
    """When the last message of the file is due."""
    openness_curve_id: str = ""
    unknown_notes: dict[int, int] = {}  # noqa: RUF012 (msgspec copies it)
    """Notes on channel 10 that the map has no label for, and how often."""


def read_midi(
    path: str | Path, *, curve: Curve | None = None, channel: int = PERCUSSION_CHANNEL, finer: bool = False
) -> DrumScore:
    """The drum hits of a MIDI file (type 0 or 1), by time; `finer` tells second crash and ride bell apart.

    InputError for a file that is no MIDI file, is damaged, or has notes but none on the channel.
    """
    source = Path(path)
    file = _open(source)
    clock = _Clock(file, source)
    notes: list[tuple[int, int, int]] = []
    pedal: dict[int, int] = {}
    elsewhere: set[int] = set()
    meters: list[tuple[float, str]] = []
    named_curve = ""
    last = 0
    for track in file.tracks:
        tick = 0
        for message in track:
            tick += message.time
            last = max(last, tick)
            if message.type == "note_on" and message.velocity > 0:
                if message.channel + 1 == channel:
                    notes.append((tick, message.note, message.velocity))
                else:
                    elsewhere.add(message.channel + 1)
            elif message.type == "control_change" and message.channel + 1 == channel:
                if message.control == CC_OPENNESS:
                    pedal[tick] = message.value
            elif message.type == "time_signature":
                meters.append((clock.seconds(tick), f"{message.numerator}/{message.denominator}"))
            elif message.type == "text" and message.text.startswith(_CURVE_TEXT):
                named_curve = message.text.removeprefix(_CURVE_TEXT)
    if not notes and elsewhere:
        names = ", ".join(str(one) for one in sorted(elsewhere))
        raise InputError(source, f"has notes on channel {names}, but none on {channel} (percussion)")
    hits: list[tuple[float, int, int, str, int | None]] = []
    unknown: Counter[int] = Counter()
    ticks = sorted(pedal)
    for tick, note, velocity in sorted(notes):
        label = gm_label(note, finer=finer)
        if label is None:
            unknown[note] += 1
            continue
        raw = None
        if class_of(label).startswith("hihat") and (at := bisect.bisect_right(ticks, tick)):
            raw = pedal[ticks[at - 1]]
        hits.append((clock.seconds(tick), note, velocity, label, raw))
    if curve is None:
        curve = HIGH_IS_OPEN if named_curve == HIGH_IS_OPEN.curve_id else guess_curve(
            [raw for *_, label, raw in hits if raw is not None and label == "hihat_open"],
            [raw for *_, label, raw in hits if raw is not None and label == "hihat_closed"],
        )  # fmt: skip
    return DrumScore(
        hits=tuple(
            MidiHit(
                onset_s=onset_s,
                label=label,
                velocity=velocity / 127,
                openness=None if raw is None else curve(raw),
                note=note,
                openness_raw=raw,
            )
            for onset_s, note, velocity, label, raw in hits
        ),
        timing=_timing(clock.tempos(), meters, source),
        seconds=clock.seconds(last),
        openness_curve_id=curve.curve_id if any(raw is not None for *_, raw in hits) else "",
        unknown_notes=dict(sorted(unknown.items())),
    )


def guess_curve(open_raw: list[int], closed_raw: list[int]) -> Curve:
    """A curve from what a module sent with open and with closed hats; see the head of this module.

    >>> guess_curve([0, 40, 10], [90, 90]).curve_id, guess_curve([127], [0]).curve_id
    ('guessed_high_is_closed_90', 'generic_high_is_open')
    """
    if open_raw and closed_raw and median(open_raw) < median(closed_raw):
        closed = int(median(closed_raw))
        points = (Breakpoint(raw=0, normalized=1.0), Breakpoint(raw=closed, normalized=0.0))
        return Curve(curve_id=f"guessed_high_is_closed_{closed}", breakpoints=points)
    return HIGH_IS_OPEN


def write_midi(path: str | Path, hits: Iterable[DrumHit], timing: Timing | None = None) -> int:
    """Write hits as General MIDI percussion (type 0, CC4 before a hat whose openness is known), atomically.

    Second 0 is tick 0, times are kept to 0.3 ms or better from 60 BPM up. A velocity of 0 is written as 1,
    because 0 would end the note. Returns how many hits were written; InputError for a hit that cannot be.
    """
    import mido

    ordered = in_order(hits)
    clock = _WriteClock(timing or steady(120.0))
    entries: list[tuple[int, int, Any]] = [
        (0, -2, mido.MetaMessage("text", text=f"{_CURVE_TEXT}{HIGH_IS_OPEN.curve_id}"))
    ]
    entries += [(tick, -1, message) for tick, message in clock.messages()]
    next_of: dict[int, int] = {}
    ticks = [clock.tick(hit.onset_s) for hit in ordered if _checked(hit, path)]
    channel = PERCUSSION_CHANNEL - 1
    for tick, hit in reversed(list(zip(ticks, ordered, strict=True))):
        note = gm_note(hit.label)
        velocity = max(1, round(hit.velocity * 127))
        end = min(clock.tick(hit.onset_s + _NOTE_S), next_of.get(note, 1 << 62))
        next_of[note] = tick
        entries.append((tick, 2, mido.Message("note_on", channel=channel, note=note, velocity=velocity)))
        entries.append((max(end, tick + 1), 0, mido.Message("note_off", channel=channel, note=note)))
        if hit.openness is not None and class_of(hit.label).startswith("hihat"):
            value = round(hit.openness * 127)
            control = mido.Message("control_change", channel=channel, control=CC_OPENNESS, value=value)
            entries.append((tick, 1, control))
    track = mido.MidiTrack()
    before = 0
    for tick, _, message in sorted(entries, key=lambda entry: entry[:2]):
        track.append(message.copy(time=tick - before))
        before = tick
    file = mido.MidiFile(type=0, ticks_per_beat=TICKS_A_QUARTER)
    file.tracks.append(track)
    with atomic_path(path) as temporary:
        file.save(str(temporary))
    return len(ordered)


def _checked(hit: DrumHit, path: str | Path) -> bool:
    if reason := problem(hit):
        raise InputError(path, f"hit at {hit.onset_s:g} s: {reason}")
    return True


def _open(source: Path) -> Any:
    import mido

    with reading(source):
        size = source.stat().st_size
        content = source.read_bytes() if size <= LARGEST_BYTES and source.is_file() else b""
    if size > LARGEST_BYTES:
        raise InputError(source, f"is larger than {LARGEST_BYTES // 2**20} MiB; no score is")
    if not content.startswith(b"MThd"):
        raise InputError(source, "is no Standard MIDI File")
    try:
        file = mido.MidiFile(file=io.BytesIO(content), clip=True)
    except Exception as error:  # mido raises whatever its parsing stumbles over
        reason = str(error) or "it ends too early"
        raise InputError(source, f"is a damaged MIDI file: {reason}") from None
    if file.type == 2 and len(file.tracks) > 1:
        raise InputError(source, "is a type 2 MIDI file: its tracks do not play together")
    if file.ticks_per_beat == 0:
        raise InputError(source, "is a damaged MIDI file: a quarter note has 0 ticks")
    return file


class _Clock:
    """Ticks to seconds over the tempo map of a file."""

    def __init__(self, file: Any, source: Path) -> None:
        self._quarter: float = file.ticks_per_beat
        changes: dict[int, int] = {0: 500_000}
        if self._quarter < 0:
            # SMPTE time code: minus frames a second in the high byte, ticks a frame in the low one.
            frames, self._quarter = -(file.ticks_per_beat >> 8), file.ticks_per_beat & 0xFF
            if frames not in (24, 25, 29, 30) or not self._quarter:
                raise InputError(source, "is a damaged MIDI file: its time code is no known one")
            self._quarter *= frames if frames != 29 else 30_000 / 1001
            changes[0] = 1_000_000
        else:
            for track in file.tracks:
                tick = 0
                for message in track:
                    tick += message.time
                    if message.type == "set_tempo":
                        if message.tempo < 1:
                            raise InputError(source, "is a damaged MIDI file: a tempo of 0")
                        changes[tick] = message.tempo
        self._ticks = sorted(changes)
        self._tempos = [changes[tick] for tick in self._ticks]
        self._starts = [0.0]
        for at in range(1, len(self._ticks)):
            length = self._ticks[at] - self._ticks[at - 1]
            self._starts.append(self._starts[-1] + length * self._tempos[at - 1] / 1e6 / self._quarter)

    def seconds(self, tick: float) -> float:
        at = bisect.bisect_right(self._ticks, tick) - 1
        return self._starts[at] + (tick - self._ticks[at]) * self._tempos[at] / 1e6 / self._quarter

    def tempos(self) -> list[tuple[float, float]]:
        return [(start, 60e6 / tempo) for start, tempo in zip(self._starts, self._tempos, strict=True)]


class _WriteClock:
    """Seconds to ticks, over tempi rounded to the whole microseconds that a file can hold."""

    def __init__(self, timing: Timing) -> None:
        first, *others = timing.points
        self._points = [(0.0, first), *((one.time_s, one) for one in others)]
        self._tempos = [min(2**24 - 1, max(1, round(60e6 / one.bpm))) for _, one in self._points]
        self._ticks = [0]
        # A change falls on a tick, a little beside its own time: what follows is told from there, or the errors
        # of many changes would add up.
        self._starts = [0.0]
        for at in range(1, len(self._points)):
            self._ticks.append(self.tick(self._points[at][0], at - 1))
            length = (self._ticks[at] - self._ticks[at - 1]) / TICKS_A_QUARTER
            self._starts.append(self._starts[-1] + length * self._tempos[at - 1] / 1e6)

    def tick(self, time_s: float, at: int | None = None) -> int:
        if at is None:
            # By where changes fall, not by where they were meant: a reader knows no other.
            at = max(0, bisect.bisect_right(self._starts, time_s) - 1)
        quarters = (time_s - self._starts[at]) * 1e6 / self._tempos[at]
        return self._ticks[at] + round(quarters * TICKS_A_QUARTER)

    def messages(self) -> Iterable[tuple[int, Any]]:
        import mido

        for tick, tempo, (_, point) in zip(self._ticks, self._tempos, self._points, strict=True):
            above, _, below = point.meter.partition("/")
            yield tick, mido.MetaMessage("set_tempo", tempo=tempo)
            yield tick, mido.MetaMessage("time_signature", numerator=int(above), denominator=int(below))


def _timing(tempos: list[tuple[float, float]], meters: list[tuple[float, str]], source: Path) -> Timing:
    meters = sorted(meters)
    points = []
    for time_s in sorted({time_s for time_s, _ in (*tempos, *meters)}):
        bpm = next(bpm for start, bpm in reversed(tempos) if start <= time_s)
        meter = next((meter for start, meter in reversed(meters) if start <= time_s), "4/4")
        if reason := bpm_problem(bpm):
            raise InputError(source, f"tempo at {time_s:g} s: {reason}")
        points.append(TimingPoint(time_s=time_s, bpm=bpm, meter=meter))
    # A point that changes nothing would only cut a bar in two.
    kept = points[:1] + [b for a, b in pairwise(points) if (a.bpm, a.meter) != (b.bpm, b.meter)]
    return timing_of(kept)
