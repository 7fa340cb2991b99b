"""Measures of a track against physics, independent references, and songs whose truth is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.signal import butter, sosfilt

from tonewheel.core.errors import InputError
from tonewheel.synth.compose import compose
from tonewheel.synth.render import render
from tonewheel.systems.similar.features.energy import energy_curve, energy_progression
from tonewheel.systems.similar.features.key import KEYS
from tonewheel.systems.similar.features.many import measure_all, measure_cached
from tonewheel.systems.similar.features.record import Features
from tonewheel.systems.similar.features.tempo import TempoPrior
from tonewheel.systems.similar.features.track import measure_audio, measure_track

RATE = 22_050
BEAT_S = 60 / 125


def noise(seconds: float, channels: int = 1, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((channels, round(seconds * RATE)))
    return (0.05 * rows).astype(np.float32)


def kicks(seconds: float, every_s: float = BEAT_S) -> tuple[np.ndarray, list[float]]:
    """A sine that falls from 160 to 50 Hz within 0.2 s, on each beat."""
    t = np.arange(round(0.2 * RATE)) / RATE
    shot = np.sin(2 * np.pi * (50 * t + 110 * 0.03 * (1 - np.exp(-t / 0.03)))) * np.exp(-t / 0.06)
    out = np.zeros(round(seconds * RATE) + len(shot))
    times = np.arange(0.1, seconds - 0.3, every_s)
    for at_s in times:
        out[round(at_s * RATE) :][: len(shot)] += 0.6 * shot
    return out[: round(seconds * RATE)].astype(np.float32), times.tolist()


def pumped(depth_db: float, seconds: float = 16.0) -> np.ndarray:
    """Kicks over a pad of noise that is `depth_db` lower for 0.1 s from each kick, and back after another 0.1 s."""
    sound, times = kicks(seconds)
    gain_db = np.zeros(len(sound))
    dip = -depth_db * np.interp(np.arange(round(0.2 * RATE)), [0, 0.1 * RATE, 0.2 * RATE], [1, 1, 0])
    for at_s in times:
        span = gain_db[round(at_s * RATE) :][: len(dip)]
        span[:] = dip[: len(span)]
    pad = sosfilt(butter(2, [200, 6000], "bandpass", fs=RATE, output="sos"), noise(seconds)[0])
    return (sound + 2 * pad * 10 ** (gain_db / 20)).astype(np.float32)


@pytest.fixture(scope="module")
def house() -> Features:
    song = compose(51_004, style="house")
    assert song.tempo_bpm == pytest.approx(120.14, abs=0.1)
    return measure_audio(render(song, RATE, seconds=24).mix, RATE)


def test_a_house_song_has_its_tempo_and_a_kick_on_every_beat(house: Features) -> None:
    assert house.tempo_bpm == pytest.approx(120.14, rel=0.005)
    assert house.tempo_confidence > 0.5
    assert min(house.kick_pattern[::4]) > 0.5
    assert house.numbers()["kick_on_beats"] > 0.8


def test_the_prior_decides_between_a_tempo_and_its_half() -> None:
    sound, _ = kicks(16.0, every_s=60 / 150)
    fast = measure_audio(sound + noise(16.0)[0] / 100, RATE, prior=TempoPrior(bpm=150, octaves=0.3))
    slow = measure_audio(sound + noise(16.0)[0] / 100, RATE, prior=TempoPrior(bpm=75, octaves=0.3))
    assert fast.tempo_bpm == pytest.approx(150, rel=0.005)
    assert slow.tempo_bpm == pytest.approx(75, rel=0.005)


def test_noise_has_no_tempo_no_kick_no_pumping() -> None:
    measured = measure_audio(noise(20.0), RATE)
    assert measured.tempo_confidence < 0.3
    assert set(measured.kick_pattern) == {0.0}
    assert measured.sidechain_depth_db == 0.0


@pytest.mark.parametrize("depth_db", [3.0, 6.0, 10.0])
def test_the_depth_of_pumping_is_that_of_the_gain(depth_db: float) -> None:
    assert measure_audio(pumped(depth_db), RATE).sidechain_depth_db == pytest.approx(depth_db, abs=1.5)


def test_without_pumping_there_is_nearly_none() -> None:
    assert measure_audio(pumped(0.0), RATE).sidechain_depth_db < 1.5


def test_kicks_on_the_beat_are_four_on_the_floor() -> None:
    pattern = measure_audio(pumped(3.0), RATE).kick_pattern
    assert min(pattern[::4]) > 0.8
    assert max(max(pattern[k::4]) for k in (1, 2, 3)) < 0.2


def test_width_is_the_share_of_the_side() -> None:
    one, two = noise(3.0, 2)
    mono, wide, opposite = np.stack([one, one]), np.stack([one, two]), np.stack([one, -one])
    widths = [measure_audio(sound, RATE).stereo_width for sound in (mono, wide, opposite)]
    assert widths == pytest.approx([0.0, 0.5, 1.0], abs=0.01)
    mixed = np.stack([one + 0.5 * two, one - 0.5 * two])
    assert measure_audio(mixed, RATE).stereo_width == pytest.approx(0.25 / 1.25, abs=0.01)


@pytest.mark.parametrize("hz", [500.0, 3000.0])
def test_brightness_of_a_tone_is_its_frequency(hz: float) -> None:
    tone = 0.1 * np.sin(2 * np.pi * hz * np.arange(2 * RATE) / RATE)
    assert measure_audio(tone, RATE).brightness_hz == pytest.approx(hz, rel=0.02)


def test_brightness_equals_the_centroid_of_one_long_spectrum() -> None:
    sound = sosfilt(butter(2, 2000, fs=RATE, output="sos"), noise(4.0)[0])
    power = np.abs(np.fft.rfft(sound)) ** 2
    centroid_hz = (power * np.fft.rfftfreq(len(sound), 1 / RATE)).sum() / power.sum()
    assert measure_audio(sound, RATE).brightness_hz == pytest.approx(centroid_hz, rel=0.02)


def test_energy_rises_falls_or_stays() -> None:
    ramp = np.linspace(0.02, 1, 400)
    assert energy_progression(energy_curve(ramp**2)) > 0.9
    assert energy_progression(energy_curve(ramp[::-1] ** 2)) < 0.1
    assert energy_progression(energy_curve(np.concatenate([ramp, ramp[::-1]]) ** 2)) == pytest.approx(
        0.5, abs=0.02
    )
    assert energy_progression(energy_curve(np.full(400, 0.3))) == pytest.approx(0.5)


def test_nothing_but_loudness_depends_on_the_level(house: Features) -> None:
    sound = render(compose(51_004, style="house"), RATE, seconds=24).mix
    quiet = measure_audio(0.25 * sound, RATE)
    assert quiet.loudness_lufs == pytest.approx(house.loudness_lufs - 12.04, abs=0.1)
    one, other = house.to_dict(), quiet.to_dict()
    for name in (
        "tempo_bpm",
        "key",
        "energy_mean",
        "energy_progression",
        "brightness_hz",
        "loudness_range_lu",
    ):
        assert (
            other[name] == pytest.approx(one[name], abs=0.02) if name != "key" else other[name] == one[name]
        ), name
    assert other["kick_pattern"] == pytest.approx(one["kick_pattern"], abs=0.02)


@pytest.mark.parametrize("tonic", [0, 4, 9])
@pytest.mark.parametrize("mode", ["major", "minor"])
def test_a_cadence_is_in_its_key_even_when_out_of_tune(tonic: int, mode: str) -> None:
    third = 4 if mode == "major" else 3
    # i iv v i with the leading note in neither: the tonic chord sounds twice as long.
    chords = [(0, third), (5, 5 + third), (7, 7 + third), (0, third)]
    t = np.arange(round(1.0 * RATE)) / RATE
    sound = []
    for root, middle in chords:
        pitches = [root - 12, root, middle, root + 7]
        hz = [261.63 * 1.012 * 2 ** ((tonic + pitch) / 12) for pitch in pitches]  # 20 cents sharp
        sound.append(sum(np.sin(2 * np.pi * h * t * k) / k for h in hz for k in (1, 2, 3)))
    measured = measure_audio(0.02 * np.concatenate(sound), RATE)
    assert measured.key == KEYS[tonic + 12 * (mode == "minor")]
    assert sum(measured.chroma) == pytest.approx(1, abs=1e-3)


def test_a_file_equals_its_sound_and_a_span_its_part(tmp_path: Path) -> None:
    sound = pumped(6.0)
    path = tmp_path / "a.wav"
    soundfile.write(path, sound, RATE, subtype="FLOAT")
    one, other = measure_track(path).to_dict(), measure_audio(sound, RATE).to_dict()
    one.pop("content_sha256"), other.pop("content_sha256")
    assert {**one, "path": ""} == {**other, "path": ""}
    span = measure_track(path, start_s=4.0, end_s=12.0)
    assert span.seconds == 8.0
    assert span.tempo_bpm == pytest.approx(125, rel=0.01)


@pytest.mark.parametrize(
    ("sound", "words"), [(np.zeros(3 * RATE), "silent"), (0.1 * np.ones(RATE // 2), "0.50 s long")]
)
def test_what_cannot_be_measured_says_so(tmp_path: Path, sound: np.ndarray, words: str) -> None:
    path = tmp_path / "x.wav"
    soundfile.write(path, sound, RATE)
    with pytest.raises(InputError, match=words):
        measure_track(path)


def test_the_cache_goes_by_content_prior_and_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache, path = tmp_path / "cache", tmp_path / "a.wav"
    soundfile.write(path, pumped(6.0, 4.0), RATE)
    first, known = measure_cached(path, cache)
    assert not known
    renamed = path.rename(tmp_path / "b.wav")
    again, known = measure_cached(renamed, cache)
    assert known
    assert again.path == str(renamed)
    assert again.tempo_bpm == first.tempo_bpm
    assert not measure_cached(renamed, cache, TempoPrior(bpm=90))[1]
    entry = next(cache.rglob("*.json"))
    entry.write_text("{broken")
    assert measure_cached(renamed, cache)[0].tempo_bpm == first.tempo_bpm
    monkeypatch.setattr("tonewheel.systems.similar.features.many.VERSION", 99)
    assert not measure_cached(renamed, cache)[1]


def test_processes_give_the_same_in_order_and_errors_in_their_place(tmp_path: Path) -> None:
    paths = []
    for number in range(4):  # as many as it takes to start processes
        soundfile.write(tmp_path / f"{number}.wav", noise(1.5, seed=number)[0], RATE)
        paths.append(tmp_path / f"{number}.wav")
    paths[2].write_text("this is no sound")
    outcomes = list(measure_all(paths, jobs=2))
    assert [one.path for one in outcomes] == [str(path) for path in paths]
    assert isinstance(outcomes[2], InputError)
    assert outcomes[3] == next(iter(measure_all(paths[3:])))


def test_real_music_is_measured_the_same_twice(shared_audio: Path) -> None:
    path = sorted((shared_audio / "music" / "music").glob("*.opus"))[0]
    assert measure_track(path) == measure_track(path)


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_any_rate_and_any_channels(channels: int) -> None:
    rate = 8_000
    sound = 0.1 * np.random.default_rng(1).standard_normal((channels, 3 * rate))
    measured = measure_audio(sound, rate)
    assert measured.seconds == 3.0
    assert 1500 < measured.brightness_hz < 2500
