"""Weights and states: what is read is what was written, and everything else is refused."""

from __future__ import annotations

import enum
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn

from tonewheel.core.errors import InputError, ModelMismatchError
from tonewheel.core.files import sha256
from tonewheel.learn.checkpoint import (
    describe_state,
    load_model,
    load_state,
    load_weights,
    save_model,
    save_state,
    state_weights,
)

CARD = {"kind": "toy", "recipe": {"size": 3}, "licences": ["CC0-1.0"]}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "toy.safetensors"
    save_model(path, nn.Linear(40, 30).state_dict(), CARD)
    return path


def test_a_model_comes_back_with_its_card_and_hash(tmp_path: Path) -> None:
    layer = nn.Linear(4, 2)
    tensors = {**layer.state_dict(), "half": torch.ones(3, dtype=torch.bfloat16), "count": torch.tensor(7)}
    digest = save_model(tmp_path / "a.safetensors", tensors, CARD)
    model = load_model(tmp_path / "a.safetensors", kind="toy")
    assert model.metadata == CARD
    assert model.sha256 == digest == sha256(tmp_path / "a.safetensors")
    assert all(torch.equal(model.tensors[name], tensor) for name, tensor in tensors.items())
    assert all(model.tensors[name].dtype == tensor.dtype for name, tensor in tensors.items())


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    tensors = {name: torch.arange(3.0) for name in "badc"}
    save_model(tmp_path / "a.safetensors", tensors, CARD)
    save_model(tmp_path / "b.safetensors", dict(reversed(tensors.items())), CARD)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_tensors_that_share_memory_are_all_kept(tmp_path: Path) -> None:
    whole = torch.arange(12.0).reshape(3, 4)
    tensors = {"whole": whole, "row": whole[1], "transposed": whole.T, "same": whole}
    save_model(tmp_path / "a.safetensors", tensors, {})
    loaded = load_model(tmp_path / "a.safetensors").tensors
    assert all(torch.equal(loaded[name], tensor) for name, tensor in tensors.items())


@pytest.mark.parametrize("size", [0, 4, 100, 2000, -1])
def test_a_file_cut_short_is_refused(model: Path, size: int) -> None:
    model.write_bytes(model.read_bytes()[:size])
    with pytest.raises(InputError, match=r"toy\.safetensors"):
        load_model(model)


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_no_flipped_bit_changes_a_weight_unnoticed(place: int, bit: int, tmp_path_factory: Any) -> None:
    path = tmp_path_factory.mktemp("flip") / "toy.safetensors"
    torch.manual_seed(0)
    weights = nn.Linear(6, 5).state_dict()
    save_model(path, weights, CARD)
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= 1 << bit
    path.write_bytes(content)
    try:
        loaded = load_model(path).tensors
    except InputError:
        return
    assert loaded.keys() == weights.keys()
    assert all(torch.equal(loaded[name], value) for name, value in weights.items())


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=200))
def test_garbage_is_an_input_error(content: bytes, tmp_path_factory: Any) -> None:
    path = tmp_path_factory.mktemp("garbage") / "toy.safetensors"
    path.write_bytes(content)
    for read in (load_model, load_state, describe_state):
        with pytest.raises(InputError):
            read(path)


def test_other_files_are_refused_by_name(model: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_model(tmp_path / "none.safetensors")
    with pytest.raises(InputError, match="not a file"):
        load_model(tmp_path)
    torch.save({"a": torch.ones(2)}, tmp_path / "pickled.safetensors")
    with pytest.raises(InputError, match="not a safetensors file"):
        load_model(tmp_path / "pickled.safetensors")
    save_file({"a": torch.ones(2)}, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match="not a model of Tonewheel"):
        load_model(tmp_path / "other.safetensors")
    with pytest.raises(InputError, match=r'holds "tonewheel\.model", expected "tonewheel\.state"'):
        load_state(model)
    with pytest.raises(ModelMismatchError, match='of kind "toy", expected "concert"'):
        load_model(model, kind="concert")


def test_a_later_format_is_named(tmp_path: Path) -> None:
    header = {"format": "tonewheel.model", "format_version": 99, "tensors_sha256": "", "metadata": {}}
    save_file({"a": torch.ones(2)}, tmp_path / "new.safetensors", {"tonewheel": json.dumps(header)})
    with pytest.raises(InputError, match="format version 99"):
        load_model(tmp_path / "new.safetensors")


def test_weights_that_are_not_finite_neither_ship_nor_load(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='"bad" is not finite'):
        save_model(tmp_path / "a.safetensors", {"bad": torch.tensor([float("nan")])}, {})
    assert not list(tmp_path.iterdir())


def test_weights_of_another_model_are_told_apart() -> None:
    module = nn.Linear(4, 2)
    with pytest.raises(ModelMismatchError) as caught:
        load_weights(module, {"weight": torch.zeros(3, 4), "bia": torch.zeros(2)}, "w.safetensors")
    assert str(caught.value) == (
        'w.safetensors: weights of another model: "bias" is missing; "bia" is not in this model '
        '(did you mean "bias"?); "weight" has shape (3, 4), expected (2, 4)'
    )
    load_weights(module, {"weight": torch.zeros(2, 4), "bias": torch.ones(2)})
    assert module.bias.tolist() == [1.0, 1.0]


LEAVES = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text()
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=4)
        | st.dictionaries(st.sampled_from(["$tuple", "$tensor", "a/b", ""]), inner, max_size=2)
    ),
    max_leaves=12,
)


def typed(value: Any) -> Any:
    """A form in which 1, 1.0, True, (1,) and [1] all differ."""
    if isinstance(value, dict):
        return ("dict", [(typed(key), typed(item)) for key, item in value.items()])
    if isinstance(value, list | tuple):
        return (type(value), [typed(item) for item in value])
    return (type(value), repr(value))


@settings(max_examples=80, deadline=None)
@given(st.dictionaries(st.text() | st.integers(), TREES, max_size=4))
def test_any_tree_comes_back_with_its_types(tmp_path_factory: Any, tree: dict[Any, Any]) -> None:
    path = tmp_path_factory.mktemp("tree") / "state.safetensors"
    save_state(path, tree, {})
    assert typed(load_state(path)) == typed(tree)


def test_a_state_keeps_tensors_arrays_and_what_it_is_about(tmp_path: Path) -> None:
    path = tmp_path / "last.safetensors"
    state = {
        "state_dict": {"net.weight": torch.randn(3, 2), "net.bias": torch.zeros(0), "head": torch.tensor(2)},
        "optimizer_states": [{"state": {0: {"step": torch.tensor(4.0)}, 1: {}}, "betas": (0.9, 0.999)}],
        "drawn": np.arange(3, dtype=np.uint32),
        "best": np.float64(0.5),
    }
    save_state(path, state, {"step": 4, "scores": {"valid/loss": float("nan")}})
    loaded = load_state(path)
    assert torch.equal(loaded["state_dict"]["net.weight"], state["state_dict"]["net.weight"])
    assert loaded["optimizer_states"][0]["state"][0]["step"].item() == 4
    assert loaded["optimizer_states"][0]["betas"] == (0.9, 0.999)
    assert loaded["drawn"].dtype == np.uint32
    assert describe_state(path)["step"] == 4
    assert set(state_weights(path, prefix="net.")) == {"weight", "bias"}
    with pytest.raises(InputError, match='start with "other"'):
        state_weights(path, prefix="other")


def test_what_could_only_be_pickled_is_refused_with_its_place(tmp_path: Path) -> None:
    class Colour(enum.IntEnum):
        RED = 1

    for value in (object(), {1, 2}, Colour.RED, {(1, 2): 3}, b"bytes"):
        with pytest.raises(TypeError, match="at a/0"):
            save_state(tmp_path / "s.safetensors", {"a": [value]}, {})
    assert not list(tmp_path.iterdir())
