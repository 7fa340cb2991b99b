"""Training batches: drawn from their number alone, and the two sides of a pair are the same music."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tonewheel.core.errors import InputError
from tonewheel.core.seeds import generator
from tonewheel.learn.recipe import load_recipe
from tonewheel.learn.stream import Stream
from tonewheel.systems.concert.data import PairStream
from tonewheel.systems.concert.prepare import Prepared
from tonewheel.systems.concert.recipe import ConcertRecipe

SMOKE = load_recipe("smoke", ConcertRecipe)


@pytest.fixture(scope="module")
def pairs(prepared: Prepared) -> PairStream:
    return PairStream(prepared, SMOKE)


def test_a_batch_is_a_pure_function_of_its_number(pairs: PairStream, prepared: Prepared) -> None:
    stream = Stream(pairs.draw, seed=5)
    third, fourth = stream[3], stream[4]
    again = Stream(PairStream(prepared, SMOKE).draw, seed=5)[3]  # asked first, by another process
    assert all(torch.equal(a, b) for a, b in zip(third, again, strict=True))
    assert not torch.equal(third.clean, fourth.clean)
    other = Stream(pairs.draw, seed=6)[3]
    assert not torch.equal(third.clean, other.clean)


def test_shapes_and_songs(pairs: PairStream) -> None:
    batch = pairs.draw(generator(0, "shapes"), 0)
    frames = pairs.spec.frames(round(SMOKE.views.part_s * pairs.spec.sample_rate_hz))
    count = len(batch.song)
    # Three songs and four chunks asked for: each song comes once, as two chunks of it might overlap.
    assert count == 3 * SMOKE.views.windows_per_chunk
    assert batch.clean.shape == batch.degraded.shape == (count, SMOKE.front_end.n_mels, frames)
    assert batch.ambience.shape == (round(SMOKE.views.ambience_share * count), *batch.clean.shape[1:])
    assert set(batch.song.tolist()) == {0, 1, 2}
    for part in (batch.clean, batch.degraded, batch.ambience):
        assert part.dtype == torch.float32
        assert torch.isfinite(part).all()


def test_clean_and_degraded_are_aligned(pairs: PairStream) -> None:
    lags = []
    for number in range(6):
        rng = generator(number, "aligned")
        clean, degraded = pairs._chunk(rng, pairs.tracks[number % len(pairs.tracks)])
        lags.append(lag_of_best_fit(clean, degraded))
    # A frame is 16 ms; a room may ring longer than it hits.
    assert float(np.median(np.abs(lags))) <= 1
    assert max(np.abs(lags)) <= 4, lags


def lag_of_best_fit(clean: np.ndarray, degraded: np.ndarray, reach: int = 48) -> int:
    """Frames by which the degraded log-mel comes late: where the two change together most."""
    a, b = (np.maximum(np.diff(part, axis=1), 0) for part in (clean, degraded))
    middle = slice(reach, a.shape[1] - reach)
    scores = [
        float((a[:, middle] * np.roll(b, -lag, axis=1)[:, middle]).sum()) for lag in range(-reach, reach)
    ]
    return int(np.argmax(scores)) - reach


def test_the_measure_of_alignment_sees_a_shift(pairs: PairStream) -> None:
    clean, degraded = pairs._chunk(generator(0, "aligned"), pairs.tracks[0])
    assert abs(lag_of_best_fit(clean, np.roll(degraded, 20, axis=1)) - 20) <= 4


def test_a_query_begins_up_to_a_quarter_second_beside_its_reference(
    pairs: PairStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Chunks whose log-mel is the number of the frame.
    ramp = np.broadcast_to(np.arange(380, dtype=np.float32), (2, SMOKE.front_end.n_mels, 380))
    monkeypatch.setattr(pairs, "_chunk", lambda *_: ramp)
    batch = pairs.draw(generator(0, "shift"), 0)
    shifts = (batch.degraded[:, 0, 0] - batch.clean[:, 0, 0]).tolist()
    assert max(map(abs, shifts)) <= 16
    assert len(set(shifts)) > 5


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), spare=st.integers(33, 400))
def test_windows_lie_inside_and_apart_by_the_jitter_at_most(seed: int, spare: int, pairs: PairStream) -> None:
    window, jitter = 60, 16
    places = pairs._windows(np.random.default_rng(seed), window + spare, window)
    assert len(places) == SMOKE.views.windows_per_chunk
    for start, shift in places:
        assert abs(shift) <= jitter
        assert 0 <= start <= spare
        assert 0 <= start + shift <= spare
    assert [start for start, _ in places] == sorted(start for start, _ in places)


def test_the_split_is_kept(prepared: Prepared) -> None:
    train, valid = (PairStream(prepared, SMOKE, split) for split in ("train", "valid"))
    assert {t.title for t in train.tracks} == {"Song a", "Song b", "Song c"}
    assert {t.title for t in valid.tracks} == {"Song d", "Song e"}
    with pytest.raises(InputError, match="0 test tracks"):
        PairStream(prepared, SMOKE, "test")
