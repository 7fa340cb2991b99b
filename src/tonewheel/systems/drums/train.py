"""Train the transcriber: rendered grooves in, the hits that were placed out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from torch import Tensor

from tonewheel.core.files import write_text
from tonewheel.learn.checkpoint import load_weights, save_model, state_weights
from tonewheel.learn.fit import RunResult, fit, versions
from tonewheel.learn.schedule import adamw
from tonewheel.learn.stream import Stream
from tonewheel.learn.weights import drawn, start_from
from tonewheel.metrics.onsets import Counts, count
from tonewheel.systems.drums.card import card
from tonewheel.systems.drums.data import Batch, SceneStream
from tonewheel.systems.drums.families import FAMILY_OF
from tonewheel.systems.drums.hearing.calibrate import fit_rule
from tonewheel.systems.drums.hearing.decode import peaks
from tonewheel.systems.drums.hearing.ears import KIND, Ears, build
from tonewheel.systems.drums.loss import Losses, losses
from tonewheel.systems.drums.prepare import Prepared
from tonewheel.systems.drums.recipe import DrumsRecipe

VALIDATION_BATCHES = 6
SCORED_FAMILIES = 5
"""Auxiliary percussion is learnt, but is in none of the five classes."""


class DrumsModule(lightning.LightningModule):
    """The transcriber with its losses, as the trainer sees it."""

    def __init__(self, recipe: DrumsRecipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.transcriber = build(recipe)
        self.counted = Counts()

    def _losses(self, batch: Batch) -> tuple[Losses, Tensor, Tensor]:
        frames = self.transcriber(batch.log_mel, batch.level)
        found = losses(frames, batch.hits, self.recipe.loss)
        settings = self.recipe.loss
        total = found.onset * 10 + settings.label_weight * found.label
        return found, total + settings.velocity_weight * found.velocity, frames.onset

    def training_step(self, batch: Batch, _step: int) -> Tensor:
        found, total, _ = self._losses(batch)
        for name, value in found._asdict().items():
            self.log(f"train/{name}", value, prog_bar=name == "onset")
        return total

    def on_validation_epoch_start(self) -> None:
        self.counted = Counts()

    def validation_step(self, batch: Batch, _step: int) -> None:
        found, _, onset = self._losses(batch)
        for name, value in found._asdict().items():
            self.log(f"valid/{name}", value, batch_size=len(batch.log_mel))
        rate = self.recipe.front_end.frame_rate_hz
        self.counted = self.counted.plus(count_batch(torch.sigmoid(onset).numpy(), batch.hits.numpy(), rate))

    def on_validation_epoch_end(self) -> None:
        self.log("valid/f", self.counted.f, prog_bar=True)

    def configure_optimizers(self) -> Any:
        return adamw(self, self.recipe.fit)


def count_batch(onset: np.ndarray, hits: np.ndarray, frame_rate_hz: float, threshold: float = 0.4) -> Counts:
    """Hits of five families found within 50 ms, at one threshold: what decides which step is the best."""
    total = Counts()
    family = FAMILY_OF[hits[:, 1].astype(int)]
    for clip in range(len(onset)):
        for number in range(SCORED_FAMILIES):
            own = (hits[:, 0] == clip) & (family == number) & (hits[:, 4] > 0)
            _, places = peaks(onset[clip, number], threshold, 3)
            reference = np.maximum(hits[own, 2], 0) / frame_rate_hz
            total = total.plus(count(reference, np.maximum(places, 0) / frame_rate_hz))
    return total


def train(prepared: Prepared, recipe: DrumsRecipe, run_dir: Path, initial: Path | None = None) -> RunResult:
    """Train in `run_dir`, or go on where a killed run stopped; from `initial` weights if they are given."""
    stream = SceneStream(prepared, recipe)
    validation = SceneStream(prepared, recipe, split="valid")
    valid = Stream(validation.draw, recipe.fit.seed).first(VALIDATION_BATCHES)
    module = drawn(recipe.fit.seed, lambda: DrumsModule(recipe))
    start_from(module.transcriber, initial, KIND)
    result = fit(module, recipe.fit, Stream(stream.draw, recipe.fit.seed), valid, run_dir, recipe=recipe)
    release(prepared, recipe, result, run_dir / "drums.safetensors")
    return result


def release(prepared: Prepared, recipe: DrumsRecipe, result: RunResult, path: Path, scenes: int = 60) -> str:
    """Write the best weights with their decision rule and the facts for their card; returns the SHA-256."""
    model = build(recipe)
    load_weights(model, state_weights(result.best, prefix="transcriber."), result.best)
    rule, fitted = fit_rule(prepared, Ears(model, recipe, "unreleased"), scenes=scenes)
    shots = [shot for shot in prepared.shots if shot.split == "train"]
    grooves = [groove for groove in prepared.grooves if groove.split == "train"]
    beds = [bed for bed in prepared.beds if bed.split == "train"]
    real_beds = [bed for bed in beds if not bed.synthetic]
    rooms = [room for room in prepared.rooms if room.split == "train"]
    facts = {
        "kind": KIND,
        "recipe": recipe.to_dict(),
        "decision": rule.to_dict(),
        "valid": fitted,
        "data": {
            "hits": sum(not shot.synthetic for shot in shots),
            "kits": sorted({f"{s.kit}: {s.licence}" for s in shots if not s.synthetic}),
            "kit_sources": sorted({f"{s.source.split(':')[0]}: {s.licence}" for s in shots if not s.synthetic}),
            "synthesised_kits": len({s.kit for s in shots if s.synthetic}),
            "grooves": sum(not g.synthetic for g in grooves),
            "groove_sources": sorted({f"{g.source.split(':')[0]}: {g.licence}" for g in grooves if g.source}),
            "groove_hours": round(sum(g.seconds for g in grooves) / 3600, 2),
            "beds": sorted(f"{b.title}, {b.artist or 'artist not stated'}: {b.licence}" for b in real_beds),
            "synthesised_beds": sum(b.synthetic for b in beds),
            "rooms": sorted(f"{r.title}: {r.licence}" for r in rooms if not r.synthetic),
            "synthesised_rooms": sum(r.synthetic for r in rooms),
        },
        "run": {"steps": result.steps, "best_step": result.best_step, "best_score": result.best_score},
        "versions": versions(),
    }  # fmt: skip
    digest = save_model(path, model.state_dict(), facts)
    write_text(path.with_suffix(".md"), card(path))
    return digest
