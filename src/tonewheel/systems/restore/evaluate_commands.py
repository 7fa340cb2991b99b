"""The verb `restore evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tonewheel.core.console import show_scores


def evaluate(
    prepared: Annotated[Path, typer.Argument(help="A folder made by `restore prepare`.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the report; a killed run continues.")],
    split: Annotated[str, typer.Option(help="Split to report on.")] = "test",
    clips: Annotated[
        int | None,
        typer.Option(min=1, help="Clips a case, from all groups in turn; default: one of every track."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of clips and damage.")] = 0,
    cases: Annotated[
        list[str], typer.Option("--case", help="Only this case of the benchmark; can be repeated.")
    ] = [],  # noqa: B006 - typer never changes it, and None would make it import pydantic
    baselines: Annotated[bool, typer.Option(help="Also ffmpeg and sox, where they are installed.")] = True,
    weights: Annotated[
        Path | None,
        typer.Option(
            "--weights", help="Folder with clicks.safetensors and hiss.safetensors of your training."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout.")] = False,
) -> None:
    """Measure on music with damage that is known to the sample, beside what else there is and the best possible."""
    from tonewheel.systems.restore.clean import Cleaner
    from tonewheel.systems.restore.evaluate import evaluate as run
    from tonewheel.systems.restore.prepare import Prepared

    cleaner = Cleaner.shipped() if weights is None else Cleaner.load(weights)
    scores = run(
        Prepared(prepared),
        cleaner,
        out,
        split=split,
        cases=cases,
        clips=clips,
        seed=seed,
        baselines=baselines,
    )
    show_scores(scores, out, as_json)
