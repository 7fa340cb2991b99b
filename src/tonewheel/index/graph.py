"""HNSW: a graph of near neighbours that is walked towards the query (Malkov and Yashunin, TPAMI 2020).

The work is FAISS's. The graph is stored as plain arrays and checked when it is read, not as FAISS's own file:
its reader trusts what it reads. FAISS takes nothing out of a graph; rows that were removed, or that a filter
forbids, are walked over and not returned.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.errors import MissingDependencyError
from tonewheel.index.exact import Floats, Mask, Numbers

LINKS = 32
EF_CONSTRUCTION = 40
EF_SEARCH = 384
"""Candidates that a walk keeps; more is slower and misses less."""


class Graph:
    """A searcher over unit rows; cosines come back as they are.

    >>> rng = np.random.default_rng(0)
    >>> rows = rng.normal(size=(500, 16)).astype(np.float32)
    >>> rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    >>> graph = Graph(16)
    >>> graph.add(rows)
    >>> graph.search(rows, rows[7], 1, None)[0].tolist()
    [7]
    """

    def __init__(self, size: int) -> None:
        faiss = library()
        self.graph = faiss.IndexHNSWFlat(size, LINKS, faiss.METRIC_INNER_PRODUCT)
        self.graph.hnsw.efConstruction = EF_CONSTRUCTION

    def add(self, rows: Floats) -> None:
        """Link new rows (n, size) into the graph."""
        self.graph.add(np.ascontiguousarray(rows))

    def search(self, rows: Floats, query: Floats, k: int, allowed: Mask | None) -> tuple[Numbers, Floats]:
        """The `k` nearest rows that the walk meets, best first; `rows` is not needed, the graph holds them."""
        faiss = library()
        settings = {"efSearch": max(EF_SEARCH, 4 * k)}
        if allowed is not None:
            settings["sel"] = faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
        # faiss.contrib.torch_utils, which metric-learning libraries import, puts a search without `params` before
        # faiss's own in every index of the process.
        search = getattr(self.graph, "search_numpy", self.graph.search)
        scores, numbers = search(query[None], k, params=faiss.SearchParametersHNSW(**settings))
        found = numbers[0] >= 0
        return np.asarray(numbers[0][found], np.int64), np.asarray(scores[0][found], np.float32)

    def state(self) -> dict[str, NDArray[Any]]:
        """The graph without its rows."""
        faiss, hnsw = library(), self.graph.hnsw
        return {
            "levels": faiss.vector_to_array(hnsw.levels),
            "offsets": faiss.vector_to_array(hnsw.offsets),
            "neighbours": faiss.vector_to_array(hnsw.neighbors),
            "entry": np.array([hnsw.entry_point, hnsw.max_level], np.int64),
        }

    @classmethod
    def restore(cls, rows: Floats, state: Mapping[str, NDArray[Any]]) -> Self:
        """The graph over `rows` (n, size) that `state` came from; ValueError when it cannot be a graph of them."""
        restored, faiss, count = cls(rows.shape[1]), library(), len(rows)
        hnsw = restored.graph.hnsw
        _check(state, count, faiss.vector_to_array(hnsw.cum_nneighbor_per_level))
        if count == 0:
            return restored
        restored.graph.storage.add(np.ascontiguousarray(rows))
        restored.graph.ntotal = count
        for name, vector in (
            ("levels", hnsw.levels),
            ("offsets", hnsw.offsets),
            ("neighbours", hnsw.neighbors),
        ):
            faiss.copy_array_to_vector(np.ascontiguousarray(state[name]), vector)
        hnsw.entry_point, hnsw.max_level = (int(value) for value in state["entry"])
        return restored


def library() -> Any:
    """FAISS, or an error that says how to get it."""
    try:
        import faiss
    except ImportError:
        raise MissingDependencyError("faiss-cpu", "approximate search", "faiss") from None
    return faiss


def _check(state: Mapping[str, NDArray[Any]], count: int, links_up_to: NDArray[np.int32]) -> None:
    """A wrong number in a graph is a walk through foreign memory: every one is looked at."""
    kinds = {"levels": np.int32, "offsets": np.uint64, "neighbours": np.int32, "entry": np.int64}
    if any(
        name not in state or state[name].dtype != kind or state[name].ndim != 1
        for name, kind in kinds.items()
    ):
        raise ValueError("the graph's arrays are missing or of another type")
    levels, offsets, neighbours, entry = (state[name] for name in kinds)
    if entry.shape != (2,) or levels.shape != (count,) or offsets.shape != (count + 1,):
        raise ValueError("the graph is of another number of rows")
    if count == 0:
        return
    most = len(links_up_to) - 1
    if levels.min() < 1 or levels.max() > most or not 0 <= entry[0] < count:
        raise ValueError("the graph has levels or an entry that cannot be")
    if entry[1] != levels.max() - 1 or levels[entry[0]] != levels.max():
        raise ValueError("the graph's entry is not on its highest level")
    lengths = links_up_to[levels].astype(np.uint64)
    if offsets[0] != 0 or offsets[-1] != len(neighbours) or (np.diff(offsets) != lengths).any():
        raise ValueError("the graph's rows do not lie where they should")
    if neighbours.min(initial=-1) < -1 or neighbours.max(initial=-1) >= count:
        raise ValueError("the graph names rows that do not exist")
    # A link on a level leads to a row that has that level: the walk looks for its links there.
    places = np.arange(len(neighbours)) - np.repeat(offsets[:-1].astype(np.int64), lengths.astype(np.int64))
    level = np.searchsorted(links_up_to, places, side="right") - 1
    linked = neighbours >= 0
    if (levels[neighbours[linked]] <= level[linked]).any():
        raise ValueError("the graph links rows on levels that they do not have")
