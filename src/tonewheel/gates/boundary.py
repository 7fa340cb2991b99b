"""The boundary gate: is a hit found as well when it lies at the edge of a streaming window as elsewhere?"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tonewheel.gates import html
from tonewheel.gates.base import AnswersGate, Finding, Judgement, Verdict
from tonewheel.manifest.answers import Answers
from tonewheel.metrics import multilabel


class BoundaryGate(AnswersGate):
    """Recall of hits near the edges of windows, macro over the labels that occur, is at least 0.95.

    A hit counts as found when its label scores at least `threshold`, or is among the `top_k` if that is given.
    A hit without a prediction is missed.
    """

    name: ClassVar[str] = "boundary"

    least_macro_recall: float = 0.95
    threshold: float = 0.5
    top_k: int | None = None

    def check(self, answers: Answers) -> Judgement:
        if not answers.references.any():
            detail = "the truth holds no labels, so there is nothing to recall"
            return Judgement((self._verdict(None, detail),), {})
        said = answers.decided(self.threshold, self.top_k)
        table = multilabel.counts(answers.references, said)
        recalls = multilabel.recall(table)
        macro = float(multilabel.macro(recalls, table))
        rows = _rows(answers, said)
        missed = np.argwhere(answers.references & ~said)
        findings = tuple(_missed(answers, int(row), int(column)) for row, column in missed)
        asked = int(answers.references.sum())
        how = f"score {self.threshold:g}" if self.top_k is None else f"top {self.top_k}"
        worst = min((row for row in rows if row[3] is not None), key=lambda row: row[3])
        detail = (
            f"macro recall {macro:.3f} at {how} (at least {self.least_macro_recall:g}), "
            f"{len(findings)} of {asked} hits missed, worst {worst[0]} with {worst[3]:.3f}"
        )
        measured = {
            "macro_recall": macro,
            "micro_recall": 1 - len(findings) / asked,
            "examples": len(answers.sample_ids),
            "without_prediction": int((~answers.predicted).sum()),
            "per_label": {row[0]: dict(zip(_HEADER[1:], row[1:], strict=True)) for row in rows},
        }
        shown = html.section("Recall of each label", html.table(["label", "hits", *_HEADER[2:]], rows))
        return Judgement((self._verdict(macro, detail, findings),), measured, (shown,))

    def _verdict(self, value: float | None, detail: str, findings: tuple[Finding, ...] = ()) -> Verdict:
        return Verdict(
            gate=self.name,
            passed=value is not None and value >= self.least_macro_recall,
            value=value,
            limit=self.least_macro_recall,
            detail=detail,
            findings=findings,
        )


_HEADER = ("label", "support", "missed", "recall", "leading", "trailing")


def _rows(answers: Answers, said: NDArray[np.bool_]) -> list[tuple[Any, ...]]:
    """Label, hits, missed, recall, and the recall at each edge (None where there is none) of each label."""
    edges = np.array(answers.edges)
    rows = []
    for column, label in enumerate(answers.labels):
        asked, found = answers.references[:, column], said[:, column]
        if not asked.any():
            continue
        shares = [
            float(found[asked & here].mean()) if (asked & here).any() else None
            for here in (np.ones(len(asked), bool), edges == "leading", edges == "trailing")
        ]
        rows.append((label, int(asked.sum()), int((asked & ~found).sum()), *shares))
    return rows


def _missed(answers: Answers, row: int, column: int) -> Finding:
    where = f" at the {answers.edges[row]} edge" if answers.edges[row] else ""
    said = f"scores {answers.scores[row, column]:.2f}" if answers.predicted[row] else "has no prediction"
    return Finding(path=answers.sample_ids[row], reason=f"{answers.labels[column]}{where} {said}")
