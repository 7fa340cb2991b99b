"""A small training of the hit classifier: it learns, it goes on where it was killed, it writes usable weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tonewheel.core.errors import ModelMismatchError
from tonewheel.core.seeds import generator
from tonewheel.learn.checkpoint import load_model, save_model, state_weights
from tonewheel.learn.fit import RunResult
from tonewheel.learn.loggers import read_metrics
from tonewheel.learn.recipe import load_recipe
from tonewheel.systems.drums.hits import train
from tonewheel.systems.drums.hits.classifier import KIND, HitClassifier
from tonewheel.systems.drums.hits.data import HitStream
from tonewheel.systems.drums.hits.recipe import HitsRecipe
from tonewheel.systems.drums.hits.train import HitsModule, class_weights
from tonewheel.systems.drums.prepare import Prepared

SMOKE = load_recipe("smoke", HitsRecipe)


@pytest.fixture(scope="module", autouse=True)
def short_validation() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "VALIDATION_BATCHES", 2)
        patch.setattr(train, "CALIBRATION_BATCHES", 2)
        yield


@pytest.fixture(scope="module")
def run(drum_kits: Prepared, tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    return train.train(drum_kits, SMOKE, tmp_path_factory.mktemp("run"), outliers_per_kind=2)


def test_the_loss_falls(run: RunResult) -> None:
    assert run.steps == SMOKE.fit.max_steps
    metrics = read_metrics(Path(run.run_dir) / "metrics.csv")
    for name in ("label", "known", "velocity", "openness", "exposure"):
        assert np.isfinite([value for _, value in metrics[f"train/{name}"]]).all()
    losses = [value for _, value in metrics["train/label"]]
    assert np.mean(losses[-2:]) < np.mean(losses[:2])
    assert 0 <= run.scores["valid/macro_f"] <= 1


def test_the_released_weights_can_be_used(run: RunResult) -> None:
    path = Path(run.run_dir) / "hits.safetensors"
    classifier = HitClassifier.load(path)
    assert classifier.recipe == SMOKE
    assert 0 < classifier.least_known < 1
    answer = classifier.classify(np.random.default_rng(0).normal(size=9_000).astype(np.float32), onset_s=0.0)
    assert 0 <= answer.unknown <= 1
    facts = load_model(path, kind=KIND).metadata
    assert facts["data"]["synthesised_kits"] == 7
    assert classifier.fingerprint in path.with_suffix(".md").read_text()


def test_a_killed_run_ends_with_equal_weights(
    run: RunResult, drum_kits: Prepared, killed_run: Callable[..., None]
) -> None:
    killed_run(HitsModule, lambda folder: train.train(drum_kits, SMOKE, folder, outliers_per_kind=2), run)


def test_what_is_frozen_stays_as_it_was(run: RunResult, drum_kits: Prepared, tmp_path: Path) -> None:
    first = state_weights(run.best, prefix="net.")
    start = tmp_path / "first.safetensors"
    save_model(start, first, {"kind": KIND})
    recipe = load_recipe("smoke", HitsRecipe, ["freeze=[block1, block2]", "fit.max_steps=2"])
    with pytest.raises(ModelMismatchError, match="--from"):
        train.train(drum_kits, recipe, tmp_path / "none", outliers_per_kind=2)
    result = train.train(drum_kits, recipe, tmp_path / "run", start, outliers_per_kind=2)
    after = state_weights(result.last, prefix="net.")
    changed = {name.split(".")[0] for name in after if not torch.equal(after[name], first[name])}
    # Its kernels and also the means and variances of its batch norm.
    assert not changed & {"block1", "block2"}
    assert {"block3", "block4", "label", "known"} <= changed


def test_every_weight_learns(drum_kits: Prepared) -> None:
    module = HitsModule(SMOKE)
    batch = HitStream(drum_kits, SMOKE, outliers_per_kind=2).draw(generator(2), 0)
    module._losses(batch)[1].backward()
    for name, weight in module.named_parameters():
        assert weight.grad is not None, name
        assert float(weight.grad.abs().sum()) > 0, name


def test_a_batch_without_outliers_or_velocities_has_a_loss(drum_kits: Prepared) -> None:
    recipe = load_recipe("smoke", HitsRecipe, ["examples.outlier_share=0"])
    batch = HitStream(drum_kits, recipe, outliers_per_kind=2).draw(generator(2), 0)
    unknown = torch.full_like(batch.velocity, torch.nan)
    found, total, _ = HitsModule(recipe)._losses(batch._replace(velocity=unknown, openness=unknown))
    assert bool(total.isfinite())
    assert found["exposure"].item() == found["velocity"].item() == 0.0


def test_rare_labels_weigh_more() -> None:
    shares = np.array([0.5, 0.3, 0.2] + [0.0] * 9)
    weights = class_weights(shares, 0.5).numpy()
    assert (shares * weights).sum() == pytest.approx(1.0, abs=1e-6)
    assert weights[0] < weights[1] < weights[2]
    assert not weights[3:].any()
    assert class_weights(shares, 0.0)[0] == pytest.approx(1.0)
