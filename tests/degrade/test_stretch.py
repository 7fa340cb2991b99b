"""Time stretch and pitch shift: where tones and strokes end up."""

from __future__ import annotations

import numpy as np
import pytest

from tonewheel.degrade.chain import Chain
from tonewheel.degrade.gain import Gain
from tonewheel.degrade.pitch_shift import PitchShift
from tonewheel.degrade.time_stretch import TimeStretch

RATE_HZ = 16000


def tone(hz: float, seconds: float = 3.0) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)).astype(np.float32)


def pitch_hz(audio: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio)), 1 << 19))
    return float(np.argmax(spectrum)) * RATE_HZ / (1 << 19)


@pytest.mark.parametrize("rate", [0.7, 0.94, 1.0, 1.06, 1.4])
def test_a_stretched_tone_keeps_pitch_and_level(rate: float) -> None:
    out = TimeStretch(rate=rate).apply(tone(440), RATE_HZ)
    assert len(out) == round(3 * RATE_HZ / rate)
    assert pitch_hz(out) == pytest.approx(440, rel=1e-3)
    assert out.std() == pytest.approx(tone(440).std(), rel=0.02)


@pytest.mark.parametrize("rate", [0.8, 1.25])
def test_a_stroke_lands_where_the_new_tempo_puts_it(rate: float) -> None:
    audio = np.zeros(4 * RATE_HZ, np.float32)
    audio[RATE_HZ::RATE_HZ] = 1
    out = np.abs(TimeStretch(rate=rate).apply(audio, RATE_HZ))
    for second in (1, 2, 3):
        expected = second / rate * RATE_HZ
        near = slice(round(expected - 0.1 * RATE_HZ), round(expected + 0.1 * RATE_HZ))
        assert abs(near.start + np.argmax(out[near]) - expected) < 0.02 * RATE_HZ


@pytest.mark.parametrize("semitones", [-5.0, -1.0, 0.5, 2.0, 7.0])
def test_a_shifted_tone_lands_at_the_right_frequency(semitones: float) -> None:
    out = PitchShift(semitones=semitones).apply(tone(440), RATE_HZ)
    assert len(out) == 3 * RATE_HZ
    assert pitch_hz(out) == pytest.approx(440 * 2 ** (semitones / 12), rel=1e-3)
    assert out[8000:-8000].std() == pytest.approx(tone(440).std(), rel=0.03)


def test_an_unchanged_rate_gives_the_signal_back() -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(RATE_HZ).astype(np.float32)
    np.testing.assert_allclose(TimeStretch(rate=1.0).apply(noise, RATE_HZ), noise, atol=1e-5)


def test_channels_stay_in_phase() -> None:
    """The sides of a stereo tone keep their phase difference, or the middle would hollow out."""
    t = np.arange(3 * RATE_HZ) / RATE_HZ
    audio = np.stack((np.sin(2 * np.pi * 440 * t), 0.7 * np.sin(2 * np.pi * 440 * t + 0.5))).astype(
        np.float32
    )
    out = TimeStretch(rate=1.1).apply(audio, RATE_HZ)[:, 4000:-4000]
    phasor = [np.vdot(np.exp(2j * np.pi * 440 * np.arange(out.shape[1]) / RATE_HZ), side) for side in out]
    assert np.angle(phasor[1] / phasor[0]) == pytest.approx(0.5, abs=0.03)


def test_only_time_stretch_says_that_it_changes_length() -> None:
    assert not TimeStretch.keeps_length
    assert PitchShift.keeps_length
    assert Chain(steps=(Gain(gain_db=0.0), Chain(steps=(TimeStretch(rate=1.1),)))).changes_length
    assert not Chain(steps=(Gain(gain_db=0.0),)).changes_length
