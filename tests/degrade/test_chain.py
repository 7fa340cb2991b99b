"""Chains: order, storage, presets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tonewheel.core.errors import InputError
from tonewheel.degrade import base
from tonewheel.degrade.chain import Chain
from tonewheel.degrade.clipping import Clipping
from tonewheel.degrade.crowd import Crowd
from tonewheel.degrade.gain import Gain
from tonewheel.degrade.high_pass import HighPass
from tonewheel.degrade.presets import hall, phone_chain
from tonewheel.degrade.room import Room

RATE_HZ = 16000
NOISE = (0.1 * np.random.default_rng(0).standard_normal(RATE_HZ)).astype(np.float32)


def flat(chain: Chain) -> list[base.Degradation]:
    return [inner for step in chain.steps for inner in (flat(step) if isinstance(step, Chain) else [step])]


def test_steps_are_applied_in_order() -> None:
    high_pass, clipping = HighPass(cutoff_hz=500.0), Clipping(fraction=0.03)
    out = Chain(steps=(high_pass, clipping)).apply(NOISE, RATE_HZ)
    np.testing.assert_array_equal(out, clipping.apply(high_pass.apply(NOISE, RATE_HZ), RATE_HZ))
    assert not np.array_equal(out, Chain(steps=(clipping, high_pass)).apply(NOISE, RATE_HZ))
    np.testing.assert_array_equal(Chain().apply(NOISE, RATE_HZ), NOISE)


@pytest.fixture
def sources(tmp_path: Path) -> dict[str, list[str]]:
    rng = np.random.default_rng(0)
    found: dict[str, list[str]] = {}
    for name, seconds in (("rooms", 0.5), ("crowds", 1.0), ("microphones", 0.05)):
        decay = np.exp(-np.arange(int(seconds * 44100)) / 4000) if name != "crowds" else 1
        path = tmp_path / f"{name}.wav"
        soundfile.write(path, 0.2 * rng.standard_normal(int(seconds * 44100)) * decay, 44100)
        found[name] = [str(path)]
    return found


@pytest.mark.parametrize("seed", range(4))
def test_a_hall_replays_on_another_signal(sources: dict[str, list[str]], seed: int) -> None:
    chain = hall(np.random.default_rng(seed), **sources, snr_db=5.0)
    again = base.from_json(chain.to_json())
    assert again == chain
    assert again == Chain.from_json(chain.to_json()) == Chain.from_dict(chain.to_dict())
    other = NOISE[::-1].copy()
    assert again.apply(other, RATE_HZ).tobytes() == chain.apply(other, RATE_HZ).tobytes()
    assert chain.apply(other, RATE_HZ).shape == other.shape


def test_a_hall_is_in_the_order_of_physics(sources: dict[str, list[str]]) -> None:
    for seed in range(20):
        steps = flat(
            hall(np.random.default_rng(seed), **sources, snr_db=(3.0, 4.0), synthetic_crowd_share=0.0)
        )
        order = [type(step).__name__ for step in steps if type(step).__name__ not in ("LowPass", "Equaliser")]
        assert order[:4] == ["Room", "Crowd", "Microphone", "HighPass"]
        assert order[4] in ("AutomaticGain", "Compressor")
        assert order[5:] == ["Clipping", "Codec", "Gain"]
        crowd = next(step for step in steps if isinstance(step, Crowd))
        assert 3 <= crowd.snr_db <= 4
        assert set(crowd.sources) == set(sources["crowds"])
        room = next(step for step in steps if isinstance(step, Room))
        assert room.path or 0.25 < room.t60_s[3] < 2.7


def test_a_phone_keeps_to_the_protocol() -> None:
    for seed in range(30):
        steps = {type(step).__name__: step for step in phone_chain(np.random.default_rng(seed)).steps}
        assert 100 <= steps["HighPass"].cutoff_hz <= 200
        assert 0 <= steps["Clipping"].fraction <= 0.03
        assert steps["Codec"].format in ("aac", "mp3", "vorbis")


def test_wrong_steps_are_named() -> None:
    with pytest.raises(InputError, match=r'steps.json step 1: unknown kind "gian".*did you mean "gain"'):
        Chain.from_json(
            '{"kind":"chain","steps":[{"kind":"gain","gain_db":1},{"kind":"gian"}]}', where="steps.json"
        )
    with pytest.raises(InputError, match="not JSON"):
        Chain.from_json("nonsense")
    nested = Chain(steps=(Gain(gain_db=1.0),))
    for _ in range(50):
        nested = Chain(steps=(nested,))
    with pytest.raises(InputError, match="nested"):
        Chain.from_json(nested.to_json())
    with pytest.raises(InputError):
        base.from_json('{"steps":' * 100_000)
