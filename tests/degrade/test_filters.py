"""Filters, equaliser and gain against the gain of tones, and against scipy's analogue prototypes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from tonewheel.core.errors import InputError
from tonewheel.degrade.equaliser import Band, Equaliser
from tonewheel.degrade.gain import Gain
from tonewheel.degrade.high_pass import HighPass
from tonewheel.degrade.low_pass import LowPass

RATE_HZ = 16000


def gain_db(degradation, frequency_hz: float, rate_hz: int = RATE_HZ) -> float:
    """Measured on the second half of a two-second tone, past the filter's start."""
    tone = np.sin(2 * np.pi * frequency_hz * np.arange(2 * rate_hz) / rate_hz).astype(np.float32)
    out = degradation.apply(tone, rate_hz)[rate_hz:]
    return 20 * np.log10(out.std() / tone[rate_hz:].std())


@pytest.mark.parametrize("order", [1, 2, 4])
@pytest.mark.parametrize("cutoff_hz", [100.0, 200.0])
def test_high_pass(cutoff_hz: float, order: int) -> None:
    high_pass = HighPass(cutoff_hz=cutoff_hz, order=order)
    assert gain_db(high_pass, cutoff_hz) == pytest.approx(-3.01, abs=0.05)
    assert gain_db(high_pass, 20 * cutoff_hz) == pytest.approx(0, abs=0.05)
    # Butterworth: 10 log10(1 + (fc / f)^(2 order)), an octave and a half below.
    ratio = 2**1.5
    expected = -10 * np.log10(1 + ratio ** (2 * order))
    assert gain_db(high_pass, cutoff_hz / ratio) == pytest.approx(expected, abs=0.15)


@pytest.mark.parametrize("order", [1, 2, 4])
def test_low_pass(order: int) -> None:
    low_pass = LowPass(cutoff_hz=500.0, order=order)
    assert gain_db(low_pass, 500) == pytest.approx(-3.01, abs=0.05)
    assert gain_db(low_pass, 50) == pytest.approx(0, abs=0.06)
    assert gain_db(low_pass, 1000) == pytest.approx(-10 * np.log10(1 + 2 ** (2 * order)), abs=0.35)


def test_a_low_pass_above_half_the_rate_changes_nothing_and_such_a_high_pass_is_refused() -> None:
    noise = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    np.testing.assert_array_equal(LowPass(cutoff_hz=9000.0).apply(noise, RATE_HZ), noise)
    with pytest.raises(InputError, match="leave nothing at 16000 Hz"):
        HighPass(cutoff_hz=9000.0).apply(noise, RATE_HZ)


@pytest.mark.parametrize("gain", [-9.0, 6.0])
def test_equaliser_bands_do_what_they_say(gain: float) -> None:
    low = Equaliser(bands=(Band(shape="low_shelf", frequency_hz=200, gain_db=gain),))
    assert gain_db(low, 20) == pytest.approx(gain, abs=0.1)
    assert gain_db(low, 200) == pytest.approx(gain / 2, abs=0.1)
    assert gain_db(low, 4000) == pytest.approx(0, abs=0.1)
    high = Equaliser(bands=(Band(shape="high_shelf", frequency_hz=2000, gain_db=gain),))
    assert gain_db(high, 7900) == pytest.approx(gain, abs=0.1)
    assert gain_db(high, 2000) == pytest.approx(gain / 2, abs=0.1)
    assert gain_db(high, 50) == pytest.approx(0, abs=0.1)
    peak = Equaliser(bands=(Band(shape="peak", frequency_hz=1000, gain_db=gain, q=2.0),))
    assert gain_db(peak, 1000) == pytest.approx(gain, abs=0.05)
    assert gain_db(peak, 100) == pytest.approx(0, abs=0.1)
    # Bands in series: decibels add up.
    both = Equaliser(bands=(*low.bands, *peak.bands))
    assert gain_db(both, 1000) == pytest.approx(gain_db(low, 1000) + gain, abs=0.05)


def test_equaliser_agrees_with_the_analogue_prototype() -> None:
    """The cookbook's peak is (s^2 + s A/Q + 1) / (s^2 + s/(A Q) + 1); at 48 kHz it must follow it closely."""
    a, q = 10 ** (6 / 40), 1.5
    hz = np.array([250.0, 500, 800, 1000, 1250, 2000])
    _, expected = signal.freqs([1, a / q, 1], [1, 1 / (a * q), 1], hz / 1000)
    peak = Equaliser(bands=(Band(shape="peak", frequency_hz=1000, gain_db=6.0, q=q),))
    measured = [gain_db(peak, f, 48000) for f in hz]
    np.testing.assert_allclose(measured, 20 * np.log10(np.abs(expected)), atol=0.05)


def test_a_low_cutoff_at_a_high_rate_stays_accurate() -> None:
    """float32 recursion drifts here; the error against float64 must be rounding of the output only."""
    rng = np.random.default_rng(0)
    audio = rng.standard_normal(96000).astype(np.float32)
    exact = signal.sosfilt(signal.butter(4, 30, "high", fs=96000, output="sos"), audio.astype(np.float64))
    out = HighPass(cutoff_hz=30.0, order=4).apply(audio, 96000)
    assert np.abs(out - exact).max() < 1e-6


def test_gain() -> None:
    assert gain_db(Gain(gain_db=-7.5), 440) == pytest.approx(-7.5, abs=1e-4)
