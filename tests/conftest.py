"""Fixtures that every folder of tests may use."""

from __future__ import annotations

import os

# Two threads are slower than one for our small matrices, and torch reads this when it is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tonewheel.core.progress import quiet

REPOSITORY = Path(__file__).resolve().parents[1]

# How long an example takes says what else the machine is doing; that a test hangs is the time limit's to say.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


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


@pytest.fixture(scope="session")
def module_at() -> Callable[[Path], ModuleType]:
    """Imports a file by its path; test files do not import each other by name."""

    def load(path: Path) -> ModuleType:
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module  # where what it defines is looked for
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture(scope="session")
def browsing(module_at: Callable[[Path], ModuleType]) -> ModuleType:
    """The module tests/chromium.py: `Chromium`, and `served(folders)` for pages on loopback."""
    pytest.importorskip("websockets")
    return module_at(REPOSITORY / "tests" / "chromium.py")


@pytest.fixture(scope="session")
def chromium(browsing: ModuleType) -> Iterator[Any]:
    """A real browser; a test that needs it is skipped, visibly, where none is installed."""
    if browsing.program() is None:
        pytest.skip("no chromium on the PATH (Debian: apt-get install chromium)")
    with browsing.Chromium() as browser:
        yield browser


@pytest.fixture
def killed_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`killed_run(Module, train, whole)`: train(folder), killed at its sixth step, then goes on to equal weights."""

    def run(module: Any, train: Callable[[Path], Any], whole: Any) -> None:
        import torch

        from tonewheel.learn.checkpoint import describe_state, state_weights

        step = module.training_step

        def killed(self: Any, batch: Any, number: int) -> Any:
            if self.global_step == 5:
                raise KeyboardInterrupt
            return step(self, batch, number)

        with monkeypatch.context() as patch:
            patch.setattr(module, "training_step", killed)
            with pytest.raises((KeyboardInterrupt, SystemExit)):
                train(tmp_path)
        assert 0 < describe_state(tmp_path / "checkpoints" / "last.safetensors")["step"] < 5
        expected, found = state_weights(whole.last), state_weights(train(tmp_path).last)
        assert set(found) == set(expected)
        assert all(torch.equal(found[name], expected[name]) for name in expected)

    return run


@pytest.fixture(autouse=True)
def progress_is_shown() -> Iterator[None]:
    """`tonewheel --quiet` silences its process; the tests after it are other processes to a user."""
    yield
    quiet(False)
