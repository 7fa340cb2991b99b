"""What a track may go through and still be itself: another pitch and tempo, a codec, another level and tone."""

from __future__ import annotations

import numpy as np

from tonewheel.core.seeds import draw_seed
from tonewheel.degrade.base import Degradation
from tonewheel.degrade.chain import Chain
from tonewheel.degrade.codec import Codec, Format
from tonewheel.degrade.equaliser import Equaliser
from tonewheel.degrade.gain import Gain
from tonewheel.degrade.hiss import Hiss
from tonewheel.degrade.pitch_shift import PitchShift
from tonewheel.degrade.time_stretch import TimeStretch

FORMATS: tuple[Format, ...] = ("aac", "mp3", "vorbis")
HISS_DB = (-60.0, -40.0)
"""RMS of white noise, of full scale: amplitudes of .001 to .01."""


def change(
    rng: np.random.Generator,
    *,
    semitones: float = 3.0,
    rate: tuple[float, float] = (0.9, 1.1),
    gain_db: tuple[float, float] = (-6.0, 3.0),
    hiss: float = 0.0,
) -> Chain:
    """One draw: pitch or tempo, level, now and then tone and a codec; white noise on a share `hiss` of draws.

    >>> [type(step).__name__ for step in change(np.random.default_rng(1)).steps]
    ['TimeStretch', 'Equaliser', 'Gain', 'Codec']
    """
    steps: list[Degradation] = []
    turn = rng.random()
    if turn < 0.45:
        steps.append(PitchShift.draw(rng, semitones=(-semitones, semitones)))
    elif turn < 0.9:
        steps.append(TimeStretch.draw(rng, rate=rate))
    if rng.random() < 0.3:
        steps.append(Equaliser.draw(rng, shelf_db=(-6.0, 6.0), peak_db=(-5.0, 5.0)))
    steps.append(Gain.draw(rng, gain_db=gain_db))
    if rng.random() < 0.6:
        steps.append(Codec.draw(rng, formats=FORMATS, bitrate_kbps=(32.0, 128.0)))
    if hiss and rng.random() < hiss:
        level_db = float(rng.uniform(*HISS_DB))
        steps.append(Hiss(level_db=level_db, spectrum=((1000.0, 0.0),), seed=draw_seed(rng)))
    return Chain(steps=tuple(steps))
