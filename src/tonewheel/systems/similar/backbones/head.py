"""A backbone with a head: its frames, pooled by it, then projected as trained (or by PCA) on one collection."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tonewheel.core.errors import ModelMismatchError
from tonewheel.learn.checkpoint import load_model, load_weights, save_model
from tonewheel.learn.weights import of_this_version
from tonewheel.systems.similar.backbones.base import Backbone, Floats, unit
from tonewheel.systems.similar.heads import Pca, project
from tonewheel.systems.similar.model import Projection
from tonewheel.systems.similar.recipe import HeadRecipe

KIND = "similar head"


class Headed:
    """A head on its backbone; it refuses any other.

    >>> from tonewheel.systems.similar.backbones.hand import Hand
    >>> hand = Hand()
    >>> headed = Headed(hand, Projection(hand.size, HeadRecipe()).eval(), "toy")
    >>> headed.name, headed.pool(headed.embed(np.ones(96_000), 16_000)).shape
    ('hand+head', (256,))
    """

    def __init__(self, backbone: Backbone, head: Projection | Pca, digest: str) -> None:
        self.backbone, self.head = backbone, head
        self.name = f"{backbone.name}+{'pca' if isinstance(head, Pca) else 'head'}"
        self.fingerprint = hashlib.sha256(f"{backbone.fingerprint} {digest}".encode()).hexdigest()
        self.sample_rate_hz = backbone.sample_rate_hz
        self.window_s, self.hop_s = backbone.window_s, backbone.hop_s
        self.dimension = backbone.dimension
        self.size = len(project(head, np.zeros((1, backbone.size), np.float32))[0])

    @classmethod
    def load(cls, path: str | Path, backbone: Backbone) -> Headed:
        """Read a head for this backbone; ModelMismatchError when it was trained on another one."""
        model = load_model(path, kind=KIND)
        facts = model.metadata
        if facts.get("maker") != backbone.fingerprint:
            raise ModelMismatchError(
                f'{path}: a head on another backbone (of the kind "{facts.get("backbone")}"), not on this '
                f'"{backbone.name}"; train one with `tonewheel similar train --model head`'
            )
        if facts.get("method") == "pca":
            head: Projection | Pca = Pca(model.tensors["mean"].numpy(), model.tensors["components"].numpy())
        else:
            with of_this_version(path):
                recipe = HeadRecipe.model_validate(facts["recipe"])
            head = Projection(backbone.size, recipe).eval()
            load_weights(head, model.tensors, path)
        return cls(backbone, head, model.sha256)

    def embed(self, audio: NDArray[Any], sample_rate_hz: int) -> Floats:
        """The frames of the backbone; see `Backbone`."""
        return self.backbone.embed(audio, sample_rate_hz)

    def pool(self, frames: Floats) -> Floats:
        """The backbone's vector behind the head; see `Backbone`."""
        vector = self.backbone.pool(frames)
        if not vector.any():
            return np.zeros(self.size, np.float32)
        return unit(project(self.head, vector[None])[0])


def made_for(path: str | Path) -> str:
    """The name of the backbone that a head was trained on."""
    return str(load_model(path, kind=KIND).metadata.get("backbone"))


def save_head(
    path: str | Path, backbone: Backbone, head: Projection | Pca, recipe: HeadRecipe, facts: dict[str, Any]
) -> str:
    """Write a head with the backbone it belongs to and the facts of its making; returns the SHA-256."""
    if isinstance(head, Pca):
        tensors = {"mean": torch.from_numpy(head.mean), "components": torch.from_numpy(head.components)}
    else:
        tensors = dict(head.state_dict())
    about = {
        "kind": KIND,
        "backbone": backbone.name,
        "maker": backbone.fingerprint,
        "recipe": recipe.model_dump(mode="json"),
        "method": "pca" if isinstance(head, Pca) else recipe.name,
    }
    return save_model(path, tensors, {**facts, **about})
