"""An index in a file is the index; one that was damaged, or made by another model, is refused in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from tonewheel.core.errors import InputError, ModelMismatchError
from tonewheel.index.file import FORMAT, OWN, IndexHeader, _checksum, open_index, read_header, save_index
from tonewheel.index.vectors import METHODS, VectorIndex

SIZE = 16


def built(method: str, count: int = 400) -> tuple[VectorIndex, NDArray[np.float32]]:
    rows = np.random.default_rng(0).normal(size=(count, SIZE)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    index = VectorIndex(SIZE, method)
    index.add([f"t{number}" for number in range(count)], rows)
    return index, rows


def forged(path: Path, **changed: NDArray[Any] | None) -> Path:
    """The same file with other arrays and a checksum that fits them: what an attacker would send."""
    arrays = load_file(path)
    header = read_header(path)
    for name, array in changed.items():
        arrays.pop(OWN + name.replace("__", "."), None)
        if array is not None:
            arrays[OWN + name.replace("__", ".")] = array
    fields = {**header.to_dict(), "checksum": _checksum(arrays)}
    save_file(arrays, path, {"tonewheel": IndexHeader.from_dict(fields).to_json()})
    return path


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("removed", [0, 40])
def test_it_comes_back_as_it_was(tmp_path: Path, method: str, removed: int) -> None:
    index, rows = built(method)
    index.remove([f"t{number}" for number in range(removed)])
    index.search(rows[0])  # trains what has to be trained
    path = tmp_path / "tracks.index"
    beside = {"notes": np.arange(5)}
    size = save_index(path, index, maker="ab", made_with="toy", beside=beside)
    assert size == path.stat().st_size
    first = path.read_bytes()
    opened = open_index(path, maker="ab")
    assert opened.index.ids == index.ids
    np.testing.assert_array_equal(opened.index.vectors, index.vectors)
    np.testing.assert_array_equal(opened.beside["notes"], beside["notes"])
    for query in rows[:20]:
        assert opened.index.search(query, 10) == index.search(query, 10)
    save_index(path, opened.index, maker="ab", made_with="toy", beside=opened.beside)
    assert path.read_bytes() == first
    opened.index.add(["new"], rows[:1] * -1)
    assert opened.index.search(-rows[0], 1)[0].id == "new"
    opened.index.remove(["t50"])
    assert "t50" not in {match.id for match in opened.index.search(rows[50], 10)}


def test_another_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tracks.index"
    save_index(path, built("exact")[0], maker="ab" * 32, made_with="hand")
    with pytest.raises(ModelMismatchError, match="was made with hand"):
        open_index(path, maker="cd" * 32)
    assert open_index(path).header.made_with == "hand"


def test_what_is_no_index_is_said_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "tracks.index"
    with pytest.raises(InputError, match="no such index"):
        open_index(path)
    with pytest.raises(InputError, match="is no file"):
        open_index(tmp_path)
    for content in (b"", b"RIFF", b"\xff" * 64, b"\x00" * 64):
        path.write_bytes(content)
        with pytest.raises(InputError, match="is not an index"):
            open_index(path)
    save_file({"a": np.zeros(3)}, path)
    with pytest.raises(InputError, match="of this version"):
        open_index(path)
    save_file({"a": np.zeros(3)}, path, {"tonewheel": f'{{"format":"{FORMAT}","makr":"x"}}'})
    with pytest.raises(InputError, match='did you mean "maker"'):
        open_index(path)


@pytest.mark.parametrize("method", METHODS)
def test_a_flipped_bit_or_a_cut_is_found(tmp_path: Path, method: str) -> None:
    path = tmp_path / "tracks.index"
    save_index(path, built(method)[0], maker="ab", made_with="toy")
    whole = path.read_bytes()
    for place in (len(whole) // 2, len(whole) - 3):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(InputError, match="damaged"):
            open_index(path)
    path.write_bytes(whole[:-10])
    with pytest.raises(InputError, match="is not an index"):
        open_index(path)


def test_a_forged_graph_is_not_walked(tmp_path: Path) -> None:
    index, _ = built("hnsw")
    path = tmp_path / "tracks.index"
    state = index.searcher.state()
    far = state["neighbours"].copy()
    far[5] = 10**6
    deep = state["levels"].copy()
    deep[0] = 90
    shifted = state["offsets"].copy()
    shifted[3] += 1
    upper = state["neighbours"].copy()
    low = np.flatnonzero(state["levels"] == 1)
    high = int(np.flatnonzero(state["levels"] > 1)[0])
    upper[int(state["offsets"][high + 1]) - 1] = low[0]  # a link on an upper level to a row without one
    lies = {
        "hnsw__neighbours": (far, upper, far.astype(np.int64), None),
        "hnsw__levels": (deep, deep[:-1]),
        "hnsw__offsets": (shifted, shifted[::-1].copy()),
        "hnsw__entry": (np.array([-1, 0]), np.array([10**9, 3]), np.array([int(low[0]), 2])),
    }
    for name, arrays in lies.items():
        for array in arrays:
            save_index(path, index, maker="ab", made_with="toy")
            with pytest.raises(InputError, match="damaged"):
                open_index(forged(path, **{name: array}))


def test_forged_rows_names_and_lists_are_refused(tmp_path: Path) -> None:
    index, rows = built("ivf")
    index.search(rows[0])
    path = tmp_path / "tracks.index"
    long, wrong = rows * 3, rows.copy()
    wrong[3, 3] = np.nan
    lists = index.searcher.state()["list_of"].copy()
    lists[0] = 10**6
    lies: dict[str, tuple[NDArray[Any] | None, ...]] = {
        "rows": (long, wrong, rows[:9], rows[0], rows.astype(np.float64), None),
        "ids": (np.frombuffer(b'["a"]', np.uint8), np.frombuffer(b"{", np.uint8), None),
        "there": (np.zeros(len(rows), np.uint8),),
        "ivf__list_of": (lists, lists[:-1], None),
        "ivf__centroids": (np.full((4, SIZE), np.inf, np.float32), np.ones((4, 3), np.float32)),
    }
    for name, arrays in lies.items():
        for array in arrays:
            save_index(path, index, maker="ab", made_with="toy")
            with pytest.raises(InputError, match="damaged"):
                open_index(forged(path, **{name: array}))


def test_the_owner_keeps_to_names_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="do not begin"):
        save_index(
            tmp_path / "a", built("exact", 3)[0], maker="a", made_with="b", beside={"index.rows": np.ones(2)}
        )
    assert not (tmp_path / "a").exists()
