"""Take clicks out of a signal once it is known what was hit, and say what was taken."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from tonewheel.systems.restore.ar import Mask, Samples, estimate, interpolate
from tonewheel.systems.restore.clicks.recipe import RepairRecipe


class Verdicts(NamedTuple):
    """Every sample of a mono signal, each (samples,): chance of being hit, size of the damage in amplitude."""

    hit: NDArray[np.float32]
    size: Samples


def repair(
    signal: Samples, verdicts: Verdicts, before: Samples, sample_rate_hz: int, settings: RepairRecipe
) -> tuple[Samples, Mask]:
    """The signal with its damaged samples estimated anew, and which these are; all others stay as they are.

    Models come from `before`, an earlier and coarser repair. A damaged sample counts as an observation with noise
    of its size: a strong click is interpolated, the faint tail of one is only corrected.
    """
    mask = ndimage.maximum_filter1d(verdicts.hit, 2 * settings.widened + 1) > settings.least_chance
    # As edges of pictures are followed (Canny, 1986): surely somewhere, then as far as it is likely.
    mask = np.asarray(ndimage.binary_propagation(verdicts.hit > settings.sure_chance, mask=mask))
    if not mask.any():
        return signal.copy(), mask
    models = estimate(
        before,
        settings.order(sample_rate_hz),
        settings.hop(sample_rate_hz),
        settings.window(sample_rate_hz),
        settings.floor,
    )
    out = signal.copy()
    out[mask] = interpolate(signal, mask, models, (settings.doubt * verdicts.size[mask]) ** 2)
    return out, mask
