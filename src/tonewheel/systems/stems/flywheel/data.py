"""A data set as arrays, and its batches."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tonewheel.core.errors import InputError
from tonewheel.core.records import read_jsonl
from tonewheel.learn.stream import shuffled_indices
from tonewheel.manifest.stem_snapshot import FAMILIES
from tonewheel.manifest.stems import STEMS
from tonewheel.systems.stems.flywheel.dataset_folder import Inputs, Manifest, Metadata, Targets, read_manifest

CONTEXT_NUMBERS = 17


class Batch(NamedTuple):
    """Inputs (n, numbers), targets and weights (n, 6, width); a weight of 0: nothing is known."""

    inputs: Tensor
    targets: Tensor
    weights: Tensor


class Side(NamedTuple):
    """One side of a data set: a Batch of all of it, in float32, and the metadata of each row."""

    inputs: NDArray[np.float32]
    targets: NDArray[np.float32]
    weights: NDArray[np.float32]
    metadata: list[Metadata]

    def batch(self, rows: NDArray[np.int64] | slice = slice(None)) -> Batch:
        """Some of its rows."""
        return Batch(*(torch.from_numpy(values[rows]) for values in self[:3]))

    @property
    def sources(self) -> list[str]:
        """Which sound each row was made from."""
        return [one.source for one in self.metadata]


class Snapshots(NamedTuple):
    """A data set that was read."""

    manifest: Manifest
    train: Side
    validation: Side


def input_widths(manifest: Manifest) -> dict[str, int]:
    """How many numbers each family has, and the context, in the order of the inputs.

    A family of which no client tells anything is left out.
    """
    widths = {name: manifest.widths[name] for name in FAMILIES if manifest.widths[name]}
    return widths | {"context": CONTEXT_NUMBERS}


def read_snapshots(folder: Path) -> Snapshots:
    """Read a data set folder whole; InputError when it is none, was changed, or nothing is known of any stem."""
    manifest = read_manifest(folder)
    train, validation = (_side(folder / name, manifest) for name in ("train", "validation"))
    if not train.weights.any():
        raise InputError(folder, "nothing is known of any stem: no snapshot in it has ground truth")
    return Snapshots(manifest, train, validation)


def draw(side: Side, batch_size: int, seed: int, step: int) -> Batch:
    """The batch of a step: every snapshot once in each round, in a new order."""
    return side.batch(shuffled_indices(len(side.inputs), batch_size, seed, step))


def _side(folder: Path, manifest: Manifest) -> Side:
    widths = input_widths(manifest)
    rows = [
        [value for name in widths if name != "context" for value in line.families[name]] + list(line.context)
        for line in read_jsonl(folder / "inputs.jsonl", Inputs)
    ]
    inputs = np.array(rows, np.float32).reshape(len(rows), sum(widths.values()))
    targets = np.zeros((len(rows), len(STEMS), manifest.target_width), np.float32)
    weights = np.zeros_like(targets)
    for row, line in enumerate(read_jsonl(folder / "targets.jsonl", Targets)):
        for stem, values in line.stems.items():
            targets[row, STEMS.index(stem)] = values
            weights[row, STEMS.index(stem)] = line.weights[stem]
    return Side(inputs, targets, weights, list(read_jsonl(folder / "metadata.jsonl", Metadata)))
