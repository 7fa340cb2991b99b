"""One song through one method, and everything that is measured on the stems that come out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import process_time

import numpy as np
import torch
from numpy.typing import NDArray

from tonewheel.core.records import Record
from tonewheel.manifest.stems import FOLDS, fold_rows
from tonewheel.metrics.separation import References, global_sdr_db, overall, stem_si_sdr_db
from tonewheel.systems.stems import oracle
from tonewheel.systems.stems.baselines.base import Baseline
from tonewheel.systems.stems.baselines.hpss import Hpss
from tonewheel.systems.stems.baselines.low_pass import LowPass
from tonewheel.systems.stems.baselines.share import EqualShares
from tonewheel.systems.stems.masker import Masker
from tonewheel.systems.stems.references import Multitrack
from tonewheel.systems.stems.rows import SAMPLE_RATE_HZ
from tonewheel.systems.stems.running import Running
from tonewheel.systems.stems.spectra import analyse, synthesise

Audio = NDArray[np.float32]

OURS = "tonewheel"
FLOOR = "mix / N"
ORACLE = "oracle, bins"
BANDS = "oracle, 64 bands"
CEILING_DB, DEPTH_DB = 80.0, -40.0
"""A stem that comes back as it was has an infinite SDR, and one that is lost minus that; they count as these."""


class Trial(Record):
    """What one method made of one stem of one song; None where there is no figure."""

    track: str
    group: str
    method: str
    stem: str
    seconds: float
    took_s: float
    """Processor time for all stems."""
    sdr_db: float | None
    si_sdr_db: float | None
    sdr_v4_db: float | None = None
    isr_v4_db: float | None = None
    sir_v4_db: float | None = None
    sar_v4_db: float | None = None
    overall: float | None = None


@dataclass(frozen=True)
class Method:
    """A row: `process` gives the stems of a fold, (fold, 2, samples); figures are told of `claims` alone."""

    name: str
    process: Callable[[Multitrack, int], Audio]
    claims: tuple[str, ...]


def methods(fold: int, masker: Masker | None) -> list[Method]:
    """Everything that is compared: baselines, ours, and what a mask could reach."""
    names = tuple(FOLDS[fold])
    plain: list[Baseline] = [EqualShares(fold), LowPass(), Hpss()]
    rows = [Method(one.name, masked(one), tuple(set(one.claims) & set(names))) for one in plain]
    if masker is not None:
        rows.append(Method(OURS, masked(masker), names))
    return [*rows, Method(BANDS, ideal("bands"), names), Method(ORACLE, ideal("bins"), names)]


def masked(masker: Masker) -> Callable[[Multitrack, int], Audio]:
    """The stems that a masker's shares give."""

    def process(track: Multitrack, fold: int) -> Audio:
        running = Running(masker)
        six = torch.cat([running.push(torch.from_numpy(track.mix)), running.finish()], dim=2)
        return np.stack([six[rows].sum(0).numpy() for rows in fold_rows(fold).values()])

    return process


def ideal(resolution: oracle.Resolution) -> Callable[[Multitrack, int], Audio]:
    """The stems that the true shares give."""

    def process(track: Multitrack, fold: int) -> Audio:
        spectrum, samples = analyse(torch.from_numpy(track.mix)), track.mix.shape[1]
        shares = oracle.true_shares(track.folded(fold), resolution)
        return np.stack([synthesise(spectrum * share[..., None], samples).numpy() for share in shares])

    return process


def trials(track: Multitrack, rows: Sequence[Method], fold: int, bss: bool = True) -> list[Trial]:
    """Run methods on one song and measure all stems that sound; BSSEval, which takes longest, if `bss`."""
    right = track.folded(fold)
    mono = bool((right[:, 0] == right[:, 1]).all())
    right = right[:, :1] if mono else right
    references = References(right, SAMPLE_RATE_HZ) if bss else None
    found = []
    for row in rows:
        began = process_time()
        stems = row.process(track, fold)
        took_s = process_time() - began
        found += figures(track, row, right, stems[:, :1] if mono else stems, references, took_s)
    return found


def figures(
    track: Multitrack, row: Method, right: Audio, stems: Audio, references: References | None, took_s: float
) -> list[Trial]:
    """The figures of the stems that a method claims, beside their references of the same shape."""
    names = tuple(FOLDS[len(right)])
    claimed = [at for at, name in enumerate(names) if name in row.claims]
    sdr, si_sdr = global_sdr_db(right, stems), stem_si_sdr_db(right, stems)
    medians = np.full((len(right), 4), np.nan)
    if references is not None:
        medians = references.evaluate(stems, only=claimed).medians_db()
    out = []
    for at in claimed:
        if not right[at].any():
            continue
        v4 = [_told(value) for value in medians[at]]
        score = None
        if v4[0] is not None and v4[2] is not None and v4[3] is not None:
            score = round(overall(v4[0], v4[2], v4[3]), 4)
        out.append(
            Trial(
                track=track.title,
                group=track.group,
                method=row.name,
                stem=names[at],
                seconds=round(right.shape[2] / SAMPLE_RATE_HZ, 2),
                took_s=round(took_s, 3),
                sdr_db=_told(sdr[at]),
                si_sdr_db=_told(si_sdr[at]),
                sdr_v4_db=v4[0],
                isr_v4_db=v4[1],
                sir_v4_db=v4[2],
                sar_v4_db=v4[3],
                overall=score,
            )
        )
    return out


def _told(value: float) -> float | None:
    return None if np.isnan(value) else round(float(np.clip(value, DEPTH_DB, CEILING_DB)), 3)
