"""Which hits train, validate and test: whole groups, each label shared out as evenly as they allow.

A group is all events that share a drummer, a kit, a room, a session or a recording, over any chain of them.
Groups go, the largest first, to the split that lacks most of what they hold (iterative stratification,
Sechidis et al., ECML 2011, for groups instead of examples), rare labels counting as much as common ones.
Synthetic audio goes to train only, audio that may not train a shipped weight to valid or test only; a group
that holds both is left out.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from tonewheel.core.errors import InputError
from tonewheel.core.records import Record
from tonewheel.manifest.split import SHARES, linked

GROUP_KEYS = ("drummer_id", "kit_id", "room_id", "session_id", "audio_sha256")
Event = dict[str, Any]


class Splits(Record):
    """The split of every event ("" is left out), its group, and what a person should know."""

    split: tuple[str, ...]
    group: tuple[int, ...]
    warnings: tuple[str, ...]


def groups_of(events: Sequence[Event]) -> list[int]:
    """The group number of each event.

    >>> groups_of([{"drummer_id": "a", "kit_id": "k"}, {"drummer_id": "b", "kit_id": "k"}, {"drummer_id": "c"}])
    [0, 0, 1]
    """
    return linked(((key, event[key]) for key in GROUP_KEYS if event.get(key)) for event in events)


def split_events(
    events: Sequence[Event],
    *,
    shares: Mapping[str, float] = SHARES,
    seed: int = 0,
    evaluation_only: Sequence[bool] | None = None,
) -> Splits:
    """Give whole groups to splits; the result depends on the events and the seed, not on their order."""
    if set(shares) != {"train", "valid", "test"} or min(shares.values()) < 0 or sum(shares.values()) <= 0:
        raise InputError("--shares", f"needs train, valid and test of at least 0, got {dict(shares)}")
    groups = groups_of(events)
    barred = evaluation_only or [False] * len(events)
    labels: dict[int, Counter[str]] = defaultdict(Counter)
    names: dict[int, str] = {}
    allowed: dict[int, set[str]] = defaultdict(lambda: {name for name in shares if shares[name] > 0})
    for group, event, closed in zip(groups, events, barred, strict=True):
        labels[group].update(sorted({one["label"] for one in event["components"]}) or ["none"])
        names[group] = min(names.get(group, event["sample_id"]), event["sample_id"])
        if event.get("is_synthetic"):
            allowed[group] &= {"train"}
        if closed:
            allowed[group] -= {"train"}
    total: Counter[str] = Counter()
    for counts in labels.values():
        total.update(counts)
    weight = sum(shares.values())
    lack = {name: dict.fromkeys(total, shares[name] / weight) for name in shares}
    chosen: dict[int, str] = {}

    def size(group: int) -> float:
        return sum(count / total[label] for label, count in labels[group].items())

    # Those with one place to go first: the others make up for them.
    order = sorted(labels, key=lambda one: (len(allowed[one]), -size(one), _hash(seed, names[one])))
    for group in order:
        if not allowed[group]:
            continue
        held = {label: count / total[label] for label, count in labels[group].items()}
        wanted = {name: sum(lack[name][one] * part for one, part in held.items()) for name in allowed[group]}
        best = max(sorted(allowed[group]), key=lambda name: (wanted[name], -list(shares).index(name)))
        chosen[group] = best
        for label, part in held.items():
            lack[best][label] -= part
    _fill_empty(chosen, allowed, shares, size)
    split = tuple(chosen.get(group, "") for group in groups)
    return Splits(split=split, group=tuple(groups), warnings=_warnings(split, events, shares, len(labels)))


def _fill_empty(
    chosen: dict[int, str], allowed: Mapping[int, set[str]], shares: Mapping[str, float], size: Any
) -> None:
    """With few groups, large ones leave splits empty; the smallest of a split that can spare it moves."""
    for name in shares:
        if shares[name] <= 0 or name in chosen.values():
            continue
        left = Counter(chosen.values())
        spare = [one for one, where in chosen.items() if left[where] > 1 and name in allowed[one]]
        if spare:
            chosen[min(spare, key=lambda one: (size(one), one))] = name


def _warnings(
    split: Sequence[str], events: Sequence[Event], shares: Mapping[str, float], groups: int
) -> tuple[str, ...]:
    found = []
    has: dict[str, set[str]] = defaultdict(set)
    for where, event in zip(split, events, strict=True):
        has[where].update(one["label"] for one in event["components"])
    everything = set().union(*has.values()) if has else set()
    for name in shares:
        if shares[name] <= 0:
            continue
        if name not in has:
            found.append(f"{name} is empty: {groups} group(s) cannot be shared out")
        elif missing := sorted(everything - has[name]):
            found.append(f"{name} has no {', '.join(missing)}")
    if left := split.count(""):
        found.append(f"{left} events are left out: their groups hold synthetic and evaluation-only audio")
    return tuple(found)


def _hash(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}\0{name}".encode("utf-8", "surrogatepass")).digest()
