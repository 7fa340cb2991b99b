"""A run ends when its score has stopped getting better, also when it was killed on the way."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from tonewheel.core.journal import Journal
from tonewheel.learn.checkpoint import load_state
from tonewheel.learn.fit import fit
from tonewheel.learn.stream import Stream


def run(toy: ModuleType, folder: Path, scores: list[float], patience: int, stop_at: int | None = None) -> Any:
    """A fit whose k-th validation (every 10 steps) has the score `scores[k]`."""

    class Scored(toy.Toy):  # type: ignore[misc, name-defined]
        def validation_step(self, batch: Any, step: int) -> None:
            self.log("valid/loss", torch.tensor(scores[self.global_step // 10 - 1]), batch_size=1)

    settings = toy.SETTINGS.model_copy(update={"patience": patience, "max_steps": 60})
    return fit(Scored(settings, stop_at), settings, Stream(toy.draw, 0), toy.VALID, folder)


@pytest.mark.parametrize(
    ("patience", "steps", "best"),
    [(0, 60, 20), (1, 30, 20), (2, 40, 20), (3, 50, 20), (9, 60, 20)],
)
def test_it_waits_as_long_as_it_is_told(
    toy: ModuleType, tmp_path: Path, patience: int, steps: int, best: int
) -> None:
    result = run(toy, tmp_path, [3.0, 1.0, 2.0, 1.5, 1.0, 4.0], patience)
    assert (result.steps, result.best_step, result.best_score) == (steps, best, 1.0)
    stops = [e for e in Journal.read(tmp_path / "journal.jsonl") if e["event"] == "early stop"]
    assert len(stops) == (steps < 60)
    # Asked again, it has nothing to do.
    assert run(toy, tmp_path, [0.0] * 6, patience).steps == steps


@pytest.mark.parametrize("stop_at", [25, 37])
def test_a_killed_run_ends_at_the_same_step_with_equal_weights(
    toy: ModuleType, tmp_path: Path, stop_at: int
) -> None:
    scores = [3.0, 1.0, 2.0, 1.5, 0.0, 0.0]
    whole = run(toy, tmp_path / "whole", scores, patience=2)
    with pytest.raises(toy.KilledError):
        run(toy, tmp_path / "killed", scores, patience=2, stop_at=stop_at)
    again = run(toy, tmp_path / "killed", scores, patience=2)
    assert again.steps == whole.steps == 40
    expected, found = (load_state(r.last)["state_dict"] for r in (whole, again))
    assert all(torch.equal(found[name], expected[name]) for name in expected)
