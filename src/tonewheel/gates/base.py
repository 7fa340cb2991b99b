"""What a gate is, and how gates are found.

A gate is a record of limits with one method, `check`, which looks at a manifest of tracks and gives a
`Verdict`. Its fields are its settings, so a report can say exactly which limits were used. Adding a gate
means adding a file to this folder.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from tonewheel.core.records import Record
from tonewheel.manifest.tracks import Track


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


class Gate(Record):
    """Base of all gates; a subclass sets `name`, lists its limits as fields and writes `check`."""

    name: ClassVar[str] = ""

    def check(self, tracks: Sequence[Track], root: Path) -> Verdict:
        """Judge tracks whose paths are relative to `root`; bad data is reported, not raised."""
        raise NotImplementedError

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


def discover() -> dict[str, type[Gate]]:
    """Every gate by name, found by looking into this folder.

    >>> sorted(discover())
    ['duplicates', 'health', 'leakage', 'licence']
    """
    package = importlib.import_module("tonewheel.gates")
    for found in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"tonewheel.gates.{found.name}")
    return {gate.name: gate for gate in sorted(_below(Gate), key=lambda gate: gate.name) if gate.name}


def _below(gate: type[Gate]) -> Iterator[type[Gate]]:
    for child in gate.__subclasses__():
        if child.__module__.startswith("tonewheel.gates."):
            yield child
        yield from _below(child)
