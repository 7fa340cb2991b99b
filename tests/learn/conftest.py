"""The toy network as a fixture, since test files do not import each other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes more than 10 s")


@pytest.fixture(scope="session")
def toy(module_at: Callable[[Path], ModuleType]) -> ModuleType:
    """The module `toy.py` beside this file."""
    return module_at(Path(__file__).with_name("toy.py"))
