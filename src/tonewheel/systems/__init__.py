"""The systems: one folder each, found here by looking, never listed.

A system is a folder with a docstring in `__init__.py` (its first line is what `tonewheel --help` shows), a
`commands.py` with `app: typer.Typer` (light at import; heavy libraries are imported inside the functions) and
`recipes/*.yaml`. One with a `demo.py` or `demo/` has a chapter in `tonewheel demo`, one with an `export.py` the verb
`export`. Systems never import each other.
"""

from __future__ import annotations

import importlib
import pkgutil
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple


class Chapter(NamedTuple):
    """What a system shows in `tonewheel demo`; its `demo` module has `chapter(folder, seed) -> Chapter`.

    `folder` exists and is empty: what is left in it is kept beside the page.
    """

    title: str
    found: bool
    """False when nothing was recognised, learned or cleaned at all: the demo then ends with status 1."""
    lines: tuple[str, ...]
    """For the terminal; the same seed gives the same lines."""
    sections: tuple[Any, ...]
    """For the page, made with `gates.html`."""


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


def chapters() -> list[str]:
    """The systems that have a chapter in `tonewheel demo`.

    >>> "concert" in chapters()
    True
    """
    return [name for name in discover() if find_spec(f"{__name__}.{name}.demo") is not None]


def demo(name: str) -> ModuleType:
    """The `demo` module of a system; `.chapter(folder, seed)` makes its chapter, `.hour` a long one, if it has one."""
    return importlib.import_module(f"{__name__}.{name}.demo")


def exports(name: str) -> bool:
    """Whether a system says what of it can be exported."""
    return find_spec(f"{__name__}.{name}.export") is not None


def networks(name: str) -> dict[str, Any]:
    """What can be exported of a system: name -> function from a weights file to an `export.network.Network`."""
    found: dict[str, Any] = importlib.import_module(f"{__name__}.{name}.export").NETWORKS
    return found


def recipes(name: str) -> list[Path]:
    """The recipes that come with a system, sorted by name."""
    spec = find_spec(f"{__name__}.{name}")
    folders = spec.submodule_search_locations or [] if spec else []
    return sorted(path for folder in folders for path in Path(folder).glob("recipes/*.yaml"))
