"""The bootstrap gate: how far could the scores be off, had other sessions been recorded?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np

from tonewheel.core.seeds import generator
from tonewheel.gates import html
from tonewheel.gates.base import AnswersGate, Judgement, Verdict
from tonewheel.manifest.answers import Answers
from tonewheel.metrics import multilabel
from tonewheel.metrics.bootstrap import Interval


class BootstrapGate(AnswersGate):
    """F scores with intervals from resampled sessions; a lower bound that is too low fails, if one is set.

    Hits of a session come from one drummer, kit and room, so whole sessions are drawn: intervals from single
    examples are too narrow. `by="sample"` draws single examples, as older tools do.
    """

    name: ClassVar[str] = "bootstrap"

    resamples: int = 1000
    level: float = 0.95
    seed: int = 0
    by: Literal["session", "sample"] = "session"
    threshold: float = 0.5
    top_k: int | None = None
    least_micro_f: float | None = None
    """What the lower bound of micro F must reach; None asks for nothing."""
    least_macro_f: float | None = None

    def check(self, answers: Answers) -> Judgement:
        if not answers.references.any():
            detail = "the truth holds no labels, so there is nothing to score"
            return Judgement(
                (Verdict(gate=self.name, passed=False, value=None, limit=None, detail=detail),), {}
            )
        named = any(answers.sessions) and self.by == "session"
        # An example that names no session is a session of its own.
        groups = [name or f"\0{row}" for row, name in enumerate(answers.sessions)] if named else None
        found = multilabel.f_intervals(
            answers.references,
            answers.decided(self.threshold, self.top_k),
            answers.labels,
            rng=generator(self.seed, "bootstrap"),
            groups=None if groups is None else np.unique(groups, return_inverse=True)[1],
            resamples=self.resamples,
            level=self.level,
        )
        unit = "sessions" if named else "samples"
        note = "; the truth names no sessions" if self.by == "session" and not named else ""
        limits = {"micro": self.least_micro_f, "macro": self.least_macro_f}
        verdicts = tuple(
            _verdict(self.name, name, found[name], limit, unit + note) for name, limit in limits.items()
        )
        measured: dict[str, Any] = {
            "resampled": unit,
            "resamples": self.resamples,
            "seed": self.seed,
            "level": self.level,
            "intervals": {name: one.to_dict() for name, one in found.items()},
        }
        return Judgement(verdicts, measured, (_section(found, answers, unit, self.level),))


def _verdict(gate: str, name: str, found: Interval, limit: float | None, unit: str) -> Verdict:
    reached = limit is None or (found.low is not None and found.low >= limit)
    asked = "" if limit is None else f", the lower bound must reach {limit:g}"
    detail = f"{name} F {found} from {found.groups} {unit}{asked}"
    return Verdict(gate=f"{gate}.{name}", passed=reached, value=found.low, limit=limit, detail=detail)


def _section(found: Mapping[str, Interval], answers: Answers, unit: str, level: float) -> html.Markup:
    from matplotlib.figure import Figure

    support = dict(zip(answers.labels, answers.references.sum(axis=0).tolist(), strict=True))
    names = [name.removeprefix("class.") for name in found]
    rows = [
        (name, one.value, one.low, one.high, support.get(name, int(answers.references.sum())))
        for name, one in zip(names, found.values(), strict=True)
    ]
    figure = Figure(figsize=(8, 0.6 + 0.28 * len(found)), layout="constrained")
    axis = figure.subplots()
    for place, one in enumerate(found.values()):
        if one.low is not None and one.high is not None:
            axis.plot([one.low, one.high], [place, place], color="#8a5a12", lw=2, solid_capstyle="butt")
        axis.plot(one.value, place, "o", ms=5, color="#1c1b19")
    axis.set_yticks(range(len(names)), names, fontsize=8)
    axis.invert_yaxis()
    axis.tick_params(axis="x", labelsize=8)
    axis.spines[["top", "right"]].set_visible(False)
    axis.set_xlabel("F", fontsize=8)
    picture = html.figure(figure, f"F with {level:.0%} intervals; {unit} were resampled.")
    return html.section("F scores", html.table(["", "F", "low", "high", "labels"], rows), picture)
