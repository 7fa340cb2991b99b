"""The demo's chapter, smaller: the loop runs once, all files are there, and what was not learned is not claimed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tonewheel.manifest.stem_snapshot_check import parse_snapshot
from tonewheel.manifest.stems import STEMS
from tonewheel.systems import Chapter
from tonewheel.systems.stems import masker as masker_module
from tonewheel.systems.stems.demo import chapter
from tonewheel.systems.stems.masker import NetMasker
from tonewheel.systems.stems.references import Multitrack, with_sub

MODULE = sys.modules[chapter.__module__]
HOSTILE = "<script>alert(1)</script>"


def invented(count: int, seed: int, seconds: float) -> Iterator[Multitrack]:
    """Songs of tones and noise, which are made in no time."""
    rng, samples = np.random.default_rng(seed), round(seconds * 44_100)
    t = np.arange(samples) / 44_100
    for number in range(count):
        low, high = rng.uniform(60, 120), rng.uniform(300, 900)
        hits = rng.standard_normal((2, samples)) * (0.02 + 0.1 * (t % 0.5 < 0.05))
        stems = {
            "bass": 0.1 * np.sin(2 * np.pi * low * t) * np.ones((2, 1)),
            "harmonic": 0.1 * np.sin(2 * np.pi * high * t) * np.array([[1.0], [0.4]]),
            "drums": hits,
        }
        told = {name: audio.astype(np.float32) for name, audio in stems.items()}
        yield Multitrack(HOSTILE, f"song {number}", with_sub(told))


@pytest.fixture(scope="module")
def told(masker: NetMasker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Chapter, Path]]:
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MODULE, "songs", invented)
        for name, count in (("PEOPLE", 5), ("JUDGES", 4), ("NEW", 1)):
            patch.setattr(MODULE, name, count)
        yield chapter(folder, 3, masker, seconds=1.0), folder


def test_the_loop_leaves_what_it_says(told: tuple[Chapter, Path]) -> None:
    found, folder = told
    assert found.found
    mix = soundfile.read(folder / "song.flac")[0]
    stems = [soundfile.read(folder / "stems" / f"{name}.flac")[0] for name in STEMS]
    assert np.array_equal(np.sum(stems, axis=0), mix)
    assert json.loads((folder / "stems" / "manifest.json").read_text())["sum_error"] == 0
    shared = (folder / "shared.json").read_bytes()
    assert parse_snapshot(shared).original_audio.duration_s == pytest.approx(2.5)
    assert b"script" not in shared, "names are never shared"
    stored = (folder / "flywheel" / "snapshots.jsonl").read_text().splitlines()
    assert len(stored) == 5, "all that was sent came back from the service's store"
    assert (folder / "flywheel" / "demo" / "manifest.json").is_file()


def test_the_chapter_says_what_was_measured(told: tuple[Chapter, Path]) -> None:
    found, _ = told
    lines = "\n".join(found.lines)
    for part in (
        "taken apart: ",
        " dB",
        "stems sum to the mix: largest error 0",
        "corrections by hand of 5 songs",
    ):
        assert part in lines
    page = "".join(str(section) for section in found.sections)
    assert HOSTILE not in page
    assert "data:audio/mpeg" in page
    assert "data:image/png" in page


def test_without_weights_the_chapter_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masker_module, "WEIGHTS", tmp_path / "stems.safetensors")
    found = chapter(tmp_path, 0)
    assert not found.found
    assert "Nothing was taken apart" in found.lines[0]
    assert list(tmp_path.iterdir()) == []
