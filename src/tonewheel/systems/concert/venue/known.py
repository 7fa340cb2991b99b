"""Stretches of music through halls and phones whose figures are known: what blind measurement learns and is judged on.

The truth of a room is the reverberation time of its response between 350 and 1400 Hz (the octaves of 500 Hz and
1 kHz, as in ISO 3382-1), of a crowd its ratio to the music before the phone, of clipping the share of samples.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import signal

from tonewheel.core.seeds import generator
from tonewheel.degrade.base import Degradation
from tonewheel.degrade.chain import Chain
from tonewheel.degrade.clipping import Clipping
from tonewheel.degrade.crowd import Crowd
from tonewheel.degrade.equaliser import Equaliser
from tonewheel.degrade.gain import Gain
from tonewheel.degrade.microphone import Microphone
from tonewheel.degrade.presets import phone_chain
from tonewheel.degrade.reverberation import measure_t60_s
from tonewheel.degrade.room import Room
from tonewheel.systems.concert.prepare import Prepared
from tonewheel.systems.concert.queries import Hall
from tonewheel.systems.concert.venue.features import RATE_HZ, STRETCH_S, Floats

MIDDLE_HZ = (350.0, 1400.0)
T60_S = (0.2, 3.5)
SNR_DB = (-5.0, 30.0)
DIRECT_DB = (-10.0, 0.0)
"""Direct to reverberant sound of statistical rooms: an audience stands beyond the critical distance."""
SONGS_A_HALL = 4
RUN_UP_S = 3.0
"""Music before the stretch that the room still carries into it."""


class Known(NamedTuple):
    """A stretch as it was heard, (samples,) at 16 kHz, with the truth about its hall and phone."""

    audio: Floats
    t60_s: float
    snr_db: float
    clipped: float
    """Share of samples."""
    room: str
    """File of the room response; empty for a statistical room."""
    hall: int
    """Stretches of the same number were heard in the same hall, through the same phone."""


def middle_t60_s(room: Room) -> float | None:
    """Reverberation time of a room in the middle of the spectrum; None where its response does not decay.

    >>> 0.9 < middle_t60_s(Room(t60_s=(1.0,) * 7, direct_to_reverb_db=-20.0, seed=3)) < 1.1
    True
    """
    return _middle_t60_s(room)


@lru_cache(maxsize=512)
def _middle_t60_s(room: Room) -> float | None:
    response = room.response(RATE_HZ).samples
    band = signal.butter(4, MIDDLE_HZ, "bandpass", fs=RATE_HZ, output="sos")
    return measure_t60_s(signal.sosfilt(band, response).astype(np.float32), RATE_HZ)


def draw(
    prepared: Prepared,
    split: str,
    halls: int,
    seed: int = 0,
    *,
    measured_share: float = 0.5,
    codec_share: float = 0.15,
) -> Iterator[Known]:
    """Halls with SONGS_A_HALL stretches each: room, microphone and phone stay, the song and the crowd change.

    Everything is of one split. A hall whose response does not decay is left out.
    """
    place = Hall(prepared, split, shortest_s=STRETCH_S + RUN_UP_S)
    crowds = [path for kind in ("crowd", "applause", "cheering", "banter") for path in place.bank[kind]]
    for number in range(halls):
        rng = generator(seed, "known halls", split, number)
        room = Room.draw(
            rng, paths=place.rooms, measured_share=measured_share, t60_s=T60_S, direct_to_reverb_db=DIRECT_DB
        )
        t60_s = middle_t60_s(room)
        if t60_s is None:
            continue
        before: list[Degradation] = [Equaliser.draw(rng, shelf_db=(-6.0, 6.0), peak_db=(-4.0, 4.0)), room]
        snr_db = float(rng.uniform(*SNR_DB))
        phone = phone_chain(rng, codec_share=codec_share)
        microphones = place.microphones if rng.random() < 0.5 else []
        after: list[Degradation] = [Microphone.draw(rng, paths=microphones), phone, Gain.draw(rng)]
        clipped = sum(step.fraction for step in phone.steps if isinstance(step, Clipping))
        for _ in range(SONGS_A_HALL):
            song = int(rng.integers(len(place.tracks)))
            length = round((STRETCH_S + RUN_UP_S) * RATE_HZ)
            start = int(rng.integers(0, round(place.tracks[song].seconds * RATE_HZ) - length + 1))
            clean = prepared.floats(place.tracks[song], start, start + length)
            crowd = Crowd.draw(
                rng, paths=crowds, snr_db=(snr_db, snr_db), synthetic_share=0.0 if crowds else 1.0
            )
            heard = Chain(steps=(*before, crowd, *after)).apply(clean, RATE_HZ)[round(RUN_UP_S * RATE_HZ) :]
            yield Known(heard, t60_s, snr_db, clipped, room.path, number)
