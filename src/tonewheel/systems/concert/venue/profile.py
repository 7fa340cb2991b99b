"""What was measured on recordings of a venue, as JSON that people can read and simulation can follow.

Levels are RMS in dB, relative to the music of the same recording unless the name says otherwise. What cannot be
known from a recording is None: without a pause there is no level of the pauses.
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Self

from tonewheel.core.errors import InputError
from tonewheel.core.records import Record

FORMAT = "tonewheel venue 1"
OCTAVES_HZ = (63.0, 125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0)


class Estimate(Record):
    """A figure that was estimated blindly, and between which bounds it lies in four cases of five."""

    value: float
    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low <= self.value <= self.high:
            raise InputError("estimate", f"{self.value} is not between {self.low} and {self.high}")


class Pauses(Record):
    """Level of the sound between songs, against the music: quantiles over half seconds."""

    seconds: float
    quiet_db: float
    """10 %: the hall itself."""
    middle_db: float
    loud_db: float
    """90 %: applause, as a rule."""


class Profile(Record):
    """What the hall and the phone did to one recording.

    >>> profile = Profile(recording="show.mp4", sample_rate_hz=48_000, channels=2, seconds=60.0, music_s=50.0,
    ...                   t60_s=Estimate(value=1.4, low=1.0, high=1.9), snr_db=Estimate(value=8, low=5, high=11),
    ...                   spectrum_db=(0.0,) * 8, tilt_db_per_octave=-3.0, crest_db=11.0,
    ...                   clipped=Estimate(value=0.01, low=0.0, high=0.02), at_the_rail=0.0, level_db=-18.0,
    ...                   bandwidth_hz=(90.0, 15_500.0))
    >>> Profile.from_json(profile.to_json()) == profile
    True
    """

    recording: str
    sample_rate_hz: int
    channels: int
    seconds: float
    music_s: float
    """So much of it counted as music and was measured."""
    t60_s: Estimate
    """Reverberation time in the octaves of 500 Hz and 1 kHz."""
    snr_db: Estimate
    """Music to crowd while the music plays."""
    spectrum_db: tuple[float, float, float, float, float, float, float, float]
    """Long-term level in each octave of OCTAVES_HZ, against the strongest."""
    tilt_db_per_octave: float
    """Of the spectrum from 250 Hz to 4 kHz; music alone falls by some 3 dB an octave."""
    crest_db: float
    """Peak over RMS of a quarter second, mean."""
    clipped: Estimate
    """Share of samples that were flattened before a codec, from the shape of the peaks."""
    at_the_rail: float
    """Share of samples that stand at the recording's largest value: clipping that nothing has smeared since."""
    level_db: float
    """Of the music, against full scale."""
    bandwidth_hz: tuple[float, float]
    """Where the sound lies; above it a codec, or the microphone, has left nothing."""
    pauses: Pauses | None = None


class Venue(Record):
    """The profiles of recordings of one venue; simulation draws from them one by one, never from their mean."""

    recordings: tuple[Profile, ...]
    format: str = FORMAT

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """Read what `concert measure` wrote; InputError when the file is something else, or names no recording."""
        venue = cls.read(path)
        if venue.format != FORMAT:
            raise InputError(Path(path), f'is of the format "{venue.format}", expected "{FORMAT}"')
        if not venue.recordings:
            raise InputError(Path(path), "names no recording; make it again with `tonewheel concert measure`")
        return venue
