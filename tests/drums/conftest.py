"""What several tests of drums need."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tonewheel.systems.drums.hearing.ears import Ears
from tonewheel.systems.drums.prepare import Prepared, prepare


@pytest.fixture(scope="session")
def drum_kits(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """A prepared folder of synthesised kits, grooves and rooms alone: nothing is read from anywhere."""
    prepared, left_out = prepare(
        [], tmp_path_factory.mktemp("drums"), synth_kits=8, synth_songs=0, synth_grooves=16, synth_rooms=5
    )
    assert not left_out
    return prepared


@pytest.fixture(scope="session")
def flux_ears() -> Ears:
    """Ears that hear without having been trained; test files do not import each other."""
    spec = importlib.util.spec_from_file_location("flux_ears", Path(__file__).with_name("flux_ears.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    ears: Ears = module.flux_ears()
    return ears
