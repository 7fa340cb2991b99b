"""Drum hits: one struck instrument at one instant, whatever file it came from or goes to."""

from __future__ import annotations

import math
from collections.abc import Iterable

from tonewheel.core.records import Record


class DrumHit(Record):
    """One drum struck once: seconds from the start of the audio, label of the taxonomy, how hard.

    >>> DrumHit(onset_s=0.5, label="kick").to_json()
    '{"onset_s":0.5,"label":"kick","velocity":1.0,"openness":null,"confidence":1.0}'
    """

    onset_s: float
    label: str
    velocity: float = 1.0
    """0..1; MIDI velocity / 127."""
    openness: float | None = None
    """0 (closed) .. 1 (open); hi-hats only, None where nobody knows."""
    confidence: float = 1.0
    """0..1; 1 for what a person or a score says."""


def in_order(hits: Iterable[DrumHit]) -> list[DrumHit]:
    """Hits by time, then label: the same hits always make the same file.

    >>> [hit.label for hit in in_order([DrumHit(onset_s=1, label="snare"), DrumHit(onset_s=1, label="kick")])]
    ['kick', 'snare']
    """
    return sorted(hits, key=lambda hit: (hit.onset_s, hit.label, -hit.velocity))


def problem(hit: DrumHit) -> str | None:
    """What is wrong with the numbers of a hit, or None.

    >>> problem(DrumHit(onset_s=0.1, label="kick", velocity=64.0))
    'velocity must be 0..1, got 64; is this a MIDI velocity?'
    """
    if not (math.isfinite(hit.onset_s) and hit.onset_s >= 0):
        return f"onset_s must be at least 0, got {hit.onset_s:g}"
    for name in ("velocity", "openness", "confidence"):
        value = getattr(hit, name)
        if value is not None and not 0 <= value <= 1:
            hint = "; is this a MIDI velocity?" if name == "velocity" and 1 < value <= 127 else ""
            return f"{name} must be 0..1, got {value:g}{hint}"
    return None if hit.label else "label is empty"
