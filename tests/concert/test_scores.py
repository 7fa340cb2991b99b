"""The tables of `concert evaluate`: every figure has its unit, and counts stand as numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tonewheel.cli.main import main
from tonewheel.metrics.bootstrap import wilson
from tonewheel.systems.concert.evaluate import Scores
from tonewheel.systems.concert.stream_lines import Line


def test_units_are_written_and_counts_are_numbers() -> None:
    named = Line(table="Shows", name="songs named", method="decoder", value=wilson(80, 133), target=90)
    late = Line(table="Shows", name="time to name", method="decoder", value=wilson(1, 2), unit="s")
    scores = Scores(model="c962", split="test", songs=2, lines=(named, late))
    rows = [
        line for line in scores.markdown().splitlines() if line.startswith("| songs") or "time to" in line
    ]
    assert rows[0].endswith(" % | 133 |")
    assert rows[1].endswith(" s | 2 |")
    assert "<td class=number>133</td>" in scores.page(), "a count is never broken into two lines"


def test_two_evaluations_at_once_are_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["concert", "evaluate", str(tmp_path), "-o", str(tmp_path / "r"), "--stream", "--versions"]
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 2
    assert "ask for one of them" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()
