"""Splits: no group in two, shares as near as whole groups allow, the same on every day."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewheel.manifest.split import SHARES, assign, linked

ITEMS = st.lists(
    st.tuples(st.text(max_size=3), st.floats(0.1, 100), st.sampled_from(["rock", "jazz"])),
    min_size=1,
    max_size=60,
)


@given(ITEMS, st.integers(0, 99), st.randoms())
def test_no_group_is_in_two_splits_and_order_does_not_matter(
    items: list[tuple[str, float, str]], seed: int, shuffler: object
) -> None:
    def splits(rows: list[tuple[str, float, str]]) -> dict[str, set[str]]:
        found = defaultdict(set)
        answer = assign(
            [a for a, _, _ in rows],
            weights=[b for _, b, _ in rows],
            strata=[c for _, _, c in rows],
            seed=seed,
        )
        for (group, _, _), split in zip(rows, answer, strict=True):
            found[group].add(split)
        return found

    mixed = list(items)
    shuffler.shuffle(mixed)  # type: ignore[attr-defined]
    first = splits(items)
    assert all(len(where) == 1 for where in first.values())
    assert splits(mixed) == first


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=80), st.integers(0, 9))
def test_a_share_is_missed_by_less_than_the_largest_groups(weights: list[float], seed: int) -> None:
    groups = [f"group {n}" for n in range(len(weights))]
    found = assign(groups, weights=weights, seed=seed)
    for name, share in SHARES.items():
        got = sum(weight for weight, split in zip(weights, found, strict=True) if split == name)
        excess = got - share * sum(weights)
        assert excess <= max(weights) + 1e-6
        assert excess >= -(len(SHARES) - 1) * max(weights) - 1e-6


def test_shares_are_met_in_each_stratum() -> None:
    strata = ["rock"] * 100 + ["jazz"] * 20
    found = assign([str(n) for n in range(120)], strata=strata, seed=4)
    assert [found[:100].count(name) for name in SHARES] == [80, 10, 10]
    assert [found[100:].count(name) for name in SHARES] == [16, 2, 2]


def test_the_seed_decides() -> None:
    groups = [str(n) for n in range(40)]
    assert assign(groups, seed=1) == assign(groups, seed=1)
    assert assign(groups, seed=1) != assign(groups, seed=2)


def test_groups_that_are_fixed_stay_and_the_others_make_up_for_it() -> None:
    groups = [str(n) for n in range(10)]
    fixed = {"0": "test", "1": "test"}
    found = assign(groups, shares={"train": 0.8, "test": 0.2}, fixed=fixed, seed=3)
    assert found[:2] == ["test", "test"]
    assert found[2:] == ["train"] * 8


def test_a_split_without_a_share_gets_nothing() -> None:
    assert set(assign([str(n) for n in range(9)], shares={"train": 1.0, "test": 0.0})) == {"train"}


@given(st.lists(st.lists(st.integers(0, 15), max_size=3), max_size=30))
def test_linked_is_the_finest_partition_that_shares_no_key(keys: list[list[int]]) -> None:
    found = linked(keys)
    for i, a in enumerate(keys):
        for j, b in enumerate(keys):
            if set(a) & set(b):
                assert found[i] == found[j]
    components = len({frozenset([i]) for i in range(len(keys))})
    # Count components the slow way: join until nothing changes.
    sets = [({i}, set(own)) for i, own in enumerate(keys)]
    changed = True
    while changed:
        changed = False
        for i in range(len(sets)):
            for j in range(len(sets) - 1, i, -1):
                if sets[i][1] & sets[j][1]:
                    sets[i] = (sets[i][0] | sets[j][0], sets[i][1] | sets[j][1])
                    del sets[j]
                    changed = True
            if changed:
                break
    assert len(set(found)) == len(sets) <= components


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"shares": {}}, "shares"),
        ({"shares": {"train": -1.0}}, "shares"),
        ({"shares": {"train": float("nan")}}, "shares"),
        ({"weights": [float("nan")]}, "weights"),
        ({"weights": [1.0, 2.0]}, "zip"),
        ({"fixed": {"a": "elsewhere"}}, "fixed"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        assign(["a"], **arguments)  # type: ignore[arg-type]
