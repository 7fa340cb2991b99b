"""Impulses: were clicks found, and are they gone?

Task: `starts_s` and `widths_s` (n,) say where impulses really are; two that overlap are one. Found: estimates
within 1 ms (`TOLERANCE_S`) of a start, one to one, as hits are scored (`metrics.onsets`). Gone: the energy of
the error on the impulse's own samples fell by 10 dB (`FALL_DB`); that asks not only for silence of the click
but for music in its place.

No tool of the field states such figures; the definitions are ours.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tonewheel.metrics.onsets import Counts, match

__all__ = ["Impulses", "detection", "evaluate", "falls_db", "join", "removal_rate", "validate"]

Floats = NDArray[np.float64]

TOLERANCE_S = 0.001
FALL_DB = 10.0


class Impulses(NamedTuple):
    """Where impulses are: starts and widths in seconds and their greatest amplitude, each (n,), in order."""

    starts_s: Floats
    widths_s: Floats
    peaks: Floats


def validate(
    starts_s: ArrayLike, widths_s: ArrayLike, peaks: ArrayLike | None = None
) -> tuple[Floats, Floats, Floats]:
    """Check equally long lists of starts, widths and peaks, finite, at least 0; peaks default to 1."""
    starts, widths = np.asarray(starts_s, np.float64), np.asarray(widths_s, np.float64)
    heights = np.ones_like(starts) if peaks is None else np.asarray(peaks, np.float64)
    if starts.ndim != 1 or starts.shape != widths.shape or starts.shape != heights.shape:
        raise ValueError(f"starts_s {starts.shape} and widths_s {widths.shape} must be equally long lists")
    for name, values in (("starts_s", starts), ("widths_s", widths), ("peaks", heights)):
        if not np.isfinite(values).all() or (values < 0).any():
            raise ValueError(f"{name} must be finite and at least 0")
    return starts, widths, heights


def join(
    starts_s: ArrayLike, widths_s: ArrayLike, peaks: ArrayLike | None = None, gap_s: float = 0.0
) -> Impulses:
    """Impulses in order, those that overlap, or lie no further than `gap_s` apart, joined to one.

    The joined one has the greatest of the peaks.

    >>> join([0.5, 0.1, 0.5005], [0.001, 0.001, 0.001], [0.1, 0.2, 0.3]).peaks.tolist()
    [0.2, 0.3]
    """
    starts, widths, heights = validate(starts_s, widths_s, peaks)
    order = np.argsort(starts, kind="stable")
    starts, widths, heights = starts[order], widths[order], heights[order]
    reach = np.maximum.accumulate(starts + widths) if starts.size else starts
    first = np.flatnonzero(np.concatenate(([True], starts[1:] > reach[:-1] + gap_s))[: starts.size])
    last = np.concatenate((first[1:], [starts.size]))[: first.size] - 1
    if not first.size:
        return Impulses(starts, widths, heights)
    return Impulses(starts[first], reach[last] - starts[first], np.maximum.reduceat(heights, first))


def detection(
    reference_s: ArrayLike, estimate_s: ArrayLike, tolerance_s: float = TOLERANCE_S
) -> tuple[Counts, NDArray[np.bool_]]:
    """Counts of one-to-one matches of starts, and which of the sorted references were found.

    >>> counts, found = detection([0.1, 0.2], [0.1004, 0.3])
    >>> counts.precision, found.tolist()
    (0.5, [True, False])
    """
    pairs = match(reference_s, estimate_s, tolerance_s)
    found = np.zeros(np.size(reference_s), bool)
    found[pairs[:, 0]] = True
    return Counts(len(pairs), found.size, int(np.size(estimate_s))), found


def falls_db(
    reference: ArrayLike,
    before: ArrayLike,
    after: ArrayLike,
    starts_s: ArrayLike,
    widths_s: ArrayLike,
    sample_rate_hz: int,
) -> Floats:
    """How far the error's energy fell on the samples of every impulse, dB, shape (n,); mono signals.

    >>> clean, hit = np.zeros(100), np.zeros(100)
    >>> hit[50] = 1.0
    >>> falls_db(clean, hit, hit * 0.1, [0.5], [0.01], 100).round(3).tolist()
    [20.0]
    """
    starts, widths, _ = validate(starts_s, widths_s)
    clean, damaged, restored = (np.asarray(signal, np.float64) for signal in (reference, before, after))
    if clean.ndim != 1 or clean.shape != damaged.shape or clean.shape != restored.shape:
        raise ValueError(
            f"signals must be mono and alike, got {clean.shape}, {damaged.shape}, {restored.shape}"
        )
    first = np.clip(np.round(starts * sample_rate_hz).astype(np.int64), 0, clean.size)
    last = np.clip(np.round((starts + widths) * sample_rate_hz).astype(np.int64), first + 1, clean.size + 1)
    sums = []
    for signal in (damaged, restored):
        running = np.concatenate(([0.0], np.cumsum((signal - clean) ** 2), [0.0]))
        running[-1] = running[-2]
        sums.append(np.maximum(running[last] - running[first], 1e-20))
    return np.asarray(10 * np.log10(sums[0] / sums[1]))


def removal_rate(falls: ArrayLike, fall_db: float = FALL_DB) -> float:
    """The share of impulses whose error fell by at least `fall_db`; NaN where there are none.

    >>> removal_rate([3.0, 12.0, 25.0, 10.0])
    0.75
    """
    values = np.asarray(falls, np.float64)
    return float(np.mean(values >= fall_db)) if values.size else float("nan")


def evaluate(
    starts_s: ArrayLike, widths_s: ArrayLike, estimate_s: ArrayLike = (), tolerance_s: float = TOLERANCE_S
) -> dict[str, float | int]:
    """Precision and recall of impulses found within `tolerance_s`.

    What lies nearer together than the tolerance cannot be told apart by it, and is one: in the reference and in the
    estimate.

    >>> evaluate([0.1, 0.2], [0.001, 0.001], [0.1, 0.2, 0.9])["precision"].__round__(3)
    0.667
    """
    right = join(starts_s, widths_s, gap_s=tolerance_s)
    found = join(estimate_s, np.zeros(np.size(estimate_s)), gap_s=tolerance_s)
    counts, _ = detection(right.starts_s, found.starts_s, tolerance_s)
    return {
        "impulses": counts.reference,
        "found": counts.estimate,
        "precision": counts.precision,
        "recall": counts.recall,
    }
