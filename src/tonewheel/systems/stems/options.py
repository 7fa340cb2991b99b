"""What several verbs of `stems` share: options, and the one folder that `train` and `evaluate` work on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tonewheel.core.errors import InputError

if TYPE_CHECKING:
    from tonewheel.learn.fit import RunResult

DatasetDir = Annotated[
    Path | None, typer.Option("--dataset-dir", "--datasetDir", help="The same as the argument.")
]


def folders(verb: str, given: Path | None, dataset_dir: Path | None, out: Path | None) -> tuple[Path, Path]:
    """The folder that was given, by one of its two names, and the one to write; InputError without either.

    >>> folders("train", None, Path("set"), Path("run"))
    (PosixPath('set'), PosixPath('run'))
    """
    folder = given or dataset_dir
    if folder is None or (given is not None and dataset_dir is not None):
        raise InputError(f"stems {verb}", "one folder is needed, as an argument or as --dataset-dir")
    if out is None:
        raise InputError(f"stems {verb}", "--out is missing: the folder to write")
    return folder, out


def of_run(result: RunResult) -> str:
    """What came of a training run, in words."""
    best = "" if result.best_score is None else f", best {result.best_score:.4g} at {result.best_step}"
    return f"{result.steps} steps{best}"
