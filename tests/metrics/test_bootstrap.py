"""Intervals against scipy, plain loops, and how often they hold what they should."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tonewheel.metrics import bootstrap


def width(found: bootstrap.Interval) -> float:
    return (found.high or 0.0) - (found.low or 0.0)


def test_mean_equals_scipys_percentile_bootstrap() -> None:
    values = np.random.default_rng(0).exponential(size=200)
    ours = bootstrap.interval(values, rng=np.random.default_rng(1), resamples=8000)
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=8000, method="percentile", rng=np.random.default_rng(2)
    ).confidence_interval
    assert ours.value == pytest.approx(values.mean())
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs), abs=0.01)


def test_median_equals_scipys_percentile_bootstrap() -> None:
    values = np.random.default_rng(0).exponential(size=101)
    ours = bootstrap.interval(
        values, statistic=bootstrap.median, rng=np.random.default_rng(1), resamples=4000
    )
    theirs = stats.bootstrap(
        (values,), np.median, n_resamples=4000, method="percentile", rng=np.random.default_rng(2)
    ).confidence_interval
    assert ours.value == np.median(values)
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs), abs=0.03)


def test_weighted_median_is_the_median_of_the_repeated_items() -> None:
    rng = np.random.default_rng(4)
    values, weights = rng.normal(size=9), rng.integers(0, 4, (50, 9)).astype(float)
    weights[:, 0] += weights.sum(axis=1) == 0
    for row, found in zip(weights, bootstrap.median(values, weights), strict=True):
        assert found == pytest.approx(np.median(np.repeat(values, row.astype(int))))


def test_infinite_times_have_a_median_and_an_interval() -> None:
    values = [1.0, 2.0, 3.0, np.inf, np.inf, np.inf]
    found = bootstrap.interval(values, statistic=bootstrap.median, rng=np.random.default_rng(0))
    assert found.value == np.inf
    assert found.high == np.inf
    assert found.low is not None
    assert found.low < 3.5


def test_groups_are_drawn_whole() -> None:
    rng = np.random.default_rng(5)
    songs = np.repeat(np.arange(20), 50)
    values = (rng.random(20) < 0.5)[songs].astype(float)  # all queries of a song stand or fall together
    alone = bootstrap.interval(values, rng=np.random.default_rng(0))
    grouped = bootstrap.interval(values, groups=songs, rng=np.random.default_rng(0))
    assert width(grouped) > 5 * width(alone)
    assert grouped.groups == 20
    assert grouped.n == 1000


def test_the_fast_path_of_the_mean_equals_the_weights() -> None:
    rng = np.random.default_rng(6)
    values, groups = rng.normal(size=60), rng.integers(0, 7, 60)
    fast = bootstrap.interval(values, groups=groups, rng=np.random.default_rng(9))
    plain = bootstrap.interval(
        values, groups=groups, rng=np.random.default_rng(9), statistic=lambda v, w: w @ v / w.sum(axis=1)
    )
    assert (fast.low, fast.high) == pytest.approx((plain.low, plain.high))


def test_few_distinct_values_are_drawn_as_counts_with_the_same_spread() -> None:
    values = (np.random.default_rng(1).random(900) < 0.9).astype(float)
    counts = bootstrap.interval(values, rng=np.random.default_rng(2), resamples=20_000)
    items = bootstrap.interval(
        values, rng=np.random.default_rng(2), resamples=4000, statistic=lambda v, w: w @ v / w.sum(axis=1)
    )
    assert (counts.low, counts.high) == pytest.approx((items.low, items.high), abs=2e-3)


def test_blocks_do_not_change_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).normal(size=50)
    whole = bootstrap.interval(values, rng=np.random.default_rng(3))
    monkeypatch.setattr(bootstrap, "BLOCK_CELLS", 350)
    blocks = bootstrap.interval(values, rng=np.random.default_rng(3))
    assert (blocks.low, blocks.high) == pytest.approx((whole.low, whole.high), abs=1e-12)


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(7)
    held = 0
    for _ in range(300):
        found = bootstrap.interval(rng.normal(size=60), rng=rng, resamples=300)
        held += (found.low or 0.0) <= 0.0 <= (found.high or 0.0)
    assert 0.88 <= held / 300 <= 0.98


def test_one_group_gives_no_interval() -> None:
    found = bootstrap.interval([1.0, 0.0], groups=["a", "a"], rng=np.random.default_rng(0))
    assert (found.value, found.low, found.high) == (0.5, None, None)
    assert "no interval" in str(found)


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (10, 10), (1, 1), (37, 50), (974, 1000)])
def test_wilson_equals_scipy(successes: int, n: int) -> None:
    theirs = stats.binomtest(successes, n).proportion_ci(0.95, method="wilson")
    ours = bootstrap.wilson(successes, n)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))


def test_poisson_interval_is_where_the_tails_hold_the_rest() -> None:
    found = bootstrap.poisson_rate(7, hours=2.0)
    low, high = found.low or 0.0, found.high or 0.0
    assert stats.poisson.sf(6, low * 2) == pytest.approx(0.025)
    assert stats.poisson.cdf(7, high * 2) == pytest.approx(0.025)


def test_an_interval_survives_json() -> None:
    found = bootstrap.wilson(3, 9)
    assert bootstrap.Interval.from_json(found.to_json()) == found


@pytest.mark.parametrize(
    ("values", "groups"), [([], None), ([np.nan], None), ([1.0], ["a", "b"]), ([[1.0]], None)]
)
def test_bad_values_are_refused(values: object, groups: object) -> None:
    with pytest.raises(ValueError, match=r"values|groups"):
        bootstrap.evaluate(values, groups)  # type: ignore[arg-type]
