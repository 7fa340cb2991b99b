"""`tonewheel sweep`: a system's `train` with many settings, one report."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tonewheel import systems
from tonewheel.core.console import emit, say
from tonewheel.core.errors import InputError, TonewheelError, nearest

if TYPE_CHECKING:
    from tonewheel.learn.axes import Settings
    from tonewheel.learn.sweep import Outcome

LOG = "train.log"


def sweep(
    system: Annotated[str, typer.Argument(help="The system whose `train` is run, as drums.")],
    prepared: Annotated[Path, typer.Argument(help="What its `train` takes: a prepared folder.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of all runs; a killed sweep continues.")],
    vary: Annotated[
        list[str],
        typer.Option("--vary", help="fit.batch_size=8,16 or a range, fit.learning_rate=1e-4..1e-2:log."),
    ] = [],  # noqa: B006 - typer never changes it, and None would make it import pydantic
    recipe: Annotated[str, typer.Option(help="Recipe by name (smoke, base) or a YAML file.")] = "base",
    settings: Annotated[
        list[str], typer.Option("--set", help="A setting that all runs have, as fit.max_steps=500.")
    ] = [],  # noqa: B006
    train: Annotated[
        list[str],
        typer.Option("--train", help="A further word for `train`, as --train=--model --train=hits."),
    ] = [],  # noqa: B006
    bayes: Annotated[
        int, typer.Option(min=0, help="Search so many combinations by what earlier ones brought; 0: try all.")
    ] = 0,
    score: Annotated[
        str | None, typer.Option(help="Compare this last score of a run; default: its best validation.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the search.")] = 0,
    report: Annotated[
        Path | None, typer.Option(help="Report: .json, with .html beside it; default: in OUT.")
    ] = None,
    rerun: Annotated[
        bool, typer.Option("--rerun", help="Run these settings again though they are done.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a run on stdout.")] = False,
) -> None:
    """Train with many settings, skip what is finished, and compare all runs in one report."""
    from tonewheel.learn.axes import parse_axes
    from tonewheel.learn.sweep import sweep_bayes, sweep_grid, write_report

    if system not in systems.discover():
        raise InputError(system, f"no such system{nearest(system, systems.discover())}")
    axes = parse_axes(vary)
    words = [system, "train", str(prepared), "--recipe", recipe, *train]

    def objective(chosen: Settings, run_dir: Path) -> Outcome:
        return train_once(words, settings, chosen, run_dir, score)

    if bayes:
        found = sweep_bayes(axes, objective, out, runs=bayes, seed=seed, rerun=rerun)
    else:
        found = sweep_grid(axes, objective, out, rerun=rerun)
    machine, page = write_report(found, report or out / "report")
    for run in found.runs:
        if as_json:
            emit(run)
        else:
            told = run.failed or (f"{run.outcome.score:.4g}" if run.outcome else "")
            print(f"{run.name}: {told}")
    say(f"report: {machine} and {page}")
    if any(run.failed for run in found.runs):
        raise typer.Exit(2)


def train_once(
    words: list[str], settings: list[str], chosen: Settings, run_dir: Path, score: str | None
) -> Outcome:
    """Run `tonewheel SYSTEM train` in a process of its own, and read how it ended.

    TonewheelError with its last words when it fails; all of its words are in RUN/train.log.
    """
    from tonewheel.learn.axes import override
    from tonewheel.learn.sweep import Outcome

    both = [*settings, *(override(key, value) for key, value in chosen.items())]
    options = [word for setting in both for word in ("--set", setting)]
    command = [sys.executable, "-m", "tonewheel", *words, "--out", str(run_dir / "run"), *options, "--json"]
    with (run_dir / LOG).open("w", encoding="utf-8") as log:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=log, text=True, check=False)
    if done.returncode == 130:
        raise KeyboardInterrupt
    if done.returncode:
        last = (run_dir / LOG).read_text(encoding="utf-8").strip().splitlines()[-1:]
        raise TonewheelError(last[0] if last else f"train ended with status {done.returncode}")
    told = _last_object(done.stdout)
    value = told.get("best_score") if score is None else told.get("scores", {}).get(score)
    if not isinstance(value, int | float):
        names = ", ".join(sorted(told.get("scores", {}))) or "nothing"
        hint = "" if told.get("scores") else "; is fit.max_steps below fit.validate_every_steps?"
        raise TonewheelError(f"train told no score{f' {score}' if score else ''}; it logged {names}{hint}")
    return Outcome(
        score=float(value),
        lower_is_better=_lower_is_better(run_dir / "run" / "recipe.yaml"),
        best_step=told.get("best_step"),
        scores={name: float(number) for name, number in told.get("scores", {}).items()},
    )


def _last_object(text: str) -> dict[str, Any]:
    for line in reversed(text.strip().splitlines()):
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            return found
    raise TonewheelError("train --json told nothing")


def _lower_is_better(recipe: Path) -> bool:
    """Whether the run's recipe minimises its score; so it does where it does not say."""
    import yaml

    try:
        told = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError):
        return True
    fit = told.get("fit", {}) if isinstance(told, dict) else {}
    return not (isinstance(fit, dict) and fit.get("score_mode") == "max")
