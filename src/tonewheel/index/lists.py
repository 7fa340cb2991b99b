"""IVF: rows in lists around centroids, of which only the nearest few are searched (Jegou et al., TPAMI 2011).

The centroids are trained by FAISS's k-means on the rows that are there when they are first needed, and again
when there are four times as many; until there are enough for two lists the search is exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tonewheel.index import exact
from tonewheel.index.exact import Floats, Mask, Numbers
from tonewheel.index.graph import library

ROWS_A_CENTROID = 39
"""Fewer give FAISS's k-means too little to average."""
PROBED, LEAST_PROBED = 0.1, 8
"""Share of the lists that is searched, and how many at least."""
SEED = 0


class Lists:
    """A searcher over unit rows.

    >>> rng = np.random.default_rng(0)
    >>> rows = rng.normal(size=(500, 16)).astype(np.float32)
    >>> rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    >>> lists = Lists(16)
    >>> lists.add(rows)
    >>> lists.search(rows, rows[7], 1, None)[0].tolist(), len(lists.centroids)
    ([7], 12)
    """

    def __init__(self, size: int) -> None:
        library()  # says at once that it is missing
        self.centroids: Floats = np.empty((0, size), np.float32)
        self.list_of: NDArray[np.int32] = np.empty(0, np.int32)
        self._waiting: list[Floats] = []
        self._trained_on = 0
        self._members: list[Numbers] | None = None

    def add(self, rows: Floats) -> None:
        """Put new rows (n, size) into the lists."""
        self._waiting.append(np.array(rows))
        total = len(self.list_of) + sum(map(len, self._waiting))
        if len(self.centroids) and total < 4 * self._trained_on:
            new = np.concatenate(self._waiting)
            self.list_of = np.concatenate([self.list_of, self._nearest(new)])
            self._waiting, self._members = [], None

    def search(self, rows: Floats, query: Floats, k: int, allowed: Mask | None) -> tuple[Numbers, Floats]:
        """The `k` nearest of the rows in the lists nearest to `query`, best first."""
        if self._waiting:
            self._train(rows)
        if not len(self.centroids):
            return exact.search(rows, query, k, allowed)
        members = self._of_lists()
        order = np.argsort(-(self.centroids @ query), kind="stable")
        probed = max(LEAST_PROBED, round(PROBED * len(order)))
        numbers = np.sort(np.concatenate([members[i] for i in order[:probed]]))
        if allowed is not None:
            numbers = numbers[allowed[numbers]]
        found, scores = exact.top(rows[numbers] @ query, k)
        return np.asarray(numbers[found], np.int64), scores

    def _train(self, rows: Floats) -> None:
        wanted = min(round(4 * np.sqrt(len(rows))), len(rows) // ROWS_A_CENTROID)
        self._waiting, self._members = [], None
        if wanted < 2:
            self.list_of = np.zeros(len(rows), np.int32)
            return
        faiss = library()
        means = faiss.Kmeans(rows.shape[1], wanted, niter=10, spherical=True, seed=SEED)
        means.train(np.ascontiguousarray(rows))
        self.centroids = np.array(means.centroids, np.float32).reshape(wanted, -1)
        self.list_of = self._nearest(rows)
        self._trained_on = len(rows)

    def _nearest(self, rows: Floats) -> NDArray[np.int32]:
        parts = [rows[i : i + 4096] @ self.centroids.T for i in range(0, len(rows), 4096)]
        return np.concatenate([part.argmax(axis=1) for part in parts]).astype(np.int32)

    def _of_lists(self) -> list[Numbers]:
        if self._members is None:
            order = np.argsort(self.list_of, kind="stable")
            counts = np.bincount(self.list_of, minlength=len(self.centroids))
            self._members = np.split(order, np.cumsum(counts)[:-1])
        return self._members

    def state(self) -> dict[str, NDArray[Any]]:
        """Centroids and the list of each row; rows that wait for training are in none yet."""
        trained_on = np.array([self._trained_on], np.int64)
        if self._waiting:
            return {
                "centroids": self.centroids[:0],
                "list_of": self.list_of[:0],
                "trained_on": trained_on * 0,
            }
        return {"centroids": self.centroids, "list_of": self.list_of, "trained_on": trained_on}

    @classmethod
    def restore(cls, rows: Floats, state: Mapping[str, NDArray[Any]]) -> Self:
        """The lists over `rows` (n, size) that `state` came from; ValueError when they cannot be lists of them."""
        restored = cls(rows.shape[1])
        kinds = {"centroids": np.float32, "list_of": np.int32, "trained_on": np.int64}
        if any(name not in state or state[name].dtype != kind for name, kind in kinds.items()):
            raise ValueError("the lists' arrays are missing or of another type")
        centroids, list_of, trained_on = (state[name] for name in kinds)
        if centroids.ndim != 2 or centroids.shape[1] != rows.shape[1] or trained_on.shape != (1,):
            raise ValueError("the lists' centroids are of another size")
        if not len(centroids):
            restored.add(rows)
            return restored
        if not np.isfinite(centroids).all() or list_of.shape != (len(rows),):
            raise ValueError("the lists are of another number of rows")
        if len(rows) and not (list_of.min() >= 0 and list_of.max() < len(centroids)):
            raise ValueError("the lists hold rows of lists that do not exist")
        restored.centroids, restored.list_of = centroids, list_of
        restored._trained_on = int(trained_on[0])
        return restored
