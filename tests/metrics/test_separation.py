"""Separation figures: beside museval and mir_eval, against arithmetic, and on what must not break them."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonewheel.metrics.separation import (
    References,
    bss_eval,
    evaluate,
    global_sdr_db,
    overall,
    stem_si_sdr_db,
    validate,
)

spec = importlib.util.spec_from_file_location("make", Path(__file__).with_name("make_museval_figures.py"))
assert spec is not None
assert spec.loader is not None
make = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make)
FIGURES, RATE_HZ, signals = make.FIGURES, make.RATE_HZ, make.signals

TOLERANCE_DB = 0.01
NAMES = ("sdr_db", "isr_db", "sir_db", "sar_db")


@pytest.mark.parametrize(("name", "window"), [("windows", RATE_HZ), ("whole", None)])
def test_it_says_what_museval_says(name: str, window: int | None) -> None:
    recorded = json.loads(FIGURES.read_text())[name]
    figures = bss_eval(*signals(), window_samples=window)
    for key, ours in zip(NAMES, figures, strict=True):
        theirs = np.array(recorded[key], dtype=float)
        assert ours.shape == theirs.shape
        np.testing.assert_array_equal(np.isnan(ours), np.isnan(theirs))
        np.testing.assert_allclose(ours, theirs, atol=TOLERANCE_DB)
    assert name == "whole" or np.isnan(figures.sdr_db[:, 1]).all(), "the silent second has no figure"


def test_what_museval_said_can_be_made_again(tmp_path: Path) -> None:
    python = os.environ.get("MUSEVAL_PYTHON")
    if python is None:
        pytest.skip(f"museval needs an environment of its own, see {make.__file__}")
    out = tmp_path / "figures.json"
    subprocess.run([python, make.__file__, str(out)], check=True)
    again, recorded = (json.loads(path.read_text()) for path in (out, FIGURES))
    assert again["museval"] == recorded["museval"]
    for name in ("windows", "whole"):
        for key in NAMES:
            then, now = (np.array(made[name][key], dtype=float) for made in (recorded, again))
            np.testing.assert_allclose(now, then, atol=1e-5)


def test_it_says_what_mir_eval_says() -> None:
    separation = pytest.importorskip("mir_eval.separation")
    right, found = (one[..., :4000] for one in signals(stems=2, channels=1))
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # mir_eval 0.8 deprecates the module; it is the reference all the same
        sdr, isr, sir, sar, _ = separation.bss_eval_images(
            np.swapaxes(right, 1, 2), np.swapaxes(found, 1, 2), compute_permutation=False
        )
    for ours, theirs in zip(bss_eval(right, found), (sdr, isr, sir, sar), strict=True):
        np.testing.assert_allclose(ours[:, 0], theirs, atol=TOLERANCE_DB)


def test_global_sdr_is_arithmetic() -> None:
    right, found = signals()
    by_hand = [10 * np.log10((a**2).sum() / ((a - b) ** 2).sum()) for a, b in zip(right, found, strict=True)]
    np.testing.assert_allclose(global_sdr_db(right, found), by_hand)


def test_si_sdr_does_not_see_a_changed_level() -> None:
    right, found = signals()
    np.testing.assert_allclose(stem_si_sdr_db(right, found), stem_si_sdr_db(right, 3 * found))


def test_interference_and_artefacts_are_told_apart() -> None:
    rng = np.random.default_rng(3)
    right = rng.standard_normal((2, 1, 8000))
    leaked = right + 0.1 * right[::-1]
    noisy = right + 0.1 * rng.standard_normal(right.shape)
    bled, rough = bss_eval(right, leaked, taps=32), bss_eval(right, noisy, taps=32)
    np.testing.assert_allclose(bled.sir_db[:, 0], 20, atol=0.5)
    np.testing.assert_allclose(rough.sar_db[:, 0], 20, atol=0.5)
    assert bled.sar_db.min() > 60
    assert rough.sir_db.min() > 35


def test_a_filtered_stem_costs_isr_but_neither_sir_nor_sar() -> None:
    right = np.random.default_rng(4).standard_normal((2, 1, 8000))
    found = right.copy()
    found[0, 0, 1:] += 0.5 * right[0, 0, :-1]
    figures = bss_eval(right, found, taps=16)
    assert figures.isr_db[0, 0] == pytest.approx(10 * np.log10(1 / 0.25), abs=0.05)
    assert min(figures.sir_db[0, 0], figures.sar_db[0, 0]) > 30


def test_references_that_are_alike_in_both_channels_have_figures() -> None:
    right, found = (np.repeat(one, 2, axis=1) for one in signals(channels=1))
    twice, once = bss_eval(right, found, taps=32), bss_eval(right[:, :1], found[:, :1], taps=32)
    np.testing.assert_allclose(twice.sir_db, once.sir_db, atol=0.05)


def test_a_stem_that_never_sounds_is_left_out_of_the_others() -> None:
    right, found = signals()
    silent = np.zeros_like(right[:1])
    figures = bss_eval(np.concatenate([right, silent]), np.concatenate([found, silent]), taps=32)
    assert np.isnan(figures.sdr_db[3]).all()
    np.testing.assert_allclose(figures.sir_db[:3], bss_eval(right, found, taps=32).sir_db)
    assert np.isnan(global_sdr_db(np.concatenate([right, silent]), np.concatenate([found, silent]))[3])


def test_one_stem_can_be_asked_for_alone() -> None:
    right, found = signals()
    references = References(right, taps=32)
    alone = found.copy()
    alone[1:] = 0.0
    chosen = references.evaluate(alone, only=[0])
    assert chosen.sir_db[0] == pytest.approx(references.evaluate(found).sir_db[0])
    assert np.isnan(chosen.sir_db[1:]).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 3), st.integers(1, 2), st.integers(1, 900), st.floats(0, 2), st.integers(0, 9))
def test_any_sound_has_figures_or_none(
    stems: int, channels: int, samples: int, gain: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    right = rng.standard_normal((stems, channels, samples)) * rng.choice([0.0, 1e-6, 1.0], (stems, 1, 1))
    found = gain * right + rng.choice([0.0, 0.1]) * rng.standard_normal(right.shape)
    for figures in bss_eval(right, found, window_samples=300, taps=8):
        assert figures.shape == (stems, max(1, samples // min(300, samples)))
    told = evaluate(right, found, 300)
    assert all(value is None or np.isfinite(value) for value in told.values())


@given(st.floats(-60, 60), st.floats(-60, 60), st.floats(-60, 60), st.floats(0.01, 30))
def test_the_overall_score_rises_with_each_figure(sdr: float, sir: float, sar: float, more: float) -> None:
    score = overall(sdr, sir, sar)
    assert 0 <= score <= 1
    for louder in ((sdr + more, sir, sar), (sdr, sir + more, sar), (sdr, sir, sar + more)):
        assert overall(*louder) >= score


def test_wrong_shapes_are_told() -> None:
    with pytest.raises(ValueError, match=r"\(2, 8\)"):
        validate(np.zeros((2, 8)), np.zeros((2, 8)))
    with pytest.raises(ValueError, match="NaN"):
        validate(np.zeros((1, 1, 8)), np.full((1, 1, 8), np.nan))
