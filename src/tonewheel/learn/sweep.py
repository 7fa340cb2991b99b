"""Train with many settings and compare: all combinations of some values, or a search that learns where to look.

    SWEEP/RUN/           one run folder a combination, named by its settings
    SWEEP/RUN/sweep.json how it ended; while it is missing the run is not finished
    SWEEP/search.db      what a Bayesian search has seen (optuna, SQLite)
    SWEEP/report.json, SWEEP/report.html

A finished run is not run again, a killed one goes on; so a sweep can be stopped at any time, asked again with
more values, or be repeated in part (`rerun`).
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import Any, Literal

import msgspec

from tonewheel.core.console import say
from tonewheel.core.errors import InputError, MissingDependencyError, TonewheelError
from tonewheel.core.files import write_json
from tonewheel.core.records import Record
from tonewheel.learn.axes import Axis, Settings, grid

RUN_FILE = "sweep.json"
LONGEST_NAME = 80


class Outcome(Record):
    """What training with some settings brought; `lower_is_better` as the run's recipe has it."""

    score: float
    lower_is_better: bool = True
    best_step: int | None = None
    scores: dict[str, float] = msgspec.field(default_factory=dict)


class Run(Record):
    """One run of a sweep: its settings, and the outcome, or why there is none."""

    name: str
    settings: Settings
    outcome: Outcome | None
    seconds: float = 0.0
    failed: str = ""
    skipped: bool = False
    """Whether it had been finished by an earlier call."""

    @property
    def loss(self) -> float:
        """The score with its sign such that low is good; infinite for a run that failed."""
        if self.outcome is None:
            return math.inf
        return self.outcome.score if self.outcome.lower_is_better else -self.outcome.score


class Sweep(Record):
    """All runs of one call, best first."""

    method: Literal["grid", "bayes"]
    runs: tuple[Run, ...]

    @property
    def best(self) -> Run | None:
        """The run with the best score; None when all failed."""
        return self.runs[0] if self.runs and self.runs[0].outcome is not None else None


Objective = Callable[[Settings, Path], Outcome]
"""Trains with some settings in a run folder; it must go on in a folder where it was killed."""


def run_name(settings: Mapping[str, Any]) -> str:
    """A folder name that tells the settings; the same settings, in any order, give the same name.

    >>> run_name({"fit.learning_rate": 0.001, "fit.batch_size": 8})
    'batch_size=8,learning_rate=0.001-2472'
    """
    text = json.dumps(dict(sorted(settings.items())))
    told = ",".join(f"{key.rpartition('.')[2]}={value}" for key, value in sorted(settings.items()))
    told = re.sub(r"[^\w.=,+-]+", "_", told)[:LONGEST_NAME]
    return f"{told}-{hashlib.sha256(text.encode()).hexdigest()[:4]}"


def sweep_grid(axes: Sequence[Axis], objective: Objective, folder: Path, *, rerun: bool = False) -> Sweep:
    """Every combination of the axes' values, one after the other."""
    return _sorted("grid", run_all(list(grid(axes)), objective, folder, rerun=rerun))


def run_all(
    combinations: Iterable[Settings], objective: Objective, folder: Path, *, rerun: bool = False
) -> list[Run]:
    """Run these combinations; one that fails is told and the others go on."""
    listed = list(combinations)
    found = []
    for number, settings in enumerate(listed, start=1):
        say(f"run {number} of {len(listed)}: {run_name(settings)}")
        found.append(run_one(settings, objective, folder, rerun=rerun))
    return found


def run_one(settings: Settings, objective: Objective, folder: Path, *, rerun: bool = False) -> Run:
    """One combination: as it ended before, or trained now."""
    name = run_name(settings)
    run_dir = folder / name
    told = run_dir / RUN_FILE
    if told.is_file() and not rerun:
        earlier = Run.read(told)
        return msgspec.structs.replace(earlier, skipped=True)
    if rerun and run_dir.exists():
        shutil.rmtree(run_dir)  # its name says that a sweep made it
    run_dir.mkdir(parents=True, exist_ok=True)
    began = monotonic()
    try:
        outcome = objective(settings, run_dir)
    except TonewheelError as error:
        # Not written down: asked again, it is tried again.
        say(f"{name}: failed: {error}")
        return Run(name=name, settings=settings, outcome=None, failed=str(error))
    if not math.isfinite(outcome.score):
        return Run(name=name, settings=settings, outcome=None, failed=f"its score is {outcome.score}")
    run = Run(name=name, settings=settings, outcome=outcome, seconds=round(monotonic() - began, 3))
    write_json(told, run)
    return run


def sweep_bayes(
    axes: Sequence[Axis],
    objective: Objective,
    folder: Path,
    *,
    runs: int = 20,
    seed: int = 0,
    rerun: bool = False,
) -> Sweep:
    """Search `runs` combinations in all, each chosen by what those before it brought (TPE).

    Source: Bergstra et al., Algorithms for hyper-parameter optimization, NeurIPS 2011, as optuna has it.
    MissingDependencyError when optuna is not installed.
    """
    try:
        import optuna
    except ImportError:
        raise MissingDependencyError("optuna", "a Bayesian sweep", "sweep") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    folder.mkdir(parents=True, exist_ok=True)
    database = folder / "search.db"
    if rerun:
        database.unlink(missing_ok=True)
    storage = optuna.storages.RDBStorage(f"sqlite:///{database.resolve()}")
    try:
        study = optuna.create_study(
            study_name="sweep", storage=storage, direction="minimize", load_if_exists=True
        )
        _check_axes(study, axes, folder)
        for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
            # A kill left it; the same settings are tried again, and their run goes on where it was.
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
            if len(trial.params) == len(axes):
                study.enqueue_trial(trial.params)
        found: dict[str, Run] = {}
        for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,)):
            run = run_one(_settings(axes, trial.params), objective, folder)
            found[run.name] = run
        done = len(found)
        while done < runs:
            # Seeded by how far the search is, so that a resumed one does not draw the first points again.
            study.sampler = optuna.samplers.TPESampler(
                seed=seed + done, n_startup_trials=min(8, max(2, runs // 3))
            )
            asked = study.ask()
            settings = {axis.key: _suggest(asked, axis) for axis in axes}
            say(f"run {done + 1} of {runs}: {run_name(settings)}")
            run = run_one(settings, objective, folder, rerun=rerun and run_name(settings) not in found)
            found[run.name] = run
            if run.outcome is None:
                study.tell(asked, state=optuna.trial.TrialState.FAIL)
            else:
                study.tell(asked, run.loss)
            done += 1
    finally:
        storage.remove_session()
        storage.engine.dispose()
    return _sorted("bayes", list(found.values()))


def _check_axes(study: Any, axes: Sequence[Axis], folder: Path) -> None:
    """InputError when the folder's search was over other settings."""
    now = [axis.to_dict() for axis in axes]
    before = study.user_attrs.get("axes")
    if before is None:
        study.set_user_attr("axes", now)
    elif before != json.loads(json.dumps(now)):
        raise InputError(
            folder, "holds a search over other settings or ranges; take another folder, or --rerun"
        )


def _suggest(trial: Any, axis: Axis) -> Any:
    if not axis.is_range:
        # By place: optuna's categories cannot be lists.
        return axis.values[trial.suggest_int(axis.key, 0, len(axis.values) - 1)]
    if axis.whole:
        return trial.suggest_int(axis.key, int(axis.low), int(axis.high), log=axis.log)
    return trial.suggest_float(axis.key, axis.low, axis.high, log=axis.log)


def _settings(axes: Sequence[Axis], params: Mapping[str, Any]) -> Settings:
    return {
        axis.key: params[axis.key] if axis.is_range else axis.values[int(params[axis.key])] for axis in axes
    }


def _sorted(method: Literal["grid", "bayes"], runs: list[Run]) -> Sweep:
    return Sweep(method=method, runs=tuple(sorted(runs, key=lambda run: run.loss)))


def write_report(sweep: Sweep, path: Path) -> tuple[Path, Path]:
    """Write PATH.json and PATH.html: every run with its settings and score, best first."""
    from tonewheel.core.files import write_text
    from tonewheel.gates import html

    stem = path.with_suffix("") if path.suffix in (".json", ".html") else path
    machine, page = stem.with_name(f"{stem.name}.json"), stem.with_name(f"{stem.name}.html")
    keys = list(dict.fromkeys(key for run in sweep.runs for key in run.settings))
    rows = [
        [
            number,
            *(str(run.settings.get(key, "")) for key in keys),
            run.outcome.score if run.outcome else None,
            run.outcome.best_step if run.outcome else None,
            run.seconds if run.outcome else None,
            run.failed or ("finished before" if run.skipped else "finished now"),
        ]
        for number, run in enumerate(sweep.runs, start=1)
    ]
    finished = sum(run.outcome is not None for run in sweep.runs)
    best = sweep.best
    cards = [("runs", str(len(sweep.runs)), f"{len(sweep.runs) - finished} failed")]
    if best is not None and best.outcome is not None:
        cards.append(("best score", f"{best.outcome.score:.4g}", best.name))
    table = html.table(["", *keys, "score", "best step", "seconds", "state"], rows)
    write_json(machine, {"best": None if best is None else best.name, **sweep.to_dict()})
    write_text(page, html.page(f"Sweep ({sweep.method})", [html.cards(cards), html.section("Runs", table)]))
    return machine, page
