"""Where the numbers of a run go: a CSV and TensorBoard always, Weights & Biases when it is asked for.

Steps are counted from 1 in all of them: a value at step k was logged by the k-th optimiser step. A resumed
run cuts off what was logged after the checkpoint it goes on from, so its CSV equals that of an uninterrupted
run.
"""

from __future__ import annotations

import csv
import importlib.util
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger, TensorBoardLogger, WandbLogger
from lightning_utilities.core.rank_zero import rank_zero_only

from tonewheel.core.errors import InputError, MissingDependencyError
from tonewheel.core.files import atomic_path

COLUMNS = ("step", "name", "value")


def read_metrics(path: str | Path) -> dict[str, list[tuple[int, float]]]:
    """Name -> (step, value) in order, from a run's metrics.csv; a line cut short by a kill is left out."""
    metrics: dict[str, list[tuple[int, float]]] = {}
    for step, name, value in _rows(Path(path)):
        metrics.setdefault(name, []).append((step, value))
    return metrics


def _rows(path: Path) -> list[tuple[int, str, float]]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(path, f"cannot be read: {error}") from None
    # Without its newline the last line may be a shorter number than was meant.
    lines = text[: text.rfind("\n") + 1].splitlines()
    try:
        return [(int(step), name, float(value)) for step, name, value in csv.reader(lines[1:])]
    except ValueError:
        raise InputError(path, f"is not a CSV of {', '.join(COLUMNS)}") from None


class CsvLogger(Logger):
    """One line a value: step, name, value. It only ever appends, so a kill costs at most the last line.

    Lightning's own CSVLogger deletes the earlier file when a run is resumed.
    """

    def __init__(self, path: Path, first_step: int = 0) -> None:
        super().__init__()
        self.path = path
        self.first_step = first_step
        self.started = False

    @property
    def name(self) -> str:
        return "csv"

    @property
    def version(self) -> str:
        return ""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        if not self.started:
            self._start()
        with self.path.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(
                (_counted(step), name, repr(float(value)))
                for name, value in metrics.items()
                if name != "epoch"
            )

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Nothing: the recipe lies beside the CSV."""

    def _start(self) -> None:
        kept = _rows(self.path) if self.first_step and self.path.exists() else []
        with atomic_path(self.path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(
                (step, name, repr(value)) for step, name, value in kept if step <= self.first_step
            )
        self.started = True


class _TensorBoard(TensorBoardLogger):
    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        super().log_metrics(dict(metrics), _counted(step))

    @rank_zero_only
    def save(self) -> None:
        """Flush; the base class would also write a second copy of the recipe as hparams.yaml."""
        self.experiment.flush()


class _Wandb(WandbLogger):
    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        super().log_metrics(metrics, _counted(step))


def run_loggers(
    run_dir: Path, first_step: int, *, run_id: str, wandb: bool, recipe: dict[str, Any]
) -> list[Logger]:
    """The loggers of a run that starts, or goes on, at `first_step`.

    `run_id` lets a resumed run go on in the same Weights & Biases run; WANDB_MODE=offline keeps that on this
    machine. MissingDependencyError when it is asked for and not installed.
    """
    purge_step = first_step + 1 if first_step else None
    loggers: list[Logger] = [
        CsvLogger(run_dir / "metrics.csv", first_step),
        _TensorBoard(run_dir, name="tensorboard", version="", purge_step=purge_step),
    ]
    if wandb:
        require_wandb()
        loggers.append(
            _Wandb(
                project="tonewheel",
                name=run_dir.name,
                id=run_id,
                resume="allow",
                save_dir=run_dir,
                config=recipe,
            )
        )
    return loggers


def require_wandb() -> None:
    """MissingDependencyError, naming the extra, when Weights & Biases is not installed."""
    if importlib.util.find_spec("wandb") is None:
        raise MissingDependencyError("wandb", "logging to Weights & Biases", "wandb")


def _counted(step: int | None) -> int:
    return (step or 0) + 1
