"""Train the encoder: two changed views of a track belong together, and so, less strictly, do tracks of one style."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import lightning
import numpy as np
import torch
from torch import Tensor

from tonewheel.core.files import sha256, write_text
from tonewheel.core.seeds import generator
from tonewheel.learn.checkpoint import load_weights, save_model, state_weights
from tonewheel.learn.fit import RunResult, fit, versions
from tonewheel.learn.losses import ntxent, supcon
from tonewheel.learn.schedule import adamw
from tonewheel.learn.stream import Stream
from tonewheel.learn.weights import drawn, start_from
from tonewheel.metrics import neighbours
from tonewheel.systems.similar.backbones.encoder import KIND
from tonewheel.systems.similar.card import card
from tonewheel.systems.similar.data import Batch, ViewStream, whole
from tonewheel.systems.similar.model import Encoder
from tonewheel.systems.similar.prepare import Prepared
from tonewheel.systems.similar.recipe import SimilarRecipe

CROP_S = 30.0
"""Validation asks for a track by so much of a changed version of it."""


class Heldout(NamedTuple):
    """The held-out tracks: all windows of each, those of a changed crop, its group, and whether it is synthetic."""

    tracks: list[Tensor]
    crops: list[Tensor]
    group: list[int]
    synthetic: list[bool]


class SimilarModule(lightning.LightningModule):
    """The encoder with its losses, as the trainer sees it."""

    def __init__(self, recipe: SimilarRecipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.encoder = Encoder(recipe.encoder, recipe.front_end.n_mels)

    def training_step(self, batch: Batch, _step: int) -> Tensor:
        both = torch.cat([batch.first, batch.second])
        frames = self.encoder(both.flatten(0, 1)).unflatten(0, both.shape[:2])
        identity, style = self.encoder.parts(frames)
        first, second = identity.chunk(2)
        settings = self.recipe.loss
        # All other tracks are strangers here, those of the same album too: they are the hard ones.
        same = ntxent(first, second, temperature=settings.temperature)
        alike = supcon(style, batch.group.repeat(2), settings.temperature)
        self.log("train/identity", same, prog_bar=True)
        self.log("train/style", alike, prog_bar=True)
        return same + settings.style_weight * alike

    def validation_step(self, batch: Heldout, _step: int) -> None:
        references, queries = self._embed(batch.tracks), self._embed(batch.crops)
        recall = float(np.mean((queries @ references.T).argmax(axis=1) == np.arange(len(references))))
        group, synthetic = np.array(batch.group), np.array(batch.synthetic)
        style = _map_at_r(references[synthetic], group[synthetic])
        source = _map_at_r(references[~synthetic], group[~synthetic])
        scores = {"recall1": recall, "style": style, "source": source, "score": (recall + style) / 2}
        self.log_dict({f"valid/{name}": value for name, value in scores.items()}, batch_size=len(group))

    def _embed(self, tracks: Sequence[Tensor]) -> np.ndarray[Any, Any]:
        rows = [self.encoder.pool(self.encoder(windows)[None])[0] for windows in tracks]
        return torch.stack(rows).cpu().numpy()

    def configure_optimizers(self) -> Any:
        return adamw(self, self.recipe.fit)


def _map_at_r(embeddings: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]) -> float:
    return neighbours.map_at_r(embeddings, labels) if len(set(labels.tolist())) < len(labels) else 0.0


def heldout(prepared: Prepared, recipe: SimilarRecipe) -> Heldout:
    """The validation split, the same at every validation."""
    tracks = [t for t in prepared.tracks if t.source.split == "valid"]
    names = sorted({t.source.group for t in tracks})
    front = recipe.front_end.spec()
    hop = round(recipe.views.hop_s * front.frame_rate_hz)
    made = Heldout([], [], [], [])
    for number, track in enumerate(tracks):
        rng = generator(recipe.fit.seed, "heldout", number)
        changed = prepared.mel(track, int(rng.integers(1, len(track.files))) if len(track.files) > 1 else 0)
        crop = min(len(changed), round(CROP_S * front.frame_rate_hz))
        start = int(rng.integers(0, len(changed) - crop + 1))
        made.tracks.append(whole(prepared.mel(track), recipe.window_frames, hop))
        made.crops.append(whole(changed[start : start + crop], recipe.window_frames, hop))
        made.group.append(names.index(track.source.group))
        made.synthetic.append(bool(track.source.style))
    return made


def train(prepared: Prepared, recipe: SimilarRecipe, run_dir: Path, initial: Path | None = None) -> RunResult:
    """Train in `run_dir`, or go on where a killed run stopped, and write RUN/encoder.safetensors with its card.

    `initial` are weights to start from, those of another run.
    """
    stream = ViewStream(prepared, recipe)
    module = drawn(recipe.fit.seed, lambda: SimilarModule(recipe))
    start_from(module.encoder, initial, KIND)
    held_out = heldout(prepared, recipe)
    # Without two held-out tracks nothing can be mistaken for another: the last weights are then the best.
    valid = [held_out] if len(held_out.tracks) > 1 else None
    result = fit(module, recipe.fit, Stream(stream.draw, recipe.fit.seed), valid, run_dir, recipe=recipe)
    release(prepared, recipe, result, run_dir / "encoder.safetensors", initial=initial)
    return result


def release(
    prepared: Prepared,
    recipe: SimilarRecipe,
    result: RunResult,
    path: Path,
    scores: str = "",
    initial: Path | None = None,
) -> str:
    """Write the best weights with the facts for their card; returns the SHA-256."""
    encoder = Encoder(recipe.encoder, recipe.front_end.n_mels)
    load_weights(encoder, state_weights(result.best, prefix="encoder."), result.best)
    used = [t for t in prepared.tracks if t.source.split == "train"]
    real = [t for t in used if not t.source.style]
    facts = {
        "kind": KIND,
        "recipe": recipe.to_dict(),
        "data": {
            "tracks": len(real),
            "synthesised": len(used) - len(real),
            "hours": round(sum(t.seconds for t in used) / 3600, 2),
            "sources": sorted(f"{t.source.title} ({t.source.group}): {t.source.licence}" for t in real),
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
    write_text(path.with_suffix(".md"), card(path, scores))
    return digest
