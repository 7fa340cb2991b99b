"""Compressor, limiter and automatic gain: static curve, ceiling, times."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonewheel.degrade.dynamics import AutomaticGain, Compressor, Limiter

RATE_HZ = 16000


def tone(level_db: float, seconds: float = 1.0, hz: float = 1000.0) -> np.ndarray:
    """A sine of the stated RMS level."""
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return (np.sqrt(2) * 10 ** (level_db / 20) * np.sin(2 * np.pi * hz * t)).astype(np.float32)


def level_db(audio: np.ndarray) -> float:
    return 20 * np.log10(np.sqrt(np.mean(audio.astype(np.float64) ** 2)))


@pytest.mark.parametrize("ratio", [2.0, 4.0, 20.0])
@pytest.mark.parametrize("knee_db", [0.0, 10.0])
def test_static_curve(ratio: float, knee_db: float) -> None:
    """Giannoulis et al. 2012, eq. 4: 1:1 below the knee, 1:ratio above, in its middle 1/8 of it is lost."""
    compressor = Compressor(threshold_db=-30.0, ratio=ratio, knee_db=knee_db, attack_ms=5.0)
    for steady_db in (-60.0, -40.0, -20.0, -5.0):
        out = level_db(compressor.apply(tone(steady_db), RATE_HZ)[8000:])
        expected = steady_db if steady_db < -30 else -30 + (steady_db + 30) / ratio
        assert out == pytest.approx(expected, abs=0.3), steady_db
    at_threshold = level_db(compressor.apply(tone(-30), RATE_HZ)[8000:])
    assert at_threshold == pytest.approx(-30 - (1 - 1 / ratio) * knee_db / 8, abs=0.3)


def test_attack_and_release_take_their_time() -> None:
    loud = np.concatenate((tone(-40), tone(-10), tone(-40, 2.0)))
    compressor = Compressor(threshold_db=-30.0, ratio=100.0, knee_db=0.0, attack_ms=50.0, release_ms=500.0)
    out = compressor.apply(loud, RATE_HZ)

    def gain_db(at_s: float) -> float:
        part = slice(round(at_s * RATE_HZ) - 80, round(at_s * RATE_HZ) + 80)
        return level_db(out[part]) - level_db(loud[part])

    assert gain_db(0.9) == pytest.approx(0, abs=0.2)
    # A one-pole attack has done 63 % of 20 dB after its time constant (the level itself takes 5 ms more).
    assert gain_db(1.055) == pytest.approx(-0.63 * 20, abs=1.5)
    assert gain_db(1.9) == pytest.approx(-20, abs=0.5)
    # Release: 20 dB in 500 ms, so about 10 dB are back after 250 ms (plus the attack filter's lag of 50 ms).
    assert gain_db(2.30) == pytest.approx(-10, abs=2)
    assert gain_db(3.5) == pytest.approx(0, abs=0.3)


def test_channels_get_the_same_gain() -> None:
    left = tone(-6)
    out = Compressor(threshold_db=-30.0).apply(np.stack((left, 0.5 * left)), RATE_HZ)
    np.testing.assert_allclose(out[1], 0.5 * out[0], rtol=1e-5, atol=1e-7)


@given(
    seed=st.integers(0, 1000),
    samples=st.integers(1, 4000),
    ceiling_db=st.floats(-30, 0),
    drive_db=st.floats(-10, 40),
    look_ahead_ms=st.floats(0.1, 10),
)
@settings(max_examples=60, deadline=None)
def test_limiter_never_passes_its_ceiling(
    seed: int, samples: int, ceiling_db: float, drive_db: float, look_ahead_ms: float
) -> None:
    audio = np.random.default_rng(seed).standard_t(2, samples).astype(np.float32)
    limiter = Limiter(ceiling_db=ceiling_db, drive_db=drive_db, look_ahead_ms=look_ahead_ms)
    out = limiter.apply(audio, RATE_HZ)
    assert np.abs(out).max() <= np.float32(10 ** (ceiling_db / 20))


def test_limiter_turns_down_and_does_not_clip() -> None:
    """The gain is a ramp, so a steady tone over the ceiling stays a sine: third harmonic 50 dB down."""
    out = Limiter(ceiling_db=-12.0, look_ahead_ms=2.0).apply(tone(-3, hz=440), RATE_HZ)[4000:12000]
    spectrum = np.abs(np.fft.rfft(out * np.hanning(len(out))))
    assert 20 * np.log10(spectrum[660] / spectrum[220]) < -50
    assert np.abs(out).max() == pytest.approx(10 ** (-12 / 20), rel=0.02)


def test_limiter_is_down_before_the_peak_arrives() -> None:
    """From the first loud sample on the gain is the final one: nothing of the onset had to be clipped."""
    burst = np.concatenate((tone(-50), tone(-3)))
    out = Limiter(ceiling_db=-12.0, look_ahead_ms=2.0).apply(burst, RATE_HZ)
    np.testing.assert_allclose(
        out[16000:17000], burst[16000:17000] * 10 ** (-12 / 20) / burst.max(), atol=1e-3
    )


def test_limiter_leaves_what_is_below_its_ceiling() -> None:
    quiet = tone(-30)
    np.testing.assert_allclose(Limiter(ceiling_db=-6.0).apply(quiet, RATE_HZ), quiet, atol=1e-7)


def test_automatic_gain_brings_levels_together() -> None:
    gain = AutomaticGain(target_db=-20.0, most_gain_db=30.0, release_ms=500.0, attack_ms=50.0)
    for steady_db in (-45.0, -30.0, -20.0, -8.0):
        assert level_db(gain.apply(tone(steady_db, 4.0), RATE_HZ)[48000:]) == pytest.approx(-20, abs=0.3)
    # It does not turn silence into noise without end.
    assert level_db(gain.apply(tone(-90, 4.0), RATE_HZ)[48000:]) == pytest.approx(-60, abs=0.3)
