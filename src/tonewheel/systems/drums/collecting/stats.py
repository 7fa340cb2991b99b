"""How far a collection is: hits a class beside the minimum and the recommended number."""

from __future__ import annotations

from collections import Counter

from tonewheel.core.records import Record
from tonewheel.manifest.components import class_of, classes, is_known
from tonewheel.systems.drums.collecting.collection import Collection

WANTED: dict[str, tuple[int, int]] = {
    "kick": (100, 500),
    "snare": (100, 500),
    "hihat_closed": (150, 750),
    "hihat_open": (50, 250),
    "crash": (75, 300),
    "ride": (75, 300),
    "tom_high": (50, 200),
    "tom_mid": (50, 200),
    "tom_low": (50, 200),
}
"""Minimum and recommended hits; the other classes have no number."""


class ClassCount(Record):
    """One class: hits that are there, how many are real, how many there should be (0: not said)."""

    label: str
    have: int
    real: int
    minimum: int
    recommended: int

    @property
    def verdict(self) -> str:
        """below minimum, below recommended, or enough."""
        if self.have < self.minimum:
            return "below minimum"
        return "below recommended" if self.have < self.recommended else "enough"


class CollectionStats(Record):
    """The table, and what it was counted from."""

    events: int
    recordings: int
    drummers: int
    kits: int
    rooms: int
    classes: tuple[ClassCount, ...]

    @property
    def enough(self) -> bool:
        """Whether every class has its minimum."""
        return all(one.have >= one.minimum for one in self.classes)

    def table(self) -> str:
        """The table as text."""
        rows = [f"{'component':<16}{'have':>8}{'minimum':>9}{'recommended':>13}  "]
        for one in self.classes:
            least, best = (str(one.minimum), f"{one.recommended}+") if one.minimum else ("-", "-")
            verdict = one.verdict if one.minimum else ""
            rows.append(f"{one.label:<16}{one.have:>8}{least:>9}{best:>13}  {verdict}".rstrip())
        return "\n".join(rows)


def stats(collection: Collection) -> CollectionStats:
    """Count a collection by the 12 classes; a second crash is a crash, a rimshot a snare."""
    have: Counter[str] = Counter()
    real: Counter[str] = Counter()
    for event in collection.events.values():
        for one in event.get("components") or []:
            label = class_of(one["label"]) if is_known(one["label"]) else one["label"]
            have[label] += 1
            real[label] += not event.get("is_synthetic")
    others = sorted(set(have) - set(classes()))
    counts = [
        ClassCount(label=label, have=have[label], real=real[label], minimum=least, recommended=best)
        for label in (*WANTED, *(one for one in classes() if one not in WANTED), *others)
        for least, best in [WANTED.get(label, (0, 0))]
    ]

    def different(key: str) -> int:
        return len({event.get(key) for event in collection.events.values()} - {None, ""})

    return CollectionStats(
        events=len(collection.events),
        recordings=len(collection.sources),
        drummers=different("drummer_id"),
        kits=different("kit_id"),
        rooms=different("room_id"),
        classes=tuple(counts),
    )
