"""Rewrite a drum event manifest line by line: one event in memory, unknown keys kept, broken lines set apart.

A line that is not changed is copied byte for byte. A line that is no event goes, with its number and the
reason, to a quarantine file beside the output and is left out of it; the run goes on unless it is strict.
"""

from __future__ import annotations

import codecs
import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, NamedTuple, Self

import msgspec

from tonewheel.core.errors import InputError
from tonewheel.core.files import atomic_path, reading
from tonewheel.core.progress import progress
from tonewheel.core.records import LONGEST_LINE_BYTES
from tonewheel.manifest.drum_events import broken

Event = dict[str, Any]


class BrokenLineError(InputError):
    """A line is no event, in a run that allows none."""

    exit_status = 1


class EventLine(NamedTuple):
    """One event of a manifest: its line number (from 1), the line as it stands, and what it says."""

    number: int
    raw: bytes
    event: Event


class Quarantine:
    """Broken lines with their numbers and reasons; the file appears only when there are some.

    >>> with Quarantine(None) as quarantine:
    ...     quarantine.add(Path("events.jsonl"), 3, "is no event", b"[]")
    >>> quarantine.count
    1
    """

    def __init__(self, path: Path | None, *, strict: bool = False) -> None:
        self.path, self.strict, self.count = path, strict, 0
        self._stack = ExitStack()
        self._file: IO[bytes] | None = None

    def add(self, source: Path, line: int, reason: str, raw: bytes) -> None:
        """Set one line apart; BrokenLineError instead when strict."""
        if self.strict:
            raise BrokenLineError(source, reason, line)
        self.count += 1
        if self.path is None:
            return
        if self._file is None:
            temporary = self._stack.enter_context(atomic_path(self.path))
            self._file = self._stack.enter_context(temporary.open("wb"))
        text = raw.decode("utf-8", "backslashreplace").rstrip("\r\n")
        entry = {"path": str(source), "line": line, "reason": reason, "text": text}
        self._file.write(msgspec.json.encode(entry) + b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)


def quarantine_path(out: Path) -> Path:
    """Where the broken lines go when `out` is written.

    >>> quarantine_path(Path("data/events.jsonl")).name
    'events.quarantine.jsonl'
    """
    return out.with_name(f"{out.stem}.quarantine.jsonl")


def read_events(path: str | Path, quarantine: Quarantine) -> Iterator[EventLine]:
    """The events of a manifest; blank lines are passed over, broken ones handed to the quarantine.

    InputError at the end of a file that has lines and no event at all: it is something else.
    """
    source = Path(path)
    good, first_broken = 0, ""
    with reading(source):
        lines = source.open("rb")
    decoder = msgspec.json.Decoder()
    with lines:
        number = 0
        while raw := lines.readline(LONGEST_LINE_BYTES):
            number += 1
            if number == 1:
                raw = raw.removeprefix(codecs.BOM_UTF8)
            if len(raw) == LONGEST_LINE_BYTES and not raw.endswith(b"\n"):
                while (rest := lines.readline(LONGEST_LINE_BYTES)) and not rest.endswith(b"\n"):
                    pass
                too_long = f"the line is longer than {LONGEST_LINE_BYTES // 2**20} MiB; is this JSONL?"
                quarantine.add(source, number, too_long, raw[:1000])
                first_broken = first_broken or f"line {number}: {too_long}"
                continue
            if not raw.strip():
                continue
            if reason := broken(raw):
                quarantine.add(source, number, reason, raw)
                first_broken = first_broken or f"line {number}: {reason}"
            else:
                good += 1
                yield EventLine(number, raw, decoder.decode(raw))
    if first_broken and not good:
        raise InputError(source, f"holds no event (as {first_broken})")


def rewrite(
    path: str | Path,
    out: str | Path | None,
    change: Callable[[EventLine], bool],
    *,
    strict: bool = False,
) -> tuple[int, int, int]:
    """Copy a manifest, changed; returns (events, changed, quarantined). `out` None writes nothing.

    `change` alters the event in place and says whether it did. `out` may be the manifest itself: it is
    replaced when all went well. A line that cannot be encoded again is an InputError.
    """
    source = Path(path)
    encoder = msgspec.json.Encoder()
    events = changed = 0
    with ExitStack() as stack:
        quarantine = stack.enter_context(
            Quarantine(None if out is None else quarantine_path(Path(out)), strict=strict)
        )
        written: IO[bytes] | None = None
        if out is not None:
            temporary = stack.enter_context(atomic_path(out))
            written = stack.enter_context(temporary.open("wb"))
        for line in progress(read_events(source, quarantine), f"rewriting {source.name}", unit="events"):
            events += 1
            raw = line.raw
            if change(line):
                changed += 1
                raw = encoder.encode(line.event)
            if written is not None:
                written.write(raw if raw.endswith(b"\n") else raw + b"\n")
        return events, changed, quarantine.count


def number_of(value: Any) -> float | None:
    """A finite number as a float, anything else as None (True is no number here).

    >>> number_of(3), number_of("3"), number_of(True)
    (3.0, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def components_of(event: Event) -> list[dict[str, Any]]:
    """The components of a checked event; none when the key is missing or null."""
    found: list[dict[str, Any]] = event.get("components") or []
    return found
