"""What goes wrong in training on real recordings, read from the logged losses and told in the journal.

The signs: disagreement on real recordings rises (the net learns synthetic damage by heart); the gap to the
synthetic loss stays open; the validation does not get better any more (a curriculum may help).
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

RECENT = 0.3
"""The share of a run that counts as its end, compared with the same share before."""
RISE, CLOSED, BETTER = 1.1, 0.95, 0.995
FEWEST = 6


class Warning(NamedTuple):
    """One sign: its name, the value before and at the end, and what may help."""

    sign: str
    before: float
    now: float
    advice: str


def warning_signs(history: Mapping[str, Sequence[float]]) -> list[Warning]:
    """The signs in the values that were logged under each name, in order of steps.

    >>> [found.sign for found in warning_signs({"valid/real_consistency": [1, 1, 1, 1, 2, 2]})]
    ['consistency rises']
    """
    found = []
    if (ends := _ends(history.get("valid/real_consistency", ()))) and ends[1] > RISE * ends[0]:
        found.append(
            Warning("consistency rises", *ends, "overfitting to synthetic damage: more real recordings")
        )
    real, synthetic = history.get("valid/real_consistency", ()), history.get("valid/hit", ())
    gap = np.subtract(real, synthetic).tolist() if len(real) == len(synthetic) else []
    if (ends := _ends(gap)) and 0 < CLOSED * ends[0] < ends[1]:
        found.append(Warning("gap stays", *ends, "more real recordings, or another consistency_weight"))
    if (ends := _ends(history.get("valid/hit", ()))) and ends[1] > BETTER * ends[0]:
        found.append(
            Warning("plateau", *ends, "a curriculum (real_share from 0 up), or the run is long enough")
        )
    return found


def read_metrics(path: Path) -> dict[str, list[float]]:
    """The values of a run's metrics.csv by name, in order of steps; empty when nothing was logged."""
    history: dict[str, list[float]] = {}
    if path.is_file():
        with path.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                history.setdefault(row["name"], []).append(float(row["value"]))
    return history


def _ends(values: Sequence[float]) -> tuple[float, float] | None:
    if len(values) < FEWEST:
        return None
    count = max(2, round(RECENT * len(values)))
    return float(np.mean(values[-2 * count : -count])), float(np.mean(values[-count:]))
