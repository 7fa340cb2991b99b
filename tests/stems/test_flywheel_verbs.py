"""The flywheel from its command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tonewheel.cli.main import main
from tonewheel.systems.stems.flywheel.population import population
from tonewheel.systems.stems.flywheel.train import FILE

DataSet = Callable[..., Path]


def test_the_whole_turn_from_the_seeds_command_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "a.jsonl").write_text("".join(one.to_json() + "\n" for one in population(40)) + "{}\n")
    options = [
        "--snapshotDir",
        str(raw),
        "--outputDir",
        str(tmp_path),
        "--runLabel",
        "v1",
        "--trainRatio",
        "0.8",
    ]
    with pytest.raises(SystemExit) as left:
        main(["stems", "run", *options, "--recipe", "smoke", "--json"])
    assert left.value.code == 2  # one line was no snapshot; the others went all the way
    told = json.loads(capfd.readouterr().out)
    assert told["sanitized"]["quarantined"] == 1
    assert told["contest"]["champion"].startswith("the mean")
    assert (tmp_path / "v1" / "evaluation" / "report.html").is_file()


def test_the_verbs_one_by_one(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "raw.jsonl").write_text("".join(one.to_json() + "\n" for one in population(30)))
    clean, folder = str(tmp_path / "clean.jsonl"), str(tmp_path / "v1")
    for words, status in (
        (["sanitize", "--input", str(tmp_path / "raw.jsonl"), "--output", clean], 0),
        (["sanitize", "--input", str(tmp_path / "raw.jsonl"), "--output", clean], 2),
        (
            [
                "dataset",
                "--input",
                clean,
                "--outputDir",
                str(tmp_path),
                "--runLabel",
                "v1",
                "--trainRatio",
                "0.8",
            ],
            0,
        ),
        (["dataset", "--input", clean, "--outputDir", str(tmp_path), "--runLabel", "../v1"], 2),
        (
            [
                "train",
                "--datasetDir",
                folder,
                "--outputDir",
                f"{folder}/model",
                "--recipe",
                "smoke",
                "--epochs",
                "1",
                "--batchSize",
                "16",
                "--learningRate",
                "0.001",
            ],
            0,
        ),
        (["train", str(tmp_path / "nowhere"), "-o", f"{folder}/other"], 2),
    ):
        with pytest.raises(SystemExit) as left:
            main(["stems", *words])
        assert left.value.code == status, capfd.readouterr().err
    assert (tmp_path / "v1" / "model" / FILE).is_file()
