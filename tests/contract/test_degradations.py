"""What every degradation promises: drawn once, replayed bit for bit, same shape, finite, input untouched."""

from __future__ import annotations

import numpy as np
import pytest

from tonewheel.core.errors import InputError
from tonewheel.core.seeds import generator
from tonewheel.degrade.base import Degradation, discover, from_json

FOUND = discover()
KINDS = pytest.mark.parametrize("kind", FOUND.values(), ids=list(FOUND))
SHAPES = [(1,), (7,), (12_000,), (1, 3000), (2, 8000), (3, 4000)]


def music(shape: tuple[int, ...], sample_rate_hz: int = 16_000) -> np.ndarray:
    """Tones and a little noise, at most +-0.8."""
    time_s = np.arange(shape[-1]) / sample_rate_hz
    tones = 0.4 * np.sin(2 * np.pi * 220 * time_s) + 0.2 * np.sin(2 * np.pi * 1870 * time_s)
    noise = generator(0, "contract").uniform(-0.2, 0.2, shape)
    return (tones + noise).astype(np.float32)


def test_those_of_the_issue_are_there() -> None:
    assert {"room", "crowd", "equaliser", "high_pass", "low_pass", "clipping", "codec", "gain"} <= set(FOUND)
    assert {"time_stretch", "pitch_shift", "microphone", "compressor", "limiter"} <= set(FOUND)


@KINDS
def test_it_has_a_docstring_of_its_own(kind: type[Degradation]) -> None:
    assert kind.__doc__ != Degradation.__doc__
    assert len((kind.__doc__ or "").strip()) > 20


@KINDS
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_shape_and_type_stay_and_the_input_is_untouched(
    kind: type[Degradation], shape: tuple[int, ...]
) -> None:
    audio = music(shape)
    before = audio.copy()
    for seed in range(2):
        damaged = kind.draw(generator(seed, "shape")).apply(audio, 16_000)
        assert damaged.dtype == np.float32
        assert np.isfinite(damaged).all()
        assert damaged.ndim == audio.ndim
        assert damaged.shape[:-1] == audio.shape[:-1]
        if kind.keeps_length:
            assert damaged.shape == audio.shape
        assert (audio == before).all()
        assert not np.shares_memory(damaged, audio) or (damaged == before).all()


@KINDS
@pytest.mark.parametrize("seed", range(4))
def test_json_replays_the_same_damage_bit_for_bit(kind: type[Degradation], seed: int) -> None:
    drawn = kind.draw(generator(seed, "replay"))
    audio = music((12_000,))
    again = from_json(drawn.to_json())
    assert type(again) is kind
    assert again == drawn
    once = drawn.apply(audio, 16_000)
    assert (again.apply(audio, 16_000) == once).all()
    assert (drawn.apply(audio, 16_000) == once).all(), "applying twice must not draw again"


@KINDS
def test_the_generator_decides(kind: type[Degradation]) -> None:
    draws = [kind.draw(generator(seed, "draw")).to_json() for seed in range(8)]
    assert draws == [kind.draw(generator(seed, "draw")).to_json() for seed in range(8)]
    assert len(set(draws)) > 1 or not kind.__struct_fields__ or kind.__name__ == "Chain"


@KINDS
def test_it_does_not_use_the_global_random_state(kind: type[Degradation]) -> None:
    state = np.random.get_state()[1].copy()  # noqa: NPY002 - looking, not drawing
    kind.draw(generator(0)).apply(music((4000,)), 16_000)
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002


@KINDS
@pytest.mark.parametrize("sample_rate_hz", [8000, 22_050, 44_100])
def test_any_usual_rate_is_fine(kind: type[Degradation], sample_rate_hz: int) -> None:
    audio = music((6000,), sample_rate_hz)
    damaged = kind.draw(generator(1, "rate")).apply(audio, sample_rate_hz)
    assert np.isfinite(damaged).all()


@KINDS
def test_silence_and_nothing_make_no_nan(kind: type[Degradation]) -> None:
    drawn = kind.draw(generator(2, "silence"))
    assert np.isfinite(drawn.apply(np.zeros(8000, np.float32), 16_000)).all()
    assert drawn.apply(np.zeros(0, np.float32), 16_000).shape == (0,)


@KINDS
def test_what_is_no_audio_is_refused(kind: type[Degradation]) -> None:
    with pytest.raises(InputError):
        kind.draw(generator(0)).apply(np.zeros((1, 2, 3), np.float32), 16_000)
    with pytest.raises(InputError):
        kind.draw(generator(0)).apply(np.zeros(100, np.float32), 0)


@KINDS
def test_the_record_is_closed(kind: type[Degradation]) -> None:
    values = kind.draw(generator(0)).to_dict() | {"nonsense": 1}
    with pytest.raises(InputError, match="nonsense"):
        kind.from_dict(values)
