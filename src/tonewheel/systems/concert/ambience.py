"""What a hall sounds like between the songs: applause, cheering, talk, hiss and silence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.seeds import draw_seed
from tonewheel.degrade.crowd import Crowd
from tonewheel.synth.noise import applause, cheering, room_tone
from tonewheel.synth.speech import banter

Floats = NDArray[np.float32]

MAKERS: dict[str, Callable[[np.random.Generator, float, int], Floats]] = {
    "applause": applause,
    "cheering": cheering,
    "banter": banter,
    "room_tone": room_tone,
}
SHARES = {"crowd": 0.35, "applause": 0.15, "cheering": 0.1, "banter": 0.3, "room_tone": 0.1}
"""How often each kind is drawn; `crowd` is recorded, the others are synthesised once by `concert prepare`."""
SILENCE_SHARE = 0.05
SECOND_LAYER_SHARE = 0.3


def draw_ambience(
    rng: np.random.Generator, samples: int, sample_rate_hz: int, bank: Mapping[str, Sequence[str]]
) -> Floats:
    """One stretch without music from the files of `bank` (kind -> paths).

    Shape: (samples,), peak at most 0.9.
    """
    kinds = [kind for kind in SHARES if bank.get(kind)]
    if not kinds or rng.random() < SILENCE_SHARE:
        return np.zeros(samples, dtype=np.float32)
    shares = np.array([SHARES[kind] for kind in kinds])
    layers = 2 if rng.random() < SECOND_LAYER_SHARE else 1
    chosen = rng.choice(kinds, size=layers, p=shares / shares.sum())
    sources = tuple(str(rng.choice(bank[kind])) for kind in chosen)
    audio = Crowd(sources=sources, snr_db=0.0, swing_db=float(rng.uniform(0, 6)), seed=draw_seed(rng)).noise(
        samples, sample_rate_hz
    )
    return audio * np.float32(rng.uniform(0.05, 0.9) / max(float(np.abs(audio).max()), 1e-9))
