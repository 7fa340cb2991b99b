"""Train the encoder: contrast clean windows with the same music as a phone in a hall hears it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning
import torch
from msgspec import structs
from torch import Tensor
from torch.nn import functional

from tonewheel.core.files import sha256, write_text
from tonewheel.learn.checkpoint import load_weights, save_model, state_weights
from tonewheel.learn.fit import RunResult, fit, versions
from tonewheel.learn.losses import ntxent, supcon
from tonewheel.learn.schedule import adamw
from tonewheel.learn.stream import Stream
from tonewheel.learn.weights import drawn, start_from
from tonewheel.systems.concert.calibrate import fit_live_limit, fit_rule
from tonewheel.systems.concert.card import card
from tonewheel.systems.concert.data import Batch, PairStream
from tonewheel.systems.concert.decode.fit import evenings
from tonewheel.systems.concert.decode.fit import fit as fit_decoder
from tonewheel.systems.concert.embed import KIND, Embedder
from tonewheel.systems.concert.model import Encoder
from tonewheel.systems.concert.prepare import Prepared
from tonewheel.systems.concert.recipe import ConcertRecipe

VALIDATION_BATCHES = 4
SHOWS_OF = 50
"""The decoder is fitted on a show at each noise level for so many queries that the decision rule is fitted on."""


class ConcertModule(lightning.LightningModule):
    """The encoder with its losses, as the trainer sees it."""

    def __init__(self, recipe: ConcertRecipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.encoder = Encoder(recipe.encoder, recipe.front_end.n_mels)

    def _losses(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Contrastive loss, music loss, and the embeddings of the clean and degraded windows."""
        count = len(batch.song)
        # One pass over all windows, so that batch norm sees clean, degraded and ambience as one mixture.
        together = torch.cat([batch.clean, batch.degraded, batch.ambience])
        embeddings, music = self.encoder.embed_and_judge(together)
        clean, degraded = embeddings[:count], embeddings[count : 2 * count]
        settings = self.recipe.loss
        if settings.name == "ntxent":
            contrast = ntxent(clean, degraded, batch.song, settings.temperature)
        else:
            contrast = supcon(torch.cat([clean, degraded]), batch.song.repeat(2), settings.temperature)
        is_music = (torch.arange(len(together), device=music.device) < 2 * count).float()
        weight = torch.where(is_music > 0, 0.5 / (2 * count), 0.5 / max(1, len(batch.ambience)))
        judged = functional.binary_cross_entropy_with_logits(music, is_music, weight, reduction="sum")
        return contrast, judged, clean, degraded

    def training_step(self, batch: Batch, _step: int) -> Tensor:
        contrast, judged, clean, degraded = self._losses(batch)
        self.log("train/contrast", contrast, prog_bar=True)
        self.log("train/music", judged)
        self.log("train/top1", top1(clean, degraded, batch.song), prog_bar=True)
        return contrast + self.recipe.loss.music_weight * judged

    def validation_step(self, batch: Batch, _step: int) -> None:
        contrast, judged, clean, degraded = self._losses(batch)
        self.log("valid/contrast", contrast, batch_size=len(batch.song))
        self.log("valid/music", judged, batch_size=len(batch.song))
        self.log("valid/top1", top1(clean, degraded, batch.song), prog_bar=True, batch_size=len(batch.song))

    def configure_optimizers(self) -> Any:
        return adamw(self, self.recipe.fit)


def top1(clean: Tensor, degraded: Tensor, song: Tensor) -> Tensor:
    """Share of degraded windows whose nearest clean window is of the same song."""
    nearest = (degraded.detach() @ clean.detach().T).argmax(dim=1)
    return (song[nearest] == song).float().mean()


def train(
    prepared: Prepared,
    recipe: ConcertRecipe,
    run_dir: Path,
    initial: Path | None = None,
    weights: Path | None = None,
) -> RunResult:
    """Train in `run_dir`, or go on where a killed run stopped; from `initial` weights if they are given.

    The result is written to `weights`, by default `run_dir`/concert.safetensors.
    """
    stream = PairStream(prepared, recipe)
    validation = PairStream(prepared, recipe, split="valid")
    valid = Stream(validation.draw, recipe.fit.seed).first(VALIDATION_BATCHES)
    module = drawn(recipe.fit.seed, lambda: ConcertModule(recipe))
    start_from(module.encoder, initial, KIND)
    result = fit(module, recipe.fit, Stream(stream.draw, recipe.fit.seed), valid, run_dir, recipe=recipe)
    # A run of a few steps is a trial: calibrating it as well as a real one would take longer than the run.
    release(
        prepared,
        recipe,
        result,
        weights or run_dir / "concert.safetensors",
        count=min(150, 10 + result.steps),
        initial=initial,
    )
    return result


def release(
    prepared: Prepared,
    recipe: ConcertRecipe,
    result: RunResult,
    path: Path,
    count: int = 150,
    initial: Path | None = None,
) -> str:
    """Write the best weights with their decision rule and the facts for their card; returns the SHA-256."""
    encoder = Encoder(recipe.encoder, recipe.front_end.n_mels)
    load_weights(encoder, state_weights(result.best, prefix="encoder."), result.best)
    embedder = Embedder(encoder, recipe, "unreleased")
    embedder.rule = fit_rule(prepared, embedder, count=count)
    limit = fit_live_limit(prepared, embedder, plays=count)
    rule = structs.replace(embedder.rule, least_live_odds=max(limit, embedder.rule.least_odds))
    if shows := count // SHOWS_OF:
        embedder.emission = fit_decoder(evenings(prepared, embedder, shows))
    used = [t for t in prepared.tracks if t.split == "train"]
    real = [t for t in used if not t.synthetic]
    facts = {
        "kind": KIND,
        "recipe": recipe.to_dict(),
        "decision": rule.to_dict(),
        "emission": embedder.emission.to_dict(),
        "data": {
            "tracks": len(real),
            "synthesised": len(used) - len(real),
            "hours": round(sum(t.seconds for t in used) / 3600, 2),
            "sources": sorted(
                f"{t.title}, {t.artist or 'artist not stated'} ({t.group}): {t.licence}" for t in real
            ),
            "ambience": sorted({f"{a.title}: {a.licence}" for a in prepared.ambience if a.split == "train"}),
        },
        "run": {
            "steps": result.steps,
            "best_step": result.best_step,
            "best_score": result.best_score,
            "initial": None if initial is None else sha256(initial),
        },
        "versions": versions(),
    }
    digest = save_model(path, encoder.state_dict(), facts)
    write_text(path.with_suffix(".md"), card(path))
    return digest
