"""Splits: which group of recordings trains, validates or tests, so that no group is in two.

A group is everything that must stay together: `linked` joins items that share any of their keys (the same
artist, or the same repository), directly or over others. `assign` gives whole groups to splits: the largest
first, each to the split that lacks most, ties by a hash of seed and name. So the result depends on the data
and the seed alone, not on the order of the items, and a share is missed by less than the largest group of its
stratum.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence

SHARES: Mapping[str, float] = {"train": 0.8, "valid": 0.1, "test": 0.1}


def linked(keys: Iterable[Iterable[Hashable]]) -> list[int]:
    """Group numbers of items, each given by its keys; items that share a key, over any chain, share a number.

    Empty keys ("" and None) link nothing. Numbers count up in order of first appearance.

    >>> linked([["artist a", "repo 1"], ["artist b", "repo 1"], ["artist b"], ["artist c", ""], [""]])
    [0, 0, 0, 1, 2]
    """
    parent: list[int] = []

    def root(item: int) -> int:
        while parent[item] != item:
            parent[item] = item = parent[parent[item]]
        return item

    first: dict[Hashable, int] = {}
    for item, own in enumerate(keys):
        parent.append(item)
        for key in own:
            if key is None or key == "":
                continue
            other = root(first.setdefault(key, item))
            low, high = sorted((other, root(item)))
            parent[high] = low
    numbers: dict[int, int] = {}
    return [numbers.setdefault(root(item), len(numbers)) for item in range(len(parent))]


def assign(
    groups: Sequence[str],
    *,
    shares: Mapping[str, float] = SHARES,
    seed: int = 0,
    weights: Sequence[float] | None = None,
    strata: Sequence[str] | None = None,
    fixed: Mapping[str, str] | None = None,
) -> list[str]:
    """The split of every item; `groups`, `weights` (1 each) and `strata` (one) are a value an item.

    Shares are met in each stratum (a genre, a kind) as nearly as whole groups allow; a group in several
    strata counts as one of the stratum where it weighs most. `fixed` keeps groups where they are, so that a
    data set that grows never moves a recording from test to train.

    >>> assign(["a", "a", "b", "c"], shares={"train": 0.5, "test": 0.5}, seed=1)
    ['train', 'train', 'test', 'test']
    """
    names = list(shares)
    if (
        not names
        or any(not share >= 0 for share in shares.values())
        or not 0 < sum(shares.values()) < float("inf")
    ):
        raise ValueError(f"shares must be at least 0 and not all 0, got {dict(shares)}")
    if any(split not in shares for split in (fixed or {}).values()):
        raise ValueError(f"fixed names a split that is none of {names}")
    weight_of: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    columns = (weights or [1.0] * len(groups), strata or [""] * len(groups))
    for group, weight, stratum in zip(groups, *columns, strict=True):
        if not 0 <= weight < float("inf"):
            raise ValueError(f"weights must be finite and at least 0, got {weight}")
        weight_of[group][stratum] += weight
    pools: dict[str, list[tuple[float, bytes, str]]] = defaultdict(list)
    for group, by_stratum in weight_of.items():
        stratum = max(by_stratum, key=lambda name: (by_stratum[name], name))
        pools[stratum].append((-sum(by_stratum.values()), _hash(seed, group), group))
    total = sum(shares.values())
    where: dict[str, str] = {}
    for pool in pools.values():
        whole = -sum(weight for weight, _, _ in pool)
        lack = {name: whole * shares[name] / total for name in names}
        pool.sort(key=lambda entry: (entry[2] not in (fixed or {}), entry))
        for weight, _, group in pool:
            # A split with no share takes nothing, even when rounding leaves all lacks at 0.
            open_names = [name for name in names if shares[name] > 0]
            split = (fixed or {}).get(group) or max(open_names, key=lambda name: lack[name])
            lack[split] += weight
            where[group] = split
    return [where[group] for group in groups]


def _hash(seed: int, group: str) -> bytes:
    return hashlib.sha256(f"{seed}\0{group}".encode("utf-8", "surrogatepass")).digest()
