"""prepare, train and fetch as a person types them: what is written, what is refused, what a second run does."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tonewheel.audio.encode import write
from tonewheel.cli.main import main
from tonewheel.synth.compose import compose
from tonewheel.synth.render import render
from tonewheel.systems.similar import fit_head
from tonewheel.systems.similar.heads import HEAD_FIT

RATE = 16_000


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve short tracks of six artists, fast and bright or slow and dark; one file that is no audio."""
    folder = tmp_path_factory.mktemp("music")
    rows = ["path,kind,title,artist,license,split"]
    for number in range(12):
        style = "trance" if number % 2 else "piano"
        write(folder / f"{number}.wav", render(compose(number, style), RATE, seconds=12.5).mix, RATE)
        rows.append(
            f"{number}.wav,music,Song {number},artist {number // 2},CC0,{'valid' if number > 9 else 'train'}"
        )
    (folder / "broken.wav").write_bytes(b"RIFF")
    rows.append("broken.wav,music,Broken,artist 0,CC0,train")
    (folder / "index.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


def status(*arguments: object) -> int:
    with pytest.raises(SystemExit) as left:
        main(["similar", *map(str, arguments)])
    assert isinstance(left.value.code, int)
    return left.value.code


def test_an_encoder_is_prepared_and_trained(
    music: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    prepared, run = tmp_path / "prepared", tmp_path / "run"
    options = ("--recipe", "smoke", "--synth-songs", 0, "--versions", 2, "--jobs", 1, "--json")
    assert status("prepare", music, "-o", prepared, *options) == 2  # a file was left out
    told = capfd.readouterr()
    assert json.loads(told.out) == {"out": str(prepared), "tracks": 12, "left_out": 1}
    assert "broken.wav" in told.err
    assert status("train", prepared, "-o", run, "--recipe", "smoke", "--json") == 0
    assert json.loads(capfd.readouterr().out)["steps"] == 8
    assert {"encoder.safetensors", "encoder.md", "recipe.yaml"} <= {path.name for path in run.iterdir()}
    # Of another recipe, the folder is left as it is.
    assert status("train", prepared, "-o", run, "--recipe", "smoke", "--set", "encoder.width=8") == 2
    assert "another recipe" in capfd.readouterr().err


def test_a_head_is_trained_on_a_folder(
    music: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        fit_head, "HEAD_FIT", HEAD_FIT.model_copy(update={"max_steps": 5, "warm_up_steps": 1})
    )
    monkeypatch.setattr(fit_head, "compare", lambda *a: fit_head_compare(*a))
    command = ("train", music, "-o", tmp_path, "--model", "head", "--backbone", "hand", "--recipe", "smoke")
    command += ("--clusters", 2, "--jobs", 1)
    command += ("--set", "head.per_class=2")
    assert status(*command, "--json") == 0
    trials = json.loads(capfd.readouterr().out)["trials"]
    assert {trial["method"] for trial in trials} == {"raw", "pca", "triplet", "supcon"}
    before = (tmp_path / "head.safetensors").read_bytes()
    assert status(*command) == 2
    assert "--force" in capfd.readouterr().err
    assert (tmp_path / "head.safetensors").read_bytes() == before


def fit_head_compare(*arguments: object) -> list[object]:
    """The comparison with two folds and one seed, of few steps."""
    from tonewheel.systems.similar.heads import compare

    return compare(*arguments, fit_head.HEAD_FIT, folds=2, seeds=1, k=3)  # type: ignore[arg-type]


def test_the_scales_of_the_hand_made_vector_are_made_anew(music: Path, tmp_path: Path) -> None:
    from tonewheel.systems.similar.backbones.hand import Hand, Scale

    assert status("train", music, "-o", tmp_path, "--model", "hand", "--jobs", 1) == 0
    scale = Scale.read(tmp_path / "hand.json")
    assert scale.source.startswith("10 tracks")  # of 12, two are held out
    frames = Hand(scale).embed(np.random.default_rng(0).normal(size=7 * RATE), RATE)
    assert np.isfinite(frames).all()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("train", "nowhere", "-o", "x"), "is not a prepared folder"),
        (("train", "nowhere", "-o", "x", "--recipe", "bse"), 'did you mean "base"'),
        (("train", "nowhere", "-o", "x", "--model", "head", "--backbone", "hnd"), 'did you mean "hand"'),
        (("train", "nowhere", "-o", "x", "--model", "hand"), "nowhere"),
        (("prepare", "nowhere", "-o", "x"), "nowhere"),
        (
            ("train", "nowhere", "-o", "x", "--model", "head", "--set", "fit.max_steps=9"),
            "is for the encoder",
        ),
        (("prepare", ".", "-o", "x", "--synth-songs", "0"), "holds no audio"),
        (("prepare", "bad", "-o", "x", "--synth-songs", "0", "--any-licence"), "all 1 files were left out"),
        (("fetch", "--sha256", "12"), "64 hexadecimal digits are needed"),
        (("fetch", "--sha256", "0" * 64, "--url", "file:///nowhere/weights.h5"), "Offline?"),
    ],
)
def test_wrong_input_is_one_line_and_status_2(
    arguments: tuple[str, ...],
    says: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    if "bad" in arguments:
        write(tmp_path / "bad" / "short.wav", np.zeros(RATE, np.float32), RATE)
    assert status(*arguments) == 2
    told = capfd.readouterr().err
    assert says in told
    assert "Traceback" not in told
    assert not list(tmp_path.rglob("*.safetensors"))
