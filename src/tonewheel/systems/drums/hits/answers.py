"""What is answered about a hit."""

from __future__ import annotations

from tonewheel.core.records import Record


class HitAnswer(Record):
    """What one hit is; `openness` only for hats."""

    label: str
    scores: dict[str, float]
    """Probability of each of the 12 labels, were it a drum; they sum to 1."""
    velocity: float
    """0..1, against the hits of the same drum."""
    openness: float | None
    unknown: float
    """Probability that it is no drum of these labels."""
    pitch_hz: float | None
    """Of a tom that was heard alone."""


class FileAnswer(Record):
    """What the hit in a file is: the line that `drums classify --json` prints, which begins with the path."""

    path: str
    label: str
    scores: dict[str, float]
    velocity: float
    openness: float | None
    unknown: float
    pitch_hz: float | None
