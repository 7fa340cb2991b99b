"""The example that listens on onnxruntime alone hears what `concert listen` hears, from two files and nothing else."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tonewheel.audio.encode import write as write_audio
from tonewheel.core.seeds import generator
from tonewheel.synth.compose import compose
from tonewheel.synth.noise import applause
from tonewheel.synth.render import render
from tonewheel.systems.concert.embed import Embedder, WindowStream
from tonewheel.systems.concert.listen import Listener
from tonewheel.systems.concert.pack import Pack, build_pack

pytest.importorskip("onnxscript")
pytestmark = pytest.mark.timeout(600)
RATE = 16_000


@pytest.fixture(scope="module")
def example(repository: Path) -> ModuleType:
    path = repository / "examples" / "stream_concert.py"
    spec = importlib.util.spec_from_file_location("stream_concert", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["stream_concert"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    """A pack of two songs, and a concert that plays them with applause between."""
    folder = tmp_path_factory.mktemp("show")
    songs = [render(compose(seed), RATE, seconds=14.0).mix for seed in (11, 13)]
    for name, song in zip("ab", songs, strict=True):
        write_audio(folder / "tracks" / f"{name}.wav", song, RATE)
    pack, _ = build_pack(folder / "tracks", None, Embedder.shipped())
    pack.write(folder / "show.pack")
    claps = applause(generator(2, "example"), 9.0, RATE)
    return folder / "show.pack", np.concatenate([songs[0], claps, songs[1]]).astype(np.float32)


def test_it_imports_numpy_and_onnxruntime_alone(repository: Path) -> None:
    tree = ast.parse((repository / "examples" / "stream_concert.py").read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    tops = {name.split(".")[0] for name in names} - set(sys.stdlib_module_names)
    assert tops == {"numpy", "onnxruntime"}


def test_its_windows_are_those_of_listen(
    example: ModuleType, show: tuple[Path, np.ndarray], written: Callable[[str, str, str], Any]
) -> None:
    encoder = example.Encoder(str(written("concert", "encoder", "onnx").path))
    _, audio = show
    cuts = np.cumsum(generator(1, "cuts").integers(1, 9000, 40))  # blocks of any length
    windows = [
        w for block in np.split(audio[: 12 * RATE], cuts[cuts < 12 * RATE]) for w in encoder.push(block)
    ]
    stream, ours = WindowStream(Embedder.shipped()), []
    for start in range(0, 10 * RATE + 1, RATE // 2):
        ours.append(stream.push(audio[start : start + 2 * RATE]))
    assert len(windows) == len(ours) == 21
    assert windows[0].end_s == 2.0
    cosines = [float(w.embedding @ row.embeddings[0]) for w, row in zip(windows, ours, strict=True)]
    assert min(cosines) > 0.99999
    assert max(abs(w.music - float(row.music[0])) for w, row in zip(windows, ours, strict=True)) < 1e-2


@pytest.mark.parametrize("to", ["onnx", "int8"])
def test_it_tells_the_songs_of_a_show_when_the_simple_gate_does(
    to: str, example: ModuleType, show: tuple[Path, np.ndarray], written: Callable[[str, str, str], Any]
) -> None:
    path, audio = show
    encoder = example.Encoder(str(written("concert", "encoder", to).path))
    found = list(
        example.events(
            np.split(audio, range(4000, len(audio), 4000)), encoder, example.Pack(str(path), encoder)
        )
    )
    embedder = Embedder.shipped()
    listener = Listener(Pack.read(path, embedder), embedder, gate="simple")
    events = [e for e in [*listener.push(audio), *listener.finish()] if e.event in ("song_start", "song_end")]
    assert [(e["event"], e["song"]) for e in found] == [(e.event, e.song) for e in events]
    assert max(abs(a["time_s"] - b.time_s) for a, b in zip(found, events, strict=True)) <= 1.0


def test_wrong_files_are_one_line(
    example: ModuleType,
    show: tuple[Path, np.ndarray],
    written: Callable[[str, str, str], Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rubbish = tmp_path / "rubbish"
    rubbish.write_bytes(b"no such thing" * 50)
    model, other = (str(written(*name, "onnx").path) for name in (("concert", "encoder"), ("drums", "hits")))
    for words in (
        [str(rubbish), str(show[0])],
        [model, str(rubbish)],
        [other, str(show[0])],
        ["none", "none"],
        [],
    ):
        assert example.main(words) == 2
        assert len(capsys.readouterr().err.strip().splitlines()) == 1
