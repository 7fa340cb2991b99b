"""What a track may go through and still be itself: another pitch and tempo, a codec, another level and tone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tonewheel.degrade.base import Degradation
from tonewheel.degrade.chain import Chain
from tonewheel.degrade.codec import Codec, Format
from tonewheel.degrade.equaliser import Equaliser
from tonewheel.degrade.gain import Gain
from tonewheel.degrade.pitch_shift import PitchShift
from tonewheel.degrade.time_stretch import TimeStretch

FORMATS: tuple[Format, ...] = ("aac", "mp3", "vorbis")


def change(
    rng: np.random.Generator,
    *,
    semitones: float = 3.0,
    rate: tuple[float, float] = (0.9, 1.1),
    gain_db: tuple[float, float] = (-6.0, 3.0),
) -> Chain:
    """One draw: pitch or tempo, level, now and then tone and a codec. The bounds are those of the seed.

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
    return Chain(steps=tuple(steps))


def noise(
    rng: np.random.Generator,
    audio: NDArray[np.float32],
    *,
    share: float = 0.3,
    amplitude: tuple[float, float] = (0.001, 0.01),
) -> NDArray[np.float32]:
    """White noise of an RMS of `amplitude`, uniform in decibels, on so large a share of draws; else the audio as it is.

    >>> quiet = np.zeros(1000, np.float32)
    >>> round(float(noise(np.random.default_rng(0), quiet, share=1.0, amplitude=(0.01, 0.01)).std()), 3)
    0.01
    """
    if rng.random() >= share:
        return audio
    level = np.exp(rng.uniform(*np.log(amplitude)))
    added: NDArray[np.float32] = (level * rng.standard_normal(audio.shape)).astype(np.float32)
    return audio + added
