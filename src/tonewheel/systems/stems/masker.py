"""What says which share of a spectrum belongs to which stem: the network, a baseline, the oracle, a calibration.

All of them are used in the same way, so that tables compare like with like: `running.py` turns shares into stems.
"""

from __future__ import annotations

from functools import lru_cache
from os import PathLike
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from tonewheel.learn.checkpoint import load_model, load_weights
from tonewheel.learn.int8 import widened
from tonewheel.learn.weights import of_this_version
from tonewheel.systems.stems.model import CONTEXT, Separator
from tonewheel.systems.stems.recipe import NetworkRecipe

KIND = "stems.separator"
WEIGHTS = Path(__file__).parent / "weights" / "stems.safetensors"


class Masker(Protocol):
    """Shares of stems from a spectrum of mid and side (`spectra.analyse`)."""

    @property
    def reach(self) -> int:
        """Frames to either side that a share depends on, a multiple of `model.GRID`."""

    def shares(self, spectrum: Tensor) -> Tensor:
        """(2, bins, frames, 2 of re and im) -> (6, 1 or 2, bins, frames): real, in the order of STEMS, summing to 1."""


class NetMasker:
    """The separator's network, with what is known about the music (zeros: nothing).

    >>> masker = NetMasker(Separator(NetworkRecipe()))
    >>> masker.shares(torch.zeros(2, 2049, 3, 2)).shape
    torch.Size([6, 2, 2049, 3])
    """

    def __init__(
        self, network: Separator, fingerprint: str = "untrained", context: Tensor | None = None
    ) -> None:
        self.network = network.eval().requires_grad_(False)
        self.fingerprint = fingerprint
        """SHA-256 of the weights' file."""
        self.context = torch.zeros(CONTEXT) if context is None else context

    @classmethod
    def load(cls, path: str | PathLike[str] | None = None) -> NetMasker:
        """Weights of your own training, or those that ship; InputError or ModelMismatchError for what is none."""
        return _loaded(str(WEIGHTS if path is None else path))

    @classmethod
    def shipped(cls) -> NetMasker:
        """The weights that come with Tonewheel."""
        return cls.load()

    @property
    def reach(self) -> int:
        """See `Masker`."""
        return int(self.network.reach)

    def told(self, context: Tensor) -> NetMasker:
        """The same network, with another context."""
        return NetMasker(self.network, self.fingerprint, context)

    def shares(self, spectrum: Tensor) -> Tensor:
        """See `Masker`."""
        with torch.inference_mode():
            found: Tensor = self.network(spectrum[None], self.context[None])[0]
        return found


@lru_cache(maxsize=2)
def _loaded(path: str) -> NetMasker:
    saved = load_model(path, kind=KIND)
    # Of the recipe only this matters here: weights stay usable when the settings of training grow.
    with of_this_version(path):
        network = Separator(NetworkRecipe.model_validate(saved.metadata["recipe"]["network"]))
    load_weights(network, widened(saved.tensors), path)
    return NetMasker(network, saved.sha256)
