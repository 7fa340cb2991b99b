"""An index in one safetensors file, with whatever its owner keeps beside the embeddings.

The header names the model that made the embeddings, so that a reader with another one refuses them: its
cosines would be noise. A checksum makes a flipped bit an error, not a strange neighbour.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tonewheel.core.errors import InputError, ModelMismatchError
from tonewheel.core.files import atomic_path
from tonewheel.core.records import Record
from tonewheel.index.exact import Exact, Floats
from tonewheel.index.graph import Graph
from tonewheel.index.lists import Lists
from tonewheel.index.vectors import Searcher, VectorIndex, check_unit

FORMAT = "tonewheel index 1"
LARGEST_BYTES = 2**34
OWN = "index."
"""Names of our arrays begin with it; the owner's must not."""

Arrays = Mapping[str, NDArray[Any]]
RESTORERS: dict[str, Callable[[Floats, Arrays], Searcher]] = {
    "exact": lambda rows, state: Exact(),
    "hnsw": Graph.restore,
    "ivf": Lists.restore,
}


class IndexHeader(Record):
    """What an index says about itself."""

    format: str
    maker: str
    """Fingerprint of what made the embeddings: weights and front end."""
    made_with: str
    """Its name, for people."""
    method: str
    checksum: str
    """SHA-256 of all arrays."""


@dataclass(frozen=True)
class Opened:
    """An index as it was read, with its header and its owner's arrays."""

    index: VectorIndex
    header: IndexHeader
    beside: dict[str, NDArray[Any]]


def save_index(
    path: str | Path, index: VectorIndex, *, maker: str, made_with: str, beside: Arrays | None = None
) -> int:
    """Write an index and the arrays `beside` it, whole or not at all; returns the file's size in bytes.

    The same content gives the same bytes.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "tracks.index"
    >>> index = VectorIndex(2)
    >>> index.add(["east"], [[1, 0]])
    >>> save_index(path, index, maker="ab12", made_with="toy") > 0
    True
    >>> open_index(path, maker="ab12").index.ids
    ['east']
    >>> open_index(path, maker="cd34")
    Traceback (most recent call last):
    tonewheel.core.errors.ModelMismatchError: tracks.index: was made with toy (ab12), this is cd34
    """
    from safetensors.numpy import save

    if index.method == "exact":  # packing costs nothing; a graph waits until a quarter of it is marked
        index.compact()
    arrays = {name: np.ascontiguousarray(array) for name, array in (beside or {}).items()}
    if wrong := [name for name in arrays if name.startswith(OWN)]:
        raise ValueError(f'the names of arrays beside an index do not begin with "{OWN}": {wrong[0]}')
    rows, there = index.stored()
    own = {"rows": rows, "there": there.astype(np.uint8), "ids": as_bytes(index.ids)}
    own |= {f"{index.method}.{name}": array for name, array in index.searcher.state().items()}
    arrays |= {OWN + name: np.ascontiguousarray(array) for name, array in own.items()}
    header = IndexHeader(
        format=FORMAT, maker=maker, made_with=made_with, method=index.method, checksum=_checksum(arrays)
    )
    content = save(arrays, {"tonewheel": header.to_json()})
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
    return len(content)


def read_header(path: str | Path) -> IndexHeader:
    """What an index says about itself, without reading its arrays; InputError when it is none."""
    from safetensors import SafetensorError, safe_open

    file = Path(path)
    if not file.is_file():
        raise InputError(file, "no such index" if not file.exists() else "is no file, so no index")
    if file.stat().st_size > LARGEST_BYTES:
        raise InputError(file, "is too large for an index")
    try:
        with safe_open(str(file), framework="np") as arrays:
            text = (arrays.metadata() or {}).get("tonewheel", "")
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(file, f"is not an index: {error}") from None
    if f'"{FORMAT}"' not in text:
        raise InputError(file, f'is not an index of this version ("{FORMAT}")')
    return IndexHeader.from_json(text, where=file)


def open_index(path: str | Path, *, maker: str | None = None) -> Opened:
    """Read an index; with `maker` given, only one that the same weights and front end made.

    InputError when the file is no index or is damaged, ModelMismatchError when something else made it.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    header = read_header(path)
    if maker is not None and header.maker != maker:
        raise ModelMismatchError(
            f"{path}: was made with {header.made_with} ({header.maker[:12]}), this is {maker[:12]}"
        )
    try:
        arrays = load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise InputError(path, f"is not an index: {error}") from None
    if _checksum(arrays) != header.checksum:
        raise InputError(path, "is damaged: its arrays are not those that were written")
    own = {name.removeprefix(OWN): array for name, array in arrays.items() if name.startswith(OWN)}
    try:
        index = _restored(header.method, own, path)
    except ValueError as error:
        raise InputError(path, f"is damaged: {error}") from None
    return Opened(index, header, {name: a for name, a in arrays.items() if not name.startswith(OWN)})


def as_bytes(value: Any) -> NDArray[np.uint8]:
    """JSON as an array: a header of safetensors is too small for 100,000 names.

    >>> from_bytes(as_bytes(["a"]), list[str], "names")
    ['a']
    """
    return np.frombuffer(msgspec.json.encode(value), np.uint8)


def from_bytes(array: NDArray[Any], kind: Any, where: str | Path) -> Any:
    """The value of type `kind` that `as_bytes` wrote; InputError(where) when it is none."""
    try:
        return msgspec.json.decode(np.ascontiguousarray(array, np.uint8).tobytes(), type=kind)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(where, f"is damaged: {error}") from None


def _restored(method: str, own: dict[str, NDArray[Any]], path: str | Path) -> VectorIndex:
    if method not in RESTORERS or not {"rows", "there", "ids"} <= set(own):
        raise ValueError(f'an index of method "{method}" without all its arrays')
    rows, there = own["rows"], own["there"]
    ids = from_bytes(own["ids"], list[str], path)
    if rows.dtype != np.float32 or rows.ndim != 2 or there.dtype != np.uint8 or there.shape != (len(rows),):
        raise ValueError("its rows are no table of numbers")
    if len(set(ids)) != len(ids) or len(ids) != int((there > 0).sum()):
        raise ValueError("its identifiers do not fit its rows")
    check_unit(rows)
    state = {name.removeprefix(f"{method}."): a for name, a in own.items() if name.startswith(f"{method}.")}
    return VectorIndex.of(ids, rows, there > 0, method, RESTORERS[method](rows, state))


def _checksum(arrays: Arrays) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name}\0{array.dtype}\0{array.shape}\0".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
