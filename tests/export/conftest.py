"""The networks of all systems that ship weights, each traced once, and a song to compare them at."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from tonewheel import systems
from tonewheel.audio.resample import resample
from tonewheel.export import write as writing
from tonewheel.export.network import Network
from tonewheel.export.sounds import Heard
from tonewheel.synth.compose import compose
from tonewheel.synth.render import render

RATE, SECONDS = 44_100, 7.0


class Written(NamedTuple):
    """A file, and what its writer says of it."""

    path: Path
    done: writing.Exported


@pytest.fixture(scope="session")
def network() -> Callable[[str, str], Network]:
    """A network of a system by name, with the weights that ship."""
    return cache(lambda system, name: systems.networks(system)[name](None))


@pytest.fixture(scope="session")
def heard() -> Callable[[int], Heard]:
    """Two songs at a rate."""
    mixes = [render(compose(seed), RATE, channels=2, seconds=SECONDS).mix for seed in (11, 29)]
    return cache(
        lambda rate: Heard([resample(mix, RATE, rate).astype(np.float32) for mix in mixes], "two songs")
    )


@pytest.fixture(scope="session")
def graph(network: Callable[[str, str], Network]) -> Callable[[str, str], Any]:
    """The graph of a network: tracing takes seconds, so once for all formats."""
    return cache(lambda system, name: writing.trace(network(system, name)))


@pytest.fixture(scope="session")
def written(
    network: Callable[[str, str], Network],
    heard: Callable[[int], Heard],
    graph: Callable[[str, str], Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str, str, str], Written]:
    """An exported file, made when it is first asked for."""

    def make(system: str, name: str, to: str) -> Written:
        one = network(system, name)
        path = tmp_path_factory.mktemp("exports") / f"{system}-{name}-{to}.onnx"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(writing, "synthesised", lambda rate, count: heard(rate).sounds)
            return Written(path, writing.write(one, to, path, heard(one.sample_rate_hz), graph(system, name)))

    return cache(make)
