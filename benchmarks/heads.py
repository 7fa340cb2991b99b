"""Is a head worth it? Raw, PCA-256, triplet and supervised contrastive on artists that were left out.

    python benchmarks/heads.py [--music FOLDER] [--songs 10] [--seeds 3] [--backbone encoder] [--quick]

With --music: a folder of real tracks, labels from its own profile (measured, not embedded), folds by artist. Without:
synthesised songs in every style, labels `{style}_{tempo}` with the tempo known, folds by song. Tracks that were left
out ask, those that were not answer; mean of five folds, deviation over the seeds, and the same on tracks that were
heard. TARGETS: a head must be .03 better than PCA-256, with a gap of .10 at most, or PCA stays the default.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from tonewheel.core.progress import progress
from tonewheel.core.seeds import generator
from tonewheel.synth.compose import compose
from tonewheel.synth.render import render
from tonewheel.synth.styles import STYLES
from tonewheel.systems.similar.backbones.base import Backbone
from tonewheel.systems.similar.choose import backbone
from tonewheel.systems.similar.collect import HISS, collect
from tonewheel.systems.similar.damage import change
from tonewheel.systems.similar.fit_head import choose
from tonewheel.systems.similar.heads import HEAD_FIT, Collection, compare
from tonewheel.systems.similar.labels import back_off
from tonewheel.systems.similar.recipe import HeadRecipe

RATE = 16_000
SEED = 78_000_000
TEMPO_EDGES = (95.0, 125.0)


def synthesised(
    styles: list[str], songs: int, seconds: float, under: Backbone, recipe: HeadRecipe
) -> Collection:
    """Songs whose style and tempo are known, each with changed versions."""
    vectors, parts, groups = [], [], []
    for style, number in progress([(s, n) for s in styles for n in range(songs)], "songs"):
        song = compose(SEED + number, style, seconds=seconds)
        audio = render(song, RATE, seconds=seconds).mix
        rng = generator(0, "heads", style, number)
        rows = [audio, *(change(rng, hiss=HISS).apply(audio, RATE) for _ in range(recipe.views - 1))]
        vectors.append([under.pool(under.embed(row, RATE)) for row in rows])
        tempo = ("slow", "medium", "fast")[int(np.searchsorted(TEMPO_EDGES, song.tempo_bpm))]
        parts.append((style, tempo))
        groups.append(f"{style} {number}")
    return Collection(np.array(vectors, np.float32), back_off(parts, recipe.per_class), groups)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--music", type=Path, help="folder of real tracks, with artists in an index.csv")
    options.add_argument("--songs", type=int, default=10, help="of each style")
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--backbone", default="hand")
    options.add_argument("--weights", type=Path)
    options.add_argument("--quick", action="store_true", help="three styles, one seed, few steps")
    chosen = options.parse_args()
    under = backbone(chosen.backbone, chosen.weights)
    recipe, fit, styles, seconds = HeadRecipe(), HEAD_FIT, sorted(STYLES), 40.0
    if chosen.quick:
        recipe, fit = HeadRecipe(hidden=16, size=8, views=2), fit.model_copy(update={"max_steps": 20})
        styles, seconds, chosen.songs, chosen.seeds = styles[:3], 10.0, 5, 1
    if chosen.music:
        collection = collect(chosen.music, under, recipe)
    else:
        collection = synthesised(styles, chosen.songs, seconds, under, recipe)
    count, labels = len(collection.labels), sorted(set(collection.labels))
    print(f"{under.name}: {count} tracks, {len(set(collection.artists))} artists, {len(labels)} labels")
    trials = compare(collection, recipe, fit, seeds=chosen.seeds)
    print(f"{'':10}{'P@5 unheard':>14}{'deviation':>12}{'heard':>9}{'gap':>9}")
    for trial in trials:
        print(
            f"{trial.method:10}{trial.precision:14.3f}{trial.deviation:12.3f}{trial.heard:9.3f}{trial.gap:9.3f}"
        )
    print(f"default: {choose(trials)}")


if __name__ == "__main__":
    main()
