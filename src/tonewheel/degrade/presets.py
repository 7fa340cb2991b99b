"""Chains as the world strings them together: a phone, a phone in a hall."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tonewheel.degrade.base import Degradation
from tonewheel.degrade.chain import Chain
from tonewheel.degrade.clipping import Clipping
from tonewheel.degrade.codec import Codec, Format
from tonewheel.degrade.crowd import Crowd
from tonewheel.degrade.dynamics import AutomaticGain, Compressor
from tonewheel.degrade.equaliser import Equaliser
from tonewheel.degrade.gain import Gain
from tonewheel.degrade.high_pass import HighPass
from tonewheel.degrade.low_pass import LowPass
from tonewheel.degrade.microphone import Microphone
from tonewheel.degrade.room import Room

FORMATS: tuple[Format, ...] = ("aac", "mp3", "vorbis")
"""Opus is left out by default: its encoder takes three to ten times as long as the others."""


def phone_chain(
    rng: np.random.Generator,
    *,
    high_pass_hz: tuple[float, float] = (100.0, 200.0),
    clipped_fraction: tuple[float, float] = (0.0, 0.03),
    codec_share: float = 1.0,
    formats: Sequence[Format] = FORMATS,
    bitrate_kbps: tuple[float, float] = (24.0, 96.0),
) -> Chain:
    """What a phone does to what its microphone hears: high-pass, automatic gain or compressor, clipping,
    codec.

    The bounds are the protocol of TARGETS.md (concert): 100 to 200 Hz, 0 to 3 % of samples clipped. A
    training loop that has no 50 ms to spare for each clip sets `codec_share` below 1.

    >>> [type(step).__name__ for step in phone_chain(np.random.default_rng(5), codec_share=0).steps]
    ['HighPass', 'Compressor', 'Clipping']
    """
    steps: list[Degradation] = [
        HighPass.draw(rng, cutoff_hz=high_pass_hz),
        AutomaticGain.draw(rng) if rng.random() < 0.5 else Compressor.draw(rng),
        Clipping.draw(rng, fraction=clipped_fraction),
    ]
    if rng.random() < codec_share:
        steps.append(Codec.draw(rng, formats=formats, bitrate_kbps=bitrate_kbps))
    return Chain(steps=tuple(steps))


def hall(
    rng: np.random.Generator,
    rooms: Sequence[str] = (),
    crowds: Sequence[str] = (),
    microphones: Sequence[str] = (),
    snr_db: float | tuple[float, float] = (0.0, 15.0),
    *,
    measured_share: float = 0.7,
    synthetic_crowd_share: float = 0.1,
    low_pass_share: float = 0.2,
    codec_share: float = 1.0,
    formats: Sequence[Format] = FORMATS,
    gain_db: tuple[float, float] = (-12.0, 3.0),
) -> Chain:
    """Music heard by a phone in a hall, in the order of physics.

    music -> PA (equaliser) -> room -> + crowd at `snr_db` -> microphone -> phone (see `phone_chain`) ->
    gain. The crowd is not put through the room again: it was recorded in one. A number as `snr_db` states
    it exactly, a pair bounds it. Rooms, crowds and microphones are paths; without any, statistical and
    synthetic ones stand in.

    >>> chain = hall(np.random.default_rng(1), snr_db=5.0, codec_share=0)
    >>> [type(step).__name__ for step in chain.steps]
    ['Equaliser', 'Room', 'Crowd', 'Microphone', 'Chain', 'Gain']
    """
    between = (float(snr_db), float(snr_db)) if isinstance(snr_db, (int, float)) else snr_db
    steps: list[Degradation] = [
        Equaliser.draw(rng, shelf_db=(-6.0, 6.0), peak_db=(-4.0, 4.0)),
        Room.draw(rng, paths=rooms, measured_share=measured_share),
        Crowd.draw(rng, paths=crowds, snr_db=between, synthetic_share=synthetic_crowd_share),
        Microphone.draw(rng, paths=microphones),
    ]
    if rng.random() < low_pass_share:
        steps.append(LowPass.draw(rng))
    steps.append(phone_chain(rng, codec_share=codec_share, formats=formats))
    steps.append(Gain.draw(rng, gain_db=gain_db))
    return Chain(steps=tuple(steps))
