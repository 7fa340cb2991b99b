"""What is done to a recording: decided from its measured profile, so that what is not there is not removed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

from tonewheel.core.errors import InputError, nearest
from tonewheel.core.records import Record
from tonewheel.systems.restore.profile import LEAST_DC, HumProfile, Profile
from tonewheel.systems.restore.rumble import cutoff_hz

Part = Literal["clicks", "hiss", "hum"]

PARTS: tuple[Part, ...] = ("clicks", "hiss", "hum")
"""clicks: clicks and crackle; hum: the mains, rumble and a constant offset."""
STRENGTHS = {"light": 0.4, "medium": 0.7, "full": 1.0}


class Plan(Record):
    """The passes of one recording."""

    clicks: bool = False
    hiss: bool = False
    """Whether to look for hiss; its own measurement decides whether any is audible."""
    hum: HumProfile | None = None
    rumble_hz: float | None = None
    offsets: tuple[float, ...] = ()
    strength: float = 1.0

    @property
    def steps(self) -> tuple[str, ...]:
        """The names of the passes, in their order."""
        named = (
            ("clicks", self.clicks),
            ("hum", self.hum),
            ("rumble", self.rumble_hz),
            ("offset", self.offsets),
            ("hiss", self.hiss),
        )
        return tuple(name for name, there in named if there)


def plan_for(profile: Profile, only: Collection[Part] = PARTS, strength: float = 1.0) -> Plan:
    """What is there and may be removed.

    >>> clean = Profile(recording="a.wav", sample_rate_hz=44100, channels=1, seconds=60.0, music_rms=0.1,
    ...                 peak=0.9, snr_db=120.0, bandwidth_hz=(40.0, 16000.0), dc=(0.01,))
    >>> plan_for(clean).steps
    ('offset',)
    """
    if strength == 0:
        return Plan(strength=0.0)
    low = "hum" in only
    rumble, offset = profile.rumble, max(map(abs, profile.dc), default=0.0)
    return Plan(
        clicks="clicks" in only and (profile.clicks is not None or profile.crackle is not None),
        hiss="hiss" in only and profile.hiss is not None,
        hum=profile.hum if low else None,
        rumble_hz=cutoff_hz(rumble, profile.bandwidth_hz[0]) if low and rumble else None,
        offsets=profile.dc if low and offset > LEAST_DC else (),
        strength=strength,
    )


def check_parts(only: Sequence[str]) -> tuple[Part, ...]:
    """The parts that are named, all when none is; InputError names the nearest for another word.

    >>> check_parts(["hiss"]), check_parts([]) == PARTS
    (('hiss',), True)
    """
    for name in only:
        if name not in PARTS:
            raise InputError("--only", f'"{name[:20]}" is none of {", ".join(PARTS)}{nearest(name, PARTS)}')
    return tuple(part for part in PARTS if part in only) or PARTS


def check_strength(text: str) -> float:
    """light, medium, full or a number of 0 to 1.

    >>> check_strength("medium"), check_strength("0.25")
    (0.7, 0.25)
    """
    if text in STRENGTHS:
        return STRENGTHS[text]
    try:
        strength = float(text)
    except ValueError:
        strength = -1.0
    if not 0 <= strength <= 1:
        names = ", ".join(STRENGTHS)
        raise InputError("--strength", f'"{text[:20]}" is none of {names}, nor a number from 0 to 1')
    return strength
