"""The open-set gate: does the model know what it does not know?

Known examples are the positives, as in Hendrycks and Gimpel ("A baseline for detecting misclassified and
out-of-distribution examples", ICLR 2017): FPR95 is the share of unknown examples that are still accepted when
95 % of the known ones are. How sure a model is of an example is its highest score, or, where it says how
unknown an example is, that field with the sign turned.

The two limits are not equally hard. Were scores normal with one variance, FPR95 = 0.10 would mean AUROC =
0.981, so of the defaults the false positives bind; the report says which does in the data at hand.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tonewheel.gates import html
from tonewheel.gates.base import AnswersGate, Finding, Judgement, Verdict
from tonewheel.manifest.answers import Answers
from tonewheel.metrics import detection

Floats = NDArray[np.float64]


class OpenSetGate(AnswersGate):
    """Known and unknown examples are told apart: AUROC of at least 0.90, FPR of at most 0.10 at 95 % TPR."""

    name: ClassVar[str] = "openset"

    least_auroc: float = 0.90
    most_fpr: float = 0.10
    tpr: float = 0.95

    def check(self, answers: Answers) -> Judgement:
        scores, kind = certainty(answers)
        usable = (answers.known >= 0) & ~np.isnan(scores)
        left = int((~usable).sum())
        scores, known = scores[usable], answers.known[usable] == 1
        try:
            found = detection.evaluate(scores, known, self.tpr)
        except ValueError as error:
            detail = f"cannot be measured: {error}"
            return Judgement(
                (Verdict(gate=self.name, passed=False, value=None, limit=None, detail=detail),), {}
            )
        room_auroc = (found["auroc"] - self.least_auroc) / max(1 - self.least_auroc, 1e-9)
        room_fpr = (self.most_fpr - found["fpr"]) / max(self.most_fpr, 1e-9)
        binding = "auroc" if room_auroc < room_fpr else "fpr"
        measured: dict[str, Any] = {
            **found,
            "auprc_unknown": detection.auprc(-scores, ~known),
            "fpr_unknown": detection.fpr_at_tpr(-scores, ~known, self.tpr),
            "score": kind,
            "left_out": left,
            "binding": binding,
        }
        accepted = np.flatnonzero(usable)[(scores >= found["threshold"]) & ~known]
        order = accepted[np.argsort(-certainty(answers)[0][accepted], kind="stable")]
        verdicts = (
            Verdict(
                gate=f"{self.name}.auroc",
                passed=found["auroc"] >= self.least_auroc,
                value=found["auroc"],
                limit=self.least_auroc,
                detail=f"AUROC {found['auroc']:.3f} (at least {self.least_auroc:g}), AUPRC {found['auprc']:.3f}"
                + _binds(binding == "auroc"),
            ),
            Verdict(
                gate=f"{self.name}.fpr",
                passed=found["fpr"] <= self.most_fpr,
                value=found["fpr"],
                limit=self.most_fpr,
                detail=f"{found['fpr']:.3f} of the unknown are accepted with {self.tpr:.0%} of the known "
                f"(at most {self.most_fpr:g})" + _binds(binding == "fpr"),
                findings=tuple(
                    Finding(path=answers.sample_ids[row], reason=_taken_for(answers, row))
                    for row in order.tolist()
                ),
            ),
        )
        cards = html.cards(
            [
                ("AUROC", f"{found['auroc']:.3f}", f"at least {self.least_auroc:g}"),
                ("AUPRC", f"{found['auprc']:.3f}", f"known; {measured['auprc_unknown']:.3f} for unknown"),
                (f"FPR at {self.tpr:.0%} TPR", f"{found['fpr']:.3f}", f"at most {self.most_fpr:g}"),
                ("binds", "FPR" if binding == "fpr" else "AUROC", "the limit with the least room"),
                ("examples", len(scores), f"{int(known.sum())} known; {left} left out"),
            ]
        )
        picture = _picture(scores, known, found["threshold"], kind)
        return Judgement(verdicts, measured, (html.section("Known against unknown", cards, picture),))


def certainty(answers: Answers) -> tuple[Floats, str]:
    """How known each example looks (n,), NaN where nothing says, and what that is.

    When any prediction says how unknown it is, only those that say so can be compared.
    """
    if not np.isnan(answers.unknown).all():
        return -answers.unknown, "stated as unknown, sign turned"
    return answers.confidence, "highest score"


def _binds(binding: bool) -> str:
    return "; this limit binds" if binding else ""


def _taken_for(answers: Answers, row: int) -> str:
    if not answers.labels or not answers.scores[row].any():
        return "is unknown and was accepted"
    best = int(np.argmax(answers.scores[row]))
    return f"is unknown and was taken for {answers.labels[best]} ({answers.scores[row, best]:.2f})"


def _picture(scores: Floats, known: NDArray[np.bool_], threshold: float, kind: str) -> html.Markup:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 2.8), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[3, 2])
    edges = np.histogram_bin_edges(scores, bins=40)
    for here, name, colour in ((known, "known", "#1d6b45"), (~known, "unknown", "#a8321f")):
        left.hist(scores[here], edges, density=True, alpha=0.55, color=colour, label=name)
    left.axvline(threshold, color="#1c1b19", lw=1, ls="--")
    left.set_xlabel(kind, fontsize=8)
    left.set_yticks([])
    left.legend(fontsize=8, frameon=False)
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.diff(scores[order]) != 0, True)  # examples with one score are taken together
    rises = [np.append(0, (np.cumsum(here[order]) / max(here.sum(), 1))[last]) for here in (~known, known)]
    right.plot(*rises, color="#8a5a12", lw=1.5)
    right.axhline(0.95, color="#6d6a64", lw=0.7, ls=":")
    right.set_xlabel("unknown accepted", fontsize=8)
    right.set_ylabel("known accepted", fontsize=8)
    for axis in (left, right):
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    caption = (
        "Scores of known and unknown examples with the threshold that accepts the asked share of the known."
    )
    return html.figure(figure, caption, "histogram of scores, and the ROC curve")
