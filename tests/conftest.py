"""Fixtures that every folder of tests may use."""

from __future__ import annotations

import os

# Two threads are slower than one for our small matrices, and torch reads this when it is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the working copy."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_audio() -> Path:
    """The real recordings beside the repository; a test that needs them is skipped, visibly, without them."""
    folder = REPOSITORY.parent / "shared" / "audio"
    if not folder.is_dir():
        pytest.skip(f"real recordings are not here: {folder}")
    return folder
