"""Toms are told by pitch, alone and among the hits of their kit."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tonewheel.systems.drums.families import LABELS
from tonewheel.systems.drums.hits.answers import HitAnswer
from tonewheel.systems.drums.hits.toms import RISING, as_one_kit, by_pitch, pitch_hz

RATE = 44_100


def answer(label: str, pitch: float | None, **scores: float) -> HitAnswer:
    every = dict.fromkeys(LABELS, 0.0) | (scores or {label: 1.0})
    return HitAnswer(label=label, scores=every, velocity=0.5, openness=None, unknown=0.0, pitch_hz=pitch)


def drum(hz: float, seconds: float = 0.6) -> np.ndarray:
    """A membrane: fundamental and a louder second mode, as overheads hear it, and a stroke."""
    time_s = np.arange(round(seconds * RATE)) / RATE
    tone = 0.4 * np.sin(2 * np.pi * hz * time_s) + 0.8 * np.sin(2 * np.pi * 1.59 * hz * time_s)
    stroke = np.random.default_rng(0).normal(size=len(time_s)) * np.exp(-time_s / 0.002)
    return (tone * np.exp(-time_s / 0.2) + stroke).astype(np.float32)


@given(hz=st.floats(60, 240))
def test_the_fundamental_is_heard_below_a_louder_partial(hz: float) -> None:
    heard = pitch_hz(np.concatenate([np.zeros(4410, np.float32), drum(hz)]), 0.1, RATE)
    assert abs(heard - hz) < 3


def test_silence_and_scraps_have_no_pitch() -> None:
    assert np.isnan(pitch_hz(np.zeros(RATE, np.float32), 0.0, RATE))
    assert np.isnan(pitch_hz(drum(100)[:1000], 0.0, RATE))


def test_pitch_moves_scores_among_toms_only() -> None:
    before = answer("tom_high", None, tom_high=0.5, tom_mid=0.2, kick=0.3)
    after = by_pitch(before, 66.0)
    assert after.label == "tom_low"
    assert after.scores["kick"] == 0.3
    assert abs(sum(after.scores.values()) - 1) < 1e-5
    assert by_pitch(answer("kick", None), 66.0) == answer("kick", None)
    assert by_pitch(before, float("nan")) == before


def test_three_pitches_are_three_toms_whatever_each_seemed_alone() -> None:
    kit = [answer("tom_high", hz) for hz in (180.0, 130.0, 181.0, 88.0)] + [answer("snare", None)]
    assert [one.label for one in as_one_kit(kit)] == ["tom_high", "tom_mid", "tom_high", "tom_low", "snare"]
    assert all(one.scores[one.label] == max(one.scores.values()) for one in as_one_kit(kit))


def test_two_pitches_keep_the_likeliest_order() -> None:
    kit = [
        answer("tom_mid", 120.0, tom_mid=0.6, tom_high=0.4),
        answer("tom_mid", 80.0, tom_mid=0.5, tom_low=0.5),
    ]
    assert [one.label for one in as_one_kit(kit)] == ["tom_mid", "tom_low"]


@given(pitches=st.lists(st.floats(50, 350), max_size=12))
def test_labels_never_fall_while_the_pitch_rises(pitches: list[float]) -> None:
    found = as_one_kit([answer("tom_mid", hz) for hz in pitches])
    order = sorted(range(len(found)), key=lambda n: pitches[n])
    places = [RISING.index(found[n].label) for n in order]
    assert places == sorted(places)
