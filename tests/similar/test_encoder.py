"""The encoder from sound to training: frames that do not depend on blocks, a small run that learns and continues."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tonewheel.audio.encode import write
from tonewheel.audio.spectra import log_mel
from tonewheel.core.errors import InputError, ModelMismatchError
from tonewheel.core.seeds import generator
from tonewheel.learn.checkpoint import load_model, save_model
from tonewheel.learn.fit import RunResult
from tonewheel.learn.loggers import read_metrics
from tonewheel.learn.recipe import load_recipe
from tonewheel.synth.compose import compose
from tonewheel.synth.render import render
from tonewheel.systems.similar.backbones.encoder import KIND, EncoderBackbone
from tonewheel.systems.similar.data import ViewStream, whole
from tonewheel.systems.similar.model import Encoder
from tonewheel.systems.similar.prepare import Prepared, prepare
from tonewheel.systems.similar.recipe import SimilarRecipe
from tonewheel.systems.similar.train import SimilarModule, heldout, train
from tonewheel.systems.similar.vary import Variation

RATE = 16_000
SMOKE = load_recipe("smoke", SimilarRecipe)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six short songs of three artists, one that is too short, one that may not train."""
    folder = tmp_path_factory.mktemp("music")
    rows = ["path,kind,title,artist,license,split"]
    for number, style in enumerate(("house", "folk", "piano", "house", "folk", "piano")):
        write(folder / f"{number}.wav", render(compose(number, style), RATE, seconds=13.0).mix, RATE)
        split = "valid" if number > 3 else "train"
        rows.append(f"{number}.wav,music,Song {number},{style},CC0,{split}")
    write(folder / "short.wav", np.full(RATE, 0.1, np.float32), RATE)
    write(folder / "silent.wav", np.zeros(13 * RATE, np.float32), RATE)
    rows += ["short.wav,music,Short,x,CC0,train", "silent.wav,music,Silent,x,CC0,train"]
    rows += ["0.wav,music,Closed,x,CC-BY-NC,train", "1.wav,music,Reported,x,CC0,test"]
    (folder / "index.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="module")
def prepared(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    made, left_out = prepare(
        [source], tmp_path_factory.mktemp("prepared"), SMOKE.front_end.spec(), versions=2, jobs=1
    )
    assert sorted(one.reason.split(":")[-1].strip()[:12] for one in left_out) == [
        "is silent",
        "lasts 1.0 s;",
        "never trains",
    ]
    return made


@pytest.fixture(scope="module")
def run(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    return train(prepared, SMOKE, tmp_path_factory.mktemp("run"))


def test_version_0_is_the_track_and_the_others_are_not(prepared: Prepared, source: Path) -> None:
    from tonewheel.audio.decode import load

    track = prepared.tracks[0]
    expected = log_mel(load(source / "0.wav")[0], prepared.spec).T
    assert np.abs(prepared.mel(track).astype(np.float32) - expected).max() < 0.02
    changed = prepared.mel(track, 1)
    assert changed.shape != expected.shape or np.abs(changed - expected).mean() > 0.1


def test_a_prepared_folder_keeps_its_front_end(source: Path, prepared: Prepared) -> None:
    other = SimilarRecipe().front_end.spec()
    with pytest.raises(InputError, match="another front end"):
        prepare([source], prepared.folder, other)
    with pytest.raises(InputError, match="another front end"):
        ViewStream(prepared, SimilarRecipe())


def test_a_batch_is_a_function_of_seed_and_step(prepared: Prepared) -> None:
    stream = ViewStream(prepared, SMOKE)
    first, again, other = (stream.draw(generator(0, "batch", step), step) for step in (3, 3, 4))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert first.first.shape == first.second.shape == (4, 2, SMOKE.window_frames, 32)
    assert not torch.equal(first.first, first.second)
    assert not torch.equal(first.first, other.first)
    assert torch.isfinite(first.first).all()


def test_a_varied_pitch_moves_a_tone_by_so_much() -> None:
    spec = SimilarRecipe().front_end.spec()
    still = SimilarRecipe().views.model_copy(
        update={"tempo": 0.0, "noise_share": 0.0, "tone_db": 0.0, "low_pass_share": 0.0}
    )
    time_s = np.arange(5 * RATE) / RATE
    for seed in range(6):
        variation = Variation(np.random.default_rng(seed), still, spec)
        ratio = 2 ** (variation.semitones / 12)
        before, after = (log_mel(np.sin(2 * np.pi * hz * time_s), spec).T for hz in (3000.0, 3000.0 * ratio))
        moved = variation.apply(before, 150)
        assert abs(int(moved.mean(axis=0).argmax()) - int(after.mean(axis=0).argmax())) <= 1


def test_a_varied_tempo_is_a_resampled_time_axis() -> None:
    spec = SimilarRecipe().front_end.spec()
    only = SimilarRecipe().views.model_copy(
        update={"semitones": 0.0, "noise_share": 0.0, "tone_db": 0.0, "low_pass_share": 0.0}
    )
    variation = Variation(np.random.default_rng(3), only, spec)
    ramp = np.repeat(np.arange(400.0)[:, None], 64, axis=1)
    moved = variation.apply(ramp, 100)
    assert abs(variation.rate - 1) > 0.01
    assert np.allclose(moved[:, 0], np.arange(100) * variation.rate, atol=1e-3)


def test_the_loss_falls(run: RunResult) -> None:
    assert run.steps == SMOKE.fit.max_steps
    losses = [value for _, value in read_metrics(Path(run.run_dir) / "metrics.csv")["train/identity"]]
    assert np.isfinite(losses).all()
    assert np.mean(losses[-3:]) < np.mean(losses[:3])
    assert {"valid/recall1", "valid/score"} <= set(run.scores)


def test_a_killed_run_ends_with_equal_weights(
    run: RunResult, prepared: Prepared, killed_run: Callable[..., None]
) -> None:
    killed_run(SimilarModule, lambda folder: train(prepared, SMOKE, folder), run)


def test_released_weights_are_a_backbone_with_a_card(run: RunResult, source: Path) -> None:
    path = Path(run.run_dir) / "encoder.safetensors"
    backbone = EncoderBackbone.load(path)
    card = path.with_suffix(".md").read_text()
    assert backbone.fingerprint in card
    assert "Song 0 (house)" in card
    assert "Song 4" not in card  # valid
    assert load_model(path, kind=KIND).metadata["data"]["tracks"] == 4
    assert backbone.size == 16


def test_weights_of_another_shape_are_refused(run: RunResult, tmp_path: Path) -> None:
    model = load_model(Path(run.run_dir) / "encoder.safetensors")
    wider = SMOKE.model_copy(update={"encoder": SMOKE.encoder.model_copy(update={"width": 20})})
    save_model(tmp_path / "a.safetensors", model.tensors, {**model.metadata, "recipe": wider.to_dict()})
    with pytest.raises(ModelMismatchError, match="weights of another model"):
        EncoderBackbone.load(tmp_path / "a.safetensors")
    save_model(tmp_path / "b.safetensors", model.tensors, {"kind": KIND})
    with pytest.raises(ModelMismatchError, match="another version"):
        EncoderBackbone.load(tmp_path / "b.safetensors")


def test_training_and_use_hear_the_same(prepared: Prepared, run: RunResult, source: Path) -> None:
    from tonewheel.audio.decode import load

    backbone = EncoderBackbone.load(Path(run.run_dir) / "encoder.safetensors")
    frames = backbone.embed(load(source / "0.wav")[0], RATE)
    windows = whole(prepared.mel(prepared.tracks[0]), SMOKE.window_frames, round(SMOKE.views.hop_s * 40))
    with torch.inference_mode():
        again = backbone.encoder(windows).numpy()
    assert frames.shape == again.shape
    assert np.abs(frames - again).max() < 0.02 * np.abs(frames).max()


def test_the_encoder_is_small_and_level_does_not_matter() -> None:
    encoder = Encoder(SimilarRecipe().encoder, 64).eval()
    assert sum(p.numel() for p in encoder.parameters()) <= 1_000_000
    mel = torch.randn(3, 158, 64) * 3
    with torch.inference_mode():
        assert torch.allclose(encoder(mel), encoder(mel + 2.3), atol=1e-4)


def test_held_out_tracks_are_the_same_at_every_validation(prepared: Prepared) -> None:
    first, second = heldout(prepared, SMOKE), heldout(prepared, SMOKE)
    assert len(first.tracks) == 2
    assert all(torch.equal(a, b) for a, b in zip(first.crops, second.crops, strict=True))
