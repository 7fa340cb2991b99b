"""`stems export` says what is wrong before any work, and never replaces a folder of something else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tonewheel.cli.main import main


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as left:
        main(["stems", "export", *words])
    assert left.value.code == 2
    told = capsys.readouterr().err.strip()
    assert len(told.splitlines()) == 1, told
    return told


def test_nothing_is_overwritten_unasked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = tmp_path / "stems.onnx"
    there.write_bytes(b"mine")
    assert "--force replaces it" in refused(["-o", str(there)], capsys)
    assert there.read_bytes() == b"mine"


def test_a_runtime_is_for_the_page_and_has_to_be_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = refused(["-o", str(tmp_path / "a.onnx"), "--runtime", str(tmp_path)], capsys)
    assert "--to browser" in told
    assert not list(tmp_path.iterdir())


def test_weights_that_are_none_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = tmp_path / "w.safetensors"
    wrong.write_text("no weights")
    told = refused(["-o", str(tmp_path / "a.onnx"), "--weights", str(wrong)], capsys)
    assert str(wrong) in told
    assert not (tmp_path / "a.onnx").exists()


def test_a_folder_of_something_else_is_not_replaced(tmp_path: Path) -> None:
    from tonewheel.core.errors import InputError
    from tonewheel.export.sounds import Heard
    from tonewheel.systems.stems.browser_folder import write_browser_folder
    from tonewheel.systems.stems.export import network_of
    from tonewheel.systems.stems.masker import NetMasker
    from tonewheel.systems.stems.model import Separator
    from tonewheel.systems.stems.recipe import NetworkRecipe

    masker = NetMasker(Separator(NetworkRecipe(channels=(2, 2, 4, 4, 4), wide=8)))
    network, nothing = network_of(masker, {}), Heard([], "nothing")
    (tmp_path / "letters").mkdir()
    with pytest.raises(InputError, match="no such page"):
        write_browser_folder(network, tmp_path / "letters", None, nothing)
    with pytest.raises(InputError, match="expected an installed onnxruntime-web"):
        write_browser_folder(network, tmp_path / "page", tmp_path, nothing)
    assert [path.name for path in tmp_path.iterdir()] == ["letters"]


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from tonewheel.core.errors import MissingDependencyError
    from tonewheel.export.onnx_file import traced

    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(MissingDependencyError, match=r"tonewheel\[export\]"):
        traced(torch.nn.Linear(2, 2), {"input": torch.zeros(1, 2)}, ["output"])
