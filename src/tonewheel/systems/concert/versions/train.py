"""Train the version encoder, fit how it answers beside the fingerprint, and write both with the facts for a card."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tonewheel.core.console import say
from tonewheel.core.files import write_text
from tonewheel.core.records import Record
from tonewheel.systems.concert.embed import Embedder
from tonewheel.systems.concert.prepare import Prepared
from tonewheel.systems.concert.queries import Hall
from tonewheel.systems.concert.versions.bank import Bank, BankSong
from tonewheel.systems.concert.versions.calibrate import fit_fusion
from tonewheel.systems.concert.versions.card import card
from tonewheel.systems.concert.versions.embed import KIND, VersionEmbedder
from tonewheel.systems.concert.versions.encoder import Learned, learn
from tonewheel.systems.concert.versions.fuse import Fusion
from tonewheel.systems.concert.versions.recipe import VersionRecipe
from tonewheel.systems.concert.versions.trials import Stage
from tonewheel.systems.concert.versions.views import Views

FILE = "versions.safetensors"


class Trained(Record):
    """What a run made: the weights, from how many songs, and how reliable the directions are on average."""

    weights: str
    sha256: str
    songs: int
    reliability: float


def train(
    bank: Bank,
    prepared: Prepared,
    recipe: VersionRecipe,
    run_dir: Path,
    embedder: Embedder,
) -> Trained:
    """Learn from the bank's renditions; views that a killed run has made are not made again.

    `embedder` is the fingerprint beside which the scores are weighed, on the valid split. Writes
    run_dir/versions.safetensors, its card and the recipe.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    path = run_dir / FILE
    recipe.save(run_dir / "recipe.yaml")
    views = Views(bank, prepared, recipe, run_dir / "views")
    learned = learn(views, size=recipe.size, shrink=recipe.shrink)
    mean = float(learned.reliability.mean())
    say(f"learned from {len(views.songs)} songs, mean reliability {mean:.2f}")
    hears = VersionEmbedder(learned.encoder, recipe, "in training")
    stage = Stage(bank, Hall(prepared, "valid"), "valid")
    fusion = fit_fusion(stage, embedder, hears, count=recipe.queries)
    digest = release(views.songs, recipe, learned, fusion, embedder, path)
    return Trained(weights=str(path), sha256=digest, songs=len(views.songs), reliability=mean)


def release(
    songs: list[BankSong],
    recipe: VersionRecipe,
    learned: Learned,
    fusion: Fusion,
    embedder: Embedder,
    path: Path,
) -> str:
    """Write weights and card; returns the SHA-256."""
    import torch

    from tonewheel.learn.checkpoint import save_model
    from tonewheel.learn.fit import versions

    facts = {
        "kind": KIND,
        "recipe": recipe.to_dict(),
        "fusion": fusion.to_dict(),
        "beside": embedder.fingerprint,
        "data": {
            "songs": len(songs),
            "renditions": sum(len(song.renditions) for song in songs),
            "hours": round(sum(r.seconds for song in songs for r in song.renditions) / 3600, 2),
            "composed": sum(song.kind == "synth" for song in songs),
            "scores": sorted(
                f"{s.song.removeprefix('midi-')}: {s.licence}" for s in songs if s.kind == "midi"
            ),
        },
        "reliability": np.round(learned.reliability, 3).tolist(),
        "versions": versions(),
    }
    tensors = {
        "mean": torch.from_numpy(learned.encoder.mean),
        "kernel": torch.from_numpy(learned.encoder.kernel),
    }
    digest = save_model(path, tensors, facts)
    write_text(path.with_suffix(".md"), card(path))
    return digest
