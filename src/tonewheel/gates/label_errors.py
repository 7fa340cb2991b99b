"""The label gate: labels that a model contradicts clearly, ranked for a person to look at."""

from __future__ import annotations

from typing import ClassVar

from tonewheel.gates import html
from tonewheel.gates.base import AnswersGate, Finding, Judgement, Verdict
from tonewheel.manifest.answers import Answers
from tonewheel.metrics.label_errors import Suspect, suspects


class LabelErrorsGate(AnswersGate):
    """At most 5 % of the examples carry a label that a model, trained on others, contradicts clearly."""

    name: ClassVar[str] = "labels"

    most_share: float = 0.05

    def check(self, answers: Answers) -> Judgement:
        rows = answers.predicted.nonzero()[0]
        found = (
            suspects(answers.references[rows], answers.scores[rows], answers.labels) if answers.labels else []
        )
        by_example: dict[int, list[Suspect]] = {}
        for one in found:  # the clearest first, and an example where its clearest is
            by_example.setdefault(int(rows[one.row]), []).append(one)
        share = len(by_example) / max(len(rows), 1)
        findings = tuple(
            Finding(path=answers.sample_ids[row], reason="; ".join(map(_reason, parts)))
            for row, parts in by_example.items()
        )
        verdict = Verdict(
            gate=self.name,
            passed=share <= self.most_share,
            value=share,
            limit=self.most_share,
            detail=f"{len(by_example)} of {len(rows)} examples have labels that are probably wrong",
            findings=findings,
        )
        tally = {
            label: {
                kind: sum(1 for one in found if one.label == label and one.kind == kind)
                for kind in ("extra", "missing")
            }
            for label in answers.labels
        }
        measured = {
            "examples": len(rows),
            "per_label": tally,
            "suspects": [
                {
                    "sample_id": answers.sample_ids[int(rows[one.row])],
                    **one.to_dict(),
                    "row": int(rows[one.row]),
                }
                for one in found
            ],
        }
        table = html.table(
            ["label", "given, not heard", "heard, not given"],
            [(label, one["extra"], one["missing"]) for label, one in tally.items()],
        )
        return Judgement((verdict,), measured, (html.section("Suspect labels", table),))


def _reason(one: Suspect) -> str:
    given = "is given and scores" if one.kind == "extra" else "is not given and scores"
    return f"{one.label} {given} {one.score:.2f}"
