"""What a gate is, and how gates are found.

A gate is a record of limits with one method, `check`, which looks at data and gives a verdict. Its fields are
its settings, so a report can say exactly which limits were used. Adding a gate means adding a file to this
folder. Gates differ in what they look at:

    Limits                a name and limits as fields
    ├── Gate              check(tracks, root) -> Verdict: a manifest of tracks
    ├── AnswersGate       check(answers) -> Judgement: what a model said, beside what is true
    └── AlignmentGate     check(session, root) -> Judgement: microphones that recorded together
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar

from tonewheel.core.records import Record
from tonewheel.gates.html import Markup
from tonewheel.manifest.tracks import Track

if TYPE_CHECKING:
    from tonewheel.manifest.answers import Answers


class Finding(Record):
    """One thing that a gate objects to, or wants seen."""

    path: str
    """What it is about: a track's path, an artist, a room."""
    reason: str


class Verdict(Record):
    """The result of one gate, with the value it measured and the limit it holds it to.

    >>> print(Verdict(gate="health", passed=False, value=2, limit=0, detail="2 of 9 tracks are silent"))
    FAILED health: 2 of 9 tracks are silent
    """

    gate: str
    passed: bool
    value: float | None
    limit: float | None
    detail: str
    """One sentence for people."""
    findings: tuple[Finding, ...] = ()

    def __str__(self) -> str:
        return f"{'passed' if self.passed else 'FAILED'} {self.gate}: {self.detail}"


class Judgement(NamedTuple):
    """What a gate has to say when a verdict is not all: the figures behind it, and parts of a page."""

    verdicts: tuple[Verdict, ...]
    measured: dict[str, Any]
    """Figures for the JSON report."""
    sections: tuple[Markup, ...] = ()
    """Tables and pictures for the page."""


class Limits(Record):
    """Base of everything that judges; a subclass sets `name`, lists its limits as fields, writes `check`."""

    name: ClassVar[str] = ""

    def verdict(self, findings: Sequence[Finding], total: int, sentence: str, limit: float = 0) -> Verdict:
        """A verdict that passes when at most `limit` things were found."""
        return Verdict(
            gate=self.name,
            passed=len(findings) <= limit,
            value=len(findings),
            limit=limit,
            detail=f"{len(findings)} of {total} {sentence}",
            findings=tuple(findings),
        )


class Gate(Limits):
    """Base of the gates that look at a manifest of tracks."""

    def check(self, tracks: Sequence[Track], root: Path) -> Verdict:
        """Judge tracks whose paths are relative to `root`; bad data is reported, not raised."""
        raise NotImplementedError


class AnswersGate(Limits):
    """Base of the gates that look at what a model said about examples whose truth is known."""

    def check(self, answers: Answers) -> Judgement:
        """Judge joined answers; what cannot be judged is a verdict that has failed and says why."""
        raise NotImplementedError


L = TypeVar("L", bound=Limits)


def discover(kind: type[L] = Gate) -> dict[str, type[L]]:  # type: ignore[assignment]
    """Every gate of a kind by name, found by looking into this folder.

    >>> sorted(discover())
    ['duplicates', 'health', 'leakage', 'licence']
    """
    package = importlib.import_module("tonewheel.gates")
    for found in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"tonewheel.gates.{found.name}")
    return {gate.name: gate for gate in sorted(_below(kind), key=lambda gate: gate.name) if gate.name}


def _below(gate: type[L]) -> Iterator[type[L]]:
    for child in gate.__subclasses__():
        if child.__module__.startswith("tonewheel.gates."):
            yield child
        yield from _below(child)
