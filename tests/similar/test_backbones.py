"""What every backbone promises: shapes, blocks, silence, level, bad input, the same numbers twice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tonewheel.audio.encode import write
from tonewheel.core.errors import InputError
from tonewheel.systems.similar.backbones.base import Backbone, embed_blocks, embed_file, embed_track
from tonewheel.systems.similar.backbones.encoder import EncoderBackbone
from tonewheel.systems.similar.backbones.hand import PARTS, Hand, fit_scale, raw_scale
from tonewheel.systems.similar.backbones.openl3 import OpenL3, OpenL3Backbone
from tonewheel.systems.similar.model import Encoder
from tonewheel.systems.similar.recipe import EncoderRecipe, SimilarRecipe

RATE = 16_000


def made(name: str) -> Backbone:
    torch.manual_seed(0)
    if name == "hand":
        return Hand()
    if name == "openl3":
        return OpenL3Backbone(OpenL3(widths=(2, 2, 3, 4)), "toy")
    recipe = SimilarRecipe(
        encoder=EncoderRecipe(channels=(4, 8, 12), width=16, identity_size=8, style_size=8)
    )
    return EncoderBackbone(Encoder(recipe.encoder, 64), recipe, "toy")


@pytest.fixture(scope="module", params=["hand", "encoder", "openl3"])
def backbone(request: pytest.FixtureRequest) -> Backbone:
    return made(request.param)


@pytest.fixture(scope="module")
def audio() -> np.ndarray:
    """Twenty-one seconds of chords and beats that change."""
    rng = np.random.default_rng(0)
    time_s = np.arange(21 * RATE) / RATE
    notes = np.repeat(220 * 2 ** (rng.integers(0, 24, 42) / 12), RATE // 2)
    beat = np.exp(-8 * (time_s % 0.5))
    tone = np.sin(2 * np.pi * np.cumsum(notes) / RATE)
    return (0.3 * tone * (0.3 + beat) + 0.05 * beat * rng.normal(size=len(time_s))).astype(np.float32)


def test_frames_and_vectors_have_the_promised_shapes(backbone: Backbone, audio: np.ndarray) -> None:
    frames = backbone.embed(audio, RATE)
    expected = int((21 - backbone.window_s) / backbone.hop_s) + 1
    assert frames.shape == (expected, backbone.dimension)
    assert frames.dtype == np.float32
    vector = backbone.pool(frames)
    assert vector.shape == (backbone.size,)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    assert np.array_equal(vector, backbone.pool(backbone.embed(audio, RATE)))


def test_blocks_give_the_frames_of_the_whole(
    backbone: Backbone, audio: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tonewheel.systems.similar.backbones import base

    monkeypatch.setattr(base, "BLOCK_S", 8.0)
    at_rate = base.mono(audio, RATE, backbone.sample_rate_hz)
    whole = backbone.embed(at_rate, backbone.sample_rate_hz)
    parts = np.array_split(at_rate, 13)
    blocks = list(embed_blocks(backbone, parts))
    assert len(blocks) > 1
    assert np.abs(np.concatenate(blocks) - whole).max() < 1e-3 * np.abs(whole).max()


def test_level_and_channels_do_not_matter(backbone: Backbone, audio: np.ndarray) -> None:
    vector = backbone.pool(backbone.embed(audio, RATE))
    louder = backbone.pool(backbone.embed(2 * audio, RATE))
    stereo = backbone.pool(backbone.embed(np.stack([audio, audio]), RATE))
    assert vector @ louder > 0.9995
    assert vector @ stereo > 0.9999


def test_silence_is_like_nothing(backbone: Backbone, audio: np.ndarray) -> None:
    silence = np.zeros(10 * RATE, np.float32)
    assert not backbone.embed(silence, RATE).any()
    assert not backbone.pool(backbone.embed(silence, RATE)).any()
    # A pause before the music changes what the music is like by no more than the windows that are on its edge.
    length = round(backbone.hop_s * RATE) * 6
    paused = np.concatenate([np.zeros(length, np.float32), audio])
    assert backbone.pool(backbone.embed(paused, RATE)) @ backbone.pool(backbone.embed(audio, RATE)) > 0.8


def test_short_audio_is_one_frame(backbone: Backbone, audio: np.ndarray) -> None:
    assert backbone.embed(audio[: RATE // 4], RATE).shape == (1, backbone.dimension)
    assert np.isfinite(backbone.embed(audio[:3], RATE)).all()


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (np.zeros(0), "is empty"),
        (np.full(100, np.nan), "NaN"),
        (np.zeros((2, 2, 2)), "expected"),
    ],
)
def test_bad_audio_is_one_line(backbone: Backbone, bad: np.ndarray, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        backbone.embed(bad, RATE)


def test_a_moment_of_a_file_is_that_moment(backbone: Backbone, audio: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "track.wav"
    write(path, audio, RATE, sample_format="float")
    vector = backbone.pool(embed_file(backbone, path, start_s=6.0, end_s=18.0))
    assert vector @ backbone.pool(backbone.embed(audio[6 * RATE : 18 * RATE], RATE)) > 0.999
    assert embed_track(backbone, path) @ backbone.pool(backbone.embed(audio, RATE)) > 0.999


def test_transposed_music_keeps_its_harmony(audio: np.ndarray) -> None:
    hand = Hand()
    time_s = np.arange(8 * RATE) / RATE

    def chord(root_hz: float) -> np.ndarray:
        tones = [np.sin(2 * np.pi * root_hz * 2 ** (step / 12) * time_s) for step in (0, 4, 7)]
        return (0.2 * np.sum(tones, axis=0)).astype(np.float32)

    def harmony(audio: np.ndarray) -> np.ndarray:
        start = PARTS["timbre"]
        return Hand(raw_scale()).embed(audio, RATE)[0, start : start + 6]

    assert np.abs(harmony(chord(220)) - harmony(chord(220 * 2 ** (3 / 12)))).max() < 0.05
    cluster = (0.2 * sum(np.sin(2 * np.pi * 220 * 2 ** (s / 12) * time_s) for s in (0, 1, 2))).astype(
        np.float32
    )
    assert np.abs(harmony(chord(220)) - harmony(cluster)).max() > 0.2
    assert sum(len(places) for places in hand.parts.values()) == hand.size


def test_hand_hears_the_tempo() -> None:
    def lags(bpm: float) -> np.ndarray:
        time_s = np.arange(6 * RATE) / RATE
        clicks = np.exp(-60 * (time_s % (60 / bpm))) * np.sin(2 * np.pi * 900 * time_s)
        start = PARTS["timbre"] + PARTS["harmony"]
        return Hand(raw_scale()).embed(clicks, RATE)[0, start : start + 25]

    from tonewheel.systems.similar.backbones.hand import LAGS_S

    assert LAGS_S[int(lags(100).argmax())] == pytest.approx(0.6, rel=0.06)
    assert LAGS_S[int(lags(150).argmax())] == pytest.approx(0.4, rel=0.06)


def test_the_scale_makes_every_number_count_alike() -> None:
    rng = np.random.default_rng(0)
    tracks = [(rng.normal(size=(9, Hand.dimension)) * 50 + 7).astype(np.float32) for _ in range(40)]
    scale = fit_scale(tracks, "noise")
    assert np.allclose(scale.mean, 7, atol=12)
    assert np.allclose(scale.deviation, 50, rtol=0.2)
    assert Hand(scale).fingerprint != Hand().fingerprint
