"""From a profile to the damage that it describes: chains of `degrade/` records, and profiles fitted so that what they
simulate measures as they do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tonewheel.core.seeds import draw_seed
from tonewheel.degrade.base import Degradation
from tonewheel.degrade.chain import Chain
from tonewheel.degrade.clicks import Clicks
from tonewheel.degrade.crackle import Crackle
from tonewheel.degrade.hiss import Hiss
from tonewheel.degrade.hum import Hum
from tonewheel.degrade.low_pass import LowPass
from tonewheel.degrade.rumble import Rumble
from tonewheel.degrade.surface_noise import SurfaceNoise
from tonewheel.degrade.wow import Wow
from tonewheel.systems.restore.profile import ImpulseProfile, Profile

Audio = NDArray[np.float32]

LIMITED_HZ = 14_000.0
"""A recording whose music ends below this was cut by the disc, and so is what should sound like it."""
MOST_PER_S = 2000.0
ROUNDS, LARGEST_STEP = 3, 2.0
LOUDEST, LONGEST_MS = 4.0, 20.0


def impulses_like(profile: Profile, rng: np.random.Generator, gain: float = 1.0) -> tuple[Clicks, ...]:
    """Clicks and crackle with the figures of a profile, at random places; `gain` scales their amplitudes.

    >>> from tonewheel.systems.restore.measure.recording import measure_audio
    >>> quiet = (1e-3 * np.random.default_rng(0).standard_normal(220_500)).astype(np.float32)
    >>> profile = measure_audio(Clicks(rate_per_s=20.0, seed=1).apply(quiet, 44_100), 44_100)
    >>> [type(kind).__name__ for kind in impulses_like(profile, np.random.default_rng(0))]
    ['Clicks']
    """
    of = ((Clicks, profile.clicks), (Crackle, profile.crackle))
    return tuple(_kind(make, measured, rng, gain) for make, measured in of if measured is not None)


def _kind(make: type[Clicks], measured: ImpulseProfile, rng: np.random.Generator, gain: float) -> Clicks:
    repeating = min(measured.repeating, 1.0)
    clustered = min(measured.clustered, 1.0 - repeating)
    return make(
        rate_per_s=min(measured.rate_per_s, MOST_PER_S),
        amplitude=min(measured.amplitude * gain, LOUDEST),
        amplitude_spread=min(measured.amplitude_spread, 3.0),
        width_ms=float(np.clip(measured.width_ms, 1e-3, LONGEST_MS)),
        width_spread=min(measured.width_spread, 3.0),
        longest_ms=float(np.clip(measured.longest_ms, 1e-3, LONGEST_MS)),
        clustered=clustered,
        burst_size=max(measured.burst_size, 1.0),
        burst_ms=max(measured.burst_ms, 0.1),
        repeating=repeating,
        revolutions_per_minute=measured.revolutions_per_minute or 78.26,
        seed=draw_seed(rng),
    )


def matching(
    profile: Profile,
    rng: np.random.Generator,
    *,
    music_rms: float | None = None,
    textures: Sequence[str] = (),
    texture_share: float = 0.5,
    band: bool = True,
) -> Chain:
    """Damage as in the profile, drawn anew, for clean music; apply it at any rate.

    With the RMS of the music (where it sounds) levels keep their ratio to it; without, they are those of the
    recording. With files of real surface noise these stand for crackle and hiss in `texture_share` of draws, at the
    ratio that the profile has. With `band` the music is cut where the recording's music ends.
    """
    gain = 1.0 if music_rms is None or profile.music_rms <= 0 else music_rms / profile.music_rms
    gain_db = float(20 * np.log10(max(gain, 1e-9)))
    steps: list[Degradation] = []
    if band and 500.0 < profile.bandwidth_hz[1] < LIMITED_HZ:
        steps.append(LowPass(cutoff_hz=profile.bandwidth_hz[1], order=6))
    if profile.wow is not None:
        turns = profile.wow.revolutions_per_minute
        depth = min(profile.wow.depth_percent, 20.0)
        steps.append(Wow(depth_percent=depth, revolutions_per_minute=turns, seed=draw_seed(rng)))
    impulses = impulses_like(profile, rng, gain)
    real = bool(textures) and profile.hiss is not None and rng.random() < texture_share
    if real:
        impulses = tuple(kind for kind in impulses if not isinstance(kind, Crackle))
    steps.extend(impulses)
    if profile.rumble is not None:
        rumble, seed = profile.rumble, draw_seed(rng)
        cutoff = float(np.clip(rumble.cutoff_hz, 6.0, 200.0))
        resonance = float(np.clip(rumble.resonance_hz, 1.0, 100.0))
        steps.append(
            Rumble(level_db=rumble.level_db + gain_db, cutoff_hz=cutoff, resonance_hz=resonance, seed=seed)
        )
    if profile.hiss is not None:
        level_db = profile.hiss.level_db + gain_db
        if real:
            path = str(textures[int(rng.integers(len(textures)))])
            steps.append(SurfaceNoise(path=path, level_db=level_db, seed=draw_seed(rng)))
        else:
            steps.append(Hiss(level_db=level_db, spectrum=profile.hiss.spectrum, seed=draw_seed(rng)))
    if profile.hum is not None:
        hum = profile.hum
        steps.append(
            Hum(
                level_db=hum.level_db + gain_db,
                frequency_hz=hum.frequency_hz,
                harmonics_db=hum.harmonics_db,
                seed=draw_seed(rng),
            )
        )
    return Chain(steps=tuple(steps))


def refined(profile: Profile, music: Audio, sample_rate_hz: int, rng: np.random.Generator) -> Profile:
    """The profile with the figures of its impulses moved until what they simulate measures as the profile does.

    A measurement is not without bias: edges of clicks are lost in the music, quiet ones are not seen. On clean
    music, (samples,), the same bias can be looked at and taken back.
    """
    from tonewheel.systems.restore.measure.level import LevelMeter
    from tonewheel.systems.restore.measure.recording import measure_audio

    meter = LevelMeter(channels=1)
    meter.add_repaired(music[None], sample_rate_hz)
    asked = profile
    for _ in range(ROUNDS):
        damaged = matching(asked, rng, music_rms=meter.rms).apply(music, sample_rate_hz)
        got = measure_audio(damaged, sample_rate_hz)
        gain = meter.rms / max(profile.music_rms, 1e-9)
        moved: dict[str, Any] = {
            name: _moved(getattr(asked, name), getattr(profile, name), getattr(got, name), gain)
            for name in ("clicks", "crackle")
        }
        asked = msgspec.structs.replace(asked, **moved)
    return asked


def _moved(
    asked: ImpulseProfile | None, wanted: ImpulseProfile | None, got: ImpulseProfile | None, gain: float
) -> ImpulseProfile | None:
    """A step of the parameters by the ratio of what was wanted to what came out; two clearly measured kinds only."""
    if asked is None or wanted is None or got is None or got.count < 20:
        return asked

    def step(name: str, scale: float = 1.0) -> float:
        ratio = getattr(wanted, name) * scale / max(getattr(got, name), 1e-9)
        value: float = getattr(asked, name) * float(np.clip(ratio, 1 / LARGEST_STEP, LARGEST_STEP)) ** 0.7
        return value

    return msgspec.structs.replace(
        asked,
        rate_per_s=round(min(step("rate_per_s"), MOST_PER_S), 3),
        amplitude=round(step("amplitude", gain), 5),
        width_ms=round(min(step("width_ms"), asked.longest_ms), 4),
        longest_ms=round(min(max(step("longest_ms"), asked.width_ms), LONGEST_MS), 3),
    )
