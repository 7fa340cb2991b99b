"""Train the separator: remixed stems in, their shares of the mix out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning
import torch
from torch import Tensor

from tonewheel.core.files import sha256, write_text
from tonewheel.learn.checkpoint import load_weights, save_model, state_weights
from tonewheel.learn.fit import RunResult, fit, versions
from tonewheel.learn.int8 import narrowed
from tonewheel.learn.schedule import adamw
from tonewheel.learn.stream import Stream
from tonewheel.learn.weights import drawn, mean_with, start_from
from tonewheel.systems.stems.card import card
from tonewheel.systems.stems.data import Batch, MixStream
from tonewheel.systems.stems.loss import ideal, loss, sdr
from tonewheel.systems.stems.making.takes import Prepared
from tonewheel.systems.stems.masker import KIND
from tonewheel.systems.stems.model import NET_STEMS, Separator
from tonewheel.systems.stems.recipe import StemsRecipe

VALIDATION_BATCHES = 16
FILE = "separator.safetensors"


class SeparatorModule(lightning.LightningModule):
    """The separator with its loss, as the trainer sees it."""

    def __init__(self, recipe: StemsRecipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.separator = Separator(recipe.network)
        self.found: list[tuple[Tensor, Tensor, Tensor]] = []

    def shares(self, batch: Batch) -> Tensor:
        """What the network says. Shape: (n, 5, 2, ROWS, frames)."""
        shares: Tensor = self.separator.core(batch.power, batch.context)
        return shares

    def training_step(self, batch: Batch, _step: int) -> Tensor:
        shares = self.shares(batch)
        with torch.autocast(self.device.type, enabled=False):
            value = loss(shares, batch, self.recipe.loss)
        self.log("train/loss", value, prog_bar=True)
        return value

    def validation_step(self, batch: Batch, _number: int) -> None:
        shares = self.shares(batch).float()
        self.log("valid/loss", loss(shares, batch, self.recipe.loss), batch_size=len(batch.power))
        whole = torch.ones_like(shares)
        self.found.append((sdr(shares, batch), sdr(ideal(batch), batch), sdr(whole, batch)))

    def on_validation_epoch_end(self) -> None:
        ours, best, mix = (torch.cat(parts) for parts in zip(*self.found, strict=True))
        self.found.clear()
        shares = []
        for number, stem in enumerate(NET_STEMS):
            a, b, c = (values[:, number].nanmean() for values in (ours, best, mix))
            self.log(f"valid/sdr_{stem}", a.nan_to_num())
            if not bool(torch.isnan(a)):
                shares.append((a - c) / (b - c).clamp_min(0.1))
        # Of the way from the mix itself to the ideal mask, in dB.
        self.log("valid/share", torch.stack(shares).mean() if shares else torch.zeros(()))

    def configure_optimizers(self) -> Any:
        return adamw(self, self.recipe.fit)


def validation(prepared: Prepared, recipe: StemsRecipe) -> list[Batch]:
    """The same mixes every time: whole songs, nothing dropped, none told its context."""
    still = recipe.mix.model_copy(
        update={
            "together_share": 1.0,
            "drop_share": 0.0,
            "tone_db": 0.0,
            "semitones": 0,
            "gain_db": 1.0,
            "context_share": 0.0,
        }
    )
    stream = MixStream(prepared, still, recipe.fit.batch_size, split="valid")
    return Stream(stream.draw, recipe.fit.seed).first(VALIDATION_BATCHES) if stream.songs else []


def train(
    prepared: Prepared,
    recipe: StemsRecipe,
    run_dir: Path,
    initial: Path | None = None,
    beside: Path | None = None,
) -> RunResult:
    """Train in `run_dir`, or go on where a killed run stopped; from `initial` weights if they are given.

    The weights for use are the best of the run, or the mean of those and of `beside`.
    """
    stream = MixStream(prepared, recipe.mix, recipe.fit.batch_size)
    module = drawn(recipe.fit.seed, lambda: SeparatorModule(recipe))
    start_from(module.separator, initial, KIND)
    valid = validation(prepared, recipe)
    result = fit(module, recipe.fit, Stream(stream.draw, recipe.fit.seed), valid, run_dir, recipe=recipe)
    release(prepared, recipe, result, run_dir / FILE, initial, beside)
    return result


def release(
    prepared: Prepared,
    recipe: StemsRecipe,
    result: RunResult,
    path: Path,
    initial: Path | None = None,
    beside: Path | None = None,
) -> str:
    """Write the best weights, a byte each, with the facts for their card; returns the SHA-256."""
    model = Separator(recipe.network)
    load_weights(model, state_weights(result.best, prefix="separator."), result.best)
    mean_with(model, beside, KIND)
    used = [take for take in prepared.takes if take.split == "train"]
    facts = {
        "kind": KIND,
        "recipe": recipe.to_dict(),
        "data": {
            "songs": len({take.song for take in used}),
            "hours": round(sum({take.song: take.seconds for take in used}.values()) / 3600, 2),
            "stem_hours": {
                stem: round(sum(take.seconds for take in used if take.stem == stem) / 3600, 2)
                for stem in NET_STEMS
            },
            "sources": sorted({source for take in used for source in take.sources}),
        },
        "run": {
            "steps": result.steps,
            "best_step": result.best_step,
            "best_score": result.best_score,
            "scores": result.scores,
            "initial": None if initial is None else sha256(initial),
            "beside": None if beside is None else sha256(beside),
        },
        "versions": versions(),
    }
    digest = save_model(path, narrowed(model.state_dict()), facts)
    write_text(path.with_suffix(".md"), card(path))
    return digest
