"""Weights and resumable states, one file each: safetensors with JSON in its header. Nothing is ever pickled.

    state   everything that a run needs to go on: model, optimiser, schedule, counters (a tree of values)
    model   what ships: the weights of one network and the fields of its card

A file is written whole or not at all and says of itself which of the two it is, which version wrote it, and
the SHA-256 of its tensors, so that a flipped bit is an error and not a strange score.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

import tonewheel
from tonewheel.core.errors import InputError, ModelMismatchError, nearest
from tonewheel.core.files import atomic_path, sha256
from tonewheel.learn.state_tree import flatten, restore

FORMAT_VERSION = 1
# One header key alone: safetensors writes several in no fixed order, and the same model must give the same
# bytes.
HEADER_KEY = "tonewheel"


class SavedModel(NamedTuple):
    """Weights as they ship: name -> tensor, the card's fields, and the SHA-256 of the file."""

    tensors: dict[str, Tensor]
    metadata: dict[str, Any]
    sha256: str


def save_model(path: str | Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> str:
    """Write weights with the fields of their card (values that JSON can hold); returns the file's SHA-256.

    The same weights and fields give the same bytes. ValueError when a weight is not finite: it must not ship.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "net.safetensors"
    >>> digest = save_model(path, {"gain": torch.ones(3)}, {"kind": "toy", "recipe": {"size": 3}})
    >>> model = load_model(path, kind="toy")
    >>> model.tensors["gain"].tolist(), model.metadata["recipe"], model.sha256 == digest
    ([1.0, 1.0, 1.0], {'size': 3}, True)
    """
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise ValueError(f'weight "{name}" is not finite; such a model is not saved')
    _write(path, "model", tensors, dict(metadata))
    return sha256(path)


def load_model(path: str | Path, kind: str | None = None) -> SavedModel:
    """Read weights that `save_model` wrote, onto the CPU.

    InputError when the file is missing, cut short, changed or something else; ModelMismatchError when `kind`
    is given and the card's "kind" is another.
    """
    tensors, metadata = _read(path, "model")
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise InputError(path, f'weight "{name}" is not finite')
    if kind is not None and metadata.get("kind") != kind:
        raise ModelMismatchError(f'{path}: a model of kind "{metadata.get("kind")}", expected "{kind}"')
    return SavedModel(tensors, metadata, sha256(path))


def load_weights(module: nn.Module, tensors: Mapping[str, Tensor], path: str | Path = "weights") -> None:
    """Put `tensors` into `module`; ModelMismatchError names what is missing, too much or of another shape."""
    own = module.state_dict()
    problems = [f'"{name}" is missing' for name in own if name not in tensors]
    problems += [f'"{name}" is not in this model{nearest(name, own)}' for name in tensors if name not in own]
    problems += [
        f'"{name}" has shape {tuple(tensors[name].shape)}, expected {tuple(value.shape)}'
        for name, value in own.items()
        if name in tensors and tensors[name].shape != value.shape
    ]
    if problems:
        rest = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise ModelMismatchError(f"{path}: weights of another model: {'; '.join(problems[:3])}{rest}")
    module.load_state_dict(dict(tensors))


def save_state(path: str | Path, state: Mapping[str, Any], about: Mapping[str, Any]) -> None:
    """Write a tree of dictionaries, lists, tuples, numbers, text, tensors and arrays, and what it is `about`.

    TypeError names the place of any other value: a class cannot be stored without pickling it.
    """
    tensors: dict[str, Tensor] = {}
    tree = flatten(dict(state), "", tensors)
    _write(path, "state", tensors, {"about": flatten(dict(about), "about", {}), "tree": tree})


def load_state(path: str | Path) -> dict[str, Any]:
    """The tree that `save_state` wrote, tensors on the CPU; InputError when the file is not one."""
    tensors, metadata = _read(path, "state")
    try:
        tree = restore(metadata["tree"], tensors)
    except (KeyError, TypeError, ValueError, RecursionError):
        raise InputError(path, "its description does not fit its tensors") from None
    if not isinstance(tree, dict):
        raise InputError(path, "holds no state")
    return tree


def describe_state(path: str | Path) -> dict[str, Any]:
    """What a state says about itself (step, recipe, versions, scores), without reading its tensors."""
    about = restore(_header(path, "state").get("about"), {})
    if not isinstance(about, dict):
        raise InputError(path, "says nothing about itself")
    return about


def state_weights(path: str | Path, prefix: str = "") -> dict[str, Tensor]:
    """The weights in a run's state; with `prefix` ("encoder.") those of one part, the prefix taken off."""
    weights = load_state(path).get("state_dict", {})
    found = {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
    if not found:
        raise InputError(path, f'holds no weights whose names start with "{prefix}"')
    return found


def _write(path: str | Path, content: str, tensors: Mapping[str, Tensor], metadata: dict[str, Any]) -> None:
    stored = _storable(tensors)
    header = {
        "format": f"tonewheel.{content}",
        "format_version": FORMAT_VERSION,
        "tonewheel_version": tonewheel.__version__,
        "tensors_sha256": _digest(stored),
        "metadata": metadata,
    }
    text = json.dumps(header, allow_nan=False)
    with atomic_path(path) as temporary:
        save_file(stored, temporary, metadata={HEADER_KEY: text})


def _read(path: str | Path, content: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    metadata = _header(path, content)
    with safe_open(str(path), framework="pt") as file:
        # Cloned, because safetensors maps the file and it may be replaced under our feet.
        tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 - not a dict
        digest = json.loads(file.metadata()[HEADER_KEY])["tensors_sha256"]
    if _digest(tensors) != digest:
        raise InputError(path, "its tensors were changed since it was written (SHA-256 differs)")
    return tensors, metadata


def _header(path: str | Path, content: str) -> dict[str, Any]:
    if not Path(path).exists():
        raise InputError(path, "no such file")
    if not Path(path).is_file():
        raise InputError(path, "is not a file")
    try:
        with safe_open(str(path), framework="pt") as file:
            header = json.loads((file.metadata() or {})[HEADER_KEY])
        found, version, digest = header["format"], header["format_version"], header["tensors_sha256"]
        metadata = header["metadata"]
    except (SafetensorError, OSError, UnicodeDecodeError) as error:
        raise InputError(path, f"not a safetensors file, or cut short ({error})") from None
    except (KeyError, TypeError, ValueError, RecursionError):
        raise InputError(path, f"safetensors, but not a {content} of Tonewheel") from None
    if found != f"tonewheel.{content}" or not isinstance(metadata, dict) or not isinstance(digest, str):
        raise InputError(path, f'holds "{found}", expected "tonewheel.{content}"')
    if version != FORMAT_VERSION:
        raise InputError(path, f"is of format version {version}, this Tonewheel reads {FORMAT_VERSION}")
    return metadata


def _storable(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """On the CPU, contiguous and not sharing memory, in the order of their names."""
    stored: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        if tensor.untyped_storage().data_ptr() in seen or tensor.numel() != tensor.untyped_storage().size():
            tensor = tensor.clone()
        seen.add(tensor.untyped_storage().data_ptr())
        stored[name] = tensor
    return stored


def _digest(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        # Bytes as such, since numpy knows no bfloat16.
        digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
