"""A fit learns, keeps everything another machine needs, and says what is wrong in one line."""

from __future__ import annotations

import importlib.util
import json
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from tonewheel.core.errors import InputError, MissingDependencyError, RecipeError, TonewheelError
from tonewheel.core.journal import Journal
from tonewheel.learn.checkpoint import describe_state, state_weights
from tonewheel.learn.fit import RunResult, fit
from tonewheel.learn.loggers import read_metrics
from tonewheel.learn.recipe import Recipe, load_recipe
from tonewheel.learn.stream import Stream


@pytest.fixture(scope="module")
def run(toy: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    result: RunResult = toy.fit_toy(
        tmp_path_factory.mktemp("run"), toy.SETTINGS.model_copy(update={"max_steps": 150})
    )
    return result


def test_a_toy_learns(run: RunResult) -> None:
    losses = [value for _, value in read_metrics(Path(run.run_dir) / "metrics.csv")["valid/loss"]]
    assert len(losses) == 15
    assert losses[-1] < 0.35 * losses[0]
    assert run.best_score == min(losses)
    assert run.best_step == 10 * (losses.index(min(losses)) + 1)


def test_the_folder_has_what_another_machine_needs(run: RunResult, toy: ModuleType) -> None:
    folder = Path(run.run_dir)
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "recipe.yaml",
        "versions.json",
        "journal.jsonl",
        "metrics.csv",
        "tensorboard",
        "checkpoints",
    }
    assert {path.name for path in (folder / "checkpoints").iterdir()} == {
        "last.safetensors",
        "best.safetensors",
    }
    assert load_recipe(folder / "recipe.yaml", type(toy.SETTINGS)).max_steps == 150
    assert json.loads((folder / "versions.json").read_text())["torch"] == torch.__version__
    events = [entry["event"] for entry in Journal.read(folder / "journal.jsonl")]
    assert events[0] == "start"
    assert events[-1] == "done"
    about = describe_state(run.last)
    assert about["step"] == 150
    assert about["module"] == "Toy"
    assert about["recipe"]["learning_rate"] == toy.SETTINGS.learning_rate
    assert describe_state(run.best)["scores"]["valid/loss"] == run.best_score
    assert "network.0.weight" in state_weights(run.best)


def test_nothing_in_the_folder_is_pickled(run: RunResult) -> None:
    for path in Path(run.run_dir).rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not zipfile.is_zipfile(path), path
            # Protocol 2 and later start with this opcode and end with a full stop.
            assert (content[:1], content[-1:]) != (b"\x80", b"."), path
            assert b"torch._utils" not in content, path
            assert b"PK\x03\x04" not in content, path


def test_a_finished_run_is_not_run_again(run: RunResult, toy: ModuleType) -> None:
    module = toy.Toy()
    settings = toy.SETTINGS.model_copy(update={"max_steps": 150})
    before = run.last.stat().st_mtime_ns
    assert fit(module, settings, Stream(toy.draw, 0), toy.VALID, run.run_dir) == run
    assert run.last.stat().st_mtime_ns == before
    assert torch.equal(module.network[0].weight, state_weights(run.last)["network.0.weight"])


def test_a_folder_of_another_recipe_is_refused(run: RunResult, toy: ModuleType) -> None:
    other = toy.SETTINGS.model_copy(update={"max_steps": 150, "learning_rate": 0.5, "loader_workers": 1})
    with pytest.raises(RecipeError) as caught:
        toy.fit_toy(Path(run.run_dir), other)
    assert caught.value.problems[1:] == ["learning_rate was 0.01, is 0.5"]


def test_a_spoiled_checkpoint_is_an_input_error(toy: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "last.safetensors").write_bytes(b"not a checkpoint")
    with pytest.raises(InputError, match=r"last\.safetensors: not a safetensors file"):
        toy.fit_toy(tmp_path)


def test_the_whole_recipe_and_more_about_the_run_are_kept(toy: ModuleType, tmp_path: Path) -> None:
    class Whole(Recipe):
        fit: toy.FitRecipe  # type: ignore[name-defined]
        width: int = 16

    settings = toy.SETTINGS.model_copy(update={"max_steps": 5})
    recipe = Whole(fit=settings)
    result = fit(
        toy.Toy(), settings, Stream(toy.draw, 0), None, tmp_path, recipe=recipe, about={"data": ["synthetic"]}
    )
    assert load_recipe(tmp_path / "recipe.yaml", Whole) == recipe
    assert describe_state(result.last)["about"] == {"data": ["synthetic"]}
    assert result.best == result.last
    assert result.best_step is None


def test_a_diverged_run_keeps_its_last_good_state(toy: ModuleType, tmp_path: Path) -> None:
    class Diverging(toy.Toy):  # type: ignore[misc, name-defined]
        def training_step(self, batch: Any, step: int) -> torch.Tensor:
            loss: torch.Tensor = super().training_step(batch, step)
            return loss * float("nan") if self.global_step == 7 else loss

    with pytest.raises(TonewheelError, match=r"step 10: weight .* is not finite"):
        fit(Diverging(), toy.SETTINGS, Stream(toy.draw, 0), None, tmp_path)
    assert describe_state(tmp_path / "checkpoints" / "last.safetensors")["step"] == 5


def test_a_score_that_is_not_logged_is_told_with_the_nearest(toy: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r'"valid/los" is not logged \(did you mean "valid/loss"\?\)'):
        toy.fit_toy(tmp_path, toy.SETTINGS.model_copy(update={"score": "valid/los"}))


def test_wandb_that_is_not_installed_is_named_with_its_extra(
    toy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "wandb" else find(name))
    with pytest.raises(MissingDependencyError, match=r"pip install 'tonewheel\[wandb\]'"):
        toy.fit_toy(tmp_path, toy.SETTINGS.model_copy(update={"wandb": True}))
    assert not list(tmp_path.iterdir())


def test_reading_weights_does_not_import_lightning() -> None:
    # `identify` reads weights at every start, and Lightning takes seconds to import.
    import subprocess
    import sys

    code = "import sys, tonewheel.learn.checkpoint, tonewheel.learn.recipe; print('lightning' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
