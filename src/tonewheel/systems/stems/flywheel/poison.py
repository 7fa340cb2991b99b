"""Snapshots that cannot be true, or that come too often: what anybody could send to bend a model.

    impossible   the truth that is told contradicts the mix it came with, or itself
    strange      numbers far from all others (robust z score over 12 in more than a tenth of a family)
    flood        more than so many of one sound: the first are kept

Honest limits: whoever sends plausible lies, a few of each sound, passes. What they can do is bounded elsewhere: a
challenger must beat the champion on held-out sounds, and a gain needs several sources that agree (`join`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.records import Record
from tonewheel.gates.base import Verdict
from tonewheel.manifest.stem_snapshot import FAMILIES
from tonewheel.manifest.stems import STEMS
from tonewheel.systems.stems.features.families import LENGTHS
from tonewheel.systems.stems.features.frames import BANDS
from tonewheel.systems.stems.features.stem_vector import LEVELS, SHARES, WIDTH
from tonewheel.systems.stems.flywheel.sanitized import SanitizedSnapshot

ABOVE_MIX = 0.05
"""6 dB on the scale of levels: so much louder than the mix a stem may be, for phases can cancel."""
WHOLE = 41
"""Where the family `energy` has the level of the whole."""
LOUD = 0.4
"""-72 dB: below that levels are rounding and are not compared."""
MOST_Z = 12.0
STRANGE_SHARE = 0.1
ENOUGH = 30
"""Of fewer snapshots nobody can say which is strange."""


class PoisonLimits(Record):
    """What is left out, and how much of it stops a run."""

    per_source: int = 20
    """Snapshots of one sound that are kept."""
    left_out_share: float = 0.05
    """Of all snapshots; with more the verdict fails."""


class Usual(Record):
    """Median and spread of every number of the families, to tell strange ones by."""

    medians: dict[str, tuple[float, ...]]
    spreads: dict[str, tuple[float, ...]]


def impossible(record: SanitizedSnapshot) -> str | None:
    """What is wrong with the truth of a snapshot whose vectors are laid out as ours; None if nothing is."""
    truth = {stem: np.array(values) for stem, values in record.ground_truth.items() if len(values) == WIDTH}
    mix = np.array(record.features.spectral[:BANDS])
    told = len(record.features.spectral) == LENGTHS["spectral"]
    most = _loudest(record) if told else mix
    for stem, values in truth.items():
        if values[SHARES].min() < 0:
            return f"groundTruthStems.{stem}: a share below 0"
        levels = values[LEVELS]
        if told and np.sum((levels > most + ABOVE_MIX) & (levels > LOUD)) > 2:
            return f"groundTruthStems.{stem}: louder than the mix it is a part of"
    if len(truth) == len(STEMS):
        total = np.sum([values[SHARES] for values in truth.values()], axis=0)
        if total.max() > 1.01:
            return f"groundTruthStems: shares of a band sum to {total.max():.2f}"
    return None


def _loudest(record: SanitizedSnapshot) -> NDArray[np.float64]:
    """How high the level of the mean power of a band can be, of which the mean of the levels is told: (24,).

    Where levels move by a deviation d, the power of their mean is ln(10) / 20 d^2 dB below the mean of their powers, if
    they are spread as in a normal distribution. No band has more than the whole.
    """
    mean, deviation = (np.array(record.features.spectral[at : at + BANDS]) for at in (0, BANDS))
    found = mean + np.log(10) / 20 * 120 * np.square(deviation)
    if len(record.features.energy) == LENGTHS["energy"]:
        found = np.minimum(found, record.features.energy[WHOLE])
    return np.asarray(np.maximum(found, mean))


def usual(records: Iterable[SanitizedSnapshot], widths: Mapping[str, int]) -> Usual | None:
    """Medians and spreads of the families, every sound once; None of fewer than 30 records."""
    # Or else somebody who sends one sound often enough decides what is usual.
    records = {record.source: record for record in records}.values()
    rows: dict[str, list[tuple[float, ...]]] = {name: [] for name in FAMILIES}
    for record in records:
        for name in FAMILIES:
            values = getattr(record.features, name)
            if len(values) == widths[name]:
                rows[name].append(values)
    if min(len(found) for found in rows.values()) < ENOUGH:
        return None
    tables = {name: np.array(found) for name, found in rows.items()}
    medians = {name: np.median(table, axis=0) for name, table in tables.items()}
    return Usual(
        medians={name: tuple(values.tolist()) for name, values in medians.items()},
        spreads={name: tuple(_spread(tables[name], medians[name]).tolist()) for name in FAMILIES},
    )


def strange(record: SanitizedSnapshot, known: Usual | None) -> str | None:
    """The family that is far from all others, or None."""
    if known is None:
        return None
    for name in FAMILIES:
        values, medians = np.array(getattr(record.features, name)), np.array(known.medians[name])
        if len(values) != len(medians) or not len(values):
            continue
        far = np.abs(values - medians) > MOST_Z * np.array(known.spreads[name])
        if far.mean() > STRANGE_SHARE:
            return f"quantumFeatures.{name}: {far.sum()} of {len(values)} numbers are far from all others"
    return None


def verdict(reasons: Counter[str], total: int, limits: PoisonLimits) -> Verdict:
    """Whether so little was left out that the rest can be trusted."""
    bad = reasons["impossible"] + reasons["strange"]
    share = bad / total if total else 1.0
    told = ", ".join(f"{count} {name}" for name, count in sorted(reasons.items())) or "nothing"
    return Verdict(
        gate="poison",
        passed=share <= limits.left_out_share,
        value=share,
        limit=limits.left_out_share,
        detail=f"left out of {total} snapshots: {told}",
    )


def _spread(table: NDArray[np.float64], medians: NDArray[np.float64]) -> NDArray[np.float64]:
    # A number that hardly ever moves may still move a little: the floor keeps it from being a tripwire.
    return np.asarray(np.maximum(1.4826 * np.median(np.abs(table - medians), axis=0), 0.02))
