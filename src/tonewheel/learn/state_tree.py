"""A tree of plain values, tensors and arrays as JSON plus named tensors, and back, with every type kept.

JSON has no tuples, no integer keys and no infinity, and an optimiser's state has all three. They are written
as an object with one key that begins with `$`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor


def flatten(value: Any, place: str, tensors: dict[str, Tensor]) -> Any:
    """The JSON form of `value`; tensors go into `tensors` under the name of their `place`.

    TypeError names the place of a value that is neither plain nor a tensor: it could only be pickled.

    >>> tensors = {}
    >>> flatten({"betas": (0.9, float("inf")), "step": torch.tensor(3)}, "", tensors)
    {'betas': {'$tuple': [0.9, {'$float': 'inf'}]}, 'step': {'$tensor': 'step'}}
    """
    if isinstance(value, Tensor):
        tensors[place] = value
        return {"$tensor": place}
    if isinstance(value, np.ndarray):
        tensors[place] = torch.from_numpy(np.ascontiguousarray(value))
        return {"$array": place}
    if isinstance(value, bool | int | str) or value is None:
        # An IntEnum or a numpy scalar would come back as another type; these alone come back the same.
        if type(value) in (bool, int, str, type(None)):
            return value
    elif isinstance(value, float):
        return float(value) if math.isfinite(value) else {"$float": repr(float(value))}
    elif isinstance(value, np.generic):
        return flatten(value.item(), place, tensors)
    elif isinstance(value, list | tuple):
        items = [flatten(item, f"{place}/{number}", tensors) for number, item in enumerate(value)]
        return {"$tuple": items} if isinstance(value, tuple) else items
    elif isinstance(value, Mapping):
        pairs = [(key, flatten(item, f"{place}/{key}".lstrip("/"), tensors)) for key, item in value.items()]
        if all(type(key) is str and not key.startswith("$") for key, _ in pairs):
            return dict(pairs)
        if all(type(key) in (str, int) for key, _ in pairs):
            return {"$pairs": [[key, item] for key, item in pairs]}
    raise TypeError(f"a {type(value).__name__} at {place} cannot be stored: only plain values and tensors")


def restore(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    """What `flatten` was given.

    >>> restore({"betas": {"$tuple": [0.9, {"$float": "inf"}]}}, {})
    {'betas': (0.9, inf)}
    """
    if isinstance(value, list):
        return [restore(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    match list(value.items()):
        case [("$tensor", name)]:
            return tensors[name]
        case [("$array", name)]:
            return tensors[name].numpy()
        case [("$float", text)]:
            return float(text)
        case [("$tuple", items)]:
            return tuple(restore(item, tensors) for item in items)
        case [("$pairs", pairs)]:
            return {key: restore(item, tensors) for key, item in pairs}
    return {key: restore(item, tensors) for key, item in value.items()}
