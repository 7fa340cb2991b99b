"""Simulation after a profile: what is drawn measures as the profile says, and clean profiles damage nothing."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from tonewheel.core.errors import InputError
from tonewheel.degrade.chain import Chain
from tonewheel.degrade.clicks import Clicks
from tonewheel.degrade.crackle import Crackle
from tonewheel.degrade.hiss import Hiss
from tonewheel.degrade.surface_noise import SurfaceNoise
from tonewheel.systems.restore.closeness import Observed, compare, observe, simulations
from tonewheel.systems.restore.measure.recording import measure_audio
from tonewheel.systems.restore.profile import (
    HissProfile,
    HumProfile,
    ImpulseProfile,
    Profile,
    RumbleProfile,
    WowProfile,
)
from tonewheel.systems.restore.simulate import impulses_like, matching, refined

RATE_HZ = 44_100
CLEAN = Profile(
    recording="a", sample_rate_hz=RATE_HZ, channels=1, seconds=60.0, music_rms=0.1, peak=0.9, snr_db=120.0,
    bandwidth_hz=(50.0, 20_000.0),
)  # fmt: skip
CLICKS = ImpulseProfile(
    rate_per_s=15.0,
    amplitude=0.3,
    amplitude_spread=0.5,
    width_ms=0.3,
    width_spread=0.5,
    longest_ms=1.2,
    count=100,
)
WORN = msgspec.structs.replace(
    CLEAN,
    bandwidth_hz=(80.0, 7000.0),
    clicks=CLICKS,
    crackle=msgspec.structs.replace(CLICKS, rate_per_s=100.0, amplitude=0.03, width_ms=0.08, longest_ms=0.3),
    hiss=HissProfile(level_db=-45.0, spectrum=((100.0, -80.0), (1000.0, -88.0), (10_000.0, -94.0))),
    hum=HumProfile(frequency_hz=50.0, level_db=-60.0, harmonics_db=(0.0, -6.0)),
    rumble=RumbleProfile(level_db=-50.0, cutoff_hz=25.0, resonance_hz=11.0),
    wow=WowProfile(depth_percent=0.2, revolutions_per_minute=78.26),
)


def music(seconds: float = 12.0, seed: int = 0) -> np.ndarray:
    """Decaying notes, RMS 0.1."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    out = np.zeros(len(time_s))
    for start in np.arange(0, seconds, 0.25):
        hertz, after = 200 * 2 ** rng.uniform(0, 3), np.maximum(time_s - start, 0)
        out += np.sin(2 * np.pi * hertz * after) * np.exp(-4 * after) * np.minimum(1, after / 0.02)
    return (0.1 * out / out.std()).astype(np.float32)


def test_a_clean_profile_damages_nothing() -> None:
    chain = matching(CLEAN, np.random.default_rng(0))
    assert chain.steps == ()
    audio = music(1.0)
    assert (chain.apply(audio, RATE_HZ) == audio).all()


def test_a_chain_has_all_that_was_measured_and_replays() -> None:
    chain = matching(WORN, np.random.default_rng(3), music_rms=0.1)
    kinds = [type(step).__name__ for step in chain.steps]
    assert kinds == ["LowPass", "Wow", "Clicks", "Crackle", "Rumble", "Hiss", "Hum"]
    again = Chain.from_json(chain.to_json())
    assert (again.apply(music(2.0), RATE_HZ) == chain.apply(music(2.0), RATE_HZ)).all()
    other = matching(WORN, np.random.default_rng(4), music_rms=0.1)
    assert other.steps[2] != chain.steps[2]


def test_levels_keep_their_ratio_to_the_music() -> None:
    loud = matching(WORN, np.random.default_rng(0), music_rms=0.2)
    assert loud.steps[2].amplitude == pytest.approx(0.6)
    assert loud.steps[5].level_db == pytest.approx(-45 + 20 * np.log10(2))
    kept = matching(WORN, np.random.default_rng(0))
    assert kept.steps[2].amplitude == pytest.approx(0.3)


def test_real_textures_stand_for_crackle_and_hiss() -> None:
    chain = matching(WORN, np.random.default_rng(0), textures=["disc.flac"], texture_share=1.0)
    kinds = [type(step) for step in chain.steps]
    assert SurfaceNoise in kinds
    assert Crackle not in kinds
    assert Hiss not in kinds
    assert Clicks in kinds


def test_extreme_profiles_still_draw() -> None:
    wild = msgspec.structs.replace(
        CLICKS, rate_per_s=1e6, amplitude=50.0, amplitude_spread=9.0, width_ms=1e-9, longest_ms=500.0, clustered=1.0,
        repeating=0.9, burst_size=0.0, burst_ms=0.0,
    )  # fmt: skip
    for kind in impulses_like(msgspec.structs.replace(CLEAN, clicks=wild), np.random.default_rng(0)):
        assert np.isfinite(kind.apply(music(0.2), RATE_HZ)).all()


def test_what_is_simulated_measures_as_the_profile() -> None:
    """And after refining nearer than before."""
    damaged = Hiss(snr_db=25.0, seed=1).apply(
        Crackle(rate_per_s=100, seed=1).apply(
            Clicks(rate_per_s=12, seed=2).apply(music(seed=1), RATE_HZ), RATE_HZ
        ),
        RATE_HZ,
    )
    profile = measure_audio(damaged, RATE_HZ)
    clean = music(seed=2)

    def error(one: Profile) -> float:
        got = measure_audio(
            matching(one, np.random.default_rng(9), music_rms=0.1).apply(clean, RATE_HZ), RATE_HZ
        )
        off = [
            abs(np.log(getattr(getattr(got, kind), name) / getattr(getattr(profile, kind), name)))
            for kind in ("clicks", "crackle")
            for name in ("rate_per_s", "width_ms", "amplitude")
            if getattr(got, kind) is not None
        ]
        assert len(off) == 6
        return float(np.mean(off))

    assert error(profile) < 0.7
    assert error(refined(profile, clean, RATE_HZ, np.random.default_rng(0))) < 0.25


def test_closeness_tells_matched_damage_from_none() -> None:
    def worn(number: int) -> np.ndarray:
        clicked = Clicks(rate_per_s=20, seed=number).apply(music(6.1, number), RATE_HZ)
        return Hiss(snr_db=22.0, seed=number).apply(clicked, RATE_HZ)

    damaged = [worn(number) for number in range(5)]
    profiles = [measure_audio(one, RATE_HZ) for one in damaged]
    clean = [music(6.1, 10 + number) for number in range(5)]
    real = [observe(one, RATE_HZ) for one in damaged]
    after = simulations(profiles, clean, RATE_HZ, refine=False)
    matched, without = (compare(real, [observe(one, RATE_HZ) for one in side]) for side in (after, clean))
    assert matched.energy_distance < 0.3 * without.energy_distance
    assert without.p < 0.02
    assert matched.separability < 0.9 < without.separability
    assert matched.windows[0].ks < 0.7 < without.windows[0].ks


def test_too_little_sound_is_said() -> None:
    silent = observe(np.zeros(RATE_HZ * 10, np.float32), RATE_HZ)
    assert isinstance(silent, Observed)
    with pytest.raises(InputError, match="real: has 0 s of sound"):
        compare([silent], [silent])
