"""A separator that nobody trained, songs of seconds whose stems are known, and snapshots of no songs at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tonewheel.audio.encode import write
from tonewheel.learn.checkpoint import save_model
from tonewheel.learn.recipe import load_recipe
from tonewheel.manifest.stem_snapshot import StemSnapshot
from tonewheel.systems.stems.flywheel.dataset import build_dataset
from tonewheel.systems.stems.flywheel.population import population
from tonewheel.systems.stems.flywheel.recipe import FlywheelRecipe
from tonewheel.systems.stems.flywheel.sanitize import sanitize
from tonewheel.systems.stems.flywheel.train import FILE, train
from tonewheel.systems.stems.masker import KIND, NetMasker
from tonewheel.systems.stems.model import Separator
from tonewheel.systems.stems.recipe import StemsRecipe

RATE = 44_100
SMALL = StemsRecipe.model_validate(
    {"network": {"channels": (4, 4, 4, 4, 4), "convolutions": (1, 1, 1, 1), "wide": 8, "dilations": (1,)}}
)


@pytest.fixture(scope="session")
def masker() -> NetMasker:
    """A small network that nobody trained; its shares differ from bin to bin."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network = Separator(SMALL.network)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(1.5)
    return NetMasker(network)


@pytest.fixture(scope="session")
def weights(masker: NetMasker, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, as a file."""
    path = tmp_path_factory.mktemp("weights") / "stems.safetensors"
    save_model(path, masker.network.state_dict(), {"kind": KIND, "recipe": SMALL.to_dict()})
    return path


def tones(seconds: float, *frequencies_hz: float) -> np.ndarray:
    """Tones of one level that swell twice a second, (samples,)."""
    t = np.arange(round(seconds * RATE)) / RATE
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * 2 * t)
    return (0.1 * swell * sum(np.sin(2 * np.pi * f * t) for f in frequencies_hz)).astype(np.float32)


def taken_apart(seconds: float = 1.0, seed: int = 0) -> dict[str, np.ndarray]:
    """Four stems, mono, that overlap a little: clicks and noise beside tones."""
    rng = np.random.default_rng(seed)
    drums = np.zeros(round(seconds * RATE), np.float32)
    burst = rng.standard_normal(2000) * np.exp(-np.arange(2000) / 300)
    for at in range(0, len(drums) - 2000, RATE // 3):
        drums[at : at + 2000] += 0.3 * burst.astype(np.float32)
    return {
        "vocals": tones(seconds, 440, 880, 1320) * rng.uniform(0.8, 1.2),
        "drums": drums,
        "bass": tones(seconds, 55, 110, 165) * rng.uniform(0.8, 1.2),
        "other": tones(seconds, 330, 660, 1300, 2640) * rng.uniform(0.8, 1.2),
    }


@pytest.fixture(scope="session")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three songs as MUSDB18 has them, with the mixture beside the stems; mono, of 1 s."""
    root = tmp_path_factory.mktemp("multitracks")
    for number, title in enumerate(("One", "Two", "Three")):
        stems = taken_apart(seed=number)
        for name, audio in {**stems, "mixture": sum(stems.values())}.items():
            write(root / title / f"{name}.wav", audio[None], RATE)
    return root


@pytest.fixture(scope="session")
def data_set() -> Callable[..., Path]:
    """Makes a data set folder of snapshots in a folder."""

    def made(folder: Path, snapshots: list[StemSnapshot], name: str = "set") -> Path:
        (folder / f"{name}.raw.jsonl").write_text("".join(one.to_json() + "\n" for one in snapshots))
        sanitize(folder / f"{name}.raw.jsonl", folder / f"{name}.jsonl")
        build_dataset(folder / f"{name}.jsonl", folder / name)
        return folder / name

    return made


@pytest.fixture(scope="session")
def smoke() -> FlywheelRecipe:
    """A transformer that is trained in a second."""
    return load_recipe("smoke", FlywheelRecipe, ["epochs=6"])


@pytest.fixture(scope="session")
def snapshots(data_set: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of 160 snapshots."""
    return data_set(tmp_path_factory.mktemp("flywheel"), list(population(160)))


@pytest.fixture(scope="session")
def trained(snapshots: Path, smoke: FlywheelRecipe) -> Path:
    """A transformer that was trained on it."""
    train(snapshots, smoke, snapshots / "model")
    return snapshots / "model" / FILE
