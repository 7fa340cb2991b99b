"""Hiss, hum, rumble, wow and surface noise: the physics that each of them states."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy import signal

from tonewheel.core.errors import InputError
from tonewheel.degrade.base import Degradation, from_json
from tonewheel.degrade.hiss import Hiss
from tonewheel.degrade.hum import Hum
from tonewheel.degrade.rumble import Rumble
from tonewheel.degrade.surface_noise import SurfaceNoise
from tonewheel.degrade.wow import Wow

RATE_HZ = 44_100


def decibels(audio: np.ndarray) -> float:
    return 20 * np.log10(np.sqrt(np.mean(audio.astype(np.float64) ** 2)))


def sound(channels: int = 1, seconds: float = 4.0) -> np.ndarray:
    rng = np.random.default_rng(3)
    return (0.1 * rng.standard_normal((channels, round(seconds * RATE_HZ)))).astype(np.float32)


def density_db(noise: np.ndarray, rate_hz: int = RATE_HZ) -> tuple[np.ndarray, np.ndarray]:
    hertz, power = signal.welch(noise, rate_hz, nperseg=4096)
    return hertz, 10 * np.log10(power)


@pytest.mark.parametrize("kind", [Hiss, Hum, Rumble])
@pytest.mark.parametrize("channels", [1, 2])
def test_levels_and_ratios_are_the_stated_ones(kind: type[Degradation], channels: int) -> None:
    audio = sound(channels)
    at_ratio = kind(snr_db=14.0, seed=1)  # type: ignore[call-arg]
    at_level = kind(level_db=-33.0, seed=1)  # type: ignore[call-arg]
    assert decibels(audio) - decibels(at_ratio.apply(audio, RATE_HZ) - audio) == pytest.approx(14, abs=0.05)
    silence = np.zeros_like(audio)
    assert decibels(at_level.apply(silence, RATE_HZ)) == pytest.approx(-33, abs=0.05)
    assert not at_ratio.apply(silence, RATE_HZ).any()


@pytest.mark.parametrize("kind", ["hiss", "hum", "rumble", "surface_noise"])
@pytest.mark.parametrize("level", ['"level_db": -3, "snr_db": 3', '"seed": 1', '"snr_db": 1e9'])
def test_one_level_must_be_given(kind: str, level: str) -> None:
    with pytest.raises(InputError, match="give one of the two"):
        from_json(f'{{"kind": "{kind}", {level}}}')


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 96_000])
def test_hiss_has_the_spectrum_of_its_points(rate_hz: int) -> None:
    points = ((100.0, 0.0), (400.0, -12.0), (1600.0, -3.0), (3500.0, -30.0))
    hiss = Hiss(level_db=-20.0, spectrum=points, seed=2)
    hertz, level_db = density_db(hiss.apply(np.zeros(20 * rate_hz, np.float32), rate_hz), rate_hz)
    wanted = np.interp(np.log(np.maximum(hertz, 1)), np.log([f for f, _ in points]), [db for _, db in points])
    inside = (hertz > 150) & (hertz < 3300)
    error = (level_db - wanted)[inside]
    assert np.std(error) < 1.0
    assert np.abs(error - np.median(error)).max() < 4.0


def test_hiss_differs_between_channels_and_hum_does_not() -> None:
    silence = np.zeros((2, RATE_HZ), np.float32)
    left, right = Hiss(level_db=-20.0, seed=1).apply(silence, RATE_HZ)
    assert abs(np.corrcoef(left, right)[0, 1]) < 0.05
    left, right = Hum(level_db=-20.0, seed=1).apply(silence, RATE_HZ)
    assert (left == right).all()


def test_hum_is_at_the_multiples_of_its_frequency_and_nowhere_else() -> None:
    hum = Hum(level_db=-20.0, frequency_hz=60.0, harmonics_db=(0.0, -6.0, -300.0, -20.0))
    audio = hum.apply(np.zeros(10 * RATE_HZ, np.float32), RATE_HZ)
    spectrum = np.abs(np.fft.rfft(audio * signal.windows.blackmanharris(len(audio))))
    level_db = 20 * np.log10(spectrum / spectrum[600] + 1e-12)
    assert [level_db[number * 600] for number in (1, 2, 4)] == pytest.approx([0, -6, -20], abs=0.1)
    for number in (1, 2, 4):
        level_db[number * 600 - 5 : number * 600 + 6] = -200
    assert level_db.max() < -80


def test_rumble_is_below_its_cutoff_and_strongest_at_the_resonance() -> None:
    rumble = Rumble(level_db=-20.0, resonance_hz=10.0, resonance_db=12.0, cutoff_hz=35.0, seed=4)
    audio = rumble.apply(np.zeros(120 * RATE_HZ, np.float32), RATE_HZ)
    hertz, power = signal.welch(signal.decimate(audio, 10), RATE_HZ / 10, nperseg=8192)
    assert hertz[power.argmax()] == pytest.approx(10, abs=2)
    assert power[hertz > 140].sum() < 1e-3 * power.sum()


def test_wow_swings_the_pitch_once_a_revolution_by_the_stated_depth() -> None:
    time_s = np.arange(10 * RATE_HZ) / RATE_HZ
    tone = np.sin(2 * np.pi * 3000 * time_s).astype(np.float32)
    out = Wow(depth_percent=1.0, revolutions_per_minute=60.0, seed=1).apply(tone, RATE_HZ)
    phase = np.unwrap(np.angle(signal.hilbert(out.astype(np.float64))))
    hertz = np.gradient(phase)[RATE_HZ:-RATE_HZ] * RATE_HZ / (2 * np.pi)
    swing = np.fft.rfft(hertz - hertz.mean()) / len(hertz) * 2
    assert np.abs(swing).argmax() == 8  # cycles in 8 s
    assert np.abs(swing).max() / 3000 == pytest.approx(0.01, rel=0.02)
    assert hertz.mean() == pytest.approx(3000, rel=1e-4)


def test_wow_adds_no_noise_of_its_own() -> None:
    """A tone that is slowed by a constant (half of one slow swing) stays a tone: interpolation is clean."""
    time_s = np.arange(RATE_HZ) / RATE_HZ
    tone = np.sin(2 * np.pi * 5000 * time_s).astype(np.float32)
    wow = Wow(depth_percent=0.5, revolutions_per_minute=30.0, seed=3)
    places = np.cumsum(wow.speed(len(tone), RATE_HZ)) - 1
    ideal = np.sin(2 * np.pi * 5000 * places / RATE_HZ)
    inside = (places > 40) & (places < len(tone) - 40)
    error = (wow.apply(tone, RATE_HZ) - ideal)[inside]
    assert decibels(error) < -55


def test_surface_noise_is_the_file_at_the_ratio(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    texture = (0.01 * rng.standard_normal((22_050, 2)) * [1, 0.5]).astype(np.float32)
    texture[1000] = 0.5
    soundfile.write(tmp_path / "texture.wav", texture, RATE_HZ, subtype="FLOAT")
    audio = sound(2)
    noise = (
        SurfaceNoise(path=str(tmp_path / "texture.wav"), snr_db=20.0, seed=1).apply(audio, RATE_HZ) - audio
    )
    assert decibels(audio) - decibels(noise) == pytest.approx(20, abs=0.1)
    peaks = np.flatnonzero(noise[0] > 0.8 * noise[0].max())
    # The loop is shorter than the file by its fade, and the click comes back with it.
    assert set(np.diff(peaks)) == {22_050 - round(0.25 * RATE_HZ)}
