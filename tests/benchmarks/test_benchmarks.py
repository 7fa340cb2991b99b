"""Every benchmark runs from a bare repository and says how it compares; how fast is not for a test to say."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
NOT_ALONE = runpy.run_path(str(FOLDER / "__main__.py"))["NOT_ALONE"]
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in NOT_ALONE)
SAYS = {
    "backbones": r"changed: 9 songs, each looked for among 9, recall@1",
    "bootstrap": r"sessions drawn +\d+\.\d+ +\d+",
    "browser": r"stems, int8 weights +\d+\.\d|left out",
    "corrections": r"song of another, all stems +[+-]\d+\.\d+ dB",
    "decode": r"mp3 +\d+ ",
    "degrade": r"ours takes \d+\.\d\d of scipy",
    "encode": r"tonewheel +\d+ +1\.00",
    "export": r"restore\.clicks int8 \| 0\.\d+ \| 0\.99",
    "heads": r"default: \w+",
    "ingest": r"kills, \d+ acknowledged, 0 of them lost",
    "listen": r"the song was found",
    "manifests": r"health +tonewheel +\d",
    "pack": r"50 songs of 4 min: \d\.\d\d MB, 0\.\d\d of 10 MB",
    "restore": r"tonewheel, file to file +\d+\.\d",
    "similar": r"tonewheel, exact +\d+\.\d+",
    "style_profile": r"wav: \d+\.\d+ s a track of 300 s",
    "synth": r'"times_real_time": \d',
    "train_stems": r"ours, bfloat16, as trained +\d+\.\d +\d+\.\d",
    "transcribe": r"tonewheel, file to beatmap +\d+\.\d +1\.00",
}
"""What a reader looks for; a new script needs a line here."""


def run(*arguments: str, without_programs: bool = False) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    if without_programs:
        environment["PATH"] = ""
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False, env=environment
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_benchmark_runs_and_prints_its_ratios(name: str) -> None:
    done = run(str(FOLDER / f"{name}.py"), "--quick")
    assert done.returncode == 0, done.stderr[-2000:]
    assert re.search(SAYS[name], done.stdout), done.stdout
    assert not re.search(r"\b(nan|inf)\b", done.stdout)


@pytest.mark.slow
def test_a_program_that_is_missing_is_named_and_left_out() -> None:
    done = run(str(FOLDER / "pack.py"), "--quick", without_programs=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "fpcalc is not on the PATH" in done.stdout
    assert re.search(r"tonewheel +\d+ +1\.00", done.stdout)


def test_the_read_me_names_every_benchmark() -> None:
    text = (FOLDER / "README.md").read_text()
    assert sorted(re.findall(r"^\| `(\w+)\.py` \|", text, re.MULTILINE)) == SCRIPTS


def test_processor_time_counts_programs_that_were_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    from measure import best_s, processor_s  # type: ignore[import-not-found]

    busy = "import time\nwhile time.process_time() < 0.3: pass"
    began = processor_s()
    subprocess.run([sys.executable, "-c", busy], check=True)
    assert processor_s() - began >= 0.25
    turns: list[str] = []
    took_s = best_s([lambda: turns.append("a"), lambda: turns.append("b")], runs=2)
    assert turns == ["a", "b"] * 3  # one more than asked: the first is not counted
    assert all(0 <= took < 1 for took in took_s)
