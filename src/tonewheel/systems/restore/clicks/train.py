"""Train the click detector: damaged music in, every sample that was hit out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning
from torch import Tensor

from tonewheel.core.errors import RecipeError
from tonewheel.core.journal import Journal
from tonewheel.core.seeds import generator
from tonewheel.learn.checkpoint import load_weights, save_model, state_weights
from tonewheel.learn.fit import RunResult, fit, versions
from tonewheel.learn.schedule import adamw
from tonewheel.learn.stream import Stream
from tonewheel.learn.weights import drawn, start_from
from tonewheel.systems.restore.clicks.data import Batch, ClickStream
from tonewheel.systems.restore.clicks.declicker import KIND, Declicker
from tonewheel.systems.restore.clicks.features import FEATURES
from tonewheel.systems.restore.clicks.loss import Losses, is_hit, losses
from tonewheel.systems.restore.clicks.model import ClickNet, Judged
from tonewheel.systems.restore.clicks.recipe import ClicksRecipe
from tonewheel.systems.restore.clicks.strategies import backwards, consistency, contrast
from tonewheel.systems.restore.clicks.watch import read_metrics, warning_signs
from tonewheel.systems.restore.prepare import Prepared

VALIDATION_BATCHES = 8
REAL_BATCHES = 2


class ClicksModule(lightning.LightningModule):
    """The detector with its losses, as the trainer sees it."""

    def __init__(self, recipe: ClicksRecipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.net = ClickNet(recipe.network, FEATURES)

    def training_step(self, batch: Batch, _step: int) -> Tensor:
        strategy = self.recipe.strategy
        synthetic, real = batch.real == 0, batch.real > 0
        self.log("train/synthetic_examples", synthetic.sum().float(), reduce_fx="sum")
        self.log("train/real_examples", real.sum().float(), reduce_fx="sum")
        described = self.net.describe(batch.features)
        judged = self.net.judge(described)
        total = described.sum() * 0
        if synthetic.any():
            found = self._against(judged, batch, synthetic)
            self.log("train/hit", found.hit, prog_bar=True)
            self.log("train/size", found.size)
            total = total + self._total(found, "train/synthetic_supervised")
        if real.any() and batch.known[real].any() and (strategy.cycle_weight or strategy.pseudo_weight):
            found = self._against(judged, batch, real)
            weight = max(strategy.cycle_weight, strategy.pseudo_weight)
            total = total + weight * self._total(found, "train/real_known")
        if strategy.cycle_weight and synthetic.any():
            back = self.net(backwards(batch.features[synthetic], upside_down=True))
            found = losses(back, batch.damage[synthetic].flip(-1), self.recipe.loss)
            total = total + strategy.cycle_weight * self._total(found, "train/synthetic_cycle")
        if strategy.consistency_weight and real.any():
            back = self.net(backwards(batch.features[real]))
            apart = consistency(_rows(judged, real), back)
            self.log("train/real_consistency", apart)
            total = total + strategy.consistency_weight * apart
        if strategy.contrast_weight and real.any() and synthetic.any():
            told = contrast(described, judged.hit, batch.real)
            self.log("train/contrast", told)
            total = total + strategy.contrast_weight * told
        return total

    def _against(self, judged: Judged, batch: Batch, rows: Tensor) -> Losses:
        return losses(_rows(judged, rows), batch.damage[rows], self.recipe.loss, batch.known[rows])

    def _total(self, found: Losses, name: str) -> Tensor:
        total = found.hit + self.recipe.loss.size_weight * found.size
        self.log(name, total)
        return total

    def validation_step(self, batch: Batch, number: int) -> None:
        count = len(batch.damage)
        judged = self.net(batch.features)
        if number >= VALIDATION_BATCHES:
            apart = consistency(judged, self.net(backwards(batch.features)))
            self.log("valid/real_consistency", apart, batch_size=count)
            return
        found = losses(judged, batch.damage, self.recipe.loss)
        self.log("valid/hit", found.hit, prog_bar=True, batch_size=count)
        self.log("valid/size", found.size, batch_size=count)
        self.log("valid/loss", found.hit + self.recipe.loss.size_weight * found.size, batch_size=count)
        target = is_hit(batch.damage, self.recipe.loss.visible) > 0
        right = ((judged.hit > 0) & target).sum()
        for name, of in (("precision", (judged.hit > 0).sum()), ("recall", target.sum())):
            self.log(f"valid/{name}", right / of.clamp_min(1), batch_size=count)

    def configure_optimizers(self) -> Any:
        return adamw(self, self.recipe.fit)


def _rows(judged: Judged, rows: Tensor) -> Judged:
    return Judged(judged.hit[rows], judged.size[rows])


def train(prepared: Prepared, recipe: ClicksRecipe, run_dir: Path, initial: Path | None = None) -> RunResult:
    """Train in `run_dir`, or go on where a killed run stopped; from `initial` weights if they are given."""
    earlier = None if initial is None else Declicker.load(initial)
    if recipe.strategy.pseudo_weight and earlier is None:
        raise RecipeError("strategy.pseudo_weight", ["needs earlier weights to start from: give `--initial`"])
    stream = ClickStream(prepared, recipe, teacher=earlier)
    validation = ClickStream(prepared, recipe, split="valid")
    valid = Stream(validation.draw, recipe.fit.seed).first(VALIDATION_BATCHES)
    if max(recipe.strategy.real_share) > 0:
        valid += [validation.real_batch(generator(recipe.fit.seed, "real", i)) for i in range(REAL_BATCHES)]
    module = drawn(recipe.fit.seed, lambda: ClicksModule(recipe))
    start_from(module.net, initial, KIND)
    result = fit(module, recipe.fit, Stream(stream.draw, recipe.fit.seed), valid, run_dir, recipe=recipe)
    journal = Journal(run_dir / "journal.jsonl")
    for warning in warning_signs(read_metrics(run_dir / "metrics.csv")):
        journal.write("warning", **warning._asdict())
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
