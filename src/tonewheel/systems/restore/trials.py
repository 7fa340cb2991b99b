"""One clip of the benchmark through one method, and everything that is measured on what comes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import process_time

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.loudness import integrated_lufs
from tonewheel.core.records import Record
from tonewheel.metrics import impulses, log_spectral, removed, transients
from tonewheel.metrics.si_sdr import si_sdr
from tonewheel.systems.restore.baselines import chains, oracle
from tonewheel.systems.restore.benchmark import Item
from tonewheel.systems.restore.clean import Cleaner
from tonewheel.systems.restore.clicks.declicker import Click
from tonewheel.systems.restore.plan import plan_for
from tonewheel.systems.restore.prepare import SAMPLE_RATE_HZ

Audio = NDArray[np.float32]

OURS = "tonewheel"
CEILING_DB = 80.0
"""An untouched clip has an infinite SI-SDR; it counts as this, so that means exist."""
BIG = 0.1
"""Peak of a click, of full scale, from which on it counts as big: the RMS of the music."""


class Trial(Record):
    """What one method made of one clip."""

    method: str
    title: str
    group: str
    seconds: float
    took_s: float
    """Processor time of this program; that of others is not in it."""
    si_sdr_db: float
    lsd_db: float
    removal: float | None = None
    """Share of all impulses whose error fell by 10 dB."""
    removal_big: float | None = None
    transients: int = 0
    preservation: float | None = None
    musicality: float | None = None
    loudness_change_lu: float = 0.0
    polarity: float = 1.0
    found: int | None = None
    """Clicks that the method says it removed; None where it does not say."""
    impulses: int = 0
    matched: int = 0
    big: int = 0
    big_matched: int = 0


@dataclass(frozen=True)
class Method:
    """A row: `process` gives a clip back cleaned, and the clicks that it found where it tells them."""

    name: str
    process: Callable[[Item], tuple[Audio, list[Click] | None]]


def ours(cleaner: Cleaner) -> Method:
    """Measure, plan, clean: what `restore clean` does with a file."""

    def process(item: Item) -> tuple[Audio, list[Click] | None]:
        from tonewheel.systems.restore.clean import measured

        clicks: list[Click] = []
        planes = item.damaged[None]
        plan = plan_for(measured([planes], SAMPLE_RATE_HZ, item.title))
        parts = cleaner.passes(lambda: [planes], SAMPLE_RATE_HZ, 1, plan, heard=clicks.extend)
        return np.concatenate(list(parts), axis=1)[0], clicks

    return Method(OURS, process)


def methods(case: str, cleaner: Cleaner | None, baselines: bool) -> list[Method]:
    """Everything that is compared on a case; a baseline whose program is missing is left out."""

    def row(
        process: Callable[[Audio, int, Audio], Audio],
    ) -> Callable[[Item], tuple[Audio, list[Click] | None]]:
        return lambda item: (process(item.damaged, SAMPLE_RATE_HZ, item.damaged - item.clean), None)

    rows = [chains.NOTHING, *(chains.baselines(case)[1:] if baselines else [])]
    found = [Method(one.name, row(one.process)) for one in rows if one.available]
    if cleaner is not None:
        found.append(ours(cleaner))
    if case in ("clicks", "hiss20", "hiss10"):
        found.append(Method(oracle.NAME, lambda item: (oracle.cleaned(item), None)))
    return found


def missing(case: str) -> list[str]:
    """Names of baselines that cannot run here."""
    return [one.name for one in chains.baselines(case) if not one.available]


def trial(item: Item, method: Method) -> Trial:
    """Run one method on one clip and measure what it made of it."""
    began = process_time()
    cleaned, clicks = method.process(item)
    took_s = process_time() - began
    return figures(item, cleaned, clicks, method.name, took_s)


def figures(item: Item, cleaned: Audio, clicks: list[Click] | None, name: str, took_s: float = 0.0) -> Trial:
    """All figures of a cleaned clip (samples,) beside its clean original."""
    clean, damaged = item.clean, item.damaged
    falls = impulses.falls_db(
        clean, damaged, cleaned, item.impulses.starts_s, item.impulses.widths_s, SAMPLE_RATE_HZ
    )
    big = item.impulses.peaks >= BIG
    attacks = transients.evaluate(clean, cleaned, SAMPLE_RATE_HZ)
    taken = removed.evaluate(damaged - cleaned, clean, SAMPLE_RATE_HZ)
    # What is nearer together than the tolerance is one, in the reference and in what was found.
    truth = impulses.join(*item.impulses, gap_s=impulses.TOLERANCE_S)
    starts, widths = ([getattr(click, name) for click in clicks or ()] for name in ("start_s", "width_s"))
    heard = impulses.join(starts, widths, gap_s=impulses.TOLERANCE_S)
    counts, right = impulses.detection(truth.starts_s, heard.starts_s)
    large = truth.peaks >= BIG
    change = integrated_lufs(cleaned, SAMPLE_RATE_HZ) - integrated_lufs(clean, SAMPLE_RATE_HZ)
    return Trial(
        method=name,
        title=item.title,
        group=item.group,
        seconds=clean.size / SAMPLE_RATE_HZ,
        took_s=round(took_s, 3),
        si_sdr_db=round(min(CEILING_DB, float(si_sdr(clean, cleaned))), 3),
        lsd_db=round(float(log_spectral.distances_db(clean, cleaned, SAMPLE_RATE_HZ).mean()), 3),
        removal=impulses.removal_rate(falls) if falls.size else None,
        removal_big=impulses.removal_rate(falls[big]) if big.any() else None,
        transients=int(attacks["transients"] or 0),
        preservation=attacks["preservation"],
        musicality=taken["musicality"],
        loudness_change_lu=round(change, 3) if np.isfinite(change) else 0.0,
        polarity=float(np.sign(np.sum(clean * cleaned, dtype=np.float64))),
        found=None if clicks is None else counts.estimate,
        impulses=counts.reference,
        matched=counts.matched,
        big=int(large.sum()),
        big_matched=int(right[large].sum()),
    )
