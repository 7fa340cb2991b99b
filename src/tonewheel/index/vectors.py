"""An index: identifiers with their embeddings, to add to, remove from and search.

Removing marks a row; the rows are packed together, and an approximate method's structure made anew, only when
a quarter is marked. So neither adding nor removing costs a rebuild.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tonewheel.core.errors import InputError, nearest
from tonewheel.index.exact import Exact, Floats, Mask, Numbers
from tonewheel.index.exact import search as search_exactly
from tonewheel.index.graph import Graph
from tonewheel.index.lists import Lists

MARKED_SHARE = 0.25
EXACT_BELOW = 5_000
"""With so few rows allowed, looking at all of them is quicker than walking past the others."""


class Match(NamedTuple):
    """A found identifier and its cosine with the query."""

    id: str
    score: float


class Searcher(Protocol):
    """A method of search over rows that are only ever added to."""

    def add(self, rows: Floats) -> None:
        """Take new rows in, (n, size)."""

    def search(self, rows: Floats, query: Floats, k: int, allowed: Mask | None) -> tuple[Numbers, Floats]:
        """Numbers and cosines of up to `k` of all `rows`, best first, among those allowed."""

    def state(self) -> dict[str, NDArray[Any]]:
        """What to store so that the searcher can be restored over the same rows."""


METHODS: dict[str, Callable[[int], Searcher]] = {"exact": lambda size: Exact(), "hnsw": Graph, "ivf": Lists}


class VectorIndex:
    """Embeddings (unit rows of `size` numbers) under identifiers of their own.

    >>> index = VectorIndex(2)
    >>> index.add(["east", "north"], [[1, 0], [0, 1]])
    >>> index.search([0.6, 0.8], k=1)
    [Match(id='north', score=0.800000011920929)]
    >>> index.remove(["north"])
    >>> [match.id for match in index.search([0.6, 0.8])]
    ['east']
    """

    def __init__(self, size: int, method: str = "exact") -> None:
        if method not in METHODS:
            known = ", ".join(METHODS)
            raise InputError("method", f'"{method}" is none of {known}{nearest(method, METHODS)}')
        self.size, self.method = size, method
        self.searcher = METHODS[method](size)
        self._ids: list[str] = []
        self._number: dict[str, int] = {}
        self._held: Floats = np.empty((0, size), np.float32)
        self._there: Mask = np.empty(0, bool)

    @classmethod
    def of(cls, ids: Sequence[str], rows: Floats, there: Mask, method: str, searcher: Searcher) -> Self:
        """An index as it was `stored`, with the identifiers of the rows that are `there`."""
        index = cls(rows.shape[1], method)
        numbers = np.flatnonzero(there).tolist()
        names = [""] * len(rows)
        for number, identifier in zip(numbers, ids, strict=True):
            names[number] = identifier
        index._ids, index._number = names, dict(zip(ids, numbers, strict=True))
        index._held, index._there, index.searcher = rows, there, searcher
        return index

    def stored(self) -> tuple[Floats, Mask]:
        """All rows, those that were removed among them, and which of them are there."""
        return self._rows, self._there[: len(self._ids)]

    def __len__(self) -> int:
        return len(self._number)

    def __contains__(self, identifier: object) -> bool:
        return identifier in self._number

    @property
    def ids(self) -> list[str]:
        """Identifiers in the order in which they were added."""
        return list(self._number)

    @property
    def vectors(self) -> Floats:
        """Embeddings in the order of `ids`; shape (n, size)."""
        return self._rows if len(self) == len(self._ids) else self._rows[self._there[: len(self._ids)]]

    @property
    def _rows(self) -> Floats:
        return self._held[: len(self._ids)]

    def vector(self, identifier: str) -> Floats:
        """The embedding of an identifier, (size,); InputError names the nearest when there is none."""
        self._known(identifier)
        row: Floats = self._held[self._number[identifier]]
        return row

    def add(self, ids: Sequence[str], rows: ArrayLike) -> None:
        """Add embeddings (n, size) under new identifiers, all or none.

        ValueError for rows of another shape, not finite or not of unit length; InputError for an identifier that
        is there already.
        """
        new = np.ascontiguousarray(rows, dtype=np.float32)
        if new.shape != (len(ids), self.size):
            raise ValueError(f"rows must have the shape ({len(ids)}, {self.size}), got {new.shape}")
        check_unit(new)
        seen: set[str] = set()
        for identifier in ids:
            if identifier in self._number or identifier in seen:
                raise InputError(identifier, "is in the index already")
            seen.add(identifier)
        first, total = len(self._ids), len(self._ids) + len(ids)
        self.searcher.add(new)
        if total > len(self._held):
            room = max(total, 2 * len(self._held))
            held, there = np.empty((room, self.size), np.float32), np.zeros(room, bool)
            held[:first], there[:first] = self._rows, self._there[:first]
            self._held, self._there = held, there
        self._held[first:total], self._there[first:total] = new, True
        self._ids.extend(ids)
        self._number.update(zip(ids, range(first, total), strict=True))

    def remove(self, ids: Iterable[str]) -> None:
        """Take identifiers out, all or none; InputError for one that is not there."""
        gone = list(dict.fromkeys(ids))
        for identifier in gone:
            self._known(identifier)
        for identifier in gone:
            self._there[self._number.pop(identifier)] = False
        if len(self) < (1 - MARKED_SHARE) * len(self._ids):
            self.compact()

    def compact(self) -> None:
        """Forget the rows that were removed; an approximate method makes its structure anew."""
        if len(self) == len(self._ids):
            return
        self._held, self._ids = self.vectors, self.ids
        self._there = np.ones(len(self._ids), bool)
        self._number = {identifier: number for number, identifier in enumerate(self._ids)}
        self.searcher = METHODS[self.method](self.size)
        self.searcher.add(self._held)

    def search(self, query: ArrayLike, k: int = 10, among: NDArray[np.bool_] | None = None) -> list[Match]:
        """The `k` identifiers with the highest cosine, best first; equal ones in the order they were added.

        Shapes: `query` (size,), a unit vector; `among` (n,) in the order of `ids` leaves only those where it is
        true. Approximate methods may miss some, and find fewer than `k`.
        """
        wanted = np.ascontiguousarray(query, dtype=np.float32)
        if wanted.shape != (self.size,):
            raise ValueError(f"query must have the shape ({self.size},), got {wanted.shape}")
        if k < 1:
            raise ValueError(f"k must be at least 1, got {k}")
        check_unit(wanted[None])
        allowed, count = self._allowed(among)
        find = self.searcher.search if count > EXACT_BELOW or allowed is None else search_exactly
        if count == 0:
            return []
        numbers, scores = find(self._rows, wanted, min(k, count), allowed)
        # Rounding may leave a cosine a hair above 1.
        found = zip(numbers.tolist(), scores.tolist(), strict=True)
        return [Match(self._ids[number], min(1.0, score)) for number, score in found]

    def _allowed(self, among: NDArray[np.bool_] | None) -> tuple[Mask | None, int]:
        there = self._there[: len(self._ids)]
        if among is None:
            return (None if len(self) == len(self._ids) else there), len(self)
        if among.shape != (len(self),) or among.dtype != np.bool_:
            raise ValueError(f"among must hold {len(self)} booleans, got {among.dtype} {among.shape}")
        allowed = np.zeros(len(self._ids), bool)
        allowed[np.flatnonzero(there)[among]] = True
        return allowed, int(among.sum())

    def _known(self, identifier: str) -> None:
        if identifier not in self._number:
            raise InputError(identifier, f"is not in the index{nearest(identifier, self._number)}")


def check_unit(rows: Floats) -> None:
    """ValueError unless all rows (n, size) are finite and of unit length, to a thousandth."""
    lengths = np.linalg.norm(rows, axis=1)
    wrong = np.flatnonzero(~(np.abs(lengths - 1) <= 1e-3))
    if wrong.size:
        raise ValueError(f"row {wrong[0]} has the length {lengths[wrong[0]]:.4g}; embeddings have length 1")
