"""The page of an evaluation, with the confusion matrix as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tonewheel.core.files import atomic_path, write_text
from tonewheel.gates import html
from tonewheel.systems.drums.families import LABELS

if TYPE_CHECKING:
    from tonewheel.systems.drums.hits.evaluate import HitScores


def write_report(scores: HitScores, out: Path) -> None:
    """Write hits.html and confusion.png."""
    picture = confusion_picture(scores.confusion)
    with atomic_path(out / "confusion.png") as temporary:
        temporary.write_bytes(picture)
    apart = scores.unknown.get("all", {})
    cards = [
        ("macro F", f"{scores.macro_f.value:.3f}", f"n = {scores.n}, {', '.join(scores.kits)}"),
        ("as one kit", f"{scores.macro_f_one_kit.value:.3f}", "macro F, toms told apart in their kit"),
        ("by rule", f"{scores.macro_f_by_rule:.3f}", "without learning"),
        ("FPR at 95 % TPR", f"{apart.get('fpr', float('nan')):.3f}", "drums against what is none"),
        ("openness error", "–" if scores.openness_mae is None else f"{scores.openness_mae:.3f}", "hats"),
    ]
    labels = [
        (name, one.n, one.precision, one.recall, one.f, one.velocity_by_sound, one.velocity_by_level)
        for name, one in scores.labels.items()
    ]
    unknown = [
        (kind, int(one["negatives"]), one["auroc"], one["auprc"], one["fpr"])
        for kind, one in scores.unknown.items()
    ]
    sections = [
        html.cards(cards),
        html.section("Confusion", html.figure(picture, "Rows: what it was. Columns: what it was taken for.")),
        html.section(
            "Labels",
            html.table(["label", "n", "precision", "recall", "F", "velocity by sound", "with level"], labels),
            "Velocity is Spearman's rank correlation with the layers of the pack.",
        ),
        html.section("No drum", html.table(["what", "n", "AUROC", "AUPRC", "FPR at 95 % TPR"], unknown)),
    ]
    lead = f"Split {scores.split}; macro F {scores.macro_f}; weights {scores.weights[:12]}."
    write_text(out / "hits.html", html.page("Drum hit classifier", sections, lead=lead))


def confusion_picture(table: list[list[int]]) -> bytes:
    """PNG of a confusion matrix: shares of each row as colour, counts as numbers."""
    import io

    from matplotlib.figure import Figure

    counts = np.asarray(table)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = Figure(figsize=(7.5, 6.5))
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(LABELS)), LABELS, rotation=60, ha="right")
    axes.set_yticks(range(len(LABELS)), LABELS)
    axes.set_xlabel("taken for")
    axes.set_ylabel("was")
    for row, column in zip(*np.nonzero(counts), strict=True):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", color=colour, fontsize=8)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=144, bbox_inches="tight")
    return drawn.getvalue()
