"""Imports point down, systems stay apart, torch stays above: the contracts of pyproject.toml hold."""

import subprocess
import sys
from pathlib import Path

import pytest

LINT = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]


def test_import_contracts_hold(repository: Path) -> None:
    done = subprocess.run(LINT, cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("core/wrong.py", "import tonewheel.audio.decode"),
        ("degrade/wrong.py", "import torch"),
        ("metrics/wrong.py", "from tonewheel.learn import losses"),
        ("systems/wrong/__init__.py", "import tonewheel.systems.concert"),
        ("systems/concert/wrong.py", "import tonewheel.cli"),
    ],
)
def test_a_wrong_import_is_found(repository: Path, tmp_path: Path, module: str, line: str) -> None:
    # The same contracts over a copy of the imports with one wrong line: proof that they can fail.
    source = repository / "src" / "tonewheel"
    for path in source.rglob("*.py"):
        copy = tmp_path / "src" / "tonewheel" / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    wrong = tmp_path / "src" / "tonewheel" / module
    wrong.parent.mkdir(parents=True, exist_ok=True)
    wrong.write_text(line + "\n")
    (tmp_path / "pyproject.toml").write_bytes((repository / "pyproject.toml").read_bytes())
    done = subprocess.run(
        LINT,
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "wrong" in done.stdout
