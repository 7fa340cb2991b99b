"""SI-SDR: how much of an estimate is the reference, whatever its level?

Task: `reference` is the clean signal, `estimate` what came out, both (..., samples), in place to the sample: a
delay must be taken out before, it costs tens of dB. The reference is scaled to be nearest to the estimate, and
what is left over is distortion:

    SI-SDR = 10 log10(|a s|^2 / |a s - e|^2),  a = <e, s> / <s, s>

(Le Roux, Wisdom, Erdogan and Hershey, "SDR - half-baked or well done?", ICASSP 2019). The mean is not taken
out, as in the paper and in `torchmetrics`, whose figures these equal. Channels are one signal each; `evaluate`
gives their mean. Polarity is not seen: -e scores as e does; `evaluate` tells it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["evaluate", "sdr", "si_sdr", "validate"]

Floats = NDArray[np.float64]


def validate(reference: ArrayLike, estimate: ArrayLike) -> tuple[Floats, Floats]:
    """Check two signals of one shape, mono or (channels, samples), finite, the reference not silent."""
    right, found = np.asarray(reference, np.float64), np.asarray(estimate, np.float64)
    if right.shape != found.shape or right.ndim not in (1, 2) or right.shape[-1] == 0:
        raise ValueError(
            f"reference {right.shape} and estimate {found.shape} must be alike: (samples,) or (channels, samples)"
        )
    if not (np.isfinite(right).all() and np.isfinite(found).all()):
        raise ValueError("a signal holds NaN or infinite samples")
    if not np.square(right).sum(axis=-1).all():
        raise ValueError("a channel of the reference is silent")
    return right, found


def si_sdr(reference: ArrayLike, estimate: ArrayLike) -> Floats:
    """Scale-invariant SDR in dB of each channel, shape (...,); `inf` where nothing but the level differs.

    >>> float(si_sdr([1.0, 0.0, 1.0, 0.0], [2.0, 0.2, 2.0, -0.2]).round(6))
    20.0
    """
    right, found = validate(reference, estimate)
    scale = np.sum(right * found, axis=-1) / np.sum(right * right, axis=-1)
    target = scale[..., None] * right
    return _ratio_db(target, found - target)


def sdr(reference: ArrayLike, estimate: ArrayLike) -> Floats:
    """Signal-to-distortion ratio in dB of each channel, without any scaling: a changed level is distortion.

    >>> float(sdr([1.0, 0.0], [0.9, 0.0]).round(6))
    20.0
    """
    right, found = validate(reference, estimate)
    return _ratio_db(right, found - right)


def evaluate(reference: ArrayLike, estimate: ArrayLike) -> dict[str, float]:
    """SI-SDR and SDR in dB, means over the channels, and the polarity: 1 kept, -1 turned over.

    >>> evaluate([1.0, -1.0, 0.0], [1.0, -1.0, 0.02])
    {'si_sdr_db': 36.9897, 'sdr_db': 36.9897, 'polarity': 1.0}
    """
    right, found = validate(reference, estimate)
    agreement = float(np.sum(right * found))
    return {
        "si_sdr_db": round(float(si_sdr(right, found).mean()), 4),
        "sdr_db": round(float(sdr(right, found).mean()), 4),
        "polarity": float(np.sign(agreement)),
    }


def _ratio_db(signal: Floats, distortion: Floats) -> Floats:
    wanted, rest = np.sum(signal**2, axis=-1), np.sum(distortion**2, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        # A silent estimate is neither: nothing of the reference is in it.
        return np.where(wanted > 0, 10 * (np.log10(wanted) - np.log10(rest)), -np.inf)
