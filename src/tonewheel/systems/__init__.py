"""The systems: one folder each, found here by looking, never listed.

A system is a folder with a docstring in `__init__.py` (its first line is what `tonewheel --help` shows), a
`commands.py` with `app: typer.Typer` (light at import; heavy libraries are imported inside the functions) and
`recipes/*.yaml`. Systems never import each other.
"""

from __future__ import annotations

import importlib
import pkgutil
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType


def discover() -> dict[str, str]:
    """Names of the systems that have commands, with the first line of each folder's docstring.

    >>> "concert" in discover()
    True
    """
    found = {}
    for entry in pkgutil.iter_modules(__path__):
        package = f"{__name__}.{entry.name}"
        if entry.ispkg and find_spec(f"{package}.commands") is not None:
            lines = (importlib.import_module(package).__doc__ or "").strip().splitlines()
            found[entry.name] = lines[0] if lines else ""
    return found


def commands(name: str) -> ModuleType:
    """The `commands` module of a system; `.app` is its typer.Typer."""
    return importlib.import_module(f"{__name__}.{name}.commands")


def recipes(name: str) -> list[Path]:
    """The recipes that come with a system, sorted by name."""
    spec = find_spec(f"{__name__}.{name}")
    folders = spec.submodule_search_locations or [] if spec else []
    return sorted(path for folder in folders for path in Path(folder).glob("recipes/*.yaml"))
