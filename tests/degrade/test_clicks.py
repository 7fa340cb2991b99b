"""Clicks and crackle: every sample that is hit is known, and the figures of the record are those of the damage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonewheel.degrade.clicks import Clicks
from tonewheel.degrade.crackle import Crackle
from tonewheel.degrade.impulses import SHAPES, waveforms

RATE_HZ = 44_100
MINUTE = 60 * RATE_HZ


@given(
    seed=st.integers(0, 1000),
    samples=st.integers(1, 30_000),
    rate_hz=st.sampled_from((8_000, 44_100, 192_000)),
    channels=st.integers(1, 3),
    kind=st.sampled_from((Clicks, Crackle)),
)
@settings(max_examples=60, deadline=None)
def test_samples_outside_the_mask_are_untouched_and_the_mask_is_not_wider(
    seed: int, samples: int, rate_hz: int, channels: int, kind: type[Clicks]
) -> None:
    rng = np.random.default_rng(seed)
    audio = (0.1 * rng.standard_normal((channels, samples))).astype(np.float32)
    drawn = kind.draw(rng)
    events = drawn.events(samples, rate_hz, channels)
    mask = events.mask(samples)
    out = drawn.apply(audio, rate_hz)
    assert (out[~mask] == audio[~mask]).all()
    assert mask.shape == audio.shape
    # Some samples of a waveform may cross zero, and a quiet one may round away under the sound.
    loud = events.amplitudes > 1e-3
    for start, width in zip(events.starts[loud], events.widths[loud], strict=True):
        assert (out != audio)[:, start : start + width].any()


def test_rate_amplitude_and_width_are_those_of_the_record() -> None:
    clicks = Clicks(
        rate_per_s=20, amplitude=0.2, amplitude_spread=0.5, width_ms=0.5, width_spread=0.4, seed=1
    )
    events = clicks.events(MINUTE, RATE_HZ)
    assert len(events) / 60 == pytest.approx(20, abs=4 * np.sqrt(20 / 60))
    assert np.median(events.amplitudes) == pytest.approx(0.2, rel=0.1)
    assert np.std(np.log(events.amplitudes)) == pytest.approx(0.5, rel=0.1)
    assert np.median(events.widths) / RATE_HZ == pytest.approx(0.0005, rel=0.1)
    assert events.widths.max() <= 0.00136 * RATE_HZ


def test_independent_clicks_come_as_a_poisson_process() -> None:
    counts = [len(Clicks(rate_per_s=30, seed=seed).events(RATE_HZ, RATE_HZ)) for seed in range(300)]
    assert np.mean(counts) == pytest.approx(30, abs=1.3)
    assert np.var(counts) / np.mean(counts) == pytest.approx(1, abs=0.3)


def test_clustered_ones_come_in_bursts() -> None:
    """The variance of counts over their mean (Fano factor) is 1 for a Poisson process and above it for bursts."""

    def fano(clustered: float) -> float:
        starts = (
            Clicks(rate_per_s=50, clustered=clustered, burst_size=8, seed=2).events(MINUTE, RATE_HZ).starts
        )
        counts = np.histogram(starts, bins=600, range=(0, MINUTE))[0]
        return float(counts.var() / counts.mean())

    assert fano(0.0) < 1.3
    assert fano(0.9) > 3


@pytest.mark.parametrize("turns_per_minute", [78.26, 45.0, 100 / 3])
def test_scratches_come_back_every_revolution(turns_per_minute: float) -> None:
    clicks = Clicks(rate_per_s=3, repeating=1.0, revolutions_per_minute=turns_per_minute, seed=5)
    times_s = clicks.events(MINUTE, RATE_HZ).starts / RATE_HZ
    turn_s = 60 / turns_per_minute
    gaps = np.abs(times_s[:, None] - times_s[None, :]).ravel()
    near = np.abs(gaps - turn_s) < 0.001
    beside = np.abs(gaps - 1.13 * turn_s) < 0.001
    assert near.sum() > 10 * max(1, beside.sum())


def test_a_scratch_looks_the_same_every_time() -> None:
    events = Clicks(rate_per_s=0.5, repeating=1.0, seed=1).events(MINUTE, RATE_HZ)
    shapes = events.waveforms / np.abs(events.waveforms).max(axis=1, keepdims=True)
    assert len(np.unique(np.round(shapes, 3), axis=0)) <= len(events) / 3


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_has_peak_one_and_ends_at_its_width(shape: str) -> None:
    widths = np.array([1, 2, 3, 5, 17, 60, 266])
    rows = waveforms(np.random.default_rng(0), (shape,), widths)  # type: ignore[arg-type]
    assert np.abs(rows).max(axis=1) == pytest.approx(1)
    for row, width in zip(rows, widths, strict=True):
        assert not row[width:].any()


def test_replacing_ones_leave_nothing_of_the_sound() -> None:
    quiet, loud = np.zeros(RATE_HZ, np.float32), np.ones(RATE_HZ, np.float32)
    for replacing, same in ((1.0, True), (0.0, False)):
        clicks = Clicks(rate_per_s=20, replacing=replacing, seed=3)
        hit = clicks.mask(RATE_HZ, RATE_HZ)
        assert (clicks.apply(quiet, RATE_HZ)[hit] == clicks.apply(loud, RATE_HZ)[hit]).all() == same


def test_channels_are_hit_alike_or_not() -> None:
    silence = np.zeros((2, 10 * RATE_HZ), np.float32)
    left, right = Clicks(rate_per_s=20, one_sided=0.0, seed=1).apply(silence, RATE_HZ)
    assert (left == right).all()
    left, right = Clicks(rate_per_s=20, one_sided=1.0, seed=1).apply(silence, RATE_HZ)
    assert 0.05 < np.corrcoef(left, right)[0, 1] < 0.95
