"""The oracle: what could be reached by someone who knows every sample hit, and music and noise apart.

Samples that were hit are interpolated by the same least squares as ours, with the AR model of the clean music;
hiss is taken by the ideal Wiener gain of each bin, from the true powers of music and noise. Better is possible
only by another method, not by a better detector or estimate.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tonewheel.systems.restore import ar
from tonewheel.systems.restore.benchmark import Item

Audio = NDArray[np.float32]

NAME = "oracle"
ORDER, HOP, WINDOW = 32, 512, 2048
N_FFT = 2048


def cleaned(item: Item) -> Audio:
    """The damaged clip of an item as the oracle gives it back, (samples,)."""
    from scipy.signal import istft, stft

    damaged = np.asarray(item.damaged, np.float64)
    out = damaged.copy()
    if item.hit.any():
        without = damaged if item.case.hiss_snr_db is not None else np.asarray(item.clean, np.float64)
        models = ar.estimate(np.where(item.hit, item.clean, without), ORDER, HOP, WINDOW)
        out[item.hit] = ar.interpolate(damaged, item.hit, models)
    if item.case.hiss_snr_db is None:
        return out.astype(np.float32)
    form = {"nperseg": N_FFT, "noverlap": N_FFT * 3 // 4}
    music, noise, mixed = (stft(x, **form)[2] for x in (item.clean, out - item.clean, out))
    power, disturbed = np.abs(music) ** 2, np.abs(noise) ** 2
    gain = power / np.maximum(power + disturbed, 1e-20)
    restored: Audio = istft(mixed * gain, **form)[1][: damaged.size].astype(np.float32)
    return restored
