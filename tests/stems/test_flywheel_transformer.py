"""The transformer of the flywheel: what it is, what it learns, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from torch import Tensor

from tonewheel.core.errors import InputError, ModelMismatchError
from tonewheel.learn.recipe import load_recipe
from tonewheel.systems.stems.flywheel.data import read_snapshots
from tonewheel.systems.stems.flywheel.evaluate import evaluate
from tonewheel.systems.stems.flywheel.loss import loss, stem_errors
from tonewheel.systems.stems.flywheel.model import PhaseGate, StemTransformer
from tonewheel.systems.stems.flywheel.population import population
from tonewheel.systems.stems.flywheel.recipe import FlywheelRecipe, TransformerRecipe
from tonewheel.systems.stems.flywheel.train import FILE, FlywheelModule, load_transformer, train

DataSet = Callable[..., Path]


def test_the_base_recipe_is_the_transformer_of_the_seed() -> None:
    recipe = load_recipe("base", FlywheelRecipe)
    shape = recipe.transformer
    assert (shape.blocks, shape.heads, shape.width, shape.feed_forward) == (4, 8, 256, 1024)
    assert (recipe.epochs, recipe.fit.batch_size, recipe.fit.learning_rate) == (50, 32, 1e-3)
    assert recipe.fit.weight_decay == 0  # AdamW without decay is Adam


def test_the_gate_is_what_its_page_says() -> None:
    gate, x = PhaseGate(3, 4), torch.randn(5, 3)
    a = x @ gate.amplitude.weight.T + gate.amplitude.bias
    p = x @ gate.phase.weight.T + gate.phase.bias
    torch.testing.assert_close(gate(x), a * (0.5 + 0.5 * torch.cos(2 * p)))


def test_a_small_transformer_takes_any_layout() -> None:
    widths = {"energy": 1, "stereo": 37, "context": 17}
    model = StemTransformer(TransformerRecipe(blocks=1, heads=2, width=8, feed_forward=8), widths, 5)
    assert model(torch.zeros(2, 55)).shape == (2, 6, 5)


def test_missing_stems_are_masked() -> None:
    outputs = torch.randn(4, 6, 8, requires_grad=True)
    targets, weights = torch.randn(4, 6, 8), torch.rand(4, 6, 8)
    weights[:, 2] = 0
    weights[1, 3] = 0
    told = outputs.detach()
    naive = []
    for stem in (0, 1, 3, 4, 5):
        squares = [
            weights[n, stem, i] * (told[n, stem, i] - targets[n, stem, i]) ** 2
            for n in range(4)
            for i in range(8)
        ]
        naive.append(float(sum(squares) / weights[:, stem].sum()))
    value = loss(outputs, targets, weights)
    assert float(value.detach()) == pytest.approx(np.mean(naive), rel=1e-5)
    value.backward()
    assert outputs.grad is not None
    assert not outputs.grad[:, 2].any()
    assert not outputs.grad[1, 3].any()
    assert bool(stem_errors(told, targets, weights)[2].isnan())
    assert float(loss(told, targets, torch.zeros_like(weights))) == 0.0


def test_an_untrained_model_tells_the_mean(snapshots: Path, smoke: FlywheelRecipe) -> None:
    read = read_snapshots(snapshots)
    module = FlywheelModule(smoke, read)
    told = module.transformer(torch.from_numpy(read.train.inputs[:3])).detach().numpy()
    weights = read.train.weights
    mean = (weights * read.train.targets).sum(0) / weights.sum(0)
    np.testing.assert_allclose(told, np.repeat(mean[None], 3, 0), atol=1e-5)


def test_wild_inputs_move_a_prediction_by_a_bounded_amount(trained: Path) -> None:
    model = load_transformer(trained).transformer
    wild = torch.full((1, 366), 1e30)
    assert bool(torch.isfinite(model(wild)).all())


def test_training_beats_the_mean_and_the_report_says_what_it_cannot_know(
    snapshots: Path, trained: Path
) -> None:
    found = evaluate(snapshots, trained, snapshots / "evaluation")
    assert found.better_than_mean.value > 0
    page = (snapshots / "evaluation" / "report.html").read_text()
    assert "SDR, SIR and SAR cannot be computed" in page
    assert json.loads((snapshots / "evaluation" / "evaluation.json").read_text())["snapshots"] == 32


def test_a_killed_run_ends_with_equal_weights(
    snapshots: Path, trained: Path, tmp_path: Path, monkeypatch: Any, smoke: FlywheelRecipe
) -> None:
    step = FlywheelModule.training_step

    def killed(self: FlywheelModule, batch: Any, number: int) -> Tensor:
        if self.trainer.global_step == 21:
            raise RuntimeError("killed")
        return step(self, batch, number)

    with monkeypatch.context() as patched:
        patched.setattr(FlywheelModule, "training_step", killed)
        with pytest.raises(RuntimeError, match="killed"):
            train(snapshots, smoke, tmp_path)
    train(snapshots, smoke, tmp_path)
    first, again = (load_transformer(path).transformer.state_dict() for path in (trained, tmp_path / FILE))
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_a_run_folder_belongs_to_one_data_set(
    snapshots: Path, trained: Path, tmp_path: Path, data_set: DataSet, smoke: FlywheelRecipe
) -> None:
    other = data_set(tmp_path, list(population(20, seed=8)))
    with pytest.raises(InputError, match="take another folder"):
        train(other, smoke, trained.parent)


def test_other_numbers_than_the_model_reads_are_refused(
    snapshots: Path, trained: Path, tmp_path: Path, data_set: DataSet
) -> None:
    short = [
        msgspec.structs.replace(
            one, features=msgspec.structs.replace(one.features, energy=one.features.energy[:9])
        )
        for one in population(20)
    ]
    with pytest.raises(ModelMismatchError, match="energy"):
        evaluate(data_set(tmp_path, short), trained)
