"""Train a head on a collection and keep the best way to use it: head or PCA, decided on artists that were left out."""

from __future__ import annotations

from pathlib import Path

from tonewheel.core.errors import InputError
from tonewheel.learn.fit import versions
from tonewheel.systems.similar.backbones.base import Backbone
from tonewheel.systems.similar.backbones.head import save_head
from tonewheel.systems.similar.collect import collect
from tonewheel.systems.similar.heads import HEAD_FIT, Collection, Pca, Trial, compare, fit_pca, train_head
from tonewheel.systems.similar.model import Projection
from tonewheel.systems.similar.recipe import HeadRecipe, SimilarRecipe

WORTH = 0.03
"""Precision at 5 by which a head must beat PCA on unheard artists to be the default."""
LARGEST_GAP = 0.10
"""More between heard and unheard artists is learning by heart."""
FEWEST_ARTISTS = 4


def fit_head(
    source: Path,
    path: Path,
    backbone: Backbone,
    recipe: SimilarRecipe,
    *,
    clusters: int | None = None,
    jobs: int | None = None,
) -> list[Trial]:
    """Write the best head of a folder of music to `path`; returns what each method reached, the best first."""
    collection = collect(source, backbone, recipe.head, clusters=clusters, jobs=jobs, seed=recipe.fit.seed)
    if len(set(collection.artists)) < FEWEST_ARTISTS:
        raise InputError(
            source,
            f"has tracks of {len(set(collection.artists))} artists; {FEWEST_ARTISTS} are needed to compare",
        )
    if len(set(collection.labels)) < 2:
        raise InputError(
            source,
            f"its {len(collection.labels)} tracks are of one style, by {recipe.head.per_class} tracks a style at "
            "least (head.per_class); there is nothing to tell apart",
        )
    trials = compare(collection, recipe.head)
    chosen = choose(trials)
    head, own = head_of(collection, chosen, recipe.head)
    facts = {
        "labels": sorted(set(collection.labels)),
        "tracks": len(collection.labels),
        "trials": [trial.to_dict() for trial in trials],
        "versions": versions(),
    }
    save_head(path, backbone, head, own, facts)
    return trials


def choose(trials: list[Trial]) -> str:
    """The method to keep: the best head where it is worth it and does not learn by heart, else PCA.

    >>> pca = Trial(method="pca", precision=0.60, deviation=0.0, heard=0.62)
    >>> choose([Trial(method="triplet", precision=0.65, deviation=0.01, heard=0.70), pca])
    'triplet'
    >>> choose([Trial(method="triplet", precision=0.65, deviation=0.01, heard=0.90), pca])
    'pca'
    """
    pca = next(trial for trial in trials if trial.method == "pca")
    heads = [
        trial
        for trial in trials
        if trial.method in ("triplet", "supcon")
        and trial.precision >= pca.precision + WORTH
        and trial.gap <= LARGEST_GAP
    ]
    return max(heads, key=lambda trial: trial.precision).method if heads else "pca"


def head_of(collection: Collection, method: str, recipe: HeadRecipe) -> tuple[Projection | Pca, HeadRecipe]:
    """The head of a method on a whole collection, and the recipe that it has."""
    if method == "pca":
        return fit_pca(collection.vectors[:, 0], recipe.size), recipe
    own = recipe.model_copy(update={"name": method})
    return train_head(collection, own, HEAD_FIT), own
