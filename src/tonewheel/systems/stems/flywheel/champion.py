"""A challenger replaces the champion only if it is better with confidence and no stem gets worse.

Both tell the vectors of the same held-out snapshots. The mean over snapshots of (champion's error - challenger's) is
resampled by sounds (paired bootstrap): its lower bound must be above 0. And no stem's error may rise by more than
0.2 dB. Where there is no champion, or it was trained on numbers that are laid out differently, the mean of the
training side stands in for it: a first champion has to know something, too.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.errors import ModelMismatchError
from tonewheel.core.files import atomic_path, write_json
from tonewheel.core.journal import Journal
from tonewheel.core.records import Record
from tonewheel.core.seeds import generator
from tonewheel.gates.base import Verdict
from tonewheel.manifest.stems import STEMS
from tonewheel.metrics.bootstrap import Interval, interval
from tonewheel.systems.stems.flywheel.data import read_snapshots
from tonewheel.systems.stems.flywheel.evaluate import errors_of, mean_of, predict
from tonewheel.systems.stems.flywheel.train import FILE, load_transformer

Floats = NDArray[np.float64]
WORSE_DB = 0.2
NOBODY = "the mean of the training side"


class Contest(Record):
    """How a challenger did against a champion."""

    champion: str
    """SHA-256, or what stood in for it."""
    challenger: str
    gain: Interval
    """Champion's error less the challenger's, a snapshot."""
    stems_db: dict[str, float]
    """How much a stem's error rises, dB; below 0 it falls."""
    verdicts: tuple[Verdict, ...]
    won: bool


def contest(folder: Path, challenger: Path, champion: Path | None, seed: int = 0) -> Contest:
    """Judge two transformers by the validation side of the data set in `folder`."""
    snapshots = read_snapshots(folder)
    side = snapshots.validation
    new = load_transformer(challenger)
    old_errors, name = errors_of(side, mean_of(snapshots, side)), NOBODY
    if champion is not None and champion.exists():
        old = load_transformer(champion)
        try:
            old_errors, name = errors_of(side, predict(old, snapshots, side)), old.sha256
        except ModelMismatchError:
            name = f"{NOBODY}, as the champion reads other numbers"
    new_errors = errors_of(side, predict(new, snapshots, side))
    gain, stems_db = gain_of(old_errors, new_errors, side.sources, seed), rises_db(old_errors, new_errors)
    verdicts = judge(gain, stems_db)
    return Contest(
        champion=name,
        challenger=new.sha256,
        gain=gain,
        stems_db=stems_db,
        verdicts=verdicts,
        won=all(one.passed for one in verdicts),
    )


def gain_of(old: Floats, new: Floats, sources: Sequence[str], seed: int = 0) -> Interval:
    """How much lower the new errors (n, 6) are, mean over known stems (others are NaN); sounds are drawn.

    >>> old = np.full((40, 6), 2.0)
    >>> gain_of(old, old / 2, [str(n) for n in range(40)]).low
    1.0
    """
    known = ~np.isnan(old).all(axis=1)
    gains = np.nanmean(old[known] - new[known], axis=1)
    return interval(gains, rng=generator(seed, "contest"), groups=np.array(sources)[known])


def rises_db(old: Floats, new: Floats) -> dict[str, float]:
    """How much each stem's mean error rises, dB; stems of which nothing is known are not there.

    >>> round(rises_db(np.full((4, 6), 2.0), np.full((4, 6), 1.0))["bass"], 2)
    -3.01
    """
    rises = {}
    for number, stem in enumerate(STEMS):
        known = ~np.isnan(old[:, number])
        if known.any():
            ratio = (new[known, number].mean() + 1e-12) / (old[known, number].mean() + 1e-12)
            rises[stem] = 10 * float(np.log10(ratio))
    return rises


def judge(gain: Interval, stems_db: dict[str, float]) -> tuple[Verdict, ...]:
    """The two verdicts that a challenger needs."""
    worst = max(stems_db, key=lambda stem: stems_db[stem], default="")
    rise = stems_db.get(worst, 0.0)
    return (
        Verdict(
            gate="challenger.better",
            passed=gain.low is not None and gain.low > 0,
            value=gain.low,
            limit=0.0,
            detail=f"error falls by {gain}; the lower bound must be above 0",
        ),
        Verdict(
            gate="challenger.no_stem_worse",
            passed=rise <= WORSE_DB,
            value=rise,
            limit=WORSE_DB,
            detail=f"{worst or 'no stem'} changes most for the worse: {rise:+.2f} dB of error",
        ),
    )


def crown(result: Contest, challenger: Path, dataset: Path, throne: Path) -> bool:
    """Put a winner into the folder `throne`, and tell its journal either way; returns whether it won."""
    about: dict[str, Any] = result.to_dict() | {"dataset": str(dataset.resolve())}
    if result.won:
        with atomic_path(throne / FILE) as temporary:
            shutil.copyfile(challenger, temporary)
        write_json(throne / "champion.json", about)
    Journal(throne / "journal.jsonl").write("crowned" if result.won else "refused", **about)
    return result.won
