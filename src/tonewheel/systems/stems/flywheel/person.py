"""A person who corrects, simulated: somebody who hears where a separation is off because the truth is known here.

It looks at blocks of some seconds and a few wide bands, as a hand on a screen would, takes those where a stem's power
is most wrong, and turns it up or down by what is missing, not quite exactly.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from tonewheel.manifest.stem_snapshot import Correction
from tonewheel.manifest.stems import STEMS
from tonewheel.systems.stems.flywheel.edit import FULL_DB
from tonewheel.systems.stems.rows import HOP, N_FFT
from tonewheel.systems.stems.spectra import analyse

Audio = NDArray[np.float32]
EDGES_HZ = (30.0, 60.0, 250.0, 800.0, 2500.0, 6400.0, 16000.0)
BLOCK_S = 3.0
LEAST_DB = 2.0
"""Less is not heard."""
INEXACT = 0.2


def corrections(
    truth: Audio, separated: Audio, sample_rate_hz: float, rng: np.random.Generator, most: int = 4
) -> tuple[Correction, ...]:
    """What a person would correct, worst first: stems (6, 2, samples) as they are and as they were separated."""
    right, found = (_blocks(sound, sample_rate_hz) for sound in (truth, separated))
    away = np.abs(right - found)
    ratio_db = 10 * np.log10((right + 1e-6 * right.max()) / (found + 1e-6 * right.max()))
    away[np.abs(ratio_db) < LEAST_DB] = 0
    made = []
    for place in np.argsort(-away, axis=None)[:most]:
        stem, band, block = (int(index) for index in np.unravel_index(place, away.shape))
        if away[stem, band, block] <= 1e-3 * right.max():
            break
        wanted_db = float(ratio_db[stem, band, block]) * float(rng.normal(1, INEXACT))
        made.append(
            Correction(
                stem=STEMS[stem],
                kind="boost" if wanted_db > 0 else "cut",
                strength=round(min(1.0, abs(wanted_db) / FULL_DB), 2),
                frequency_hz=(EDGES_HZ[band], EDGES_HZ[band + 1]),
                time_s=(block * BLOCK_S, (block + 1) * BLOCK_S),
            )
        )
    return tuple(made)


def _blocks(sound: Audio, sample_rate_hz: float) -> NDArray[np.float64]:
    """Power in each band and block: (6, 2, samples) -> (6, bands, blocks)."""
    power = (
        torch.view_as_complex(analyse(torch.from_numpy(np.ascontiguousarray(sound, np.float32))))
        .abs()
        .square()
    )
    both = power.sum(1).double().numpy()
    edges = [round(edge * N_FFT / sample_rate_hz) for edge in EDGES_HZ]
    bands = np.stack([both[:, low:high].sum(1) for low, high in pairwise(edges)], 1)
    frames = BLOCK_S * sample_rate_hz / HOP
    starts = np.arange(0, bands.shape[-1], frames).astype(int)
    return np.asarray(np.add.reduceat(bands, starts, axis=-1))
