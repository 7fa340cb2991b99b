"""The journal can be read after a kill, and a resumed run goes on in it."""

from datetime import datetime
from pathlib import Path

import pytest

from tonewheel.core.errors import InputError
from tonewheel.core.journal import Journal


def test_a_line_cut_short_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "run" / "journal.jsonl"
    Journal(path).write("start", seed=1)
    Journal(path).write("epoch", number=1)
    path.write_bytes(path.read_bytes()[:-5])
    Journal(path).write("resume")
    assert [entry["event"] for entry in Journal.read(path)] == ["start", "resume"]


def test_every_event_has_its_time_with_a_zone(tmp_path: Path) -> None:
    Journal(tmp_path / "j").write("start")
    assert datetime.fromisoformat(Journal.read(tmp_path / "j")[0]["time"]).tzinfo is not None


def test_a_missing_journal_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        Journal.read(tmp_path / "none")
