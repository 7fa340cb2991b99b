"""Profile: the measured damage of recordings, as JSON that people can read and simulation can follow.

What was not found is None: a recording whose profile has no `clicks` has nothing for a click remover to do.
Levels are RMS in dB of full scale; amplitudes are of full scale.
"""

from __future__ import annotations

from tonewheel.core.records import Record

Points = tuple[tuple[float, float], ...]


class ImpulseProfile(Record):
    """One kind of impulse, as the fields of `degrade.clicks.Clicks` state it."""

    rate_per_s: float
    """In one channel."""
    amplitude: float
    """Median of the peaks, of full scale."""
    amplitude_spread: float
    """Standard deviation of their natural logarithm."""
    width_ms: float
    width_spread: float
    longest_ms: float
    clustered: float = 0.0
    """Share of impulses that come in bursts."""
    burst_size: float = 1.0
    burst_ms: float = 20.0
    repeating: float = 0.0
    """Share of impulses that come back every revolution."""
    revolutions_per_minute: float | None = None
    count: int = 0
    """Impulses that this was measured from, in all channels."""


class HissProfile(Record):
    """Stationary noise."""

    level_db: float
    spectrum: Points
    """(Hz, dB of full scale in 1 Hz), rising."""


class HumProfile(Record):
    """The mains: `harmonics_db` are relative to the level of them all, from the fundamental up."""

    frequency_hz: float
    level_db: float
    harmonics_db: tuple[float, ...]


class RumbleProfile(Record):
    """Noise below the music."""

    level_db: float
    cutoff_hz: float
    """90 % of its power lies below."""
    resonance_hz: float


class WowProfile(Record):
    """Pitch that swings once a revolution."""

    depth_percent: float
    revolutions_per_minute: float


class Profile(Record):
    """The damage of one recording.

    >>> profile = Profile(recording="a.wav", sample_rate_hz=44100, channels=1, seconds=60.0, music_rms=0.1,
    ...                   peak=0.9, snr_db=31.0, bandwidth_hz=(80.0, 7500.0))
    >>> Profile.from_json(profile.to_json()) == profile, profile.damage
    (True, ())
    """

    recording: str
    sample_rate_hz: int
    channels: int
    seconds: float
    music_rms: float
    """Where there is sound, without the clicks; the noise is part of it."""
    peak: float
    snr_db: float
    """Music to noise floor; 120 where there is no floor to speak of."""
    bandwidth_hz: tuple[float, float]
    """Where the music stands out of the noise, lowest and highest frequency."""
    dc: tuple[float, ...] = ()
    """Mean of each channel."""
    clipped: float = 0.0
    """Share of samples that stand at the rail."""
    floor: Points = ()
    """(Hz, dB in 1 Hz): the quietest the recording gets, whether that is hiss or music."""
    clicks: ImpulseProfile | None = None
    crackle: ImpulseProfile | None = None
    hiss: HissProfile | None = None
    hum: HumProfile | None = None
    rumble: RumbleProfile | None = None
    wow: WowProfile | None = None

    @property
    def damage(self) -> tuple[str, ...]:
        """The names of what was found, in the order in which a cleaner goes about it."""
        names = ("clicks", "crackle", "hiss", "hum", "rumble", "wow")
        found = [name for name in names if getattr(self, name) is not None]
        if max(map(abs, self.dc), default=0.0) > LEAST_DC:
            found.append("dc")
        if self.clipped > LEAST_CLIPPED:
            found.append("clipping")
        return tuple(found)


class Collection(Record):
    """The profiles of several recordings; simulation draws from them one by one, never from their mean."""

    recordings: tuple[Profile, ...]


LEAST_DC = 3e-3
"""A mean of 0.3 % of full scale; what is below costs no headroom and makes no sound."""

LEAST_CLIPPED = 1e-5
