"""What several tests of similar need; test files do not import each other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def invented(module_at: Callable[[Path], ModuleType]) -> ModuleType:
    """The module `invented.py` beside this file: tracks that nobody recorded."""
    return module_at(Path(__file__).with_name("invented.py"))
