"""What several tests of drums need."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

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
def flux_ears(module_at: Callable[[Path], ModuleType]) -> Ears:
    """Ears that hear without having been trained."""
    ears: Ears = module_at(Path(__file__).with_name("flux_ears.py")).flux_ears()
    return ears
