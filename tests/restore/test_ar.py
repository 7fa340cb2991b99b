"""AR models against dense algebra, and the physics of interpolation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import solve_toeplitz

from tonewheel.systems.restore import ar


def music(samples: int, seed: int = 0, noise: float = 1e-4) -> np.ndarray:
    rng = np.random.default_rng(seed)
    time = np.arange(samples)
    tones = sum(
        np.sin(2 * np.pi * f * time + p) / (1 + i) for i, (f, p) in enumerate(rng.uniform(0.002, 0.1, (6, 2)))
    )
    return 0.1 * tones + noise * rng.standard_normal(samples)


def dense(models: ar.Models, samples: int) -> tuple[np.ndarray, np.ndarray]:
    """The prediction matrix and the weights of its rows, written down one by one."""
    rows = len(models.coefficients) * models.hop - models.hop // 2
    matrix, weight = np.zeros((rows, samples)), np.zeros(rows)
    for t in range(rows):
        frame = models.segment(np.array([t]))[0]
        weight[t] = 1 / (models.variance[frame] + ar.LEAST_VARIANCE)
        for lag in range(models.order + 1):
            if 0 <= t - lag < samples:
                matrix[t, t - lag] = models.coefficients[frame, lag]
    return matrix, weight


def test_levinson_equals_a_direct_solution() -> None:
    rng = np.random.default_rng(1)
    frames = rng.standard_normal((3, 500))
    correlation = np.stack([np.correlate(f, f, "full")[499:512] for f in frames])
    found, _ = ar.levinson(correlation)
    for row, model in zip(correlation, found, strict=True):
        np.testing.assert_allclose(model[1:], solve_toeplitz(row[:-1], -row[1:]), atol=1e-9)


@given(st.integers(0, 2**16), st.floats(0.01, 0.5))
@settings(max_examples=15, deadline=None)
def test_residual_and_interpolation_equal_dense_least_squares(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    signal = music(600, seed)
    mask = rng.random(600) < share
    models = ar.estimate(signal, order=8, hop=100, window=300)
    matrix, weight = dense(models, 600)
    np.testing.assert_allclose(ar.residual(signal, models), (matrix @ signal)[:600], atol=1e-12)
    normal = matrix.T @ (weight[:, None] * matrix)
    hidden, seen = np.flatnonzero(mask), np.flatnonzero(~mask)
    noise = rng.uniform(1e-6, 1e-2, len(hidden))
    for power, precision in ((None, 0.0), (noise, 1 / (noise + ar.LEAST_VARIANCE))):
        system = normal[np.ix_(hidden, hidden)] + np.diag(np.broadcast_to(precision, len(hidden)))
        right = precision * signal[hidden] - normal[np.ix_(hidden, seen)] @ signal[seen]
        expected = np.linalg.solve(system, right) if len(hidden) else np.zeros(0)
        np.testing.assert_allclose(ar.interpolate(signal, mask, models, power), expected, atol=1e-6)


def test_a_gap_in_tones_is_closed() -> None:
    signal = music(8000)
    mask = np.zeros(8000, bool)
    mask[3000:3030] = mask[5000:5060] = True
    broken = np.where(mask, 0.5, signal)
    models = ar.estimate(signal, order=64, hop=1024, window=4096)
    error = ar.interpolate(broken, mask, models) - signal[mask]
    assert 10 * np.log10(np.mean(signal[mask] ** 2) / np.mean(error**2)) > 25


def test_backward_is_forward_of_the_reversed() -> None:
    signal = music(4097)  # 4 hops and the middle sample: frames lie alike from either end
    models = ar.estimate(signal, order=16, hop=1024, window=2048)
    turned = ar.estimate(signal[::-1].copy(), order=16, hop=1024, window=2048)
    back = ar.residual(signal, models, backward=True)
    ahead = ar.residual(signal[::-1].copy(), turned)[::-1]
    np.testing.assert_allclose(back[600:3500], ahead[600:3500], atol=2e-3)


def test_damage_that_is_known_to_be_small_is_hardly_touched() -> None:
    signal = music(4000)
    mask = np.zeros(4000, bool)
    mask[2000:2040] = True
    models = ar.estimate(signal, 32, 512, 2048)
    change = [
        np.abs(ar.interpolate(signal, mask, models, np.full(40, power)) - signal[mask]).max()
        for power in (1e-14, 1e-8, 1e-2)
    ]
    assert change[0] < 1e-6 < change[2]
    assert change == sorted(change)


def test_damage_that_was_missed_beside_a_gap_does_not_make_it_swing() -> None:
    """A sharp model follows a wrong neighbour of a gap by any swing inside the gap, if nothing holds it."""
    signal = music(4000, noise=1e-6)
    models = ar.estimate(signal, 64, 512, 2048)
    mask = np.zeros(4000, bool)
    mask[2000:2064] = True
    damaged = signal.copy()
    damaged[2068:2078] += 0.1
    found = ar.interpolate(damaged, mask, models, np.full(64, 100.0))
    assert np.abs(found - signal[mask]).max() < 2 * np.abs(signal).max()


@given(
    st.integers(0, 2**16),
    st.sampled_from((0.01, 0.3, 0.9, 1.0)),
    st.sampled_from((1, 20, 300)),
    st.sampled_from((1e-16, 1e-9, 1e-3)),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_no_mask_and_no_model_throws_a_repair_out_of_the_sound(
    seed: int, share: float, run: int, floor: float, known: bool
) -> None:
    rng = np.random.default_rng(seed)
    signal = music(1500, seed)
    if seed % 3 == 0:  # nothing left for the models to be unsure about
        signal = np.sin(rng.uniform(0.001, 3) * np.arange(1500.0))
    if seed % 5 == 0:
        signal[700:] = 0.0
    mask = np.repeat(rng.random(1500 // run + 1) < share, run)[:1500]
    models = ar.estimate(signal, 48, 128, 512, floor)
    models = models._replace(variance=models.variance * 10.0 ** rng.uniform(-12, 6, len(models.variance)))
    damaged = signal + mask * rng.standard_normal(1500) * 10.0 ** rng.uniform(-3, 1)
    wrong = rng.random(1500) < 0.01  # missed, so taken as right
    damaged[wrong] += 0.3
    noise = 10.0 ** rng.uniform(-12, 4, mask.sum()) if known else None
    found = ar.interpolate(damaged, mask, models, noise)
    around = damaged if mask.all() else damaged[~mask]
    assert np.isfinite(found).all()
    assert np.abs(found).max(initial=0.0) <= 2 * np.abs(around).max() + 1e-12


@pytest.mark.parametrize("samples", [1, 7, 100])
def test_short_and_silent_signals_are_no_trouble(samples: int) -> None:
    silent = np.zeros(samples)
    models = ar.estimate(silent, 12, 32, 64)
    assert np.isfinite(ar.residual(silent, models)).all()
    assert np.isfinite(ar.interpolate(silent, np.ones(samples, bool), models)).all()
