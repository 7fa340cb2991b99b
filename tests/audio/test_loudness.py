"""Loudness against pyloudnorm, and the test signals of EBU Tech 3341."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from tonewheel.audio.loudness import LoudnessMeter, integrated_lufs, k_weighting, normalise


def sines(levels_db: list[float], seconds: list[float], sample_rate_hz: int = 48_000) -> NDArray[np.float32]:
    """Stereo 1 kHz sines, peak levels in dBFS one after the other, as EBU Tech 3341 gives its cases."""
    parts = []
    for level_db, length_s in zip(levels_db, seconds, strict=True):
        t = np.arange(round(length_s * sample_rate_hz)) / sample_rate_hz
        parts.append(10 ** (level_db / 20) * np.sin(2 * np.pi * 1000 * t))
    mono = np.concatenate(parts)
    return np.stack([mono, mono]).astype(np.float32)


@pytest.mark.parametrize(
    ("levels_db", "seconds", "expected_lufs"),
    [
        ([-23], [20], -23.0),  # case 1
        ([-33], [20], -33.0),  # case 2
        ([-36, -23, -36], [10, 60, 10], -23.0),  # case 3: the relative gate
        ([-72, -36, -23, -36, -72], [10, 10, 60, 10, 10], -23.0),  # case 4: the absolute gate
        ([-26, -20, -26], [20, 20.1, 20], -23.0),  # case 5
    ],
)
def test_ebu_tech_3341(levels_db: list[float], seconds: list[float], expected_lufs: float) -> None:
    assert integrated_lufs(sines(levels_db, seconds), 48_000) == pytest.approx(expected_lufs, abs=0.1)


@pytest.mark.parametrize("sample_rate_hz", [16_000, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_agrees_with_pyloudnorm(sample_rate_hz: int, channels: int) -> None:
    import pyloudnorm

    rng = np.random.default_rng(sample_rate_hz)
    envelope = np.repeat(10 ** (rng.uniform(-60, -10, 16) / 20), sample_rate_hz // 2)
    noise = sosfilt(
        butter(1, 500, fs=sample_rate_hz, output="sos"), rng.normal(size=(channels, len(envelope)))
    )
    audio = noise * envelope  # falls by 6 dB an octave, as music does
    expected = pyloudnorm.Meter(sample_rate_hz).integrated_loudness(audio.T)
    assert integrated_lufs(audio, sample_rate_hz) == pytest.approx(expected, abs=0.1)


def test_the_filters_are_the_numbers_of_the_standard_at_48_khz() -> None:
    """ITU-R BS.1770-4, tables 1 and 2."""
    shelf, high_pass = k_weighting(48_000)
    np.testing.assert_allclose(shelf[:3], [1.53512485958697, -2.69169618940638, 1.19839281085285], atol=1e-10)
    np.testing.assert_allclose(shelf[4:], [-1.69065929318241, 0.73248077421585], atol=1e-10)
    np.testing.assert_allclose(high_pass[4:], [-1.99004745483398, 0.99007225036621], atol=1e-10)


def test_a_stream_equals_the_whole_and_keeps_its_memory() -> None:
    rng = np.random.default_rng(1)
    audio = (rng.normal(size=(2, 160_000)) * np.linspace(0.001, 0.5, 160_000)).astype(np.float32)
    meter = LoudnessMeter(16_000, channels=2)
    cuts = [0, *sorted(rng.integers(0, 160_000, 40)), 160_000]
    for first, last in zip(cuts[:-1], cuts[1:], strict=True):  # noqa: RUF007
        meter.push(audio[:, first:last])
    assert meter.integrated_lufs() == pytest.approx(integrated_lufs(audio, 16_000), abs=1e-6)
    assert len(meter._recent) < 4


@pytest.mark.parametrize("sample_rate_hz", [2_000, 8_000, 384_000])
def test_every_rate_has_stable_filters(sample_rate_hz: int) -> None:
    for section in k_weighting(sample_rate_hz):
        assert np.abs(np.roots(section[3:])).max() < 1
    tone = 0.1 * np.sin(2 * np.pi * 400 * np.arange(sample_rate_hz) / sample_rate_hz)
    assert integrated_lufs(tone, sample_rate_hz) == pytest.approx(-23.7, abs=0.3)


def test_normalise_hits_its_target_and_leaves_silence_alone() -> None:
    quiet = sines([-40], [3])
    louder, gain_db = normalise(quiet, 48_000, target_lufs=-23)
    assert gain_db == pytest.approx(17, abs=0.1)
    assert integrated_lufs(louder, 48_000) == pytest.approx(-23, abs=0.02)
    silence = np.zeros(48_000, np.float32)
    same, gain_db = normalise(silence, 48_000)
    assert gain_db == 0
    assert not same.any()


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.2])
def test_short_sounds_have_a_loudness(seconds: float) -> None:
    audio = sines([-20], [seconds])
    lufs = integrated_lufs(audio, 48_000)
    assert np.isfinite(lufs) == (seconds > 0)
