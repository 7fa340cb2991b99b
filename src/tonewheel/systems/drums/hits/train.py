"""Train the hit classifier: hits of known labels, and what is no drum."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tonewheel.core.errors import ModelMismatchError
from tonewheel.core.files import write_text
from tonewheel.learn.checkpoint import load_weights, save_model, state_weights
from tonewheel.learn.fit import RunResult, fit, versions
from tonewheel.learn.schedule import adamw
from tonewheel.learn.stream import Stream
from tonewheel.learn.weights import drawn, start_from
from tonewheel.metrics.calibration import Logistic, fit_logistic
from tonewheel.metrics.detection import threshold_at_tpr
from tonewheel.systems.drums.families import LABELS
from tonewheel.systems.drums.hits.card import card
from tonewheel.systems.drums.hits.clips import ClipDataset
from tonewheel.systems.drums.hits.data import Batch, HitStream
from tonewheel.systems.drums.hits.model import HitAnswers, HitNet, energy
from tonewheel.systems.drums.hits.recipe import HitsRecipe
from tonewheel.systems.drums.hits.scores import macro_f
from tonewheel.systems.drums.prepare import Prepared

KIND = "drum hit classifier"
VALIDATION_BATCHES = 6
CALIBRATION_BATCHES = 10


class HitsModule(lightning.LightningModule):
    """The classifier with its losses, as the trainer sees it."""

    weight: Tensor

    def __init__(self, recipe: HitsRecipe, shares: np.ndarray[Any, Any] | None = None) -> None:
        super().__init__()
        self.recipe = recipe
        self.net = HitNet(recipe.network, recipe.front_end.n_mels)
        self.register_buffer(
            "weight", class_weights(shares, recipe.loss.class_weight_power), persistent=False
        )
        self.frozen = [getattr(self.net, name) for name in recipe.freeze]
        for block in self.frozen:
            block.requires_grad_(False)
        self.train()
        self.seen: list[tuple[Tensor, Tensor]] = []

    def train(self, mode: bool = True) -> HitsModule:
        """A frozen block also keeps the means and variances of its batch norm."""
        super().train(mode)
        for block in self.frozen:
            block.eval()
        return self

    def _losses(self, batch: Batch) -> tuple[dict[str, Tensor], Tensor, HitAnswers]:
        answers = self.net(batch.log_mel, batch.level_db)
        settings = self.recipe.loss
        drum = batch.label >= 0
        log_share = functional.log_softmax(answers.label, dim=1)
        found = {
            "label": functional.cross_entropy(
                answers.label[drum],
                batch.label[drum],
                self.weight,
                label_smoothing=settings.label_smoothing if self.training else 0.0,
            ),
            "known": functional.binary_cross_entropy_with_logits(answers.known, drum.float()),
            "velocity": _known_error(answers.velocity, batch.velocity),
            "openness": _known_error(answers.openness, batch.openness),
            "exposure": -log_share[~drum].mean() if bool((~drum).any()) else log_share.sum() * 0,
        }
        total = (
            found["label"]
            + settings.known_weight * found["known"]
            + settings.velocity_weight * found["velocity"]
            + settings.openness_weight * found["openness"]
            + settings.exposure_weight * found["exposure"]
        )
        return found, total, answers

    def training_step(self, batch: Batch, _step: int) -> Tensor:
        found, total, _ = self._losses(batch)
        for name, value in found.items():
            self.log(f"train/{name}", value, prog_bar=name == "label")
        return total

    def on_validation_epoch_start(self) -> None:
        self.seen = []

    def validation_step(self, batch: Batch, _step: int) -> None:
        found, total, answers = self._losses(batch)
        for name, value in found.items():
            self.log(f"valid/{name}", value, batch_size=len(batch.label))
        self.log("valid/loss", total, batch_size=len(batch.label))
        drum = batch.label >= 0
        self.seen.append((answers.label[drum].argmax(dim=1), batch.label[drum]))

    def on_validation_epoch_end(self) -> None:
        estimate, reference = (torch.cat(part).cpu().numpy() for part in zip(*self.seen, strict=True))
        self.log("valid/macro_f", macro_f(reference, estimate, len(LABELS)), prog_bar=True)

    def configure_optimizers(self) -> Any:
        return adamw(self, self.recipe.fit)


def class_weights(shares: np.ndarray[Any, Any] | None, power: float) -> Tensor:
    """Loss weights of the labels, mean 1 over what is drawn: a label's share to minus `power`.

    >>> class_weights(np.array([0.8, 0.2]), power=1.0).tolist()
    [0.625, 2.5]
    """
    if shares is None:
        return torch.ones(len(LABELS))
    weight = np.where(shares > 0, np.maximum(shares, 1e-9) ** -power, 0.0)
    return torch.from_numpy(weight / (shares * weight).sum()).float()


def _known_error(output: Tensor, target: Tensor) -> Tensor:
    """Mean squared error of a sigmoid where the target is known, 0 where none is."""
    told = torch.isfinite(target)
    error = (torch.sigmoid(output) - torch.where(told, target, 0.0)).square()
    return (error * told).sum() / told.sum().clamp(min=1)


def train(
    prepared: Prepared,
    recipe: HitsRecipe,
    run_dir: Path,
    initial: Path | None = None,
    *,
    dataset: ClipDataset | None = None,
    outliers_per_kind: int = 96,
) -> RunResult:
    """Train in `run_dir`, or go on where a killed run stopped; from `initial` weights if they are given."""
    stream = HitStream(prepared, recipe, dataset=dataset, outliers_per_kind=outliers_per_kind)
    validation = HitStream(prepared, recipe, split="valid", outliers_per_kind=max(8, outliers_per_kind // 3))
    valid = Stream(validation.draw, recipe.fit.seed).first(VALIDATION_BATCHES)
    module = drawn(recipe.fit.seed, lambda: HitsModule(recipe, stream.shares))
    start_from(module.net, initial, KIND)
    if initial is None and recipe.freeze:
        raise ModelMismatchError(
            f"recipe: freeze {', '.join(recipe.freeze)} needs weights to start from (--from)"
        )
    result = fit(module, recipe.fit, Stream(stream.draw, recipe.fit.seed), valid, run_dir, recipe=recipe)
    release(prepared, recipe, result, run_dir / "hits.safetensors", validation, dataset)
    return result


def release(
    prepared: Prepared,
    recipe: HitsRecipe,
    result: RunResult,
    path: Path,
    validation: HitStream,
    dataset: ClipDataset | None = None,
) -> str:
    """Write the best weights, calibrated, with the facts for their card; returns the SHA-256."""
    net = HitNet(recipe.network, recipe.front_end.n_mels)
    load_weights(net, state_weights(result.best, prefix="net."), result.best)
    known, limit = calibrate(net.eval(), validation)
    splits = recipe.examples.splits
    shots = [shot for shot in prepared.shots if shot.split in splits]
    real = [shot for shot in shots if not shot.synthetic]
    facts = {
        "kind": KIND,
        "recipe": recipe.to_dict(),
        "labels": list(LABELS),
        "known": known.to_dict(),
        "least_known": limit,
        "data": {
            "hits": len(real),
            "kit_sources": sorted({f"{s.source.split(':')[0]}: {s.licence}" for s in real}),
            "synthesised_kits": len({s.kit for s in shots if s.synthetic}),
            "dataset_hits": len(dataset.known) if dataset else 0,
            "dataset": str(dataset.folder) if dataset else "",
            "beds": sorted(
                f"{b.title}, {b.artist or '?'}: {b.licence}"
                for b in prepared.beds
                if b.split == "train" and not b.synthetic
            ),
            "rooms": sorted(
                f"{r.title}: {r.licence}" for r in prepared.rooms if r.split == "train" and not r.synthetic
            ),
        },
        "run": {"steps": result.steps, "best_step": result.best_step, "best_score": result.best_score},
        "versions": versions(),
    }
    digest = save_model(path, net.state_dict(), facts)
    write_text(path.with_suffix(".md"), card(path))
    return digest


@torch.inference_mode()
def calibrate(net: HitNet, validation: HitStream) -> tuple[Logistic, float]:
    """What makes the drum-or-not output and the energy a probability, and its limit that keeps 95 % of hits."""
    features, drum = [], []
    stream = Stream(validation.draw, validation.recipe.fit.seed + 1)
    for step in range(CALIBRATION_BATCHES):
        batch = stream[step]
        answers = net(batch.log_mel, batch.level_db)
        features.append(torch.stack([answers.known, energy(answers.label)], dim=1).numpy())
        drum.append((batch.label >= 0).numpy())
    table, truth = np.concatenate(features), np.concatenate(drum)
    model = fit_logistic(table, truth)
    return model, threshold_at_tpr(model.predict(table), truth, 0.95)
