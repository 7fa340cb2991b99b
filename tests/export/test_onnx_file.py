"""An export computes what torch computes, says what it is, and gives nothing away of the machine that wrote it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tonewheel.core.errors import InputError, ModelMismatchError
from tonewheel.export.int8_weights import rounded, with_int8_weights
from tonewheel.export.onnx_file import KEY, read_onnx, traced, write_onnx
from tonewheel.export.parity import compared, onnx_parity, refuse_unlike

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxscript")

# torch traces a graph for some ten seconds of an idle processor, and for minutes of a busy one.
pytestmark = pytest.mark.timeout(600)


class Toy(nn.Module):
    """A convolution, a matrix, a norm with statistics, and a table that is no weight."""

    table: Tensor

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.near = nn.Conv1d(8, 16, 5, padding=2)
        self.across = nn.Linear(16, 24)
        self.norm = nn.BatchNorm1d(8)
        self.norm.running_var.uniform_(0.5, 2.0)  # type: ignore[union-attr]
        self.register_buffer("table", torch.hann_window(24 * 24).reshape(24, 24), persistent=False)

    def forward(self, sound: Tensor, gain: Tensor) -> tuple[Tensor, Tensor]:
        heard = self.near(self.norm(sound)).relu() * gain
        told = self.across(heard.transpose(1, 2)) @ self.table
        return told.softmax(dim=-1), heard.mean(dim=2)


def example(frames: int, seed: int = 0) -> dict[str, Tensor]:
    numbers = torch.Generator().manual_seed(seed)
    return {"sound": torch.randn(1, 8, frames, generator=numbers), "gain": torch.full((1, 1, 1), 0.7)}


GROWING = {"sound": {2: 4}}


@pytest.fixture(scope="module")
def toy() -> Toy:
    return Toy().train()


@pytest.fixture(scope="module")
def written(toy: Toy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "toy.onnx"
    model = traced(toy, example(8), ["shares", "mean"], GROWING)
    write_onnx(model, path, {"kind": "toy", "names": ["shares", "mean"]})
    return path


def test_it_computes_what_torch_computes_at_lengths_that_were_not_traced(toy: Toy, written: Path) -> None:
    rows = onnx_parity(toy, written, [example(4, 1), example(8, 2), example(400, 3)])
    assert [row.output for row in rows] == ["shares", "mean"]
    assert max(row.max_abs for row in rows) < 1e-5
    assert min(row.cosine for row in rows) > 1 - 1e-6
    refuse_unlike(rows, written)
    assert toy.training  # as it was before


def test_other_weights_are_found_out(toy: Toy, written: Path) -> None:
    other = Toy()
    with torch.no_grad():
        other.across.bias += torch.linspace(0, 1, 24)
    rows = onnx_parity(other, written, [example(8)])
    with pytest.raises(ModelMismatchError, match='"shares" differs from torch by'):
        refuse_unlike(rows, written)


def test_the_file_describes_itself_and_not_its_writer(written: Path, repository: Path) -> None:
    read = read_onnx(written, kind="toy")
    assert read.about["names"] == ["shares", "mean"]
    assert [item.name for item in read.model.graph.input] == ["sound", "gain"]
    assert not read.model.graph.value_info
    content = written.read_bytes()
    for trace in (b"stack_trace", str(repository).encode(), b".py"):
        assert trace not in content, trace
    onnx.checker.check_model(read.model, full_check=True)


def test_the_same_network_gives_the_same_bytes(toy: Toy, written: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.onnx"
    model = traced(toy, example(8), ["shares", "mean"], GROWING)
    write_onnx(model, again, {"kind": "toy", "names": ["shares", "mean"]})
    assert again.read_bytes() == written.read_bytes()


def test_int8_is_small_and_exact_to_its_rounding(toy: Toy, written: Path, tmp_path: Path) -> None:
    path = tmp_path / "small.onnx"
    twin = rounded(toy)
    model = traced(toy, example(8), ["shares", "mean"], GROWING)
    write_onnx(with_int8_weights(model, toy), path, {"kind": "toy"})
    rows = onnx_parity(twin, path, [example(8), example(40)])
    refuse_unlike(rows, path)
    stored = read_onnx(path).model.graph.initializer
    assert sum(tensor.data_type == onnx.TensorProto.INT8 for tensor in stored) == 2  # both weights, no table
    cost = onnx_parity(toy, path, [example(8)])
    assert 1e-6 < max(row.max_abs for row in cost) < 0.05  # it is another network, and a near one


def test_a_graph_of_another_module_is_not_narrowed(written: Path) -> None:
    with pytest.raises(ValueError, match="no weights of this module"):
        with_int8_weights(read_onnx(written).model, nn.Linear(300, 300))


def test_broken_files_are_named(written: Path, tmp_path: Path) -> None:
    content = written.read_bytes()
    broken = tmp_path / "broken.onnx"
    cases = {
        "not an ONNX file": content[: len(content) // 2],
        "not of Tonewheel": onnx.helper.make_model(
            onnx.helper.make_graph([], "g", [], [])
        ).SerializeToString(),
        "tensors were changed": content.replace(
            at := read_onnx(written).model.graph.initializer[0].raw_data[:12], at[:-1] + b"\x3d", 1
        ),
    }
    for reason, wrong in cases.items():
        broken.write_bytes(wrong)
        with pytest.raises(InputError, match=reason):
            read_onnx(broken)
    with pytest.raises(InputError, match="no such file"):
        read_onnx(tmp_path / "none.onnx")
    with pytest.raises(InputError, match='kind "toy", expected "other"'):
        read_onnx(written, kind="other")


def test_tensors_outside_the_file_are_refused(written: Path, tmp_path: Path) -> None:
    model = onnx.load(written)
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    path = tmp_path / "outside.onnx"
    path.write_bytes(model.SerializeToString())
    assert any(item.key == KEY for item in model.metadata_props)
    with pytest.raises(InputError, match="other files"):
        read_onnx(path)


def test_nan_is_not_alike() -> None:
    row = compared("x", [(np.zeros(3), np.array([0.0, np.nan, 0.0]))])
    with pytest.raises(ModelMismatchError, match="nan"):
        refuse_unlike([row], "x.onnx")
    with pytest.raises(ModelMismatchError, match="shape"):
        compared("x", [(np.zeros(3), np.zeros(4))])
