"""What every system that ships weights promises of its exports: they run without torch and agree with it."""

from __future__ import annotations

import dataclasses
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tonewheel import __version__, systems
from tonewheel.cli.main import main
from tonewheel.core.errors import InputError, MissingDependencyError, ModelMismatchError
from tonewheel.core.files import sha256
from tonewheel.export.network import INSIDE, Network
from tonewheel.export.onnx_file import read_onnx, runner
from tonewheel.export.parity import beside, by_torch
from tonewheel.export.sounds import Heard, held_out
from tonewheel.export.write import trace, write

pytest.importorskip("onnx")
pytest.importorskip("onnxscript")

# torch traces a graph for some seconds of an idle processor, and for minutes of a busy one.
pytestmark = pytest.mark.timeout(600)

FOLDER = Path(systems.__path__[0])
SYSTEMS = [name for name in systems.discover() if list((FOLDER / name / "weights").glob("*.safetensors"))]
NETWORKS = [(system, name) for system in SYSTEMS for name in systems.networks(system)]
SHIPPED = {sha256(path) for path in FOLDER.glob("*/weights/*.safetensors")}
INT8_LEAST_COSINE = 0.97
WITHOUT_EARS = {"restore clicks", "stems separator"}
"""Networks that hear no sound; each says why in its card."""


def test_every_system_that_ships_weights_exports() -> None:
    assert SYSTEMS
    assert [name for name in SYSTEMS if not systems.exports(name)] == []


@pytest.mark.parametrize(("system", "name"), NETWORKS, ids=lambda text: text)
def test_onnx_agrees_with_torch_and_says_what_it_is(
    system: str,
    name: str,
    network: Callable[[str, str], Network],
    heard: Callable[[int], Heard],
    written: Callable[[str, str, str], Any],
) -> None:
    one, (path, done) = network(system, name), written(system, name, "onnx")
    examples = one.examples(heard(one.sample_rate_hz).sounds)
    assert any(a.shape != b.shape for a, b in zip(examples[-1].values(), one.example.values(), strict=True))
    run, names = runner(path), [port.name for port in one.outputs]
    rows = beside([by_torch(one.module, names, e) for e in examples], [run(e) for e in examples])
    assert max(row.max_abs for row in rows) <= one.limit
    assert min(row.cosine for row in rows) >= 0.999
    assert done.answers is None or done.answers.changed <= 0.002

    model, about, digest = read_onnx(path, kind=one.kind)
    assert digest == done.sha256 == sha256(path)
    assert [port["name"] for port in about["inputs"]] == [node.name for node in model.graph.input]
    assert [port["name"] for port in about["outputs"]] == [node.name for node in model.graph.output] == names
    for port, node in zip(
        about["inputs"] + about["outputs"], [*model.graph.input, *model.graph.output], strict=True
    ):
        assert port["unit"]
        assert len(port["axes"]) == len(node.type.tensor_type.shape.dim), port
    assert about["weights_sha256"] in SHIPPED
    assert about["recipe"]
    assert about["sample_rate_hz"] >= 16_000
    assert about["compared"]["parity"][0]["output"] == names[0]
    assert f'"tonewheel_version": "{__version__}"' in model.metadata_props[0].value
    inside = about["front_end"] == INSIDE
    assert inside == ("audio" in about["inputs"][0]["name"]) == (f"{system} {name}" not in WITHOUT_EARS)


@pytest.mark.parametrize(("system", "name"), NETWORKS, ids=lambda text: text)
def test_int8_is_small_and_near(system: str, name: str, written: Callable[[str, str, str], Any]) -> None:
    path, done = written(system, name, "int8")
    assert done.size_bytes == path.stat().st_size < 0.5 * written(system, name, "onnx").done.size_bytes
    assert min(row.cosine for row in done.parity) >= INT8_LEAST_COSINE
    assert read_onnx(path).about["weights"] == done.weights != "float32"
    if system == "concert":
        assert done.size_bytes <= 1_500_000


@pytest.mark.parametrize("system", SYSTEMS)
def test_wrong_asked_is_one_line_and_no_file(
    system: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there, rubbish = tmp_path / "there.onnx", tmp_path / "rubbish.safetensors"
    there.write_bytes(b"mine")
    rubbish.write_bytes(b"\x08\0\0\0\0\0\0\0{broken}" * 9)
    for words, reason in (
        (["-o", str(there)], "--force replaces it"),
        (["-o", str(tmp_path / "new.onnx"), "--weights", str(rubbish)], "rubbish.safetensors"),
        (["-o", str(tmp_path / "new.onnx"), "--weights", str(tmp_path / "none")], "no such file"),
        (["-o", str(tmp_path / "new.onnx"), "--audio", str(tmp_path / "none")], "no such file"),
    ):
        with pytest.raises(SystemExit) as left:
            main([system, "export", *words])
        told = capsys.readouterr().err.strip()
        assert left.value.code == 2
        assert len(told.splitlines()) == 1, told
        assert reason in told
    assert there.read_bytes() == b"mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rubbish.safetensors", "there.onnx"]


def test_a_network_of_no_such_name_is_answered_with_the_nearest(tmp_path: Path) -> None:
    from tonewheel.cli.export import run

    with pytest.raises(InputError, match='did you mean "hits"'):
        run("drums", tmp_path / "a.onnx", "onnx", "hit", None, None, "valid", 2, force=False, as_json=True)


def test_what_differs_from_torch_is_not_written(
    network: Callable[[str, str], Network],
    heard: Callable[[int], Heard],
    graph: Callable[[str, str], Any],
    tmp_path: Path,
) -> None:
    strict = dataclasses.replace(network("concert", "encoder"), limit=0.0)
    with pytest.raises(ModelMismatchError, match="differs from torch"):
        write(strict, "onnx", tmp_path / "a.onnx", heard(16_000), graph("concert", "encoder"))
    assert not list(tmp_path.iterdir())


def test_core_ml_without_its_package_names_the_extra(
    network: Callable[[str, str], Network], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "coremltools", None)
    with pytest.raises(MissingDependencyError, match=r"tonewheel\[coreml\]"):
        write(network("concert", "encoder"), "coreml", tmp_path / "a.mlpackage", Heard([], "nothing"))
    with pytest.raises(InputError, match=r"must be named \*\.mlpackage"):
        write(network("concert", "encoder"), "coreml", tmp_path / "a.onnx", Heard([], "nothing"))
    assert not list(tmp_path.iterdir())


def test_a_core_ml_package_computes_what_torch_does_by_an_interpreter_of_its_program(
    network: Callable[[str, str], Network], heard: Callable[[int], Heard], tmp_path: Path
) -> None:
    pytest.importorskip("coremltools")
    out = tmp_path / "a.mlpackage"
    done = write(network("concert", "encoder"), "coreml", out, heard(16_000))
    assert max(row.max_abs for row in done.parity) < 1e-4
    assert "not Core ML itself" in done.checked
    assert [path.name for path in tmp_path.iterdir()] == ["a.mlpackage"]


def test_held_out_sounds_are_of_their_split(tmp_path: Path) -> None:
    import numpy as np

    from tonewheel.audio.encode import write as write_audio

    for name, level in (("a", 0.1), ("b", 0.2)):
        write_audio(tmp_path / f"{name}.wav", np.full(8000, level, np.float32), 16_000)
    (tmp_path / "index.csv").write_text(
        "path,kind,split\na.wav,music,train\nb.wav,music,valid\nc.wav,music,valid\n"
    )
    (sound,), told = held_out(tmp_path / "index.csv", "valid", 16_000, 8)
    assert told == ", valid"
    assert len(held_out(tmp_path, "valid", 16_000, 8)[0]) == 1, "a folder's index counts too"
    assert held_out(tmp_path / "a.wav", "valid", 16_000, 8)[1] == "", "one file is of no split"
    assert sound.shape == (1, 240_000)  # repeated to the length that is compared
    assert abs(float(np.median(sound)) - 0.2) < 1e-3
    with pytest.raises(InputError, match="no music or hits of the split test"):
        held_out(tmp_path / "index.csv", "test", 16_000, 8)
    write_audio(tmp_path / "silent.wav", np.zeros(8000, np.float32), 16_000)
    with pytest.raises(InputError, match="is silent"):
        held_out(tmp_path / "silent.wav", "valid", 16_000, 8)


def test_inputs_that_grow_together_are_no_news_to_the_user() -> None:
    import torch
    from torch import nn

    from tonewheel.export.onnx_file import traced

    class Sum(nn.Module):
        def forward(self, one: torch.Tensor, two: torch.Tensor) -> torch.Tensor:
            return one.sum(dim=1) + two

    example = {"one": torch.zeros(4, 3), "two": torch.zeros(4)}
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        traced(Sum(), example, ["sum"], {"one": {0: 1}, "two": {0: 1}})
    assert [str(one.message) for one in said if issubclass(one.category, UserWarning)] == []


def test_an_untrained_gru_is_one_node_with_the_same_numbers(tmp_path: Path) -> None:
    import torch
    from torch import nn

    from tonewheel.export.onnx_file import traced, write_onnx
    from tonewheel.export.parity import onnx_parity
    from tonewheel.export.recurrent import traceable

    class Memory(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru = nn.GRU(5, 7, batch_first=True)

        def forward(self, x: torch.Tensor, hidden: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            seen, last = self.gru(x, hidden)
            return seen, last

    torch.manual_seed(0)
    module = Memory().eval()
    example = {"x": torch.randn(2, 9, 5), "hidden": torch.randn(1, 2, 7)}
    model = traced(traceable(module), example, ["seen", "last"], {"x": {1: 1}})
    assert [node.op_type for node in model.graph.node].count("GRU") == 1
    write_onnx(model, tmp_path / "gru.onnx", {"kind": "toy"})
    longer = {"x": torch.randn(2, 40, 5), "hidden": torch.randn(1, 2, 7)}
    assert max(row.max_abs for row in onnx_parity(module, tmp_path / "gru.onnx", [example, longer])) < 1e-5
    with pytest.raises(ValueError, match="one layer"):
        traceable(nn.Sequential(nn.GRU(3, 3, num_layers=2, batch_first=True)))
    assert trace.__doc__
