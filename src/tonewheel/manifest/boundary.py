"""Boundary packs: the events that lie near an edge of a streaming window, as truth for the boundary gate.

Windows of `window` samples start every `hop` samples from the start of a recording. An event is leading in
the window in which it lies at most `margin` after the start, trailing in one in which it lies at most `margin`
before the end; it is written once for each such window, so a hit that is near the edges of two windows is two
lines, told apart by `window_index`. Lines are those of the manifest (unknown keys kept) with `labels`,
`window_index`, `window_size` and `hop_size` (samples), `edge` and `distance_ms` added.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import msgspec

from tonewheel.core.errors import InputError
from tonewheel.core.files import atomic_path
from tonewheel.core.progress import progress
from tonewheel.core.records import Record
from tonewheel.manifest.event_lines import Quarantine, components_of, number_of, quarantine_path, read_events

EDGES = ("leading", "trailing")


class Windows(Record):
    """Where a streaming system's windows lie, in samples."""

    sample_rate_hz: int
    window_size: int
    hop_size: int
    margin: int

    @classmethod
    def of_ms(cls, window_ms: float, hop_ms: float, margin_ms: float, sample_rate_hz: int) -> Windows:
        """Windows given in ms; InputError when they cannot be.

        >>> Windows.of_ms(2048, 512, 40, 44_100).window_size
        90317
        """
        window, hop, margin = (
            round(one * sample_rate_hz / 1000) if math.isfinite(one) else 0
            for one in (window_ms, hop_ms, margin_ms)
        )
        if not 0 < hop <= window:
            raise InputError("--hop-ms", f"needs 0 < hop <= window, got {hop_ms:g} and {window_ms:g} ms")
        if not 0 <= 2 * margin < window:
            raise InputError(
                "--margin-ms", f"must be at least 0 and less than half a window, got {margin_ms:g} ms"
            )
        return cls(sample_rate_hz=sample_rate_hz, window_size=window, hop_size=hop, margin=margin)

    def edges(self, onset_s: float) -> Iterator[tuple[str, int, int]]:
        """(edge, window index, distance in samples) of every window that has this onset near an edge.

        >>> windows = Windows(sample_rate_hz=1000, window_size=400, hop_size=100, margin=10)
        >>> list(windows.edges(0.405))
        [('leading', 4, 5)]
        >>> list(windows.edges(0.495))
        [('trailing', 1, 5)]
        """
        at = round(onset_s * self.sample_rate_hz)
        # The last sample of window i is i * hop + window - 1, so an onset at its end is in the next ones only.
        for index in range(max(0, at - self.margin) // self.hop_size, at // self.hop_size + 1):
            distance = at - index * self.hop_size
            if 0 <= distance <= self.margin:
                yield "leading", index, distance
        first = max(0, -(-(at + 1 - self.window_size) // self.hop_size))
        last = (at + self.margin - self.window_size) // self.hop_size
        for index in range(first, last + 1):
            yield "trailing", index, index * self.hop_size + self.window_size - at


class BoundaryPack(Record):
    """What a pack holds, or would hold."""

    events: int
    """Events that were looked at."""
    leading: int
    trailing: int
    labels: dict[str, int]
    """Lines a label is in."""
    windows: Windows
    no_onset: int = 0
    """Events without a time, left out."""
    over_cap: int = 0
    quarantined: int = 0
    dry_run: bool = False


def boundary_pack(
    events: str | Path,
    out: str | Path | None,
    windows: Windows,
    *,
    edges: Sequence[str] = EDGES,
    max_per_edge: int | None = None,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    strict: bool = False,
) -> BoundaryPack:
    """Stream a manifest to a pack, one event in memory; `out` None is a dry run.

    `include` and `exclude` are labels of which an event must have one, or none. `max_per_edge` takes the
    first so many of each edge.
    """
    for edge in edges:
        if edge not in EDGES:
            raise InputError("--edge", f'must be leading or trailing, got "{edge}"')
    counts: Counter[str] = Counter()
    labels: Counter[str] = Counter()
    total = no_onset = over_cap = 0
    encoder = msgspec.json.Encoder()
    with ExitStack() as stack:
        aside = None if out is None else quarantine_path(Path(out))
        quarantine = stack.enter_context(Quarantine(aside, strict=strict))
        written: IO[bytes] | None = None
        if out is not None:
            written = stack.enter_context(stack.enter_context(atomic_path(out)).open("wb"))
        lines = read_events(events, quarantine)
        for _, _, event in progress(lines, f"reading {Path(events).name}", unit="events"):
            total += 1
            onset_s = number_of(event.get("onset_time"))
            own = sorted({one["label"] for one in components_of(event)})
            if onset_s is None:
                no_onset += 1
                continue
            if (include and not set(own) & set(include)) or set(own) & set(exclude):
                continue
            for edge, index, distance in windows.edges(onset_s):
                if edge not in edges:
                    continue
                if max_per_edge is not None and counts[edge] >= max_per_edge:
                    over_cap += 1
                    continue
                counts[edge] += 1
                labels.update(own)
                if written is not None:
                    line = _line(event, own, windows, edge, index, distance)
                    written.write(encoder.encode(line) + b"\n")
        return BoundaryPack(
            events=total,
            leading=counts["leading"],
            trailing=counts["trailing"],
            labels=dict(sorted(labels.items())),
            windows=windows,
            no_onset=no_onset,
            over_cap=over_cap,
            quarantined=quarantine.count,
            dry_run=out is None,
        )


def _line(
    event: dict[str, Any], labels: list[str], windows: Windows, edge: str, index: int, distance: int
) -> dict[str, Any]:
    return {
        **event,
        "labels": labels,
        "window_index": index,
        "window_size": windows.window_size,
        "hop_size": windows.hop_size,
        "edge": edge,
        "distance_ms": round(distance * 1000 / windows.sample_rate_hz, 3),
    }
