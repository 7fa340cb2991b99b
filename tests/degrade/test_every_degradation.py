"""One suite over every degradation that discovery finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonewheel.core.errors import InputError
from tonewheel.degrade import base
from tonewheel.degrade.base import Degradation, discover
from tonewheel.degrade.chain import Chain

KINDS = sorted(discover())
RATE_HZ = 16000


def changes_length(degradation: Degradation) -> bool:
    return degradation.changes_length if isinstance(degradation, Chain) else not degradation.keeps_length


def music(seed: int = 0, seconds: float = 1.0, channels: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    tones = sum(np.sin(2 * np.pi * hz * t + rng.uniform(0, 6)) for hz in (110, 277, 440, 1661))
    shape = (channels, len(t)) if channels else t.shape
    return (0.1 * tones * (1 + np.sin(2 * np.pi * 2 * t)) + rng.normal(0, 0.01, shape)).astype(np.float32)


def test_the_expected_ones_are_found() -> None:
    assert {
        "room",
        "crowd",
        "microphone",
        "equaliser",
        "high_pass",
        "low_pass",
        "compressor",
        "limiter",
    } < set(KINDS)
    assert {"automatic_gain", "clipping", "codec", "gain", "time_stretch", "pitch_shift", "chain"} < set(
        KINDS
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_the_same_draw_replays_bit_for_bit_from_json(kind: str, seed: int) -> None:
    drawn = discover()[kind].draw(np.random.default_rng(seed))
    again = base.from_json(drawn.to_json())
    assert again == drawn == discover()[kind].draw(np.random.default_rng(seed))
    for audio in (music(seed), music(seed, 0.3, channels=2)):
        before = audio.copy()
        first, second = drawn.apply(audio, RATE_HZ), again.apply(audio, RATE_HZ)
        assert first.dtype == np.float32
        assert first.tobytes() == second.tobytes()
        assert audio.tobytes() == before.tobytes(), "the input was written into"
        assert first.ndim == audio.ndim
        if not changes_length(drawn):
            assert first.shape == audio.shape


WILD = {
    "silence": np.zeros(4000, np.float32),
    "direct current": np.full(4000, 0.7, np.float32),
    "one sample": np.float32([0.5]),
    "two samples": np.float32([0.5, -1]),
    "one sample in stereo": np.float32([[0.5], [-0.5]]),
    "loud": 1e4 * music(1, 0.2),
    "barely there": 1e-30 * music(1, 0.2),
    "subnormal": np.full(3000, 1e-42, np.float32),
    "a click": np.eye(1, 5000, 2500, dtype=np.float32)[0],
    "stereo, one side silent": music(2, 0.2) * np.float32([[1], [0]]),
    "six channels": music(3, 0.2, channels=6),
    "square wave": np.sign(music(4, 0.2)),
}


@pytest.mark.parametrize("name", WILD)
@pytest.mark.parametrize("kind", KINDS)
def test_wild_input_gives_finite_output(kind: str, name: str) -> None:
    for seed in range(2):
        drawn = discover()[kind].draw(np.random.default_rng(seed))
        out = drawn.apply(WILD[name], RATE_HZ)
        assert np.isfinite(out).all()
        assert out.shape == WILD[name].shape or changes_length(drawn)


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_clip_stays_empty(kind: str) -> None:
    drawn = discover()[kind].draw(np.random.default_rng(0))
    assert drawn.apply(np.zeros(0, np.float32), RATE_HZ).shape == (0,)
    assert drawn.apply(np.zeros((2, 0), np.float32), RATE_HZ).shape == (2, 0)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"codec"}))
@given(
    samples=st.integers(1, 3000),
    channels=st.integers(0, 3),
    level=st.sampled_from((0.0, 1e-6, 0.1, 1.0, 300.0)),
    rate_hz=st.sampled_from((8000, 11025, 16000, 44100, 48000)),
    seed=st.integers(0, 20),
)
@settings(max_examples=8, deadline=None)
def test_any_length_level_and_rate(
    kind: str, samples: int, channels: int, level: float, rate_hz: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    audio = (level * rng.standard_normal((channels, samples) if channels else samples)).astype(np.float32)
    drawn = discover()[kind].draw(rng)
    out = drawn.apply(audio, rate_hz)
    assert np.isfinite(out).all()
    assert out.dtype == np.float32
    assert out.shape == audio.shape or changes_length(drawn)


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_shapes_and_rates_are_refused_in_words(kind: str) -> None:
    drawn = discover()[kind].draw(np.random.default_rng(0))
    with pytest.raises(InputError, match="3 dimensions"):
        drawn.apply(np.zeros((1, 2, 3), np.float32), RATE_HZ)
    with pytest.raises(InputError, match="sample rate is 0 Hz"):
        drawn.apply(np.zeros(3, np.float32), 0)


def test_json_that_is_wrong_says_what_is_wrong() -> None:
    with pytest.raises(InputError, match='did you mean "low_pass"'):
        base.from_json('{"kind": "lowpass", "cutoff_hz": 100}')
    with pytest.raises(InputError, match='did you mean "cutoff_hz"'):
        base.from_json('{"kind": "low_pass", "cutof_hz": 100}', where="x.json")
    with pytest.raises(InputError, match=r"x\.json: not JSON"):
        base.from_json("{", where="x.json")
    for text in ("[]", "3", '{"kind": 3}', "{}"):
        with pytest.raises(InputError, match="kind"):
            base.from_json(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"kind": "low_pass", "cutoff_hz": 0}',
        '{"kind": "high_pass", "cutoff_hz": -5}',
        '{"kind": "clipping", "fraction": 1.5}',
        '{"kind": "compressor", "ratio": 0.5}',
        '{"kind": "limiter", "look_ahead_ms": 0}',
        '{"kind": "time_stretch", "rate": 0}',
        '{"kind": "pitch_shift", "semitones": 99}',
        '{"kind": "codec", "format": "mp3", "bitrate_kbps": 1}',
        '{"kind": "room", "t60_s": [1, 1, 1, 1, 1, 1, 1e9]}',
        '{"kind": "crowd", "sources": [], "snr_db": 3}',
        '{"kind": "microphone", "response_db": [1]}',
        '{"kind": "equaliser", "bands": [{"shape": "peak", "frequency_hz": 100, "gain_db": 1, "q": 0}]}',
    ],
)
def test_impossible_parameters_are_refused(text: str) -> None:
    with pytest.raises(InputError):
        base.from_json(text)
