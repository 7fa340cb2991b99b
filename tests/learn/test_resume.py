"""A run that was killed at any moment ends as one that was not: bit for bit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from tonewheel.core.journal import Journal
from tonewheel.learn.checkpoint import describe_state, load_state
from tonewheel.learn.fit import RunResult
from tonewheel.learn.stream import Stream

TOY = Path(__file__).with_name("toy.py")


def assert_same(one: Any, other: Any, place: str = "") -> None:
    """Equal in every number, counter and tensor."""
    assert type(one) is type(other), place
    if isinstance(one, dict):
        assert list(one) == list(other), place
        for key in one:
            assert_same(one[key], other[key], f"{place}/{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), place
        for number, (mine, yours) in enumerate(zip(one, other, strict=True)):
            assert_same(mine, yours, f"{place}/{number}")
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other), place
    else:
        assert one == other, place


def assert_same_run(one: RunResult, other: RunResult) -> None:
    # Weights, batch norm, Adam's moments, the schedule, Lightning's counters, the best score.
    assert_same(load_state(one.last), load_state(other.last))
    assert_same(load_state(one.best), load_state(other.best))
    metrics = [(Path(run.run_dir) / "metrics.csv").read_bytes() for run in (one, other)]
    assert metrics[0] == metrics[1]


@pytest.fixture(scope="module")
def whole(toy: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> tuple[RunResult, torch.Tensor]:
    """An uninterrupted run and the random state that it leaves."""
    result = toy.fit_toy(tmp_path_factory.mktemp("whole"))
    return result, torch.get_rng_state()


# Checkpoints are at 5, 10, ...; validations at 10, 20, 30: before, at and after each.
@pytest.mark.parametrize("stop_at", [0, 3, 5, 9, 10, 11, 19, 29])
def test_a_run_that_stopped_goes_on(
    toy: ModuleType, whole: tuple[RunResult, torch.Tensor], tmp_path: Path, stop_at: int
) -> None:
    with pytest.raises(toy.KilledError):
        toy.fit_toy(tmp_path, stop_at=stop_at)
    torch.manual_seed(stop_at)  # another process would start with another random state
    result = toy.fit_toy(tmp_path)
    assert_same_run(result, whole[0])
    assert torch.equal(torch.get_rng_state(), whole[1])
    started = [
        e["step"] for e in Journal.read(tmp_path / "journal.jsonl") if e["event"] in ("start", "resume")
    ]
    assert started == [0, stop_at // 5 * 5]


def test_a_run_that_stopped_in_a_validation_repeats_it(
    toy: ModuleType, whole: tuple[RunResult, torch.Tensor], tmp_path: Path
) -> None:
    class StopsInValidation(toy.Toy):  # type: ignore[misc, name-defined]
        def validation_step(self, batch: Any, step: int) -> None:
            super().validation_step(batch, step)
            if self.global_step == 20 and step == 1:
                raise toy.KilledError

    with pytest.raises(toy.KilledError):
        toy.fit(StopsInValidation(), toy.SETTINGS, Stream(toy.draw, 0), toy.VALID, tmp_path)
    assert describe_state(tmp_path / "checkpoints" / "last.safetensors")["step"] == 15
    assert_same_run(toy.fit_toy(tmp_path), whole[0])


def test_it_goes_on_with_other_workers_and_another_interval(
    toy: ModuleType, whole: tuple[RunResult, torch.Tensor], tmp_path: Path
) -> None:
    with pytest.raises(toy.KilledError):
        toy.fit_toy(tmp_path, stop_at=17)
    changed = toy.SETTINGS.model_copy(update={"loader_workers": 2, "checkpoint_every_steps": 4})
    assert_same_run(toy.fit_toy(tmp_path, changed), whole[0])


def test_other_seeds_give_other_runs(
    toy: ModuleType, whole: tuple[RunResult, torch.Tensor], tmp_path: Path
) -> None:
    other = toy.fit_toy(tmp_path, toy.SETTINGS.model_copy(update={"seed": 1}))
    weights = [load_state(run.last)["state_dict"]["network.0.weight"] for run in (other, whole[0])]
    assert not torch.equal(*weights)


def test_a_process_killed_with_sigkill_goes_on(toy: ModuleType, tmp_path: Path) -> None:
    settings = toy.SETTINGS.model_copy(update={"max_steps": 400, "checkpoint_every_steps": 1})
    child = subprocess.Popen(
        [sys.executable, str(TOY), str(tmp_path / "killed"), settings.model_dump_json()],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())},
    )
    assert child.stderr is not None
    with child.stderr:
        # Wait for a sign of life, then kill without warning, likely half-way through a checkpoint.
        told = next((line for line in child.stderr if line.startswith("step 20:")), "")
        child.send_signal(signal.SIGKILL)
    assert told
    assert child.wait() == -signal.SIGKILL
    assert 19 <= describe_state(tmp_path / "killed" / "checkpoints" / "last.safetensors")["step"] < 400
    killed = toy.fit_toy(tmp_path / "killed", settings)
    assert_same_run(killed, toy.fit_toy(tmp_path / "whole", settings))
    assert len(list((tmp_path / "killed" / "checkpoints").iterdir())) == 2


@pytest.mark.slow
def test_two_processes_train_together(toy: ModuleType, tmp_path: Path) -> None:
    settings = toy.SETTINGS.model_copy(update={"devices": 2, "strategy": "ddp", "max_steps": 20})
    subprocess.run(
        [sys.executable, str(TOY), str(tmp_path), settings.model_dump_json()],
        check=True,
        capture_output=True,
        timeout=100,
        env={**os.environ, "GLOO_SOCKET_IFNAME": "lo", "MASTER_ADDR": "127.0.0.1"},
    )
    two = describe_state(tmp_path / "checkpoints" / "last.safetensors")
    assert two["step"] == 20
    # Two processes see two streams, so the result is not that of one.
    one = toy.fit_toy(tmp_path / "one", settings.model_copy(update={"devices": 1, "strategy": "auto"}))
    assert two["scores"]["valid/loss"] != one.scores["valid/loss"]
    assert [e["event"] for e in Journal.read(tmp_path / "journal.jsonl")].count("start") == 1
