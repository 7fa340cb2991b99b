"""Train the version encoder: the same place of two renditions, against all other songs in all keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning
import torch
from torch import Tensor

from tonewheel.learn.checkpoint import load_weights, save_model, state_weights
from tonewheel.learn.fit import RunResult, fit, versions
from tonewheel.learn.schedule import adamw
from tonewheel.learn.stream import Stream
from tonewheel.systems.concert.prepare import Prepared
from tonewheel.systems.concert.versions.bank import Bank
from tonewheel.systems.concert.versions.data import Pairs, RenditionStream
from tonewheel.systems.concert.versions.embed import KIND
from tonewheel.systems.concert.versions.net import VersionEncoder, all_keys, contrast
from tonewheel.systems.concert.versions.recipe import VersionRecipe

VALIDATION_BATCHES = 4


class VersionModule(lightning.LightningModule):
    """The encoder with its loss, as the trainer sees it."""

    def __init__(self, recipe: VersionRecipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.encoder = encoder_of(recipe)

    def _tables(self, batch: Pairs) -> tuple[Tensor, Tensor]:
        """Tables of the places to compare. Shape: (n, 12, size) each."""
        together = self.encoder(torch.cat([batch.first, batch.second]))
        first, second = together[: len(batch.first)], together[len(batch.first) :]
        return first[batch.song, batch.row], second[batch.song, batch.other_row]

    def training_step(self, batch: Pairs, _step: int) -> Tensor:
        first, second = self._tables(batch)
        loss = contrast(first, second, batch.semitones, batch.song, self.recipe.temperature)
        self.log("train/loss", loss, prog_bar=True)
        self.log("train/top1", top1(first, second, batch.song), prog_bar=True)
        return loss

    def validation_step(self, batch: Pairs, _step: int) -> None:
        first, second = self._tables(batch)
        loss = contrast(first, second, batch.semitones, batch.song, self.recipe.temperature)
        self.log("valid/loss", loss, batch_size=len(batch.song))
        self.log("valid/top1", top1(first, second, batch.song), prog_bar=True, batch_size=len(batch.song))

    def configure_optimizers(self) -> Any:
        return adamw(self, self.recipe.fit)


def encoder_of(recipe: VersionRecipe) -> VersionEncoder:
    """The encoder that a recipe describes."""
    return VersionEncoder(recipe.encoder, recipe.pitches.bins_per_semitone, recipe.pitches.octaves)


def top1(tables: Tensor, others: Tensor, song: Tensor) -> Tensor:
    """Share of places whose nearest other, in whatever key, is of the same song."""
    nearest = all_keys(others.detach(), tables.detach()).amax(dim=0).argmax(dim=1)
    return (song[nearest] == song).float().mean()


def train(bank: Bank, prepared: Prepared, recipe: VersionRecipe, run_dir: Path) -> RunResult:
    """Train in `run_dir`, or go on where a killed run stopped; weights go to run_dir/versions.safetensors."""
    stream = RenditionStream(bank, prepared, recipe)
    validation = RenditionStream(bank, prepared, recipe, split="valid")
    valid = [Stream(validation.draw, recipe.fit.seed)[step] for step in range(VALIDATION_BATCHES)]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.fit.seed)
        module = VersionModule(recipe)
    result = fit(module, recipe.fit, Stream(stream.draw, recipe.fit.seed), valid, run_dir, recipe=recipe)
    release(bank, prepared, recipe, result, run_dir / "versions.safetensors")
    return result


def release(bank: Bank, prepared: Prepared, recipe: VersionRecipe, result: RunResult, path: Path) -> str:
    """Write the best weights and the facts for their card; returns the SHA-256."""
    encoder = encoder_of(recipe)
    load_weights(encoder, state_weights(result.best, prefix="encoder."), result.best)
    songs = bank.of("train")
    real = [t for t in prepared.tracks if t.split == "train" and not t.synthetic]
    facts = {
        "kind": KIND,
        "recipe": recipe.to_dict(),
        "data": {
            "songs": len(songs),
            "renditions": sum(len(song.renditions) for song in songs),
            "scores": sorted({f"{s.song}: {s.licence}" for s in songs if s.kind == "midi"}),
            "sources": sorted(
                f"{t.title}, {t.artist or 'artist not stated'} ({t.group}): {t.licence}" for t in real
            ),
        },
        "run": {"steps": result.steps, "best_step": result.best_step, "best_score": result.best_score},
        "versions": versions(),
    }
    return save_model(path, encoder.state_dict(), facts)
