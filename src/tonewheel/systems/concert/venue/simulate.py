"""From a venue's profiles to damage that is drawn like it: chains of `degrade/` records for clean music.

Every draw takes one recording's profile and a point between the bounds of each of its estimates, so what is not
known exactly varies, and what is known does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tonewheel.degrade.base import Degradation
from tonewheel.degrade.chain import Chain
from tonewheel.degrade.clipping import Clipping
from tonewheel.degrade.codec import Codec
from tonewheel.degrade.crowd import Crowd
from tonewheel.degrade.dynamics import AutomaticGain, Compressor
from tonewheel.degrade.low_pass import LowPass
from tonewheel.degrade.microphone import POINTS_HZ, Microphone
from tonewheel.degrade.presets import FORMATS
from tonewheel.degrade.room import Room
from tonewheel.systems.concert.venue.features import RATE_HZ
from tonewheel.systems.concert.venue.known import middle_t60_s
from tonewheel.systems.concert.venue.profile import OCTAVES_HZ, Estimate, Profile, Venue
from tonewheel.systems.concert.venue.spectrum import SpectrumMeter

Floats = NDArray[np.float32]

T60_RANGE_S = (0.15, 6.0)
LARGEST_STEP_DB = 24.0
"""A spectrum is moved by at most so much in an octave: where the music has nothing, nothing can be raised."""
DENSEST_CREST_DB, LOOSEST_CREST_DB = 8.0, 15.0
"""Crest factors between which the compressor goes from strong to none."""
MEASURED_SHARE = 0.7


class Surroundings:
    """Recorded rooms and crowds to draw from, beside the statistical ones; rooms are sorted by reverberation time.

    Shapes: paths of files. Rooms whose response does not decay are left out.
    """

    def __init__(self, rooms: Sequence[str] = (), crowds: Sequence[str] = ()) -> None:
        self.crowds = tuple(crowds)
        found = [(middle_t60_s(Room(path=path)), path) for path in rooms]
        self.rooms: tuple[tuple[float, str], ...] = tuple(sorted((t60, path) for t60, path in found if t60))

    def rooms_like(self, t60_s: Estimate) -> list[str]:
        """The recorded rooms that ring as long as the estimate allows."""
        return [path for seconds, path in self.rooms if t60_s.low <= seconds <= t60_s.high]


def matching(
    venue: Venue,
    rng: np.random.Generator,
    *,
    music_db: Sequence[float] | None = None,
    surroundings: Surroundings | None = None,
    crowd: bool = True,
    codec_share: float = 1.0,
) -> Chain:
    """Damage as in one of the venue's recordings, drawn anew; apply it at any rate.

    `music_db` is the clean music's own spectrum by octave (`octaves_of`): with it the loudspeakers and the
    microphone together make the long-term spectrum that was measured, without it they leave the spectrum alone.
    Without a `crowd` the references of a pack are made: there the crowd would only be noise.

    >>> from tonewheel.systems.concert.venue.profile import Profile
    >>> profile = Profile(recording="", sample_rate_hz=16_000, channels=1, seconds=60, music_s=60, crest_db=11.0,
    ...                   t60_s=Estimate(value=1.4, low=1.0, high=1.9), snr_db=Estimate(value=8, low=5, high=11),
    ...                   clipped=Estimate(value=0.01, low=0.0, high=0.02), at_the_rail=0.0, level_db=-18.0,
    ...                   spectrum_db=(0.0,) * 8, tilt_db_per_octave=-3.0, bandwidth_hz=(90.0, 5_500.0))
    >>> chain = matching(Venue(recordings=(profile,)), np.random.default_rng(0), codec_share=0)
    >>> [type(step).__name__ for step in chain.steps]
    ['Room', 'Crowd', 'Microphone', 'Compressor', 'Clipping', 'LowPass']
    """
    profile = venue.recordings[int(rng.integers(len(venue.recordings)))]
    around = surroundings or Surroundings()
    steps: list[Degradation] = [_room(profile, rng, around)]
    if crowd:
        snr_db = _between(profile.snr_db, rng)
        share = 0.0 if around.crowds else 1.0
        steps.append(Crowd.draw(rng, paths=around.crowds, snr_db=(snr_db, snr_db), synthetic_share=share))
    if music_db is not None:
        steps.append(_spectrum(profile, music_db))
    else:
        steps.append(Microphone())
    steps.extend(_dynamics(profile, rng))
    if profile.bandwidth_hz[1] < 0.45 * RATE_HZ:
        steps.append(LowPass(cutoff_hz=max(profile.bandwidth_hz[1], 500.0), order=8))
    if rng.random() < codec_share:
        steps.append(_codec(profile, rng))
    return Chain(steps=tuple(steps))


def octaves_of(audio: Floats, sample_rate_hz: int = RATE_HZ) -> tuple[float, ...]:
    """The long-term spectrum of clean music by octave, as `matching` takes it: (samples,) -> (octaves,)."""
    meter = SpectrumMeter(sample_rate_hz)
    meter.add(audio)
    return meter.octaves_db()


def _room(profile: Profile, rng: np.random.Generator, around: Surroundings) -> Room:
    fitting = around.rooms_like(profile.t60_s)
    if fitting and rng.random() < MEASURED_SHARE:
        return Room(path=fitting[int(rng.integers(len(fitting)))], channel=int(rng.integers(2)))
    low, high = np.clip((profile.t60_s.low, profile.t60_s.high), *T60_RANGE_S)
    return Room.draw(rng, t60_s=(float(low), float(high)))


def _between(estimate: Estimate, rng: np.random.Generator) -> float:
    return (
        float(rng.triangular(estimate.low, estimate.value, estimate.high))
        if _is_wide(estimate)
        else estimate.value
    )


def _is_wide(estimate: Estimate) -> bool:
    return estimate.high - estimate.low > 1e-9


def _spectrum(profile: Profile, music_db: Sequence[float]) -> Microphone:
    """Gains that turn the music's spectrum into the measured one, where both have something to compare."""
    wanted, has = np.array(profile.spectrum_db), np.array(music_db)
    # Octaves that a low sample rate or a codec has emptied say nothing about the loudspeakers.
    heard = (has > -60) & (np.array(OCTAVES_HZ) < profile.bandwidth_hz[1]) & (wanted > -90)
    if not heard.any():
        return Microphone()
    step = (wanted - has)[heard]
    step = np.clip(step - np.median(step), -LARGEST_STEP_DB, LARGEST_STEP_DB)
    gains = np.interp(np.log2(POINTS_HZ), np.log2(np.array(OCTAVES_HZ)[heard]), step)
    return Microphone(response_db=tuple(round(float(gain), 2) for gain in gains))


def _dynamics(profile: Profile, rng: np.random.Generator) -> list[Degradation]:
    """A compressor or automatic gain, the stronger the flatter the recording is, and clipping as estimated."""
    dense = float(
        np.clip((LOOSEST_CREST_DB - profile.crest_db) / (LOOSEST_CREST_DB - DENSEST_CREST_DB), 0.05, 1)
    )
    steps: list[Degradation] = []
    if rng.random() < 0.5:
        steps.append(AutomaticGain.draw(rng))
    else:
        steps.append(Compressor.draw(rng, ratio=(1.0 + dense, 2.0 + 8.0 * dense)))
    steps.append(Clipping.draw(rng, fraction=(profile.clipped.low, max(profile.clipped.high, 1e-6))))
    return steps


def _codec(profile: Profile, rng: np.random.Generator) -> Codec:
    """A bit rate that goes with the bandwidth: coders cut the top off when they run short."""
    top_hz = profile.bandwidth_hz[1]
    bounds: Mapping[float, tuple[float, float]] = {8000: (16, 32), 12_000: (24, 64), 17_000: (48, 128)}
    kbps = next((between for limit, between in bounds.items() if top_hz < limit), (64.0, 192.0))
    return Codec.draw(rng, formats=FORMATS, bitrate_kbps=kbps)
