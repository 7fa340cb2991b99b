"""Microphones: the response is the stated one, minimal in phase, aligned, level kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy import signal

from tonewheel.degrade.microphone import POINTS_HZ, Microphone

RATE_HZ = 16000


def response(microphone: Microphone, rate_hz: int = RATE_HZ) -> np.ndarray:
    click = np.zeros(2 * rate_hz, np.float32)
    click[rate_hz] = 1
    return microphone.apply(click, rate_hz)


def test_the_invented_response_has_the_stated_gains() -> None:
    gains = (-30.0, -12.0, 0.0, 3.0, -4.0, 2.0, 6.0, -8.0, -20.0)
    hz, measured = signal.freqz(response(Microphone(response_db=gains), 48000), worN=1 << 16, fs=48000)
    found = np.interp(POINTS_HZ, hz, 20 * np.log10(np.abs(measured)))
    np.testing.assert_allclose((found - found[4])[1:], np.subtract(gains, gains[4])[1:], atol=1.0)


def test_it_is_causal_and_its_energy_is_early() -> None:
    out = response(Microphone.draw(np.random.default_rng(3)))
    energy = np.cumsum(out.astype(float) ** 2)
    assert energy[RATE_HZ - 1] < 1e-9 * energy[-1]
    assert energy[RATE_HZ + 40] > 0.5 * energy[-1]


def test_a_measured_response_is_aligned_and_levelled(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    samples = np.zeros(4000)
    samples[300:700] = rng.standard_normal(400) * np.exp(-np.arange(400) / 60) * 0.02
    samples[300] = 0.1
    soundfile.write(tmp_path / "ribbon.wav", samples, 44100, subtype="FLOAT")
    out = response(Microphone(path=str(tmp_path / "ribbon.wav")))
    assert abs(int(np.argmax(np.abs(out))) - RATE_HZ) <= 1
    hz = np.fft.rfftfreq(len(out), 1 / RATE_HZ)
    pink = 1 / np.maximum(hz, 50)
    power = np.sum(pink * np.abs(np.fft.rfft(out)) ** 2) / np.sum(pink)
    assert 10 * np.log10(power) == pytest.approx(0, abs=0.3)
