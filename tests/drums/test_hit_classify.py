"""`drums classify`: answers a line, bad files told, the environment of the old processor honoured."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from typer.testing import CliRunner

from tonewheel.audio.encode import write
from tonewheel.core.errors import InputError, TonewheelError
from tonewheel.core.seeds import generator
from tonewheel.learn.checkpoint import save_model
from tonewheel.synth.drums import draw_kit, one_shot
from tonewheel.systems.drums.families import LABELS
from tonewheel.systems.drums.hits import classifier as module
from tonewheel.systems.drums.hits.classifier import KIND, HitClassifier, find_onset, from_environment
from tonewheel.systems.drums.hits.evaluate import HitScores, evaluate
from tonewheel.systems.drums.hits.model import HitNet
from tonewheel.systems.drums.hits.recipe import HitNetworkRecipe, HitsRecipe
from tonewheel.systems.drums.hits.rules import judge
from tonewheel.systems.drums.prepare import prepare
from tonewheel.systems.drums.verbs.hits import classify, evaluate_hits

RATE = 44_100
RECIPE = HitsRecipe(network=HitNetworkRecipe(channels=(4, 8, 12, 16)))
app = typer.Typer()
app.command()(classify)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small untrained net as it would ship."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = HitNet(RECIPE.network, 128)
    facts = {
        "kind": KIND,
        "recipe": RECIPE.to_dict(),
        "labels": list(LABELS),
        "known": {"weights": [1.0, 0.5], "bias": 0.0},
        "least_known": 0.4,
    }
    path = tmp_path_factory.mktemp("weights") / "hits.safetensors"
    save_model(path, net.state_dict(), facts)
    return path


@pytest.fixture(scope="module")
def hits(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("hits")
    kit = draw_kit(generator(0, "kit"), "acoustic")
    paths = []
    for label in ("kick", "hihat_open"):
        sound = np.concatenate([np.zeros(5_000, np.float32), one_shot(kit, label, 3, 0, RATE)])
        paths.append(folder / f"{label}.wav")
        write(paths[-1], sound, RATE)
    return paths


def test_one_line_a_file(weights: Path, hits: list[Path]) -> None:
    done = CliRunner().invoke(app, [*map(str, hits), "--weights", str(weights), "--json"])
    assert done.exit_code == 0, done.output
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["path"] for one in answers] == [str(path) for path in hits]
    for one in answers:
        assert list(one) == ["path", "label", "scores", "velocity", "openness", "unknown", "pitch_hz"]
        assert set(one["scores"]) == set(LABELS)
        assert one["label"] == max(one["scores"], key=one["scores"].get)
        assert sum(one["scores"].values()) == pytest.approx(1, abs=1e-4)
        assert (one["openness"] is not None) == one["label"].startswith("hihat")
    spoken = CliRunner().invoke(app, [str(hits[0]), "--weights", str(weights)])
    assert spoken.stdout.startswith(f"{hits[0]}: ")


def test_a_bad_file_is_told_and_the_others_go_on(weights: Path, hits: list[Path], tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no audio")
    write(tmp_path / "silent.wav", np.zeros(4_000, np.float32), RATE)
    bad = [tmp_path / "text.wav", tmp_path / "silent.wav", tmp_path / "gone.wav", tmp_path]
    done = CliRunner().invoke(app, [*map(str, bad), str(hits[0]), "--weights", str(weights), "--json"])
    assert done.exit_code == 2
    assert len(done.stdout.splitlines()) == 1
    told = [line for line in done.stderr.splitlines() if line]
    assert len(told) == len(bad)
    for path, line in zip(bad, told, strict=True):
        assert line.startswith(str(path))


def test_the_environment_names_weights(
    weights: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BEATSIGHT_ML_MODEL_PATH", str(weights))
    monkeypatch.delenv("BEATSIGHT_USE_ML_CLASSIFIER", raising=False)
    found = from_environment()
    assert found is not None
    assert found.recipe == RECIPE
    monkeypatch.setenv("BEATSIGHT_USE_ML_CLASSIFIER", "1")
    assert from_environment() is not None
    monkeypatch.setenv("BEATSIGHT_ML_MODEL_PATH", str(tmp_path / "best_drum_classifier.pth"))
    with pytest.raises(InputError, match="pickle"):
        from_environment()


def test_the_environment_can_do_without(hits: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEATSIGHT_USE_ML_CLASSIFIER", "0")
    assert from_environment() is None
    done = CliRunner().invoke(app, [str(hits[0]), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["label"] == "kick"


def test_missing_weights_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "SHIPPED_WEIGHTS", tmp_path / "hits.safetensors")
    module._shipped.cache_clear()
    with pytest.raises(InputError, match="--model hits"):
        HitClassifier.shipped()


def test_an_answer_does_not_depend_on_where_the_hit_is(weights: Path, hits: list[Path]) -> None:
    classifier = HitClassifier.load(weights)
    sound = one_shot(draw_kit(generator(1, "kit"), "acoustic"), "snare", 2, 0, RATE)
    alone = classifier.classify(sound, onset_s=0.0)
    recording = np.zeros(3 * RATE, np.float32)
    for onset_s in (0.5, 2.0):
        recording[round(onset_s * RATE) : round(onset_s * RATE) + len(sound)] += 0.3 * sound
    found = classifier.at(recording, [0.5, 2.0])
    for answer in found:
        assert answer.scores == pytest.approx(alone.scores, abs=1e-4)
    assert classifier.at(recording, []) == []
    # At the very end, and beyond it, there is silence.
    assert len(classifier.at(recording, [2.999, 5.0])) == 2


def test_the_onset_is_found(hits: list[Path]) -> None:
    classifier_rate = 44_100
    for label in ("kick", "snare", "crash", "tom_low"):
        sound = one_shot(draw_kit(generator(3, "kit"), "acoustic"), label, 3, 0, classifier_rate)
        placed = np.concatenate([np.zeros(10_000, np.float32), sound])
        assert find_onset(placed, classifier_rate) == pytest.approx(10_000 / classifier_rate, abs=0.004)
    assert find_onset(np.zeros(0, np.float32), classifier_rate) == 0.0


def test_rules_tell_a_kick_from_a_hat() -> None:
    right = 0
    for number in range(10):
        kit = draw_kit(generator(number, "kit"), "acoustic")
        for label in ("kick", "hihat_closed"):
            right += judge(one_shot(kit, label, 3, 0, RATE), RATE).label == label
    assert right >= 14


def test_other_weights_are_refused(tmp_path: Path) -> None:
    save_model(tmp_path / "other.safetensors", {"a": torch.ones(1)}, {"kind": "something"})
    with pytest.raises(TonewheelError, match="something"):
        HitClassifier.load(tmp_path / "other.safetensors")
    save_model(tmp_path / "old.safetensors", {"a": torch.ones(1)}, {"kind": KIND, "recipe": {"x": 1}})
    with pytest.raises(TonewheelError, match="another version"):
        HitClassifier.load(tmp_path / "old.safetensors")


def test_an_evaluation_tells_every_figure(
    weights: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    kit = draw_kit(generator(9, "kit"), "acoustic")
    rows = ["path,label,source,license,seconds,kind,kit,sublabel,velocity,peak,onset_s,channels,notes,split"]
    for label in ("kick", "snare", "hihat_closed", "tom_low"):
        for level in range(4):
            for take in range(2):
                name = f"{label}-{take}_vl{level + 1}.wav"
                write(tmp_path / name, 0.2 * (level + 1) * one_shot(kit, label, level, take, RATE), RATE)
                rows.append(
                    f"{name},{label},ours,CC0,1,oneshot,own,,vl{level + 1},{0.2 * (level + 1)},0,1,,test"
                )
    (tmp_path / "index.csv").write_text("\n".join(rows) + "\n")
    prepared, left_out = prepare(
        [tmp_path], tmp_path / "prepared", synth_kits=1, synth_songs=0, synth_grooves=0, synth_rooms=1
    )
    assert not left_out
    noises = tmp_path / "noises"
    write(noises / "hiss.wav", generator(0).normal(size=60_000).astype(np.float32) * 0.1, RATE)
    out = tmp_path / "out"
    scores = evaluate(prepared, HitClassifier.load(weights), out, split="test", outliers=noises, count=14)
    assert (scores.n, scores.kits) == (32, ("own",))
    assert set(scores.labels) == {"kick", "snare", "hihat_closed", "tom_low"}
    assert np.sum(scores.confusion) == 32
    assert {"all", "note", "talk", "noises"} <= set(scores.unknown)
    assert all(one.velocity_n == 8 for one in scores.labels.values())
    assert HitScores.read(out / "hits.json") == scores
    assert (out / "confusion.png").read_bytes().startswith(b"\x89PNG")
    page = (out / "hits.html").read_text()
    assert "macro F" in page
    assert "<img" in page
    evaluate_hits(prepared.folder, out, weights=weights, count=14)
    assert "| macro F, 12 labels, each hit alone |" in capfd.readouterr().out
