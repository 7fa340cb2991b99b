"""From sound to embeddings: the same in one piece and in blocks, whatever the level and length."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tonewheel.core.errors import InputError, ModelMismatchError
from tonewheel.learn.checkpoint import load_model, save_model
from tonewheel.systems.concert.embed import KIND, PARTS_AT_ONCE, SHIPPED_WEIGHTS, Embedder

RATE = 16_000
HOP = RATE // 2


@pytest.fixture(scope="module")
def long(music: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([music[0], music[1]])


@pytest.mark.parametrize(
    "samples",
    [
        (PARTS_AT_ONCE + 3) * HOP + 31_773,  # one sample too few for the last frame of a window
        (PARTS_AT_ONCE + 3) * HOP + 31_774,
        (PARTS_AT_ONCE + 3) * HOP + 32_001,
        RATE * 3 + 11,
        RATE,
        1,
    ],
)
@pytest.mark.parametrize("block", [4_001, 7 * RATE, 10**9])
def test_blocks_give_the_windows_of_the_whole(
    samples: int, block: int, long: np.ndarray, embedder: Embedder
) -> None:
    audio = long[:samples]
    whole = embedder.embed(audio)
    parts = list(embedder.embed_blocks(audio[i : i + block] for i in range(0, len(audio), block)))
    streamed = np.concatenate([part.embeddings for part in parts])
    assert streamed.shape == whole.embeddings.shape
    np.testing.assert_allclose(streamed, whole.embeddings, atol=2e-5)
    np.testing.assert_allclose(np.concatenate([p.music for p in parts]), whole.music, atol=1e-3)


def test_windows_come_every_half_second(long: np.ndarray, embedder: Embedder) -> None:
    rows = embedder.embed(long[: 10 * RATE]).embeddings
    assert rows.shape == (17, embedder.size)
    for number in (0, 5, 16):
        alone = embedder.embed(long[number * HOP : number * HOP + 2 * RATE]).embeddings
        np.testing.assert_allclose(alone[0], rows[number], atol=2e-5)


def test_they_have_unit_length_and_the_level_does_not_matter(long: np.ndarray, embedder: Embedder) -> None:
    loud = embedder.embed(long[: 6 * RATE]).embeddings
    quiet = embedder.embed(long[: 6 * RATE] * np.float32(0.01)).embeddings
    np.testing.assert_allclose(np.linalg.norm(loud, axis=1), 1.0, atol=1e-5)
    assert (loud * quiet).sum(axis=1).min() > 0.999


def test_half_a_window_is_compared_with_the_first_half(long: np.ndarray, embedder: Embedder) -> None:
    whole = embedder.embed(long[RATE : 3 * RATE]).embeddings[0]
    half = embedder.embed(long[RATE : 2 * RATE]).embeddings[0]
    assert float(whole @ half) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("samples", [1, 100, 4_000, 15_000, 31_000])
def test_any_length_gives_something_finite(samples: int, long: np.ndarray, embedder: Embedder) -> None:
    for audio in (long[:samples], np.zeros(samples, np.float32)):
        found = embedder.embed(audio)
        assert found.embeddings.shape[0] >= 1
        assert np.isfinite(found.embeddings).all()
        assert np.isfinite(found.music).all()


def test_nothing_is_an_error(embedder: Embedder) -> None:
    with pytest.raises(InputError, match="empty"):
        list(embedder.embed_blocks([]))


def test_weights_of_something_else_are_refused(tmp_path: Path) -> None:
    shipped = load_model(SHIPPED_WEIGHTS, kind=KIND)
    save_model(tmp_path / "other.safetensors", {"a": torch.ones(2)}, {"kind": "drums"})
    with pytest.raises(ModelMismatchError, match="drums"):
        Embedder.load(tmp_path / "other.safetensors")
    facts = shipped.metadata | {"recipe": {"of": "another version"}}
    save_model(tmp_path / "old.safetensors", shipped.tensors, facts)
    with pytest.raises(ModelMismatchError, match="another version"):
        Embedder.load(tmp_path / "old.safetensors")
    (tmp_path / "text.safetensors").write_text("no weights")
    for path in (tmp_path / "text.safetensors", tmp_path / "missing.safetensors", tmp_path):
        with pytest.raises(InputError):
            Embedder.load(path)


def test_silence_is_like_nothing_not_even_like_silence(long: np.ndarray, embedder: Embedder) -> None:
    rounding = np.random.default_rng(0).integers(-1, 2, 3 * RATE).astype(np.float32) / 32768
    for silence in (np.zeros(3 * RATE, np.float32), rounding):
        embedded = embedder.embed(silence)
        assert not embedded.embeddings.any()
        assert embedded.music.max() < embedder.rule.least_music
    ends = embedder.embed(np.concatenate([long[: 4 * RATE], np.zeros(2 * RATE, np.float32)])).embeddings
    np.testing.assert_allclose(np.linalg.norm(ends, axis=1)[:5], 1.0, atol=1e-5)
    assert not ends[-1].any()
