"""Is what comes in now like what the champion was trained on?

Three answers of `metrics.two_sample` on the inputs, each number scaled by the old snapshots: the share of numbers
whose distribution moved (Kolmogorov and Smirnov above 0.25), the energy distance with its permutation test over whole
sounds, and how well a linear classifier tells old from new. Drift is no fault: it says that the champion's figures
are of other music, and that it is time to train.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.seeds import generator
from tonewheel.gates.base import Finding, Verdict
from tonewheel.metrics.two_sample import energy_test, ks
from tonewheel.systems.stems.flywheel.data import Side, input_widths, read_snapshots

MOVED = 0.25
MOST_ROWS = 300
"""Of each: the test compares every pair."""
PERMUTATIONS = 199


def drift(old: Path, new: Path, limit: float = 0.1, seed: int = 0) -> Verdict:
    """Compare the training sides of two data sets; fails when more than `limit` of the numbers moved, p < 0.01."""
    before, after = read_snapshots(old), read_snapshots(new)
    widths = input_widths(before.manifest)
    if widths != input_widths(after.manifest):
        told = "the snapshots are laid out differently: another client, or another version of it"
        return Verdict(gate="drift", passed=False, value=1.0, limit=limit, detail=told)
    sides = [_some(side, seed) for side in (before.train, after.train)]
    mean, scale = before.train.inputs.mean(axis=0), np.maximum(before.train.inputs.std(axis=0), 0.01)
    rows = [np.clip((inputs - mean) / scale, -8, 8) for inputs, _ in sides]
    gaps = ks(rows[0], rows[1])
    share = float(np.mean(gaps > MOVED))
    groups = (
        _numbered(sides[0][1] + sides[1][1])[: len(rows[0])],
        _numbered(sides[0][1] + sides[1][1])[len(rows[0]) :],
    )
    _, p = energy_test(rows[0], rows[1], generator(seed, "drift"), groups=groups, permutations=PERMUTATIONS)
    names = [f"{family}[{number}]" for family, count in widths.items() for number in range(count)]
    order = np.argsort(-gaps)[:5]
    return Verdict(
        gate="drift",
        passed=share <= limit or p >= 0.01,
        value=share,
        limit=limit,
        detail=f"{share:.0%} of the numbers moved (p {p:.3f}, {len(rows[0])} and {len(rows[1])} snapshots)",
        findings=tuple(Finding(path=names[place], reason=f"moved by {gaps[place]:.2f}") for place in order),
    )


def _some(side: Side, seed: int) -> tuple[NDArray[np.float64], list[str]]:
    rows = generator(seed, "drift", "rows").permutation(len(side.inputs))[:MOST_ROWS]
    return side.inputs[rows].astype(np.float64), [side.sources[row] for row in rows]


def _numbered(names: list[str]) -> NDArray[np.int64]:
    return np.unique(np.array(names), return_inverse=True)[1].astype(np.int64)
