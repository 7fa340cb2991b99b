"""The twelve labels, and how hard: what was found of each, beside what was struck."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.records import Record
from tonewheel.manifest.drum_hits import DrumHit
from tonewheel.metrics.onsets import Counts, count, match
from tonewheel.systems.drums.families import LABELS

TOLERANCE_S = 0.05
FEWEST_FOR_RANKS = 20

Struck = Mapping[str, NDArray[np.float64]]
"""Label to hits: rows of onset_s and velocity, or onset_s alone, sorted by time. Shape: (n, 2) or (n,)."""


class LabelFigures(Record):
    """What was found of one label."""

    n: int
    precision: float
    recall: float
    f: float
    velocity: float | None
    """Spearman's rank correlation over the matched hits; None where they are few or the truth has none."""
    velocity_n: int


class Tally:
    """Adds recordings up; every label is matched for itself, one to one, within 50 ms.

    >>> tally = Tally()
    >>> tally.add({"kick": np.array([0.5, 1.0])}, [DrumHit(onset_s=0.51, label="kick")])
    >>> tally.figures()["kick"].f.__round__(3), list(tally.figures())
    (0.667, ['kick'])
    """

    def __init__(self) -> None:
        self.counts = dict.fromkeys(LABELS, Counts())
        self.pairs: dict[str, list[tuple[float, float]]] = {label: [] for label in LABELS}

    def add(self, struck: Struck, hits: Iterable[DrumHit]) -> None:
        """One recording."""
        found: dict[str, list[tuple[float, float]]] = {label: [] for label in LABELS}
        for hit in hits:
            found[hit.label].append((hit.onset_s, hit.velocity))
        for label in LABELS:
            reference = np.asarray(struck.get(label, np.empty(0)), np.float64)
            estimate = np.array(sorted(found[label])).reshape(-1, 2)
            times = reference[:, 0] if reference.ndim == 2 else reference
            self.counts[label] = self.counts[label].plus(count(times, estimate[:, 0], TOLERANCE_S))
            if reference.ndim == 2:
                pairs = match(times, estimate[:, 0], TOLERANCE_S)
                self.pairs[label] += zip(
                    reference[pairs[:, 0], 1].tolist(), estimate[pairs[:, 1], 1].tolist(), strict=True
                )

    def figures(self) -> dict[str, LabelFigures]:
        """Every label that was struck or told."""
        return {
            label: LabelFigures(
                n=one.reference,
                precision=round(one.precision, 4),
                recall=round(one.recall, 4),
                f=round(one.f, 4),
                velocity=ranks(self.pairs[label]),
                velocity_n=len(self.pairs[label]),
            )
            for label, one in self.counts.items()
            if one.reference or one.estimate
        }


def ranks(pairs: list[tuple[float, float]]) -> float | None:
    """Spearman's rank correlation; None for fewer than 20 pairs, or where one side never changes."""
    from scipy.stats import spearmanr

    both = np.array(pairs).reshape(-1, 2)
    if len(both) < FEWEST_FOR_RANKS or np.ptp(both[:, 0]) == 0 or np.ptp(both[:, 1]) == 0:
        return None
    return round(float(spearmanr(both[:, 0], both[:, 1]).statistic), 4)
