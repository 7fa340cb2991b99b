"""Hum and rumble: gone where they were, everything else left, in parts as in one piece."""

from __future__ import annotations

import numpy as np
import pytest

from tonewheel.degrade.hum import Hum
from tonewheel.degrade.rumble import Rumble
from tonewheel.systems.restore.hum import HumRemover
from tonewheel.systems.restore.profile import HumProfile, RumbleProfile
from tonewheel.systems.restore.rumble import RumbleRemover, cutoff_hz

HARMONICS_DB = (0.0, -8.0, -6.0, -16.0)


def tone(hz: float, seconds: float, rate_hz: int, level: float = 0.1) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz)).astype(np.float32)


def db(signal: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(signal, dtype=np.float64)) + 1e-30))


def profile(mains_hz: float = 50.0, level_db: float = -40.0) -> HumProfile:
    return HumProfile(frequency_hz=mains_hz, level_db=level_db, harmonics_db=HARMONICS_DB)


@pytest.mark.parametrize(("mains_hz", "rate_hz"), [(50.0, 44_100), (60.0, 22_050), (49.97, 48_000)])
def test_hum_goes_and_music_beside_it_stays(mains_hz: float, rate_hz: int) -> None:
    music = tone(110.0, 8.0, rate_hz) + tone(523.3, 8.0, rate_hz)
    hum = Hum(level_db=-40.0, frequency_hz=mains_hz, harmonics_db=HARMONICS_DB, seed=2).apply(
        0 * music, rate_hz
    )
    cleaned = HumRemover(profile(mains_hz), rate_hz).process(music + hum)
    inner = slice(rate_hz, -rate_hz)
    assert db((cleaned - music)[inner]) < db(hum) - 35
    assert db(cleaned - music) < db(hum) - 20  # the ends too


def test_hum_is_found_though_its_frequency_is_a_little_off() -> None:
    hum = Hum(level_db=-40.0, frequency_hz=50.02, harmonics_db=HARMONICS_DB, seed=2).apply(
        np.zeros(8 * 44_100, np.float32), 44_100
    )
    assert db(HumRemover(profile(), 44_100).process(hum)[44_100:-44_100]) < -40 - 25


def test_a_bass_note_on_the_hum_is_louder_and_stays() -> None:
    note = tone(50.0, 6.0, 44_100, 0.3)
    cleaned = HumRemover(profile(), 44_100).process(note)
    assert db(cleaned - note) < -40 + 3  # never more than the hum is


@pytest.mark.parametrize("rate_hz", [8_000, 44_100])
def test_hum_in_parts_is_as_in_the_whole(rate_hz: int) -> None:
    music = tone(140.0, 9.0, rate_hz) + Hum(level_db=-40.0, seed=1).noise(9 * rate_hz, rate_hz) * np.float32(
        0.01
    )
    remover = HumRemover(profile(), rate_hz)
    whole = remover.process(music)
    context, start, end = remover.context_samples, 4 * rate_hz + 17, 5 * rate_hz + 3
    part = remover.process(music[start - context : end + context], start - context)
    np.testing.assert_allclose(part[context:-context], whole[start:end], atol=1e-5)


def test_short_and_empty_sounds_pass() -> None:
    remover = HumRemover(profile(), 8_000)
    assert remover.process(np.zeros(0, np.float32)).shape == (0,)
    assert remover.process(np.ones(3, np.float32)).shape == (3,)
    hum = tone(50.0, 0.5, 8_000, 0.01)
    assert db(remover.process(hum)) < db(hum) - 20


def test_rumble_goes_and_music_stays() -> None:
    music = tone(82.4, 6.0, 44_100)
    rumble = Rumble(level_db=-30.0, cutoff_hz=25.0, seed=1).apply(0 * music, 44_100)
    at = cutoff_hz(RumbleProfile(level_db=-30.0, cutoff_hz=20.0, resonance_hz=11.0), 80.0)
    remover = RumbleRemover(at, 44_100, offset=0.05)
    cleaned = remover.process(music + rumble + np.float32(0.05))
    inner = slice(44_100, -44_100)
    assert db(remover.process(rumble + np.float32(0.05))[inner]) < db(rumble) - 10
    assert db((remover.process(music + np.float32(0.05)) - music)[inner]) < db(music) - 50
    assert abs(float(cleaned[inner].mean())) < 1e-4


def test_high_pass_in_parts_is_as_in_the_whole() -> None:
    sound = np.random.default_rng(0).normal(0, 0.1, 40_000).astype(np.float32)
    remover = RumbleRemover(30.0, 8_000)
    whole, context = remover.process(sound), remover.context_samples
    part = remover.process(sound[20_000 - context : 25_000 + context])
    np.testing.assert_allclose(part[context:-context], whole[20_000:25_000], atol=1e-6)


def test_the_cut_never_reaches_the_music() -> None:
    for music_hz in (20.0, 40.0, 90.0):
        rumble = RumbleProfile(level_db=-30.0, cutoff_hz=70.0, resonance_hz=11.0)
        assert cutoff_hz(rumble, music_hz) <= max(8.0, 0.8 * music_hz)
