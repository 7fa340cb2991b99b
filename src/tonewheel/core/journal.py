"""A run's diary: one JSON line an event, on disk before the next step, readable after a kill."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import Any

import msgspec

from tonewheel.core.files import reading
from tonewheel.core.records import to_plain


class Journal:
    """Appends events to a JSONL file; a resumed run goes on in the same file.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "journal.jsonl"
    >>> Journal(path).write("epoch", number=1, loss=0.5)
    >>> [(line["event"], line["loss"]) for line in Journal.read(path)]
    [('epoch', 0.5)]
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = Path(path)

    def write(self, event: str, **fields: Any) -> None:
        """Append `event` with the time (UTC, ISO 8601) and its fields."""
        entry = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **fields}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+b") as lines:
            # A process killed half-way through a line must not spoil the first line after it.
            if lines.tell() > 0:
                lines.seek(-1, 2)
                if lines.read(1) != b"\n":
                    lines.write(b"\n")
            lines.write(msgspec.json.encode(entry, enc_hook=to_plain) + b"\n")

    @staticmethod
    def read(path: str | PathLike[str]) -> list[dict[str, Any]]:
        """All events in order; a line that was cut short by a kill is left out."""
        with reading(path):
            lines = Path(path).read_bytes().splitlines()
        events = []
        for line in lines:
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict):
                events.append(entry)
        return events
