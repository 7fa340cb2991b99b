"""The restore chapter of the demo: a record is pressed, cleaned, and shown; without weights it says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tonewheel.audio.decode import load
from tonewheel.core.errors import InputError
from tonewheel.systems.restore import demo
from tonewheel.systems.restore.clean import Cleaner


def test_a_record_is_cleaned_and_shown(cleaner: Cleaner, tmp_path: Path) -> None:
    chapter = demo.chapter(tmp_path, 2, cleaner, seconds=3.0)
    assert chapter.found
    assert chapter.lines[1].startswith("music over everything else")
    page = "".join(chapter.sections)
    assert page.count("<audio") == 4
    assert page.count("<img") == 2
    assert len(page) < 4_000_000
    record, cleaned, removed = (
        load(tmp_path / f"{name}.flac")[0] for name in ("record", "cleaned", "removed")
    )
    assert np.abs(cleaned + removed - record).max() < 1e-6
    assert {path.name for path in tmp_path.iterdir()} == {"record.flac", "cleaned.flac", "removed.flac"}


def test_without_weights_the_chapter_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(cls: type[Cleaner]) -> Cleaner:
        raise InputError("clicks.safetensors", "is missing")

    monkeypatch.setattr(Cleaner, "shipped", classmethod(missing))
    chapter = demo.chapter(tmp_path, 2, seconds=3.0)
    assert not chapter.found
    assert "is missing" in chapter.lines[0]


def test_a_seed_presses_the_same_record() -> None:
    one, other = demo.press(5, 4.0), demo.press(5, 4.0)
    assert (one.damaged == other.damaged).all()
    assert (demo.press(6, 4.0).damaged[:1000] != one.damaged[:1000]).any()
    assert np.abs(one.damaged).max() <= 1.0
    assert one.truth.starts_s.size > 200
