"""Clipping: how many samples, at which level, and what stays untouched."""

from __future__ import annotations

import numpy as np
import pytest

from tonewheel.degrade.clipping import Clipping


@pytest.mark.parametrize("fraction", [0.001, 0.01, 0.03])
@pytest.mark.parametrize("level", [0.001, 1.0, 50.0])
def test_the_stated_fraction_is_clipped_at_any_level(fraction: float, level: float) -> None:
    audio = level * np.random.default_rng(0).standard_normal((2, 20000)).astype(np.float32)
    out = Clipping(fraction=fraction).apply(audio, 16000)
    changed = out != audio
    assert changed.mean() == pytest.approx(fraction, abs=1e-4)
    # Flat at the limit: all changed samples have the same magnitude, and nothing is larger.
    assert np.unique(np.abs(out[changed])).size == 1
    assert np.abs(out).max() == np.abs(out[changed]).max()
    np.testing.assert_array_equal(np.sign(out), np.sign(audio))


def test_soft_clipping_is_monotonic_straight_in_the_middle_and_bounded() -> None:
    ramp = np.linspace(-1, 1, 10001, dtype=np.float32)
    out = Clipping(fraction=0.5, shape="soft").apply(ramp, 16000)
    assert (np.diff(out) >= 0).all()
    assert out.max() <= 0.5 * 4 / 3
    np.testing.assert_allclose(out[4900:5101], ramp[4900:5101], atol=1e-5)


def test_nothing_to_clip() -> None:
    noise = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    np.testing.assert_array_equal(Clipping(fraction=0.0).apply(noise, 16000), noise)
    steady = np.full(1000, 0.5, np.float32)
    np.testing.assert_array_equal(Clipping(fraction=0.03).apply(steady, 16000), steady)


def test_hard_clipping_makes_odd_harmonics() -> None:
    tone = np.sin(2 * np.pi * 500 * np.arange(16000) / 16000).astype(np.float32)
    spectrum = np.abs(np.fft.rfft(Clipping(fraction=0.3).apply(tone, 16000)))
    assert spectrum[1500] > 0.01 * spectrum[500]
    assert spectrum[1000] < 1e-3 * spectrum[500]
