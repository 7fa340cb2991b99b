"""Corrections carried out on the stems they were made for: louder, softer, all of it or none, there and nowhere else.

Stems were made by shares of one spectrum, so a correction is a change of shares: what one stem gets, the others lose
in proportion, and the stems still sum to the mix. A boost of strength 1 is +12 dB of a stem's share against the rest,
a cut -12 dB; an isolation moves that part of what others have into the stem, a masking hands it out to the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tonewheel.manifest.stem_snapshot import Correction, CorrectionKind
from tonewheel.manifest.stems import STEMS
from tonewheel.systems.stems.rows import HOP, N_FFT
from tonewheel.systems.stems.spectra import analyse, synthesise

Audio = NDArray[np.float32]
FULL_DB = 12.0
"""What a boost of strength 1 does."""


def corrected(stems: Audio, corrections: Sequence[Correction], sample_rate_hz: float) -> Audio:
    """Stems (6, 2, samples) with corrections carried out one after the other; outside of them nothing changes.

    >>> mix = np.random.default_rng(0).normal(0, 0.1, (2, 9000)).astype(np.float32)
    >>> stems = mix * np.float32([0.5, 0.1, 0.1, 0.1, 0.1, 0.1])[:, None, None]
    >>> cut = Correction(stem="vocals", kind="masking", strength=1.0)
    >>> changed = corrected(stems, [cut], 44100)
    >>> bool(np.abs(changed.sum(0) - mix).max() < 1e-5), bool(np.abs(changed[0]).max() < 1e-6)
    (True, True)
    """
    if not corrections:
        return stems
    spectra = torch.view_as_complex(analyse(torch.from_numpy(np.ascontiguousarray(stems, np.float32))))
    mix = spectra.sum(0)
    strength = spectra.abs()
    shares = strength / strength.sum(0).clamp_min(1e-9)
    before = shares.clone()
    for one in corrections:
        bins, frames = where(one, sample_rate_hz, shares.shape[-1])
        place = (..., bins, frames)
        shares[place] = moved(shares[place], STEMS.index(one.stem), one.kind, one.strength)
    change = synthesise(torch.view_as_real((shares - before) * mix), stems.shape[-1])
    return np.asarray(stems + change.numpy(), np.float32)


def moved(shares: Tensor, stem: int, kind: CorrectionKind, strength: float) -> Tensor:
    """Shares (6, ...) that sum to 1, with the share of one stem changed and the others in proportion.

    >>> moved(torch.tensor([0.5, 0.25, 0.25]), 0, "masking", 0.5)
    tensor([0.2500, 0.3750, 0.3750])
    """
    own = shares[stem]
    if kind == "isolation":
        new = own + strength * (1 - own)
    elif kind == "masking":
        new = own * (1 - strength)
    else:
        gain = 10 ** ((FULL_DB if kind == "boost" else -FULL_DB) * strength / 20)
        new = own * gain / (own * gain + 1 - own).clamp_min(1e-9)
    rest = 1 - own
    # Where nobody else has anything there is nobody to hand it to.
    new = torch.where(rest > 1e-6, new, own)
    out = shares * torch.where(rest > 1e-6, (1 - new) / rest.clamp_min(1e-6), 1.0)
    out[stem] = new
    # Of a share near 1 the others are a small difference, which rounding spoils.
    return out / out.sum(0).clamp_min(1e-9)


def where(one: Correction, sample_rate_hz: float, frames: int) -> tuple[slice, slice]:
    """The bins and frames of a correction; a frame belongs to the time in its middle."""
    low_hz, high_hz = sorted(one.frequency_hz or (0.0, sample_rate_hz))
    start_s, end_s = sorted(one.time_s or (0.0, float("inf")))
    step_hz, step_s = sample_rate_hz / N_FFT, HOP / sample_rate_hz
    last = frames if end_s == float("inf") else min(frames, int(np.ceil(end_s / step_s)))
    return (
        slice(max(0, int(np.ceil(low_hz / step_hz))), max(0, int(np.ceil(high_hz / step_hz)))),
        slice(min(frames, max(0, int(np.ceil(start_s / step_s)))), last),
    )


def region_sdr_db(reference: Audio, estimate: Audio, one: Correction, sample_rate_hz: float) -> float:
    """Signal over error in the bins and frames of a correction, dB: (2, samples) each; 0 dB where silence is right.

    The global SDR, sum |s|^2 / sum |s - e|^2, of a part of the spectrum; it counts the sound of this stem only there.
    """
    return regions_sdr_db({one.stem: reference}, {one.stem: estimate}, [one], sample_rate_hz)


def regions_sdr_db(
    reference: Mapping[str, Audio],
    estimate: Mapping[str, Audio],
    regions: Sequence[Correction],
    sample_rate_hz: float,
) -> float:
    """The same over the regions of several corrections together: stems by name -> (2, samples)."""
    power = {
        stem: torch.view_as_complex(
            analyse(torch.from_numpy(np.stack([sound, sound - estimate[stem]]).astype(np.float32)))
        )
        .abs()
        .square()
        for stem, sound in reference.items()
    }
    signal = error = 1e-9
    for one in regions:
        bins, frames = where(one, sample_rate_hz, power[one.stem].shape[-1])
        there = power[one.stem][..., bins, frames].double()
        signal, error = signal + float(there[0].sum()), error + float(there[1].sum())
    return 10 * float(np.log10(signal / error))
