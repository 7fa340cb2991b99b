"""The verbs `drums check boundary`, `openset`, `bootstrap` and `labels`: what a model said, beside the truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tonewheel.core.verbs import Json
from tonewheel.systems.drums.verbs.verdicts import ReportFile, Strict, finish

Truth = Annotated[Path, typer.Option("--ground-truth", help="The truth: labels or components, JSONL.")]
Predictions = Annotated[Path, typer.Option("--predictions", help="What a model said, JSONL.")]
Fold = Annotated[
    int | None, typer.Option(help="Fold labels to 3, 5, 8 or 12 classes before they are compared.")
]
Threshold = Annotated[float, typer.Option(min=0, max=1, help="Score from which a label counts as found.")]
TopK = Annotated[int | None, typer.Option(min=1, help="Take so many highest scores instead of a threshold.")]


def boundary(
    ground_truth: Truth,
    predictions: Predictions,
    report: ReportFile = None,
    strict: Strict = False,
    min_macro_recall: Annotated[float, typer.Option(min=0, max=1, help="Least macro recall.")] = 0.95,
    threshold: Threshold = 0.5,
    top_k: TopK = None,
    fold: Fold = None,
    as_json: Json = False,
) -> None:
    """Whether hits near the edges of streaming windows are found: macro recall."""
    from tonewheel.gates.boundary import BoundaryGate
    from tonewheel.systems.drums.checks.checked import check_answers

    gate = BoundaryGate(least_macro_recall=min_macro_recall, threshold=threshold, top_k=top_k)
    finish(check_answers(ground_truth, predictions, gate, fold=fold), report, as_json, strict)


def openset(
    ground_truth: Annotated[Path, typer.Option("--ground-truth", help="Which examples are known, JSONL.")],
    predictions: Predictions,
    report: ReportFile = None,
    strict: Strict = False,
    min_auroc: Annotated[float, typer.Option(min=0, max=1, help="Least AUROC.")] = 0.90,
    max_fpr: Annotated[
        float, typer.Option(min=0, max=1, help="Most unknown examples accepted at 95 % of the known.")
    ] = 0.10,
    unknown_field: Annotated[
        str | None, typer.Option(help="Key of a prediction that says how unknown it is (higher = more).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Whether unknown sounds are told from known ones: AUROC, AUPRC, FPR at 95 % TPR, and which limit binds."""
    from tonewheel.gates.openset import OpenSetGate
    from tonewheel.systems.drums.checks.checked import check_answers

    gate = OpenSetGate(least_auroc=min_auroc, most_fpr=max_fpr)
    checked = check_answers(ground_truth, predictions, gate, unknown_field=unknown_field)
    finish(checked, report, as_json, strict)


def bootstrap(
    ground_truth: Truth,
    predictions: Predictions,
    report: ReportFile = None,
    strict: Strict = False,
    iterations: Annotated[int, typer.Option(min=1, max=1_000_000, help="Resamples.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of the resamples; it is in the report.")] = 0,
    by: Annotated[str, typer.Option(help="What is resampled: session, or sample.")] = "session",
    level: Annotated[float, typer.Option(help="Level of the interval.")] = 0.95,
    min_micro_f: Annotated[float | None, typer.Option(help="Least lower bound of micro F.")] = None,
    min_macro_f: Annotated[float | None, typer.Option(help="Least lower bound of macro F.")] = None,
    threshold: Threshold = 0.5,
    top_k: TopK = None,
    fold: Fold = None,
    as_json: Json = False,
) -> None:
    """Micro, macro and class F with intervals from resampled sessions."""
    from tonewheel.gates.bootstrap import BootstrapGate
    from tonewheel.systems.drums.checks.checked import check_answers

    if not 0 < level < 1:
        raise typer.BadParameter(f"must lie between 0 and 1, got {level:g}", param_hint="--level")
    gate = BootstrapGate.from_dict(
        {
            "resamples": iterations,
            "level": level,
            "seed": seed,
            "by": by,
            "threshold": threshold,
            "top_k": top_k,
            "least_micro_f": min_micro_f,
            "least_macro_f": min_macro_f,
        },
        where="bootstrap",
    )
    finish(check_answers(ground_truth, predictions, gate, fold=fold), report, as_json, strict)


def labels(
    ground_truth: Truth,
    predictions: Annotated[
        Path,
        typer.Option("--predictions", help="Scores of a model that was trained on other examples, JSONL."),
    ],
    report: ReportFile = None,
    strict: Strict = False,
    max_share: Annotated[float, typer.Option(min=0, max=1, help="Most examples with suspect labels.")] = 0.05,
    fold: Fold = None,
    as_json: Json = False,
) -> None:
    """Labels that are probably wrong, the clearest first (confident learning)."""
    from tonewheel.gates.label_errors import LabelErrorsGate
    from tonewheel.systems.drums.checks.checked import check_answers

    gate = LabelErrorsGate(most_share=max_share)
    finish(check_answers(ground_truth, predictions, gate, fold=fold), report, as_json, strict)
