"""Real discs: nobody knows how they were without their noise, so only what can be told without a reference is.

Impulses a second and the noise floor before and after, how musical the removed part is, how the loudness
changed. Where no digitised records were prepared, real surface noise of the split is put over its music
instead, at 15 dB: real noise, but over music that never was on that disc. The table says which it was.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.loudness import integrated_lufs
from tonewheel.core.records import Record
from tonewheel.core.seeds import draw_seed, generator
from tonewheel.metrics import removed
from tonewheel.metrics.si_sdr import si_sdr
from tonewheel.systems.restore.benchmark import case, clean_clip, spread
from tonewheel.systems.restore.clean import Cleaner, measured
from tonewheel.systems.restore.plan import plan_for
from tonewheel.systems.restore.prepare import SAMPLE_RATE_HZ, Prepared
from tonewheel.systems.restore.profile import Profile

Audio = NDArray[np.float32]

SNR_DB = 15.0
LONGEST_S = 60.0


class RealTrial(Record):
    """One recording with real noise, before and after."""

    title: str
    group: str
    disc: bool
    """A digitised record; False for surface noise over other music."""
    seconds: float
    steps: tuple[str, ...]
    impulses_before: float
    """A second, as `restore measure` counts them."""
    impulses_after: float
    floor_before_db: float
    """Median over frequency of the quietest the recording gets, dB in 1 Hz."""
    floor_after_db: float
    musicality: float | None
    loudness_change_lu: float
    si_sdr_before_db: float | None = None
    """Only where the music is known."""
    si_sdr_after_db: float | None = None


def real_trials(
    prepared: Prepared, cleaner: Cleaner, split: str, clips: int, seed: int = 0
) -> Iterator[RealTrial]:
    """Every digitised record of a split, or its surface noise over its music."""
    discs = prepared.of("disc", split)
    for sound in discs[:clips]:
        audio = prepared.floats(sound, 0, round(LONGEST_S * SAMPLE_RATE_HZ))
        yield tried(audio, None, cleaner, sound.title, sound.group)
    noises = prepared.of("surface_noise", split)
    if discs or not noises:
        return
    music = [sound for sound in prepared.of("music", split) if not sound.synthetic]
    for number, sound in enumerate(spread(music, clips)):
        noise = noises[number % len(noises)]
        clean = clean_clip(prepared, sound, case("clean"), seed)
        rng = generator(seed, "real", sound.title)
        texture = prepared.floats(noise)
        start = int(draw_seed(rng) % texture.size)
        looped = np.resize(np.roll(texture, -start), clean.size)
        scale = np.sqrt(np.mean(np.square(clean)) / np.mean(np.square(looped))) * 10 ** (-SNR_DB / 20)
        damaged = np.asarray(clean + looped * np.float32(scale), np.float32)
        yield tried(damaged, clean, cleaner, sound.title, sound.group)


def tried(audio: Audio, clean: Audio | None, cleaner: Cleaner, title: str, group: str) -> RealTrial:
    """One recording (samples,), cleaned and measured again."""
    before = measured([audio[None]], SAMPLE_RATE_HZ, title)
    plan = plan_for(before)
    parts = cleaner.passes(lambda: [audio[None]], SAMPLE_RATE_HZ, 1, plan)
    cleaned = np.concatenate(list(parts), axis=1)[0]
    after = measured([cleaned[None]], SAMPLE_RATE_HZ, title)
    change = integrated_lufs(cleaned, SAMPLE_RATE_HZ) - integrated_lufs(audio, SAMPLE_RATE_HZ)
    ratios = [None, None] if clean is None else [float(si_sdr(clean, x)) for x in (audio, cleaned)]
    return RealTrial(
        title=title,
        group=group,
        disc=clean is None,
        seconds=round(audio.size / SAMPLE_RATE_HZ, 3),
        steps=plan.steps,
        impulses_before=impulses_a_second(before),
        impulses_after=impulses_a_second(after),
        floor_before_db=floor_db(before),
        floor_after_db=floor_db(after),
        musicality=removed.evaluate(audio - cleaned, cleaned, SAMPLE_RATE_HZ)["musicality"],
        loudness_change_lu=round(change, 3) if np.isfinite(change) else 0.0,
        si_sdr_before_db=ratios[0],
        si_sdr_after_db=ratios[1],
    )


def impulses_a_second(profile: Profile) -> float:
    """Clicks and crackle together."""
    return round(sum(kind.rate_per_s for kind in (profile.clicks, profile.crackle) if kind is not None), 3)


def floor_db(profile: Profile) -> float:
    """The median over frequency of the floor, dB in 1 Hz; -200 where there is none."""
    return round(float(np.median([level for _, level in profile.floor])), 2) if profile.floor else -200.0
