"""`tonewheel sweep drums` with real runs: two settings are trained, and asked again nothing is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tonewheel.systems.drums.prepare import Prepared


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_runs_are_trained_once(drum_kits: Prepared, tmp_path: Path) -> None:
    vary = ["--vary", "fit.learning_rate=1e-3,5e-3", "--set", "fit.max_steps=4", "--set", "fit.batch_size=8"]
    command = [
        *(sys.executable, "-m", "tonewheel", "--quiet", "sweep", "drums", str(drum_kits.folder)),
        *(
            "-o",
            str(tmp_path / "sweep"),
            "--recipe",
            "smoke",
            "--train=--model",
            "--train=hits",
            "--json",
            *vary,
        ),
    ]
    before = sweep(command)
    assert {run["settings"]["fit.learning_rate"] for run in before} == {1e-3, 5e-3}
    assert not any(run["skipped"] for run in before)
    scores = [run["outcome"]["score"] for run in before]
    assert scores == sorted(scores, reverse=True)  # macro F: more is better, best first
    weights = sorted((tmp_path / "sweep").glob("*/run/hits.safetensors"))
    assert len(weights) == 2
    written = [path.stat().st_mtime_ns for path in weights]
    after = sweep(command)
    assert all(run["skipped"] for run in after)
    assert [run["outcome"] for run in after] == [run["outcome"] for run in before]
    assert [path.stat().st_mtime_ns for path in weights] == written
    assert json.loads((tmp_path / "sweep" / "report.json").read_text())["best"] == before[0]["name"]
    assert "finished before" in (tmp_path / "sweep" / "report.html").read_text()


def sweep(command: list[str]) -> list[dict[str, Any]]:
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
