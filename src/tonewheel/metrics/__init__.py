"""Metrics: pure functions on arrays, every module with `validate`, its functions and `evaluate`.

`validate` takes the arguments of `evaluate` and raises `ValueError` where they cannot be scored; `evaluate`
returns a flat dictionary of figures. Nothing here reads a file or draws randomness that was not passed.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType


def discover() -> dict[str, ModuleType]:
    """Every metric module by name, found by looking into this folder.

    >>> sorted(discover())[:2]
    ['bootstrap', 'calibration']
    """
    names = sorted(found.name for found in pkgutil.iter_modules(__path__))
    return {name: importlib.import_module(f"{__name__}.{name}") for name in names}
