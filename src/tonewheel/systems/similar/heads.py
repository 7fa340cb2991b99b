"""Heads: a projection of any backbone's embedding onto the labels of one collection, or PCA, whichever finds better.

A head is trained on the vectors of the tracks and of changed versions of them. Whether it is worth having is decided on
artists that it has not heard: their tracks ask, the others answer (precision at 5), several folds and seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import lightning
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tonewheel.core.errors import InputError
from tonewheel.core.records import Record
from tonewheel.core.seeds import generator
from tonewheel.learn.checkpoint import load_weights, state_weights
from tonewheel.learn.fit import fit
from tonewheel.learn.losses import supcon
from tonewheel.learn.recipe import FitRecipe
from tonewheel.learn.schedule import adamw
from tonewheel.learn.stream import Stream
from tonewheel.learn.weights import drawn
from tonewheel.metrics.neighbours import precision_among
from tonewheel.systems.similar.loss import semi_hard_triplet
from tonewheel.systems.similar.model import Projection
from tonewheel.systems.similar.recipe import HeadRecipe

Floats = NDArray[np.float32]

HEAD_FIT = FitRecipe(max_steps=400, batch_size=64, learning_rate=1e-3, warm_up_steps=20, weight_decay=0.01)
"""The seed's 50 epochs of 215 tracks are about 170 such batches."""


class Collection(NamedTuple):
    """Vectors (tracks, views, size), the first view of each track unchanged; labels and artists, (tracks,)."""

    vectors: Floats
    labels: Sequence[str]
    artists: Sequence[str]


class Examples(NamedTuple):
    """A batch: (n, size) vectors and (n,) numbers of their labels."""

    vectors: Tensor
    labels: Tensor


class Trial(Record):
    """What a method reached on artists that it had not heard, and on those that it had."""

    method: str
    precision: float
    """Mean over folds and seeds of precision at 5, held-out tracks asking."""
    deviation: float
    """Over the seeds."""
    heard: float
    """The same of the tracks that it was trained on."""

    @property
    def gap(self) -> float:
        """How much better it is on what it was trained on."""
        return self.heard - self.precision


class HeadModule(lightning.LightningModule):
    """A projection and its loss, as the trainer sees it."""

    def __init__(self, dimension: int, recipe: HeadRecipe, settings: FitRecipe) -> None:
        super().__init__()
        self.recipe, self.settings = recipe, settings
        self.head = Projection(dimension, recipe)

    def training_step(self, batch: Examples, _step: int) -> Tensor:
        z = self.head(batch.vectors)
        if self.recipe.name == "triplet":
            loss = semi_hard_triplet(z, batch.labels, self.recipe.margin)
        else:
            loss = supcon(z, batch.labels, self.recipe.temperature)
        self.log("train/loss", loss)
        return loss

    def configure_optimizers(self) -> Any:
        return adamw(self, self.settings)


def train_head(
    collection: Collection, recipe: HeadRecipe, settings: FitRecipe = HEAD_FIT, run_dir: Path | None = None
) -> Projection:
    """A trained projection, in eval mode; InputError when there are less than two labels to tell apart."""
    names = sorted(set(collection.labels))
    if len(names) < 2:
        raise InputError(
            "labels",
            f"all {len(collection.labels)} tracks have one label; a head needs two of {recipe.per_class} tracks",
        )
    vectors = torch.from_numpy(collection.vectors)
    numbers = np.array([names.index(label) for label in collection.labels])
    members = [np.flatnonzero(numbers == i) for i in range(len(names))]

    def draw(rng: np.random.Generator, _step: int) -> Examples:
        """`per_class` examples of each of so many labels as fit into a batch, any view of a track."""
        chosen = rng.permutation(len(names))[: max(2, settings.batch_size // recipe.per_class)]
        tracks = np.concatenate(
            [
                rng.choice(members[i], recipe.per_class, replace=len(members[i]) < recipe.per_class)
                for i in chosen
            ]
        )
        views = rng.integers(0, vectors.shape[1], len(tracks))
        return Examples(vectors[tracks, views], torch.from_numpy(numbers[tracks]))

    module = drawn(settings.seed, lambda: HeadModule(vectors.shape[2], recipe, settings))
    with TemporaryDirectory() as scratch:
        result = fit(module, settings, Stream(draw, settings.seed), None, run_dir or scratch)
        load_weights(module.head, state_weights(result.last, prefix="head."), result.last)
    return module.head.cpu().eval()


class Pca(NamedTuple):
    """The directions in which vectors differ most: mean (size,), components (kept, size)."""

    mean: Floats
    components: Floats

    def __call__(self, vectors: Floats) -> Floats:
        """Shape: (tracks, size) -> (tracks, kept)."""
        return np.asarray((vectors - self.mean) @ self.components.T, np.float32)


def fit_pca(vectors: Floats, size: int = 256) -> Pca:
    """Principal components, at most one less than there are vectors. Shape: (tracks, size).

    >>> pca = fit_pca(np.array([[0, 0, 1], [1, 0, 1], [2, 0, 1]], np.float32))
    >>> pca.components.shape, abs(pca(np.array([[2, 0, 1]], np.float32))).round(3).tolist()
    ((2, 3), [[1.0, 0.0]])
    """
    mean: Floats = np.asarray(vectors.mean(axis=0), np.float32)
    components = np.linalg.svd(vectors - mean, full_matrices=False)[2]
    return Pca(mean, components[: min(size, len(vectors) - 1)].astype(np.float32))


def project(head: Projection | Pca | None, vectors: Floats) -> Floats:
    """Vectors behind a head, or as they are. Shape: (tracks, size) -> (tracks, size of the head)."""
    if isinstance(head, Projection):
        with torch.inference_mode():
            projected: Floats = head(torch.from_numpy(vectors)).numpy()
        return projected
    return vectors if head is None else head(vectors)


def compare(
    collection: Collection,
    recipe: HeadRecipe,
    settings: FitRecipe = HEAD_FIT,
    *,
    folds: int = 5,
    seeds: int = 3,
    k: int = 5,
) -> list[Trial]:
    """Raw, PCA, triplet and supervised contrastive on artists that were left out, the best first."""
    vectors, labels = collection.vectors, np.array(collection.labels)
    fold = folds_by_group(collection.artists, folds)
    trials = []
    for method in ("raw", "pca", "triplet", "supcon"):
        found: list[list[tuple[float, float]]] = []
        for seed in range(seeds if method in ("triplet", "supcon") else 1):
            found.append([])
            for number in range(fold.max() + 1):
                train = np.flatnonzero(fold != number)
                held = np.flatnonzero(fold == number)
                part = Collection(vectors[train], labels[train].tolist(), [""] * len(train))
                if len(set(part.labels)) < 2 or len(train) <= k:
                    continue
                head: Projection | Pca | None = None
                if method == "pca":
                    head = fit_pca(vectors[train, 0], recipe.size)
                elif method != "raw":
                    own = recipe.model_copy(update={"name": method})
                    head = train_head(part, own, settings.model_copy(update={"seed": seed}))
                inside, outside = project(head, vectors[train, 0]), project(head, vectors[held, 0])
                unheard = precision_among(outside, labels[held], inside, labels[train], k)
                heard = precision_among(inside, labels[train], inside, labels[train], k, itself=True)
                found[-1].append((unheard * len(held), heard * len(held)))
        counted = sum(np.sum(fold == n) for n in range(fold.max() + 1))
        if not found[0]:
            raise InputError("artists", "too few of them, or of labels, to leave some out")
        sums = np.array([np.sum(one, axis=0) for one in found]) / counted
        trials.append(
            Trial(
                method=method,
                precision=float(sums[:, 0].mean()),
                deviation=float(sums[:, 0].std()),
                heard=float(sums[:, 1].mean()),
            )
        )
    return sorted(trials, key=lambda trial: -trial.precision)


def folds_by_group(groups: Sequence[str], folds: int) -> NDArray[np.int64]:
    """The fold of each track, (tracks,): groups stay whole, the largest first into the emptiest fold.

    >>> folds_by_group(["a", "a", "b", "c", "c", "c"], 2).tolist()
    [1, 1, 1, 0, 0, 0]
    """
    names, number, counts = np.unique(list(groups), return_inverse=True, return_counts=True)
    held = np.zeros(min(folds, len(names)))
    where = np.zeros(len(names), np.int64)
    for group in np.argsort(-counts, kind="stable"):
        where[group] = int(np.argmin(held))
        held[where[group]] += counts[group]
    return where[number]


def shuffled(labels: Sequence[str], seed: int) -> list[str]:
    """The labels in another order: what a method finds in them is chance."""
    return [labels[i] for i in generator(seed, "shuffled").permutation(len(labels))]
