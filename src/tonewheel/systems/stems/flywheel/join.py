"""From the corrections of many to a separator that does better: gains for each stem in each band, if they help.

A snapshot holds no sound, so the separator cannot be trained on it. But if people keep turning the voice up between
200 and 800 Hz, the separator gives the voice too little there, and that can be put right in the shares themselves:

    gains     what the corrections of all sounds say together (`votes`)
    strength  0, 1/2, 1 or 1 1/2 of them: what is best on one half of some songs whose stems are known
    verdict   on the other half: better with confidence, no stem worse by more than 0.2 dB, or no gains at all

What it can do: take away a leaning that the separator has on the music that is corrected, as where that is of another
kind than what it was trained on. What it cannot: tell sounds apart that the separator takes for the same. On music like
that of its training it has no such leaning, and nothing is gained (docs/stems.md has the figures).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tonewheel.core.errors import InputError
from tonewheel.core.records import Record
from tonewheel.gates.base import Verdict
from tonewheel.manifest.stem_snapshot import Correction
from tonewheel.manifest.stems import STEMS
from tonewheel.metrics.bootstrap import Interval
from tonewheel.systems.stems.features.frames import BANDS, EDGES_HZ
from tonewheel.systems.stems.flywheel.champion import gain_of, judge
from tonewheel.systems.stems.flywheel.dataset_folder import read_manifest
from tonewheel.systems.stems.flywheel.edit import FULL_DB
from tonewheel.systems.stems.flywheel.votes import ballots_of, gains
from tonewheel.systems.stems.masker import Masker
from tonewheel.systems.stems.rows import N_FFT, SAMPLE_RATE_HZ
from tonewheel.systems.stems.spectra import analyse

Floats = NDArray[np.float64]
STRENGTHS = (0.0, 0.5, 1.0, 1.5)


class Calibration(Record):
    """Gains of stems in bands, and how it was found out that they help."""

    edges_hz: tuple[float, ...]
    gains_db: dict[str, tuple[float, ...]]
    """As `votes` found them, for each stem and band."""
    strength: float
    """How much of them is used; 0: they did not help. More than 1: nobody corrects all that is wrong."""
    sources: dict[str, tuple[int, ...]]
    """How many sounds were corrected there."""
    data_hash: str
    separator: str
    gain_db: Interval
    """SDR with the gains less without, mean over stems, on songs that did not choose the strength."""
    stems_db: dict[str, float]
    """The same, stem by stem."""
    verdicts: tuple[Verdict, ...]

    @property
    def table_db(self) -> Floats:
        """The gains as they are used, (6, 24)."""
        return np.clip(self.strength * np.array([self.gains_db[stem] for stem in STEMS]), -FULL_DB, FULL_DB)


class CalibratedMasker:
    """A masker whose shares lean as the corrections say; a `Masker` itself.

    >>> from tonewheel.systems.stems.baselines.share import EqualShares
    >>> table = np.zeros((6, 24)); table[0] = 6.0
    >>> shares = CalibratedMasker(EqualShares(), table).shares(torch.zeros(2, 2049, 3, 2))
    >>> bool((shares.sum(0) - 1).abs().max() < 1e-6), round(float(shares[0, 0, 100, 0]), 2)
    (True, 0.29)
    """

    def __init__(self, masker: Masker, table_db: Floats) -> None:
        self.masker = masker
        self.factors = torch.from_numpy(bin_factors(table_db).astype(np.float32))[:, None, :, None]

    @property
    def reach(self) -> int:
        """See `Masker`."""
        return self.masker.reach

    def shares(self, spectrum: Tensor) -> Tensor:
        """See `Masker`."""
        return leaning(self.masker.shares(spectrum), self.factors)


def leaning(shares: Tensor, factors: Tensor) -> Tensor:
    """Shares (6, ...) times factors, summing to 1 again."""
    heavy = shares * factors
    return heavy / heavy.sum(0).clamp_min(1e-12)


def bin_factors(table_db: Floats) -> Floats:
    """Gains of bands, (6, 24) dB, as amplitude factors of the separator's bins, (6, 2049): straight lines in dB between
    the middles of bands, in octaves.
    """
    middles = 0.5 * (np.log2(EDGES_HZ[:-1]) + np.log2(EDGES_HZ[1:]))
    octaves = np.log2(np.maximum(np.arange(N_FFT // 2 + 1) * SAMPLE_RATE_HZ / N_FFT, 1.0))
    return np.stack([10 ** (np.interp(octaves, middles, row) / 20) for row in table_db])


def calibrate(
    dataset: Path,
    masker: Masker,
    songs: Iterable[tuple[str, NDArray[Any]]],
    *,
    separator: str = "",
    seed: int = 0,
) -> Calibration:
    """Gains from a data set's corrections, at the strength that helps on songs: (group, stems (6, 2, n) at 44.1 kHz).

    The songs are separated once each. InputError when there are fewer than 4 groups of them.
    """
    table, counts = gains(ballots_of(dataset))
    scores, groups = [], []
    for group, stems in songs:
        scores.append(song_scores(masker, stems, table))
        groups.append(group)
    names = sorted(set(groups))
    if len(names) < 4:
        raise InputError(
            "songs", f"stems of {len(names)} songs; at least 4 are needed to choose and to confirm"
        )
    choosing = np.isin(groups, names[::2])
    every = np.stack(scores)  # songs, strengths, stems
    best = int(np.nanmean(every[choosing], axis=(0, 2)).argmax())
    confirming = np.flatnonzero(~choosing)
    old, new = every[confirming, 0], every[confirming, best]
    # What `gain_of` compares are errors, so an SDR counts with its sign turned.
    gain = gain_of(-old, -new, [groups[row] for row in confirming], seed)
    told = {stem: row for row, stem in enumerate(STEMS) if not np.isnan(old[:, row]).all()}
    better = {stem: float(np.nanmean(new[:, row] - old[:, row])) for stem, row in told.items()}
    verdicts = judge(gain, {stem: -rise for stem, rise in better.items()})
    return Calibration(
        edges_hz=EDGES_HZ,
        gains_db={stem: tuple(row.round(2).tolist()) for stem, row in zip(STEMS, table, strict=True)},
        strength=STRENGTHS[best] if all(one.passed for one in verdicts) else 0.0,
        sources={stem: tuple(row.tolist()) for stem, row in zip(STEMS, counts, strict=True)},
        data_hash=read_manifest(dataset).hash,
        separator=separator,
        gain_db=gain,
        stems_db=better,
        verdicts=verdicts,
    )


def song_scores(masker: Masker, stems: NDArray[Any], table_db: Floats) -> Floats:
    """SDR in dB of each stem at each strength of the gains, (4, 6), on the spectrum; NaN for a silent stem."""
    truth = torch.view_as_complex(analyse(torch.from_numpy(np.ascontiguousarray(stems, np.float32))))
    mix = truth.sum(0)
    with torch.inference_mode():
        shares = masker.shares(torch.view_as_real(mix))
    power = truth.abs().square().sum((1, 2, 3)).double().numpy()
    found = []
    for strength in STRENGTHS:
        leant = np.clip(strength * table_db, -FULL_DB, FULL_DB)
        factors = torch.from_numpy(bin_factors(leant).astype(np.float32))[:, None, :, None]
        error = (truth - leaning(shares, factors) * mix).abs().square().sum((1, 2, 3)).double().numpy()
        found.append(10 * np.log10((power + 1e-9) / (error + 1e-9)))
    audible = power > 1e-6 * power.sum()
    return np.where(audible, np.stack(found), np.nan)


def regions(table_db: Floats) -> list[Correction]:
    """Where a table (6, 24) has gains, as corrections of a whole sound: what `regions_sdr_db` measures.

    >>> table = np.zeros((6, 24)); table[2, :2] = -3.0
    >>> [(one.stem, one.kind, one.frequency_hz) for one in regions(table)]
    [('bass', 'cut', (30.0, 60.0)), ('bass', 'cut', (60.0, 90.0))]
    """
    return [
        Correction(
            stem=stem,
            kind="boost" if gain_db > 0 else "cut",
            strength=1.0,
            frequency_hz=(EDGES_HZ[band], EDGES_HZ[band + 1]),
        )
        for stem, row in zip(STEMS, table_db, strict=True)
        for band, gain_db in enumerate(row)
        if gain_db
    ]


def read_calibration(path: Path) -> Calibration:
    """A calibration file; InputError when it is none, or was made for other bands."""
    found = Calibration.read(path)
    fits = found.edges_hz == EDGES_HZ and set(found.gains_db) == set(STEMS)
    if not fits or any(len(row) != BANDS for row in found.gains_db.values()):
        raise InputError(path, "is no calibration of these stems and bands")
    if np.abs(found.table_db).max() > FULL_DB:
        raise InputError(path, f"holds gains of more than {FULL_DB:g} dB")
    return found
