"""Find techniques in a drum manifest from what its events say, and write them into it.

A performance is a `session_id`, or a track of one where `track_id` is there; its events are taken by onset.

    variable_meter           the first event after a change of the meter
    metric_modulation        the first event after the tempo jumped by a simple ratio (terms up to 5)
    multi_cymbal_same_class  every event of a cymbal family that shows two variants in the performance: two
                             labels of one class (crash, splash), or two values of `instrument_variant`
    hihat_bark               an open hat that is closed within 0.2 s, or is marked as choked

Memory stays bounded however sessions are interleaved: a first pass writes some 40 bytes an event to 64 files
on disk, chosen by a hash of the performance, so each performance is whole in one of them; these are judged one
at a time. What is held is one of them and a byte a line. A second pass copies the manifest and adds the ids.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.progress import progress
from tonewheel.core.records import Record
from tonewheel.manifest.components import canonical, class_of, is_known
from tonewheel.manifest.event_lines import (
    Event,
    EventLine,
    Quarantine,
    components_of,
    number_of,
    read_events,
    rewrite,
)
from tonewheel.manifest.technique_taxonomy import Taxonomy, plain

RULES = ("variable_meter", "metric_modulation", "multi_cymbal_same_class", "hihat_bark")
BARK_LONGEST_S = 0.2
"""An open hat closed later is a plain open hat: an off-beat at 120 BPM rings 0.25 s."""
OPEN_FROM = 0.5
RATIO_TERMS = 5
RATIO_TOLERANCE = 0.02
BUCKETS = 64
_WAITING = 4096
_OPEN, _CLOSED, _CHOKED = 1, 2, 4
_FAMILIES = ("crash", "ride", "hihat")

_HIT = np.dtype(
    [("line", "<u8"), ("who", "<u8"), ("onset", "<f8"), ("tempo", "<f8"), ("meter", "<u4"), ("hat", "u1")]
)
_CYMBAL = np.dtype([("line", "<u8"), ("who", "<u8"), ("family", "u1"), ("label", "<u4"), ("variant", "<u4")])
Rows = NDArray[Any]


class Annotated(Record):
    """What an annotation did, or would do."""

    events: int
    changed: int
    """Events whose line is another one now."""
    added: dict[str, int]
    """Events that an id was added to."""
    renamed: dict[str, int]
    """Aliases that became ids."""
    unknown: dict[str, int]
    """Techniques in the manifest that the taxonomy does not have (the first 100)."""
    quarantined: int = 0
    dry_run: bool = False


def annotate(
    events: str | Path, out: str | Path | None, taxonomy: Taxonomy, *, strict: bool = False
) -> Annotated:
    """Add the techniques that the rules find and the taxonomy has; `out` None is a dry run.

    `out` may be the manifest itself. Ids that are there stay, aliases become ids.
    """
    names = taxonomy.names()
    rules = [rule for rule in RULES if rule in names.values()]
    marks = infer(events)
    added: Counter[str] = Counter()
    renamed: Counter[str] = Counter()
    unknown: Counter[str] = Counter()

    def change(line: EventLine) -> bool:
        before = [str(one) for one in line.event.get("techniques") or []]
        after = []
        for one in before:
            known = names.get(plain(one))
            if known is None and (one in unknown or len(unknown) < 100):
                unknown[one] += 1
            elif known is not None and known != one:
                renamed[one] += 1
            after.append(known or one)
        found = [
            rule for rule in rules if marks[line.number] & (1 << RULES.index(rule)) and rule not in after
        ]
        added.update(found)
        after = list(dict.fromkeys([*after, *found]))
        if after == before:
            return False
        line.event["techniques"] = after
        return True

    total, changed, quarantined = rewrite(events, out, change, strict=strict)
    return Annotated(
        events=total,
        changed=changed,
        added={rule: added[rule] for rule in rules},
        renamed=dict(sorted(renamed.items())),
        unknown=dict(sorted(unknown.items())),
        quarantined=quarantined,
        dry_run=out is None,
    )


def infer(events: str | Path) -> NDArray[np.uint8]:
    """For every line of a manifest (index = line number) one bit a rule, in the order of `RULES`."""
    with tempfile.TemporaryDirectory(prefix="tonewheel-techniques-") as name:
        folder = Path(name)
        last = _spread(events, folder)
        marks = np.zeros(last + 1, np.uint8)
        for bucket in range(BUCKETS):
            hits = _rows(folder / f"{bucket}.hits", _HIT)
            hits = hits[np.lexsort((hits["line"], hits["onset"], hits["who"]))]
            for bit, lines in enumerate(
                (
                    _meter_changes(hits),
                    _modulations(hits),
                    _cymbal_pairs(_rows(folder / f"{bucket}.cymbals", _CYMBAL)),
                    _barks(hits),
                )
            ):
                marks[lines] |= np.uint8(1 << bit)
        return marks


def _spread(events: str | Path, folder: Path) -> int:
    """Write what the rules look at to the bucket files; returns the last line number."""
    waiting: dict[str, list[tuple[Any, ...]]] = {}
    last = 0

    def flush(name: str) -> None:
        rows = waiting.pop(name, [])
        kind = _HIT if name.endswith("hits") else _CYMBAL
        with (folder / name).open("ab") as file:
            np.array(rows, kind).tofile(file)

    def put(name: str, row: tuple[Any, ...]) -> None:
        rows = waiting.setdefault(name, [])
        rows.append(row)
        if len(rows) >= _WAITING:
            flush(name)

    lines = read_events(events, Quarantine(None))
    for number, _, event in progress(lines, f"reading {Path(events).name}", unit="events"):
        last = number
        who = _performance(event)
        bucket = who % BUCKETS
        tempo = number_of(event.get("tempo_bpm")) or 0.0
        meter = event.get("meter")
        meter_id = crc32(meter.replace(" ", "").encode()) if isinstance(meter, str) and meter.strip() else 0
        hat = 0
        for family, label, variant, state in _cymbals(event):
            hat |= state
            put(f"{bucket}.cymbals", (number, who, family, label, variant))
        onset = number_of(event.get("onset_time")) or 0.0
        if tempo > 0 or meter_id or hat:
            put(f"{bucket}.hits", (number, who, onset, tempo, meter_id, hat))
    for name in list(waiting):
        flush(name)
    return last


def _performance(event: Event) -> int:
    key = f"{event.get('session_id') or ''}\0{event.get('track_id') or ''}"
    return int.from_bytes(blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def _cymbals(event: Event) -> Iterator[tuple[int, int, int, int]]:
    """Family, label, variant (0: not said) and hi-hat state of the cymbals of an event."""
    for component in components_of(event):
        name = _class(component["label"])
        family = name.partition("_")[0]
        if family not in _FAMILIES:
            continue
        state = 0
        if family == "hihat":
            openness = number_of(component.get("openness"))
            is_open = name == "hihat_open" or (openness is not None and openness >= OPEN_FROM)
            state = _OPEN if is_open else _CLOSED
            if is_open and component.get("choke") and _short(event):
                state |= _CHOKED
        variant = component.get("instrument_variant")
        # Bow and bell are one ride, open and closed one hat: only crashes differ by their labels.
        label = crc32(canonical(component["label"]).encode()) if family == "crash" else 1
        yield (
            _FAMILIES.index(family),
            label,
            crc32(str(variant).strip().casefold().encode()) if variant else 0,
            state,
        )


@lru_cache(4096)
def _class(label: str) -> str:
    return class_of(label) if is_known(label) else ""


def _short(event: Event) -> bool:
    onset, offset = number_of(event.get("onset_time")), number_of(event.get("offset_time"))
    return onset is None or offset is None or offset - onset <= BARK_LONGEST_S


def _rows(path: Path, kind: np.dtype[Any]) -> Rows:
    return np.fromfile(path, kind) if path.exists() else np.zeros(0, kind)


def _after(rows: Rows) -> tuple[Rows, Rows]:
    """Neighbours of the same performance: (before, after), of rows in order."""
    same = rows["who"][1:] == rows["who"][:-1]
    return rows[:-1][same], rows[1:][same]


def _meter_changes(hits: Rows) -> NDArray[np.uint64]:
    before, after = _after(hits[hits["meter"] != 0])
    lines: NDArray[np.uint64] = after["line"][before["meter"] != after["meter"]]
    return lines


def _modulations(hits: Rows) -> NDArray[np.uint64]:
    before, after = _after(hits[hits["tempo"] > 0])
    jump = after["tempo"] / before["tempo"]
    terms = range(1, RATIO_TERMS + 1)
    ratios = sorted({above / below for above in terms for below in terms} - {1.0})
    near = np.zeros(len(jump), bool)
    for ratio in ratios:
        near |= np.abs(jump / ratio - 1) <= RATIO_TOLERANCE
    lines: NDArray[np.uint64] = after["line"][near]
    return lines


def _cymbal_pairs(cymbals: Rows) -> NDArray[np.uint64]:
    if not len(cymbals):
        return np.zeros(0, np.uint64)
    keys = cymbals[["who", "family"]]
    _, group = np.unique(keys, return_inverse=True)
    several = np.zeros(int(group.max()) + 1, bool)
    for field in ("label", "variant"):
        said = cymbals[field] != 0
        pairs = np.unique(
            np.stack([group[said].astype(np.uint64), cymbals[field][said].astype(np.uint64)]), axis=1
        )
        several |= np.bincount(pairs[0].astype(np.int64), minlength=len(several)) > 1
    lines: NDArray[np.uint64] = cymbals["line"][several[group]]
    return lines


def _barks(hits: Rows) -> NDArray[np.uint64]:
    hats = hits[hits["hat"] != 0]
    before, after = _after(hats)
    closed = (before["hat"] & _OPEN > 0) & (after["hat"] & (_OPEN | _CLOSED) == _CLOSED)
    soon = after["onset"] - before["onset"] <= BARK_LONGEST_S
    lines: NDArray[np.uint64] = np.concatenate(
        [before["line"][closed & soon], hats["line"][hats["hat"] & _CHOKED > 0]]
    )
    return lines
