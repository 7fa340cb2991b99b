"""A small training on synthesised kits: it learns, it goes on where it was killed, it writes usable weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tonewheel.learn.checkpoint import describe_state, load_model
from tonewheel.learn.fit import RunResult
from tonewheel.learn.loggers import read_metrics
from tonewheel.learn.recipe import load_recipe
from tonewheel.learn.stream import Stream
from tonewheel.systems.drums import train
from tonewheel.systems.drums.data import SceneStream
from tonewheel.systems.drums.hearing.ears import KIND, Ears
from tonewheel.systems.drums.prepare import Prepared
from tonewheel.systems.drums.recipe import DrumsRecipe
from tonewheel.systems.drums.train import DrumsModule, release

SMOKE = load_recipe("smoke", DrumsRecipe)


@pytest.fixture(scope="module")
def no_release() -> Any:
    """Training alone; fitting thresholds takes longer than eight small steps."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "release", lambda *_, **__: "")
        patch.setattr(train, "VALIDATION_BATCHES", 1)
        yield


@pytest.fixture(scope="module")
def run(drum_kits: Prepared, no_release: Any, tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    return train.train(drum_kits, SMOKE, tmp_path_factory.mktemp("run"))


def test_the_loss_falls(run: RunResult) -> None:
    assert run.steps == SMOKE.fit.max_steps
    losses = [value for _, value in read_metrics(Path(run.run_dir) / "metrics.csv")["train/onset"]]
    assert len(losses) == run.steps
    assert np.isfinite(losses).all()
    assert np.mean(losses[-3:]) < np.mean(losses[:3])
    assert describe_state(run.last)["recipe"]["network"]["width"] == 16


def test_a_killed_run_ends_with_equal_weights(
    run: RunResult, drum_kits: Prepared, no_release: Any, killed_run: Callable[..., None]
) -> None:
    killed_run(DrumsModule, lambda folder: train.train(drum_kits, SMOKE, folder), run)


def test_the_released_weights_can_be_used(run: RunResult, drum_kits: Prepared, tmp_path: Path) -> None:
    path = tmp_path / "drums.safetensors"
    digest = release(drum_kits, SMOKE, run, path, scenes=2)
    ears = Ears.load(path)
    assert ears.fingerprint == digest
    assert ears.recipe == SMOKE
    assert ears.curves(np.zeros(44_100, np.float32)).onset.shape == (6, 101)
    facts = load_model(path, kind=KIND).metadata
    assert facts["data"]["synthesised_kits"] == 7
    assert digest in path.with_suffix(".md").read_text()


def test_a_batch_is_a_function_of_its_step(drum_kits: Prepared) -> None:
    first, again = (Stream(SceneStream(drum_kits, SMOKE).draw, 3) for _ in range(2))
    a, b, c = first[5], again[5], first[6]
    assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))
    assert not torch.equal(a.log_mel, c.log_mel)


def test_every_weight_gets_a_gradient(drum_kits: Prepared) -> None:
    module = DrumsModule(SMOKE)
    _, total, _ = module._losses(Stream(SceneStream(drum_kits, SMOKE).draw, 0)[0])
    total.backward()
    for name, weight in module.named_parameters():
        assert weight.grad is not None, name
        assert float(weight.grad.abs().sum()) > 0, name
