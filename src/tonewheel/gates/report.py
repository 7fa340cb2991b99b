"""Verdicts together: a report as JSON for machines, as a page for people, and as an exit status."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tonewheel.core.errors import TonewheelError
from tonewheel.core.files import write_json, write_text
from tonewheel.core.records import Record
from tonewheel.gates import html
from tonewheel.gates.base import Gate, Verdict
from tonewheel.gates.html import Markup
from tonewheel.manifest.tracks import Quarantined, Track

SHOWN = 200
"""Findings of a gate on the page; the JSON has all."""


class Report(Record):
    """The verdicts of one check, and what was left out before it.

    >>> verdict = Verdict(gate="health", passed=True, value=0, limit=0, detail="all well")
    >>> Report(title="my show", verdicts=(verdict,)).exit_status
    0
    """

    title: str
    verdicts: tuple[Verdict, ...]
    quarantined: tuple[Quarantined, ...] = ()
    """Lines and files that could not be read."""
    facts: dict[str, Any] = msgspec.field(default_factory=dict)
    """What was looked at: counts, hours, the limits of the gates."""
    measured: dict[str, Any] = msgspec.field(default_factory=dict)
    """Figures behind the verdicts, for machines; the page shows them as the sections it is given."""

    @property
    def passed(self) -> bool:
        """Whether every gate passed."""
        return all(verdict.passed for verdict in self.verdicts)

    @property
    def exit_status(self) -> int:
        """0 if all gates passed, 1 if one failed or something was left out."""
        return 0 if self.passed and not self.quarantined else 1

    def html(self, more: Sequence[Markup] = ()) -> str:
        """The report as one self-contained page; `more` are sections behind the verdicts."""
        failed = [verdict for verdict in self.verdicts if not verdict.passed]
        lead = html.Markup(
            f"<p>{html.badge(self.passed)} {html.escaped(len(self.verdicts) - len(failed))} of "
            f"{html.escaped(len(self.verdicts))} gates passed.</p>"
        )
        rows = [
            (verdict.gate, html.badge(verdict.passed), verdict.value, verdict.limit, verdict.detail)
            for verdict in self.verdicts
        ]
        sections = [html.section("Gates", html.table(["gate", "verdict", "value", "limit", "what"], rows))]
        sections += more
        if self.facts:
            sections.append(html.section("What was checked", html.table(["", ""], self.facts.items())))
        sections += [_findings(verdict) for verdict in self.verdicts if verdict.findings]
        if self.quarantined:
            left_out = [(str(one), one.reason) for one in self.quarantined[:SHOWN]]
            sections.append(html.section("Left out", html.table(["where", "why"], left_out)))
        return html.page(self.title, sections, lead=lead)

    def write(self, path: str | Path, more: Sequence[Markup] = ()) -> tuple[Path, Path]:
        """Write PATH.json and PATH.html (a suffix of PATH is replaced), each whole or not at all."""
        stem = Path(path)
        stem = stem.with_suffix("") if stem.suffix in (".json", ".html") else stem
        machine, page = stem.with_name(f"{stem.name}.json"), stem.with_name(f"{stem.name}.html")
        write_json(machine, {"passed": self.passed, **self.to_dict()})
        write_text(page, self.html(more))
        return machine, page


def _findings(verdict: Verdict) -> html.Markup:
    shown = verdict.findings[:SHOWN]
    more = len(verdict.findings) - len(shown)
    parts = [html.table(["what", "why"], [(one.path, one.reason) for one in shown])]
    if more:
        parts.append(html.prose(f"and {more} more, all in the JSON report"))
    return html.section(f"Findings: {verdict.gate}", *parts)


def check(
    gates: Iterable[Gate],
    tracks: Sequence[Track],
    root: str | Path,
    *,
    title: str = "Tonewheel check",
    quarantined: Sequence[Quarantined] = (),
) -> Report:
    """Ask every gate; one that cannot do its work has failed and says why, and the others go on.

    >>> from tonewheel.gates.licence import LicenceGate
    >>> check([LicenceGate()], [Track(path="a.ogg", licence="CC0", split="train")], ".").passed
    True
    """
    verdicts: list[Verdict] = []
    limits: dict[str, Any] = {}
    for gate in gates:
        limits |= {f"{gate.name}.{key}": value for key, value in gate.to_dict().items()}
        try:
            verdicts.append(gate.check(tracks, Path(root)))
        except TonewheelError as error:
            verdicts.append(Verdict(gate=gate.name, passed=False, value=None, limit=None, detail=str(error)))
    hours = sum(track.seconds or 0.0 for track in tracks) / 3600
    facts = {"files": len(tracks), "hours": round(hours, 3), **limits}
    return Report(title=title, verdicts=tuple(verdicts), quarantined=tuple(quarantined), facts=facts)
