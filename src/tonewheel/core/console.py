"""Two voices: results as JSON lines on stdout for machines, sentences on stderr for people."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec

from tonewheel.core.records import Record, to_plain


class Scored(Protocol):
    """Scores that know how to show themselves."""

    def markdown(self) -> str:
        """Their tables."""

    def to_dict(self) -> dict[str, Any]:
        """Their figures."""


def emit(value: Record | Mapping[str, Any]) -> None:
    """Print one JSON line to stdout at once, so that a pipe's reader can follow live.

    >>> emit({"time_s": 1.5, "event": "song_start"})
    {"time_s":1.5,"event":"song_start"}
    """
    print(msgspec.json.encode(value, enc_hook=to_plain).decode(), flush=True)


def show_scores(scores: Scored, out: Path, as_json: bool, *, page: str = "index.html") -> None:
    """Show the scores of an evaluation: as one JSON line, or as tables with where their page is."""
    if as_json:
        emit(scores.to_dict())
    else:
        print(scores.markdown().rstrip("\n"))
        say(f"report: {out / page}")


def say(text: str) -> None:
    """Print a sentence to stderr."""
    print(text, file=sys.stderr, flush=True)
