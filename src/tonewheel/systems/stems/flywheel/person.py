"""A person who corrects, simulated: somebody who hears where a separation is off because the truth is known here.

It looks at blocks of some seconds and a few wide bands, as a hand on a screen would, and takes those where a stem's
power is most wrong. There it turns the stem up or down until it is nearest to what it should be, not quite exactly, and
leaves it alone if no setting helps: more of a stem is often more of everything else, too.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tonewheel.manifest.stem_snapshot import Correction
from tonewheel.manifest.stems import STEMS
from tonewheel.systems.stems.flywheel.edit import FULL_DB, moved, where
from tonewheel.systems.stems.rows import HOP, N_FFT
from tonewheel.systems.stems.spectra import analyse

Audio = NDArray[np.float32]

EDGES_HZ = (30.0, 60.0, 250.0, 800.0, 2500.0, 6400.0, 16000.0)
BLOCK_S = 3.0
LEAST_DB = 2.0
"""A smaller difference of power is not heard."""
TRIED = (1.0, 0.75, 0.5, 0.3, 0.15)
"""Of what is missing (or too much) in dB."""
LEAST_GAIN = 0.05
"""Of the error in its place, so much less at least, or a correction is not worth the while."""
INEXACT = 0.2


def corrections(
    truth: Audio,
    separated: Audio,
    sample_rate_hz: float,
    rng: np.random.Generator,
    most: int = 4,
    block_s: float | None = BLOCK_S,
) -> tuple[Correction, ...]:
    """What a person would correct, worst first: stems (6, 2, samples) as they are and as they were separated.

    With `block_s` None it sets the faders of bands for the whole sound, otherwise for blocks of it.
    """
    right, found = (
        torch.view_as_complex(analyse(torch.from_numpy(np.ascontiguousarray(sound, np.float32))))
        for sound in (truth, separated)
    )
    power, has = (_blocks(spectrum, sample_rate_hz, block_s) for spectrum in (right, found))
    away = np.abs(power - has)
    missing_db = 10 * np.log10((power + 1e-6 * power.max()) / (has + 1e-6 * power.max()))
    away[np.abs(missing_db) < LEAST_DB] = 0
    made: list[Correction] = []
    for place in np.argsort(-away, axis=None):
        stem, band, block = (int(index) for index in np.unravel_index(place, away.shape))
        if len(made) == most or away[stem, band, block] <= 1e-3 * power.max():
            break
        wanted_db = float(np.clip(missing_db[stem, band, block], -FULL_DB, FULL_DB))
        one = Correction(
            stem=STEMS[stem],
            kind="boost" if wanted_db > 0 else "cut",
            strength=1.0,
            frequency_hz=(EDGES_HZ[band], EDGES_HZ[band + 1]),
            time_s=None if block_s is None else (block * block_s, (block + 1) * block_s),
        )
        strength = _tuned(right, found, one, abs(wanted_db) / FULL_DB, sample_rate_hz)
        if strength:
            inexactly = float(np.clip(strength * rng.normal(1, INEXACT), 0.02, 1.0))
            made.append(
                Correction(
                    stem=one.stem,
                    kind=one.kind,
                    strength=round(inexactly, 2),
                    frequency_hz=one.frequency_hz,
                    time_s=one.time_s,
                )
            )
    return tuple(made)


def _tuned(right: Tensor, found: Tensor, one: Correction, wanted: float, sample_rate_hz: float) -> float:
    """The strength that brings a stem nearest to its truth in its place; 0 where none does."""
    place = (..., *where(one, sample_rate_hz, found.shape[-1]))
    mix, own = found[place].sum(0), STEMS.index(one.stem)
    heights = found[place].abs()
    shares = heights / heights.sum(0).clamp_min(1e-9)
    before = float((right[place][own] - found[place][own]).abs().square().sum())
    tried = {}
    for share in TRIED:
        change = moved(shares, own, one.kind, share * wanted)[own] - shares[own]
        wrong = right[place][own] - found[place][own] - change * mix
        tried[share * wanted] = float(wrong.abs().square().sum())
    best = min(tried, key=lambda strength: tried[strength], default=0.0)
    return best if tried[best] < (1 - LEAST_GAIN) * before else 0.0


def _blocks(spectrum: Tensor, sample_rate_hz: float, block_s: float | None) -> NDArray[np.float64]:
    """Power in each band and block: (6, 2, bins, frames) -> (6, bands, blocks)."""
    both = spectrum.abs().square().sum(1).double().numpy()
    edges = [round(edge * N_FFT / sample_rate_hz) for edge in EDGES_HZ]
    bands = np.stack([both[:, low:high].sum(1) for low, high in pairwise(edges)], 1)
    frames = bands.shape[-1] if block_s is None else block_s * sample_rate_hz / HOP
    starts = np.arange(0, bands.shape[-1], frames).astype(int)
    return np.asarray(np.add.reduceat(bands, starts, axis=-1))
