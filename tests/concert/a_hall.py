"""A hall of one and a half seconds, a crowd 8 dB below the music, as a phone measured it."""

from __future__ import annotations

from msgspec import structs

from tonewheel.systems.concert.venue.profile import Estimate, Profile

RATE = 16_000


def profile(**changes: object) -> Profile:
    """A plausible profile, but for what is changed."""
    made = Profile(
        recording="show.wav",
        sample_rate_hz=RATE,
        channels=1,
        seconds=60.0,
        music_s=50.0,
        t60_s=Estimate(value=1.4, low=1.0, high=1.9),
        snr_db=Estimate(value=8, low=5, high=11),
        spectrum_db=(-20.0, -9.0, -3.0, 0.0, -2.0, -6.0, -11.0, -20.0),
        tilt_db_per_octave=-5.0,
        crest_db=11.0,
        clipped=Estimate(value=0.01, low=0.0, high=0.02),
        at_the_rail=0.0,
        level_db=-18.0,
        bandwidth_hz=(90.0, 7_900.0),
    )
    return structs.replace(made, **changes)
