"""From a folder of tracks to what a head learns from: vectors of tracks and of changed versions, labels, artists."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.decode import load, probe
from tonewheel.core.errors import InputError
from tonewheel.core.processes import on_all_cores
from tonewheel.core.progress import progress
from tonewheel.core.seeds import generator
from tonewheel.systems.similar.backbones.base import Backbone, embed_track
from tonewheel.systems.similar.build import music
from tonewheel.systems.similar.damage import change
from tonewheel.systems.similar.features.many import default_cache
from tonewheel.systems.similar.heads import Collection
from tonewheel.systems.similar.labels import Edges, back_off, composite
from tonewheel.systems.similar.profiling import profile_of
from tonewheel.systems.similar.recipe import HeadRecipe

Floats = NDArray[np.float32]
HISS = 0.3
"""Share of the changed versions that get white noise."""


def collect(
    source: Path,
    backbone: Backbone,
    recipe: HeadRecipe,
    *,
    edges: Edges | None = None,
    clusters: int | None = None,
    jobs: int | None = None,
    seed: int = 0,
) -> Collection:
    """The collection of a folder, labelled by its own profile; a track without an artist is its own.

    InputError when the folder holds no tracks.
    """
    profile, measured = profile_of(source, clusters=clusters, cache=default_cache(), jobs=jobs, seed=seed)
    found, root, _ = music(source)
    artist = {track.path: track.artist or track.path for track in found}
    cluster = {place.filename: place.cluster for place in profile.track_metadata}
    parts = {track.path: composite(cluster[track.path], track, edges) for track in measured}
    names = list(parts)
    work = partial(views, backbone=backbone, recipe=recipe, seed=seed)
    outcomes = on_all_cores(work, [root / name for name in names], jobs=jobs)
    heard: dict[str, Floats] = {}
    for name, outcome in zip(
        names, progress(outcomes, "embed", total=len(names), unit="tracks"), strict=True
    ):
        if not isinstance(outcome, InputError):
            heard[name] = outcome
    if not heard:
        raise InputError(source, "no track of it can be embedded")
    return Collection(
        vectors=np.stack(list(heard.values())),
        labels=back_off([parts[name] for name in heard], recipe.per_class),
        artists=[artist[name] for name in heard],
    )


def views(path: Path, backbone: Backbone, recipe: HeadRecipe, seed: int) -> Floats | InputError:
    """The vector of a track and those of changed versions of its middle. Shape: -> (views, size)."""
    try:
        rows = [embed_track(backbone, path)]
        if not rows[0].any():
            raise InputError(path, "is silent: there is nothing to compare")
        length_s = probe(path).seconds or recipe.seconds
        start_s = max(0.0, (length_s - recipe.seconds) / 2)
        audio, rate = load(
            path, sample_rate_hz=backbone.sample_rate_hz, start_s=start_s, duration_s=recipe.seconds
        )
        rng = generator(seed, "views", path.name)
        for _ in range(recipe.views - 1):
            changed = change(rng, hiss=HISS).apply(audio, rate)
            rows.append(backbone.pool(backbone.embed(changed, rate)))
    except InputError as error:
        return error
    return np.stack(rows)
