"""Measurements against damage of known figures: found, as large as it was put there, and nothing where nothing is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from tonewheel.audio.decode import load
from tonewheel.core.seeds import generator
from tonewheel.degrade.clicks import Clicks
from tonewheel.degrade.crackle import Crackle
from tonewheel.degrade.hiss import Hiss
from tonewheel.degrade.hum import Hum
from tonewheel.degrade.rumble import Rumble
from tonewheel.degrade.wow import Wow
from tonewheel.systems.restore.measure import impulses
from tonewheel.systems.restore.measure.arrivals import arrivals
from tonewheel.systems.restore.measure.picture import draw
from tonewheel.systems.restore.measure.recording import measure, measure_audio, measure_blocks
from tonewheel.systems.restore.profile import Profile
from tonewheel.systems.restore.transients import MAKERS

RATE_HZ = 44_100
SECONDS = 12


def tones(seconds: float = SECONDS, rate_hz: int = RATE_HZ, seed: int = 0) -> np.ndarray:
    """Plucked chords between 200 Hz and 5 kHz, RMS 0.1: music without damage, bass or noise."""
    rng = np.random.default_rng(seed)
    out = np.zeros(round(seconds * rate_hz))
    note = np.arange(rate_hz) / rate_hz
    rise = np.minimum(1, note / 0.01)
    for start in np.arange(0, len(out) - rate_hz, rate_hz // 3):
        pitch_hz = 220 * 2 ** (rng.integers(0, 24) / 12)
        for number in range(1, 9):
            if number * pitch_hz < min(5000, 0.45 * rate_hz):
                partial = np.sin(2 * np.pi * number * pitch_hz * note + rng.uniform(0, 6)) * np.exp(
                    -note * (2 + number)
                )
                out[start : start + rate_hz] += rise * partial / number
    return (0.1 * out / out.std()).astype(np.float32)


@pytest.fixture(scope="module")
def music() -> np.ndarray:
    return tones()


def test_music_has_no_damage(music: np.ndarray) -> None:
    assert measure_audio(music, RATE_HZ).damage == ()


@pytest.mark.parametrize("kind", sorted(MAKERS))
def test_sounds_like_clicks_are_no_clicks(kind: str) -> None:
    audio = MAKERS[kind](generator(5, "measured", kind), float(SECONDS), RATE_HZ)
    profile = measure_audio(audio, RATE_HZ)
    assert profile.clicks is None
    assert profile.crackle is None
    assert profile.hiss is None


def test_music_and_drums_of_the_valid_split_are_clean(shared_audio: Path) -> None:
    """Lossy, loud, and with drum machines: five of the tracks that gave the most candidates."""
    for name in ("058", "059", "060", "166", "174"):
        (path,) = (shared_audio / "music" / "music").glob(f"{name}_*")
        audio, _ = load(path, sample_rate_hz=RATE_HZ, duration_s=8.0, start_s=5.0)
        profile = measure_audio(audio, RATE_HZ, name)
        assert {"clicks", "crackle", "hiss", "hum"}.isdisjoint(profile.damage), path.name


def test_clicks_are_counted_and_sized(music: np.ndarray) -> None:
    clicks = Clicks(rate_per_s=15, amplitude=0.35, amplitude_spread=0.5, width_ms=0.3, seed=1)
    found = measure_audio(clicks.apply(music, RATE_HZ), RATE_HZ).clicks
    assert found is not None
    assert found.rate_per_s == pytest.approx(15, rel=0.25)
    assert found.amplitude == pytest.approx(0.35, rel=0.25)
    assert found.amplitude_spread == pytest.approx(0.5, abs=0.2)
    assert found.width_ms == pytest.approx(0.3, rel=0.5)


def test_clicks_and_crackle_are_told_apart(music: np.ndarray) -> None:
    damaged = Crackle(rate_per_s=120, seed=2).apply(
        Clicks(rate_per_s=15, seed=1).apply(music, RATE_HZ), RATE_HZ
    )
    profile = measure_audio(damaged, RATE_HZ)
    assert profile.clicks is not None
    assert profile.crackle is not None
    assert profile.clicks.rate_per_s == pytest.approx(15, rel=0.4)
    assert profile.crackle.rate_per_s == pytest.approx(120, rel=0.4)
    assert profile.crackle.amplitude == pytest.approx(0.04, rel=0.4)
    assert profile.crackle.width_ms < profile.clicks.width_ms


@pytest.mark.parametrize("snr_db", [10.0, 25.0])
@pytest.mark.parametrize("slope_db", [-4.0, 0.0, 3.0])
def test_hiss_has_its_level_and_its_spectrum(music: np.ndarray, snr_db: float, slope_db: float) -> None:
    points = tuple((100.0 * 2.0**octave, slope_db * octave) for octave in range(8))
    damaged = Hiss(snr_db=snr_db, spectrum=points, seed=3).apply(music, RATE_HZ)
    noise = damaged - music
    profile = measure_audio(damaged, RATE_HZ)
    assert profile.hiss is not None
    assert profile.hiss.level_db == pytest.approx(20 * np.log10(noise.std()), abs=2.0)
    assert profile.snr_db == pytest.approx(snr_db, abs=2.5)
    hertz, power = signal.welch(noise, RATE_HZ, nperseg=4096)
    for frequency_hz, level_db in profile.hiss.spectrum:
        if 1000 < frequency_hz < 15_000:
            assert level_db == pytest.approx(10 * np.log10(np.interp(frequency_hz, hertz, power)), abs=3.0)


@pytest.mark.parametrize("frequency_hz", [49.97, 60.03])
def test_hum_is_found_to_a_fiftieth_of_a_hertz(music: np.ndarray, frequency_hz: float) -> None:
    hum = Hum(level_db=-45.0, frequency_hz=frequency_hz, harmonics_db=(0.0, -6.0, -3.0), seed=1)
    found = measure_audio(hum.apply(music, RATE_HZ), RATE_HZ).hum
    assert found is not None
    assert found.frequency_hz == pytest.approx(frequency_hz, abs=0.02)
    assert found.level_db == pytest.approx(-45, abs=1.5)
    assert found.harmonics_db[1] - found.harmonics_db[0] == pytest.approx(-6, abs=1.5)


def test_rumble_is_found_below_the_music(music: np.ndarray) -> None:
    rumble = Rumble(level_db=-40.0, resonance_hz=11.0, cutoff_hz=30.0, seed=1)
    profile = measure_audio(rumble.apply(music, RATE_HZ), RATE_HZ)
    assert profile.rumble is not None
    assert profile.rumble.level_db == pytest.approx(-40, abs=2)
    assert profile.rumble.resonance_hz == pytest.approx(11, abs=4)
    assert 12 < profile.rumble.cutoff_hz < 45
    assert profile.bandwidth_hz[0] > profile.rumble.cutoff_hz


def test_wow_is_found_where_partials_last() -> None:
    time_s = np.arange(20 * RATE_HZ) / RATE_HZ
    chord = sum(0.05 * np.sin(2 * np.pi * hertz * time_s) for hertz in (311.0, 415.0, 622.0, 932.0, 1244.0))
    swinging = Wow(depth_percent=0.5, revolutions_per_minute=78.26, seed=1).apply(np.float32(chord), RATE_HZ)
    found = measure_audio(swinging, RATE_HZ).wow
    assert found is not None
    assert found.depth_percent == pytest.approx(0.5, rel=0.15)
    assert found.revolutions_per_minute == pytest.approx(78.26, rel=0.01)
    assert measure_audio(np.float32(chord), RATE_HZ).wow is None


@pytest.mark.parametrize("top_hz", [3000.0, 7500.0])
def test_bandwidth_ends_where_the_music_does(top_hz: float) -> None:
    noise = np.random.default_rng(0).standard_normal(SECONDS * RATE_HZ)
    swelling = noise * (1 + np.sin(np.arange(len(noise)) / RATE_HZ * 5)) ** 3
    band = signal.butter(8, top_hz, "lowpass", fs=RATE_HZ, output="sos")
    limited = (0.05 * signal.sosfiltfilt(band, swelling)).astype(np.float32)
    profile = measure_audio(Hiss(snr_db=30.0, seed=1).apply(limited, RATE_HZ), RATE_HZ)
    assert profile.bandwidth_hz[1] == pytest.approx(top_hz, rel=0.4)


def test_offset_and_clipping(music: np.ndarray) -> None:
    clipped = np.clip(6 * music, -0.8, 0.8)
    profile = measure_audio(clipped + np.float32(0.02), RATE_HZ)
    share = float(np.mean(np.abs(6 * music) > 0.8))
    assert profile.clipped == pytest.approx(share, rel=0.3)
    assert profile.dc[0] == pytest.approx(0.02 + clipped.mean(), abs=1e-4)
    assert {"dc", "clipping"} <= set(profile.damage)


@given(
    sizes=st.lists(st.integers(1, 150_000), min_size=1, max_size=12),
    rate_hz=st.sampled_from((22_050, 96_000)),
)
@settings(max_examples=8, deadline=None)
def test_blocks_of_any_size_measure_alike(sizes: list[int], rate_hz: int) -> None:
    audio = Clicks(rate_per_s=20, seed=1).apply(tones(4, rate_hz), rate_hz)[None]
    cuts = np.minimum(np.cumsum([0, *sizes]), audio.shape[1])
    parts = [audio[:, a:b] for a, b in zip(cuts, [*cuts[1:], audio.shape[1]], strict=True)]
    assert measure_blocks(parts, rate_hz).profile == measure_audio(audio, rate_hz)


@pytest.mark.parametrize("rate_hz", [8_000, 48_000, 192_000])
def test_any_rate(rate_hz: int) -> None:
    damaged = Clicks(rate_per_s=15, width_ms=0.5, seed=1).apply(tones(8, rate_hz), rate_hz)
    found = measure_audio(damaged, rate_hz).clicks
    assert found is not None
    assert found.rate_per_s == pytest.approx(15, rel=0.4)


WILD = {
    "nothing": np.zeros((1, 0), np.float32),
    "one sample": np.ones((1, 1), np.float32),
    "silence": np.zeros((2, 30_000), np.float32),
    "direct current": np.full((1, 60_000), 0.5, np.float32),
    "loud": 1e4 * tones(2)[None],
    "barely there": 1e-9 * tones(2)[None],
    "one side silent": np.stack((tones(2), np.zeros(2 * RATE_HZ, np.float32))),
    "a square wave": np.sign(tones(2))[None],
    "white noise": np.random.default_rng(0).standard_normal((1, 90_000)).astype(np.float32),
}


@pytest.mark.parametrize("name", WILD)
def test_wild_input_has_a_profile_that_json_can_hold(name: str) -> None:
    measured = measure_blocks([WILD[name]], RATE_HZ, name)
    assert Profile.from_json(measured.profile.to_json()) == measured.profile


@pytest.mark.parametrize("name", ["nothing", "white noise"])
def test_there_is_a_picture_of_anything(name: str) -> None:
    assert draw(measure_blocks([WILD[name]], RATE_HZ, name)).startswith(b"\x89PNG")


def test_stereo_is_measured_channel_by_channel(tmp_path: Path, music: np.ndarray) -> None:
    """Clicks of opposite sign in the two channels would vanish in their sum."""
    hit = Clicks(rate_per_s=10, seed=1).apply(music, RATE_HZ)
    soundfile.write(
        tmp_path / "stereo.wav", np.stack((hit, 2 * music - hit), axis=1), RATE_HZ, subtype="FLOAT"
    )
    measured = measure(tmp_path / "stereo.wav")
    clicks = measured.profile.clicks
    assert clicks is not None
    assert clicks.rate_per_s == pytest.approx(10, rel=0.3)
    assert [len(found.starts) for found in measured.clicks] == pytest.approx([120, 120], rel=0.35)


def test_impulses_are_where_they_were_put(music: np.ndarray) -> None:
    clicks = Clicks(rate_per_s=10, amplitude=0.5, amplitude_spread=0.3, seed=3)
    events = clicks.events(len(music), RATE_HZ)
    found, repaired = impulses.find(clicks.apply(music, RATE_HZ).astype(np.float64), RATE_HZ)
    damage = found.at(impulses.judge(found, RATE_HZ))
    mask = clicks.mask(len(music), RATE_HZ)
    assert (
        np.mean([mask[start : start + width].any() for start, width in zip(*damage[:2], strict=True)]) > 0.97
    )
    hit = np.zeros(len(music), bool)
    for start, width in zip(*found[:2], strict=True):
        hit[start : start + width] = True
    seen = [
        hit[start : start + width].any() for start, width in zip(events.starts, events.widths, strict=True)
    ]
    assert np.mean(seen) > 0.92
    before, after = (np.mean((one - music) ** 2) for one in (clicks.apply(music, RATE_HZ), repaired))
    assert after < 0.4 * before


def test_a_random_process_has_no_structure() -> None:
    rng = np.random.default_rng(0)
    for rate in (3, 30, 300):
        process = arrivals([np.sort(rng.uniform(0, 60, 60 * rate)) for _ in range(2)], 60.0)
        assert (process.clustered, process.repeating) == (0.0, 0.0)


@pytest.mark.parametrize("turns", [78.26, 45.0, 100 / 3])
def test_scratches_tell_the_speed_of_the_disc(turns: float) -> None:
    clicks = Clicks(rate_per_s=10, repeating=0.3, revolutions_per_minute=1.004 * turns, seed=2)
    process = arrivals([clicks.events(60 * RATE_HZ, RATE_HZ).starts / RATE_HZ], 60.0)
    assert process.repeating == pytest.approx(0.3, abs=0.1)
    assert process.revolutions_per_minute == pytest.approx(1.004 * turns, rel=0.001)


def test_bursts_have_their_length_and_their_number() -> None:
    clicks = Clicks(rate_per_s=20, clustered=0.6, burst_size=6, burst_ms=8, seed=2)
    process = arrivals([clicks.events(120 * RATE_HZ, RATE_HZ).starts / RATE_HZ], 120.0)
    assert process.clustered * process.burst_size == pytest.approx(0.6 * 6, rel=0.3)
    assert process.burst_ms == pytest.approx(8, rel=0.3)
