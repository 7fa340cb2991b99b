"""Two voices: results as JSON lines on stdout for machines, sentences on stderr for people."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import msgspec

from tonewheel.core.records import Record, to_plain


def emit(value: Record | Mapping[str, Any]) -> None:
    """Print one JSON line to stdout at once, so that a pipe's reader can follow live.

    >>> emit({"time_s": 1.5, "event": "song_start"})
    {"time_s":1.5,"event":"song_start"}
    """
    print(msgspec.json.encode(value, enc_hook=to_plain).decode(), flush=True)


def say(text: str) -> None:
    """Print a sentence to stderr."""
    print(text, file=sys.stderr, flush=True)
