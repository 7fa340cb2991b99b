"""Where the numbers of a run go: a CSV and TensorBoard always, Weights & Biases when it is asked for.

Steps are counted from 1 in all of them: a value at step k was logged by the k-th optimiser step. A resumed run cuts
off what was logged after the checkpoint it goes on from, so its files equal those of an uninterrupted run.
"""

from __future__ import annotations

import csv
import importlib.util
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger, TensorBoardLogger, WandbLogger
from lightning.pytorch.utilities.rank_zero import rank_zero_only

from tonewheel.core.errors import InputError, MissingDependencyError
from tonewheel.core.files import atomic_path

COLUMNS = ["step", "name", "value"]


def read_metrics(path: str | Path) -> dict[str, list[tuple[int, float]]]:
    """Name -> (step, value) in order, from a run's metrics.csv; a line cut short by a kill is left out."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(str(path), error.strerror or "cannot be read") from None
    metrics: dict[str, list[tuple[int, float]]] = {}
    # Without its newline the last line may be a shorter number than was meant.
    for row in csv.reader(text[: text.rfind("\n") + 1].splitlines()[1:]):
        if len(row) == len(COLUMNS):
            metrics.setdefault(row[1], []).append((int(row[0]), float(row[2])))
    return metrics


class CsvLogger(Logger):
    """One line a value: step, name, value. It only ever appends, so a kill costs at most the last line.

    Lightning's own CSVLogger deletes the earlier file when a run is resumed.
    """

    def __init__(self, path: Path, first_step: int = 0) -> None:
        super().__init__()
        self.path = path
        if rank_zero_only.rank == 0:
            kept = read_metrics(path) if first_step and path.exists() else {}
            rows = [(step, name, value) for name, values in kept.items() for step, value in values]
            with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(COLUMNS)
                # Stable, so values of one step stay in the order they were logged in.
                writer.writerows(sorted((row for row in rows if row[0] <= first_step), key=lambda row: row[0]))

    @property
    def name(self) -> str:
        return "csv"

    @property
    def version(self) -> str:
        return ""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        with self.path.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(
                ((step or 0) + 1, name, repr(float(value))) for name, value in metrics.items() if name != "epoch"
            )

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Nothing: the recipe lies beside the CSV."""


class _TensorBoard(TensorBoardLogger):
    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        super().log_metrics(dict(metrics), None if step is None else step + 1)

    def save(self) -> None:
        """Nothing: the base class would write a second copy of the recipe as hparams.yaml."""
        self.experiment.flush()


class _Wandb(WandbLogger):
    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        super().log_metrics(metrics, None if step is None else step + 1)


def run_loggers(run_dir: Path, first_step: int, *, run_id: str, wandb: bool, recipe: dict[str, Any]) -> list[Logger]:
    """The loggers of a run that starts, or goes on, at `first_step`.

    `run_id` lets a resumed run go on in the same Weights & Biases run; WANDB_MODE=offline keeps that on this machine.
    """
    purge = {"purge_step": first_step + 1} if first_step else {}
    loggers: list[Logger] = [
        CsvLogger(run_dir / "metrics.csv", first_step),
        _TensorBoard(run_dir, name="tensorboard", version="", **purge),
    ]
    if wandb:
        require_wandb()
        loggers.append(
            _Wandb(project="tonewheel", name=run_dir.name, id=run_id, resume="allow", save_dir=run_dir, config=recipe)
        )
    return loggers


def require_wandb() -> None:
    """MissingDependencyError, naming the extra, when Weights & Biases is not installed."""
    if importlib.util.find_spec("wandb") is None:
        raise MissingDependencyError("wandb", "logging to Weights & Biases", "wandb")
