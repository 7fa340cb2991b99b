"""Train the click detector: damaged music in, every sample that was hit out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning
import torch
from torch import Tensor

from tonewheel.learn.checkpoint import load_model, load_weights, save_model, state_weights
from tonewheel.learn.fit import RunResult, fit, versions
from tonewheel.learn.schedule import adamw
from tonewheel.learn.stream import Stream
from tonewheel.systems.restore.clicks.data import Batch, ClickStream
from tonewheel.systems.restore.clicks.declicker import KIND
from tonewheel.systems.restore.clicks.features import FEATURES
from tonewheel.systems.restore.clicks.loss import is_hit, losses
from tonewheel.systems.restore.clicks.model import ClickNet
from tonewheel.systems.restore.clicks.recipe import ClicksRecipe
from tonewheel.systems.restore.prepare import Prepared

VALIDATION_BATCHES = 8


class ClicksModule(lightning.LightningModule):
    """The detector with its losses, as the trainer sees it."""

    def __init__(self, recipe: ClicksRecipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.net = ClickNet(recipe.network, FEATURES)

    def _supervised(self, batch: Batch, stage: str) -> Tensor:
        judged = self.net(batch.features)
        found = losses(judged, batch.damage, self.recipe.loss)
        total = found.hit + self.recipe.loss.size_weight * found.size
        count = len(batch.damage)
        self.log(f"{stage}/hit", found.hit, prog_bar=True, batch_size=count)
        self.log(f"{stage}/size", found.size, batch_size=count)
        self.log(f"{stage}/loss", total, batch_size=count)
        if stage == "valid":
            target = is_hit(batch.damage, self.recipe.loss.visible) > 0
            right = ((judged.hit > 0) & target).sum()
            for name, of in (("precision", (judged.hit > 0).sum()), ("recall", target.sum())):
                self.log(f"valid/{name}", right / of.clamp_min(1), batch_size=count)
        return total

    def training_step(self, batch: Batch, _step: int) -> Tensor:
        return self._supervised(batch, "train")

    def validation_step(self, batch: Batch, _step: int) -> None:
        self._supervised(batch, "valid")

    def configure_optimizers(self) -> Any:
        return adamw(self, self.recipe.fit)


def train(prepared: Prepared, recipe: ClicksRecipe, run_dir: Path, initial: Path | None = None) -> RunResult:
    """Train in `run_dir`, or go on where a killed run stopped; from `initial` weights if they are given."""
    stream = ClickStream(prepared, recipe)
    # The same few batches every time: their noise then cancels between validations.
    validation = Stream(ClickStream(prepared, recipe, split="valid").draw, recipe.fit.seed)
    valid = [validation[step] for step in range(VALIDATION_BATCHES)]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.fit.seed)  # the same recipe gives the same weights, from the first ones on
        module = ClicksModule(recipe)
    if initial is not None:
        load_weights(module.net, load_model(initial, kind=KIND).tensors, initial)
    result = fit(module, recipe.fit, Stream(stream.draw, recipe.fit.seed), valid, run_dir, recipe=recipe)
    release(prepared, recipe, result, run_dir / "clicks.safetensors")
    return result


def release(prepared: Prepared, recipe: ClicksRecipe, result: RunResult, path: Path) -> str:
    """Write the best weights with the facts for their card; returns the SHA-256."""
    net = ClickNet(recipe.network, FEATURES)
    load_weights(net, state_weights(result.best, prefix="net."), result.best)
    music = prepared.of("music", "train")
    real = [sound for sound in music if not sound.synthetic]
    strokes = prepared.of("hit", "train")
    facts = {
        "kind": KIND,
        "recipe": recipe.to_dict(),
        "data": {
            "tracks": len(real),
            "synthesised": len(music) - len(real),
            "transients": len(prepared.of("transient", "train")),
            "strokes": len(strokes),
            "hours": round(sum(sound.seconds for sound in music) / 3600, 2),
            "sources": sorted(
                f"{s.title}, {s.artist or 'artist not stated'} ({s.group}): {s.licence}" for s in real
            ),
            "stroke_sources": sorted({f"{s.group}: {s.licence}" for s in strokes}),
        },
        "run": {
            "steps": result.steps,
            "best_step": result.best_step,
            "best_score": result.best_score,
            "scores": result.scores,
        },
        "versions": versions(),
    }
    return save_model(path, net.state_dict(), facts)
