"""Where the weights of a network come from: a seed, an earlier run, or the file that its training wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

import torch
from torch import nn

from tonewheel.core.errors import ModelMismatchError
from tonewheel.learn.checkpoint import SavedModel, load_model, load_weights
from tonewheel.learn.int8 import widened
from tonewheel.learn.recipe import Recipe

N = TypeVar("N", bound=nn.Module)
R = TypeVar("R", bound=Recipe)


class Trained(NamedTuple, Generic[N, R]):
    """A network that was read from a file, the recipe it was trained by, and all else that the file says."""

    network: N
    recipe: R
    saved: SavedModel


def load_trained(path: str | Path, kind: str, recipe: type[R], build: Callable[[R], N]) -> Trained[N, R]:
    """Read a file that training wrote, in float32 or int8: its recipe, the network built by that, its weights.

    InputError when the file is none of ours; ModelMismatchError when it is of another kind or version.

    >>> import tempfile
    >>> from tonewheel.learn.checkpoint import save_model
    >>> from tonewheel.learn.recipe import FitRecipe
    >>> path = Path(tempfile.mkdtemp()) / "net.safetensors"
    >>> about = {"kind": "toy", "recipe": FitRecipe(batch_size=3).to_dict()}
    >>> digest = save_model(path, nn.Linear(3, 1).state_dict(), about)
    >>> trained = load_trained(path, "toy", FitRecipe, lambda recipe: nn.Linear(recipe.batch_size, 1))
    >>> trained.recipe.batch_size, trained.network.in_features, trained.saved.sha256 == digest
    (3, 3, True)
    """
    saved = load_model(path, kind=kind)
    with of_this_version(path):
        settings = recipe.model_validate(saved.metadata["recipe"])
    network = build(settings)
    load_weights(network, widened(saved.tensors), path)
    return Trained(network, settings, saved)


@contextmanager
def of_this_version(path: str | Path) -> Iterator[None]:
    """ModelMismatchError for what is missing from a file's description, or does not fit, while it is read."""
    try:
        yield
    except (KeyError, TypeError, ValueError):
        raise ModelMismatchError(f"{path}: was trained by another version of Tonewheel") from None


def drawn(seed: int, build: Callable[[], N]) -> N:
    """A module whose first weights its seed alone decides; what else is drawn goes on as if it had not been.

    >>> layers = [drawn(0, lambda: nn.Linear(2, 2)) for _ in range(2)]
    >>> bool((layers[0].weight == layers[1].weight).all())
    True
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build()


def start_from(network: nn.Module, initial: Path | None, kind: str) -> None:
    """Put the weights of an earlier run into a network, if there is one to start from; errors as `load_trained`."""
    if initial is not None:
        load_weights(network, widened(load_model(initial, kind=kind).tensors), initial)


def mean_with(network: nn.Module, other: Path | None, kind: str) -> None:
    """Move a network's weights half way to those of another run, if there is one; errors as `load_trained`.

    Two runs from the same start, one of them on other data, are often best between them. Source: Wortsman et al.,
    "Robust fine-tuning of zero-shot models", 2022.

    >>> import tempfile
    >>> from tonewheel.learn.checkpoint import save_model
    >>> path = Path(tempfile.mkdtemp()) / "net.safetensors"
    >>> digest = save_model(path, {"weight": torch.ones(1, 1), "bias": torch.zeros(1)}, {"kind": "toy"})
    >>> network = nn.Linear(1, 1)
    >>> load_weights(network, {"weight": 2 * torch.ones(1, 1), "bias": torch.zeros(1)}, path)
    >>> mean_with(network, path, "toy")
    >>> network.weight.item()
    1.5
    """
    if other is None:
        return
    found = {name: value.clone() for name, value in network.state_dict().items()}
    start_from(network, other, kind)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                value.lerp_(found[name], 0.5)
