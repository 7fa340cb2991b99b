"""A small training on short songs: it learns, it goes on where it was killed, it writes usable weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tonewheel.core.seeds import generator
from tonewheel.learn.checkpoint import describe_state, load_model, save_model, state_weights
from tonewheel.learn.fit import RunResult
from tonewheel.learn.loggers import read_metrics
from tonewheel.learn.recipe import load_recipe
from tonewheel.systems.concert import train
from tonewheel.systems.concert.data import PairStream
from tonewheel.systems.concert.embed import KIND, Embedder
from tonewheel.systems.concert.prepare import Prepared
from tonewheel.systems.concert.recipe import ConcertRecipe
from tonewheel.systems.concert.train import ConcertModule, release, top1

SMOKE = load_recipe("smoke", ConcertRecipe)


@pytest.fixture(scope="module")
def no_release() -> Any:
    """Training alone; calibrating takes longer than eight small steps."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "release", lambda *_, **__: "")
        yield


@pytest.fixture(scope="module")
def run(prepared: Prepared, no_release: Any, tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    return train.train(prepared, SMOKE, tmp_path_factory.mktemp("run"))


def test_the_loss_falls(run: RunResult) -> None:
    assert run.steps == SMOKE.fit.max_steps
    losses = [value for _, value in read_metrics(Path(run.run_dir) / "metrics.csv")["train/contrast"]]
    assert len(losses) == run.steps
    assert np.isfinite(losses).all()
    assert np.mean(losses[-3:]) < np.mean(losses[:3])
    assert run.scores["valid/top1"] > 0.5  # two songs: chance is a half
    assert describe_state(run.last)["recipe"]["encoder"]["embedding_size"] == 32


def test_a_killed_run_ends_with_equal_weights(
    run: RunResult, prepared: Prepared, no_release: Any, killed_run: Callable[..., None]
) -> None:
    killed_run(ConcertModule, lambda folder: train.train(prepared, SMOKE, folder), run)


def test_the_released_weights_can_be_used(
    run: RunResult,
    prepared: Prepared,
    music: list[np.ndarray],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(train, "fit_live_limit", lambda *_, **__: 3.0)
    path = tmp_path / "concert.safetensors"
    digest = release(prepared, SMOKE, run, path, count=4)
    embedder = Embedder.load(path)
    assert embedder.fingerprint == digest
    assert embedder.recipe == SMOKE
    assert embedder.embed(music[0][:32_000]).embeddings.shape == (1, 64)
    facts = load_model(path, kind=KIND).metadata
    assert facts["data"]["tracks"] == 3
    assert any("CC0" in source for source in facts["data"]["sources"])
    assert digest in path.with_suffix(".md").read_text()


def test_a_run_may_start_from_other_weights(
    run: RunResult, prepared: Prepared, no_release: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = state_weights(run.best, prefix="encoder.")
    save_model(tmp_path / "first.safetensors", encoder, {"kind": KIND})
    begun: list[dict[str, torch.Tensor]] = []

    def begin(module: ConcertModule, *_: Any, **__: Any) -> RunResult:
        begun.append(module.encoder.state_dict())
        return run

    monkeypatch.setattr(train, "fit", begin)
    train.train(prepared, SMOKE, tmp_path / "run", tmp_path / "first.safetensors")
    train.train(prepared, SMOKE, tmp_path / "run")
    train.train(prepared, SMOKE, tmp_path / "run")
    for name, tensor in encoder.items():
        assert torch.equal(begun[0][name], tensor)
        assert torch.equal(begun[1][name], begun[2][name])
    assert not torch.equal(begun[0]["project.weight"], begun[1]["project.weight"])


def test_a_hit_is_a_window_of_the_same_song() -> None:
    clean = torch.eye(4)
    song = torch.tensor([0, 0, 1, 1])
    degraded = torch.eye(4)[[1, 0, 2, 0]]  # the last one is nearest to another song
    assert float(top1(clean, degraded, song)) == 0.75


@pytest.mark.parametrize("name", ["ntxent", "supcon"])
def test_both_losses_have_gradients_in_all_weights(name: str, prepared: Prepared) -> None:
    recipe = load_recipe("smoke", ConcertRecipe, [f"loss.name={name}"])
    module = ConcertModule(recipe)
    batch = PairStream(prepared, recipe).draw(generator(0, "loss"), 0)
    contrast, judged, _, _ = module._losses(batch)
    (contrast + judged).backward()
    for key, weight in module.named_parameters():
        assert weight.grad is not None, key
        assert float(weight.grad.abs().sum()) > 0, key
