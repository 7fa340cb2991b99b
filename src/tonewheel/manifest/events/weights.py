"""Sampling weights: how much each event of a session (or of an audio file) counts in training.

weight = (count + smoothing) ** -exponent, times a boost for each boosted technique that the group holds, then
clamped. Exponent 0 leaves the events as they are, 1 gives every group the same share, 0.5 lies between.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any, Literal

import msgspec

from tonewheel.core.errors import InputError
from tonewheel.core.records import Record
from tonewheel.manifest.event_lines import Quarantine
from tonewheel.manifest.events.scan import Scan, Sources, admit, check_sources

GroupBy = Literal["session_id", "audio_path"]


class WeightOptions(Record):
    """How weights are derived; saved with them."""

    group_by: GroupBy = "session_id"
    exponent: float = 0.5
    smoothing: float = 0.0
    boosts: dict[str, float] = msgspec.field(default_factory=dict)
    """Technique to factor."""
    min_count: int = 1
    """Groups with fewer events get no weight."""
    dedupe: tuple[str, ...] = ()
    """Keys of an event that together count once, over all groups; the first event is counted."""
    max_per_group: int | None = None
    """Events of a group beyond so many are not counted, nor are their techniques."""
    techniques: tuple[str, ...] = ()
    """Only events with any of these are counted."""
    match_all: bool = False
    """Only events with all of `techniques` are."""
    min_weight: float | None = None
    max_weight: float | None = None

    def problems(self) -> list[str]:
        """What is wrong with the options."""
        found = []
        if not self.smoothing >= 0 or self.smoothing == float("inf"):
            found.append(f"smoothing must be at least 0, got {self.smoothing:g}")
        if not abs(self.exponent) < 100:
            found.append(f"exponent must be a number between -100 and 100, got {self.exponent:g}")
        found += [
            f"the boost of {name} must be more than 0, got {factor:g}"
            for name, factor in self.boosts.items()
            if not 0 < factor < float("inf")
        ]
        if self.max_per_group is not None and self.max_per_group < 1:
            found.append(f"max_per_group must be at least 1, got {self.max_per_group}")
        low, high = self.min_weight, self.max_weight
        found += [f"a clamp must be at least 0, got {one:g}" for one in (low, high) if one and not one >= 0]
        if low is not None and high is not None and low > high:
            found.append(f"min_weight {low:g} is above max_weight {high:g}")
        return found

    def weight(self, count: int, techniques: dict[str, int]) -> float:
        """The weight of a group of `count` events in which techniques come so often.

        >>> WeightOptions(boosts={"hihat_bark": 2.0}, max_weight=0.5).weight(4, {"hihat_bark": 1})
        0.5
        >>> WeightOptions().weight(100, {})
        0.1
        """
        weight = float((count + self.smoothing) ** -self.exponent)
        for name, factor in self.boosts.items():
            if techniques.get(name, 0) > 0:
                weight *= factor
        if self.min_weight is not None:
            weight = max(weight, self.min_weight)
        if self.max_weight is not None:
            weight = min(weight, self.max_weight)
        return weight


class GroupWeight(Record, omit_defaults=True):
    """The weight of one group, and what it was derived from."""

    count: int
    weight: float
    technique_counts: dict[str, int] = msgspec.field(default_factory=dict)


class SamplingWeights(Record):
    """A file of sampling weights: the options and totals, then a weight a group."""

    metadata: dict[str, Any]
    weights: dict[str, GroupWeight]

    def of_groups(self) -> dict[str, float]:
        """Group to weight, as a sampler takes it."""
        return {group: one.weight for group, one in self.weights.items()}


def read_weights(path: str | Path) -> SamplingWeights:
    """A file of weights; InputError when it is none or a weight is no number of at least 0."""
    found = SamplingWeights.read(path)
    for group, one in found.weights.items():
        if not 0 <= one.weight < float("inf"):
            raise InputError(path, f'the weight of "{group}" must be at least 0, got {one.weight}')
    return found


def derive_weights(
    sources: Sources,
    options: WeightOptions | None = None,
    *,
    quarantine: Quarantine | None = None,
    strict: bool = False,
    **scan_options: Any,
) -> SamplingWeights:
    """Weights of the groups of manifests; events without the group's key belong to none.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "events.jsonl"
    >>> _ = path.write_text('{"sample_id": "1", "session_id": "x"}\\n' * 4)
    >>> derive_weights([path]).of_groups()
    {'x': 0.5}
    """
    chosen = options or WeightOptions()
    if problems := chosen.problems():
        raise InputError("weights", "; ".join(problems))
    check_sources(sources)
    apart = quarantine or Quarantine(None)
    with Scan(sources, apart, **scan_options) as scan:
        total = scan.load("events", sources, [chosen.group_by, "techniques", *chosen.dedupe])
        admit(apart, strict)
        scan.connection.execute(f"CREATE VIEW counted AS {_counted(chosen)}")
        counts = scan.rows("SELECT name, count(*) FROM counted GROUP BY name ORDER BY name")
        techniques: dict[str, dict[str, int]] = defaultdict(dict)
        for name, technique, count in scan.rows(
            "SELECT name, technique, count(*) FROM (SELECT name, unnest(techniques) AS technique FROM counted) "
            "WHERE technique <> '' GROUP BY name, technique ORDER BY name, technique"
        ):
            techniques[name][technique] = count
    weights = {
        name: GroupWeight(
            count=count,
            weight=chosen.weight(count, techniques.get(name, {})),
            technique_counts=techniques.get(name, {}),
        )
        for name, count in counts
        if count >= chosen.min_count
    }
    kept = [one.weight for one in weights.values()]
    totals: dict[str, int] = defaultdict(int)
    for one in techniques.values():
        for technique, count in one.items():
            totals[technique] += count
    metadata = {
        **chosen.to_dict(),
        "manifests": [str(source) for source in sources],
        "events_total": total,
        "events_counted": sum(one.count for one in weights.values()),
        "groups": len(weights),
        "groups_below_min_count": len(counts) - len(weights),
        "quarantined": apart.count,
        "technique_totals": dict(sorted(totals.items())),
        "weight_range": [min(kept), max(kept)] if kept else None,
    }
    return SamplingWeights(metadata=metadata, weights=weights)


def _counted(options: WeightOptions) -> str:
    """The events that count, as (name, techniques): filter, then dedupe, then cap, each in their order."""
    query = f"SELECT rowid AS {_ROW}, * FROM events WHERE {options.group_by} <> ''"
    if options.techniques:
        wanted = ", ".join("'" + name.replace("'", "''") + "'" for name in options.techniques)
        has = "list_has_all" if options.match_all else "list_has_any"
        query += f" AND {has}(coalesce(techniques, []), [{wanted}])"
    if options.dedupe:
        # PARTITION BY takes nulls for equal: events without a key are alike in it.
        keys = ", ".join('"' + name.replace('"', '""') + '"' for name in options.dedupe)
        place = f"row_number() OVER (PARTITION BY {keys} ORDER BY {_ROW})"
        query = f"SELECT * FROM ({query}) QUALIFY {place} = 1"
    if options.max_per_group is not None:
        place = f"row_number() OVER (PARTITION BY {options.group_by} ORDER BY {_ROW})"
        query = f"SELECT * FROM ({query}) QUALIFY {place} <= {options.max_per_group}"
    return f"SELECT {options.group_by} AS name, techniques FROM ({query})"


_ROW = '"*row*"'  # a name that no key of an event takes


def parse_boosts(texts: list[str]) -> dict[str, float]:
    """Boosts from the command line, `technique=factor` each.

    >>> parse_boosts(["hihat_bark=2.5"])
    {'hihat_bark': 2.5}
    """
    boosts: dict[str, float] = {}
    for text in texts:
        name, equals, factor = text.rpartition("=")
        try:
            boosts[name.strip()] = float(factor)
        except ValueError:
            equals = ""
        if not equals or not name.strip():
            raise InputError("--technique-boost", f"expected TECHNIQUE=FACTOR, got {json.dumps(text)}")
    return boosts
