"""`tonewheel sweep`: how it calls `train`, what it takes from it, and what it says when that fails."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tonewheel.cli import sweep
from tonewheel.cli.main import main


class FakeTrain:
    """Stands for the process of a `train`: it writes a recipe, tells a result, and remembers its words."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, status: int = 0, mode: str = "max") -> None:
        self.commands: list[list[str]] = []
        self.status, self.mode = status, mode
        monkeypatch.setattr(sweep.subprocess, "run", self)

    def __call__(self, command: list[str], *, stderr: Any, **_: Any) -> subprocess.CompletedProcess[str]:
        self.commands.append(command)
        folder = Path(command[command.index("--out") + 1])
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "recipe.yaml").write_text(f"fit: {{score_mode: {self.mode}}}")
        rate = next(
            float(word.partition("=")[2]) for word in command if word.startswith("fit.learning_rate=")
        )
        if self.status:
            stderr.write("working\ntonewheel: prep: is not a prepared folder\n")
        told = {"best_score": rate, "best_step": 3, "scores": {"valid/loss": -rate}}
        return subprocess.CompletedProcess(command, self.status, f"noise\n{json.dumps(told)}\n")


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(["sweep", *arguments])
    return int(left.value.code or 0)


def test_it_trains_with_every_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    fake = FakeTrain(monkeypatch)
    words = [
        "concert",
        "prep",
        "-o",
        str(tmp_path),
        "--vary",
        "fit.learning_rate=1e-3,5e-4",
        "--recipe",
        "smoke",
    ]
    words += ["--set", "fit.max_steps=4", "--train=--model", "--train=hits", "--json"]
    assert run(*words) == 0
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [line["outcome"]["score"] for line in lines] == [0.001, 0.0005]
    first = fake.commands[0]
    assert first[1:9] == ["-m", "tonewheel", "concert", "train", "prep", "--recipe", "smoke", "--model"]
    assert "fit.max_steps=4" in first
    assert "fit.learning_rate=0.001" in first
    assert (tmp_path / "report.html").is_file()
    assert run(*words) == 0
    assert len(fake.commands) == 2


def test_a_score_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeTrain(monkeypatch, mode="min")
    words = ["concert", "prep", "-o", str(tmp_path), "--vary", "fit.learning_rate=1e-3,5e-4"]
    assert run(*words, "--score", "valid/loss", "--report", str(tmp_path / "mine.json")) == 0
    told = json.loads((tmp_path / "mine.json").read_text())
    assert [one["outcome"]["score"] for one in told["runs"]] == [-0.001, -0.0005]


def test_a_failure_is_told_in_its_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    FakeTrain(monkeypatch, status=2)
    words = ["concert", "prep", "-o", str(tmp_path), "--vary", "fit.learning_rate=1e-3"]
    assert run(*words) == 2
    assert "is not a prepared folder" in capfd.readouterr().err


@pytest.mark.parametrize(
    "words", [["concrt", "prep"], ["concert", "prep", "--vary", "a"], ["concert", "prep"]], ids=" ".join
)
def test_what_is_wrong_is_said_before_anything_runs(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeTrain(monkeypatch)
    assert run(*words, "-o", str(tmp_path)) == 2
    assert fake.commands == []
