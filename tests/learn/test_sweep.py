"""A sweep runs what is not finished, goes on where it was killed, and says which settings were best."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tonewheel.core.errors import InputError, TonewheelError
from tonewheel.learn.axes import Settings, parse_axes
from tonewheel.learn.sweep import Outcome, run_name, sweep_bayes, sweep_grid, write_report


class Bowl:
    """A fake training: low at x = 3, y = "b"; it counts its calls, and may be killed or fail."""

    def __init__(self, kill_at: int | None = None, fails: Any = None, lower: bool = True) -> None:
        self.calls: list[Settings] = []
        self.kill_at, self.fails, self.lower = kill_at, fails, lower

    def __call__(self, settings: Settings, run_dir: Path) -> Outcome:
        assert run_dir.is_dir()
        if len(self.calls) == self.kill_at:
            raise KeyboardInterrupt
        self.calls.append(settings)
        if self.fails is not None and settings["x"] == self.fails:
            raise TonewheelError("the run diverged")
        loss = (settings["x"] - 3) ** 2 + (0 if settings.get("y", "b") == "b" else 1)
        return Outcome(score=loss if self.lower else -loss, lower_is_better=self.lower, best_step=5)


GRID = parse_axes(["x=1,2,3,4", "y=a,b"])


@pytest.mark.parametrize("lower", [True, False])
def test_a_grid_finds_the_best(tmp_path: Path, lower: bool) -> None:
    found = sweep_grid(GRID, Bowl(lower=lower), tmp_path)
    assert len(found.runs) == 8
    assert found.best is not None
    assert found.best.settings == {"x": 3, "y": "b"}
    assert [run.loss for run in found.runs] == sorted(run.loss for run in found.runs)


def test_what_is_finished_is_not_run_again(tmp_path: Path) -> None:
    first = Bowl(kill_at=3)
    with pytest.raises(KeyboardInterrupt):
        sweep_grid(GRID, first, tmp_path)
    second = Bowl()
    found = sweep_grid(GRID, second, tmp_path)
    assert len(first.calls) == 3
    assert len(second.calls) == 5
    assert sum(run.skipped for run in found.runs) == 3
    # More values later: only those are run. And a part of it again, when asked to.
    third = Bowl()
    sweep_grid(parse_axes(["x=1,2,3,4,5", "y=a,b"]), third, tmp_path)
    assert [call["x"] for call in third.calls] == [5, 5]
    fourth = Bowl()
    sweep_grid(parse_axes(["x=2", "y=a"]), fourth, tmp_path, rerun=True)
    assert fourth.calls == [{"x": 2, "y": "a"}]


def test_a_run_that_fails_stops_no_other_and_is_tried_again(tmp_path: Path) -> None:
    found = sweep_grid(GRID, Bowl(fails=2), tmp_path)
    assert [run.failed for run in found.runs if run.failed] == ["the run diverged"] * 2
    assert found.runs[-1].outcome is None
    again = Bowl()
    sweep_grid(GRID, again, tmp_path)
    assert [call["x"] for call in again.calls] == [2, 2]


def test_a_name_is_of_the_settings_alone() -> None:
    assert run_name({"a": 1, "b": 2}) == run_name({"b": 2, "a": 1})
    assert run_name({"a": 1}) != run_name({"a": 1.5})
    wild = run_name({"a": "../../etc/passwd\n", "b": "x" * 500})
    assert "/" not in wild
    assert len(wild) < 100


RANGE = parse_axes(["x=-10.0..10.0", "y=a,b,c"])


def test_a_search_comes_near_the_best(tmp_path: Path) -> None:
    bowl = Bowl()
    found = sweep_bayes(RANGE, bowl, tmp_path, runs=30)
    assert len(bowl.calls) == 30
    assert found.best is not None
    assert found.best.settings["y"] == "b"
    assert abs(found.best.settings["x"] - 3) < 2
    # It looks where it was good: the second half is nearer than the first.
    losses = [abs(call["x"] - 3) for call in bowl.calls]
    assert sum(losses[15:]) < sum(losses[:15])


def test_a_killed_search_goes_on(tmp_path: Path) -> None:
    first = Bowl(kill_at=4)
    with pytest.raises(KeyboardInterrupt):
        sweep_bayes(RANGE, first, tmp_path, runs=7)
    second = Bowl()
    found = sweep_bayes(RANGE, second, tmp_path, runs=7)
    assert len(first.calls) + len(second.calls) == 7
    assert len(found.runs) == 7
    third = Bowl()
    assert len(sweep_bayes(RANGE, third, tmp_path, runs=7).runs) == 7
    assert third.calls == []


def test_a_search_over_other_settings_is_refused(tmp_path: Path) -> None:
    sweep_bayes(RANGE, Bowl(), tmp_path, runs=2)
    with pytest.raises(InputError, match="other settings"):
        sweep_bayes(parse_axes(["x=0.0..1.0"]), Bowl(), tmp_path, runs=2)


def test_the_report_tells_every_run(tmp_path: Path) -> None:
    found = sweep_grid(GRID, Bowl(fails=1), tmp_path)
    machine, page = write_report(found, tmp_path / "report")
    told = json.loads(machine.read_text())
    assert told["best"] == found.runs[0].name
    assert len(told["runs"]) == 8
    text = page.read_text()
    assert text.count("the run diverged") == 2
    assert "finished now" in text


def test_real_trainings_are_compared_and_go_on(toy: ModuleType, tmp_path: Path) -> None:
    """A killed run goes on from its checkpoint, not from the start."""
    stops: dict[float, int | None] = {0.02: 17}

    def objective(settings: Settings, run_dir: Path) -> Outcome:
        rate = settings["learning_rate"]
        changed = toy.SETTINGS.model_copy(update={"learning_rate": rate})
        result = toy.fit_toy(run_dir / "run", changed, stops.pop(rate, None))
        return Outcome(score=result.best_score, best_step=result.best_step, scores=result.scores)

    axes = parse_axes(["learning_rate=1e-5,0.02"])
    with pytest.raises(toy.KilledError):
        sweep_grid(axes, objective, tmp_path)
    found = sweep_grid(axes, objective, tmp_path)
    assert [run.settings["learning_rate"] for run in found.runs] == [0.02, 1e-5]
    assert [run.skipped for run in found.runs] == [False, True]
    journal = (tmp_path / found.runs[0].name / "run" / "journal.jsonl").read_text()
    assert '"resume"' in journal
