"""Train the denoiser: music with hiss in, the music out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning
from torch import Tensor

from tonewheel.learn.checkpoint import load_weights, save_model, state_weights
from tonewheel.learn.fit import RunResult, fit, versions
from tonewheel.learn.schedule import adamw
from tonewheel.learn.stream import Stream
from tonewheel.learn.weights import drawn, start_from
from tonewheel.systems.restore.hiss.data import Batch, HissStream
from tonewheel.systems.restore.hiss.denoiser import KIND
from tonewheel.systems.restore.hiss.frames import grid
from tonewheel.systems.restore.hiss.loss import Losses, losses
from tonewheel.systems.restore.hiss.model import Denoiser
from tonewheel.systems.restore.hiss.recipe import HissRecipe
from tonewheel.systems.restore.prepare import SAMPLE_RATE_HZ, Prepared

VALIDATION: dict[str, dict[str, Any]] = {
    "hiss20": {"snr_db": (20.0, 20.0), "clean_share": 0.0, "faint_share": 0.0, "slope_db": (-3.5, -1.0)},
    "hiss10": {"snr_db": (10.0, 10.0), "clean_share": 0.0, "faint_share": 0.0, "slope_db": (-3.5, -1.0)},
    "clean": {"clean_share": 1.0, "residue_share": 0.0},
}
"""What is validated, as changes to the recipe's noise."""
VALIDATION_BATCHES = 2


class HissModule(lightning.LightningModule):
    """The denoiser with its losses, as the trainer sees it."""

    def __init__(self, recipe: HissRecipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.denoiser = Denoiser(recipe.network)
        self.grid = grid(SAMPLE_RATE_HZ)

    def _losses(self, batch: Batch) -> Losses:
        return losses(self.denoiser, batch, self.grid, self.recipe.loss)

    def training_step(self, batch: Batch, _step: int) -> Tensor:
        found = self._losses(batch)
        for name, value in found._asdict().items():
            self.log(f"train/{name}", value.mean(), prog_bar=name == "distortion")
        return found.total(self.recipe.loss)

    def validation_step(self, batch: Batch, number: int) -> None:
        found = self._losses(batch)
        kind = list(VALIDATION)[number // VALIDATION_BATCHES]
        for name, value in found._asdict().items():
            self.log(f"valid/{kind}_{name}", value.mean(), batch_size=len(value))
        self.log("valid/loss", found.total(self.recipe.loss), batch_size=len(batch.noisy))

    def configure_optimizers(self) -> Any:
        return adamw(self, self.recipe.fit)


def validation(prepared: Prepared, recipe: HissRecipe) -> list[Batch]:
    """The same batches every time, some of each kind: their noise then cancels between validations."""
    batches = []
    for changes in VALIDATION.values():
        noise = recipe.noise.model_copy(update={"band_share": 1.0, "low_rate_share": 0.0, **changes})
        stream = HissStream(prepared, recipe.model_copy(update={"noise": noise}), split="valid")
        # The same seed each time: the same music with other noise.
        batches += Stream(stream.draw, recipe.fit.seed).first(VALIDATION_BATCHES)
    return batches


def train(prepared: Prepared, recipe: HissRecipe, run_dir: Path, initial: Path | None = None) -> RunResult:
    """Train in `run_dir`, or go on where a killed run stopped; from `initial` weights if they are given."""
    stream = HissStream(prepared, recipe)
    module = drawn(recipe.fit.seed, lambda: HissModule(recipe))
    start_from(module.denoiser, initial, KIND)
    valid = validation(prepared, recipe)
    result = fit(module, recipe.fit, Stream(stream.draw, recipe.fit.seed), valid, run_dir, recipe=recipe)
    release(prepared, recipe, result, run_dir / "hiss.safetensors")
    return result


def release(prepared: Prepared, recipe: HissRecipe, result: RunResult, path: Path) -> str:
    """Write the best weights with the facts for their card; returns the SHA-256."""
    model = Denoiser(recipe.network)
    load_weights(model, state_weights(result.best, prefix="denoiser."), result.best)
    used = prepared.of("music", "train") + prepared.of("surface_noise", "train")
    facts = {
        "kind": KIND,
        "recipe": recipe.to_dict(),
        "data": {
            "sounds": sorted(
                f"{s.title}, {s.artist or 'artist not stated'}: {s.licence}" for s in used if not s.synthetic
            ),
            "synthesised": sum(s.synthetic for s in used) + len(prepared.of("transient", "train")),
            "hours": round(sum(s.seconds for s in used) / 3600, 2),
        },
        "run": {
            "steps": result.steps,
            "best_step": result.best_step,
            "best_score": result.best_score,
            "scores": result.scores,
        },
        "versions": versions(),
    }
    return save_model(path, model.state_dict(), facts)
