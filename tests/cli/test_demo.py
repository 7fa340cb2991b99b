"""The demo's folder is the user's: it is replaced on request, whole or not at all, and foreign files stay."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from tonewheel import systems
from tonewheel.cli import demo as module
from tonewheel.cli.demo import PAGE, RECORD, replacing
from tonewheel.cli.main import main
from tonewheel.core.errors import InputError
from tonewheel.gates import html


def fill(out: Path, names: list[str], *, force: bool = False) -> None:
    with replacing(out, force) as folder:
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(f"made: {name}")


def files(out: Path) -> set[str]:
    return {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}


def test_files_of_the_last_demo_go_and_foreign_ones_stay(tmp_path: Path) -> None:
    fill(tmp_path / "demo", [PAGE, "concert/studio/old.flac", "concert/show.pack"])
    (tmp_path / "demo" / "notes.txt").write_text("mine")
    (tmp_path / "demo" / "concert" / "mine.wav").write_text("mine")
    fill(tmp_path / "demo", [PAGE, "concert/show.pack", "concert/studio/new.flac"], force=True)
    kept = {"notes.txt", "concert/mine.wav"}
    assert files(tmp_path / "demo") == {
        PAGE, RECORD, "concert/show.pack", "concert/studio/new.flac", *kept
    }  # fmt: skip
    assert (tmp_path / "demo" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("there", [PAGE, RECORD, "concert"])
def test_nothing_is_replaced_without_force(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("mine")
    with pytest.raises(InputError, match="--force"):
        fill(tmp_path, [PAGE])
    assert (tmp_path / there).read_text() == "mine"
    assert files(tmp_path) == {there}


def test_a_demo_that_fails_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    fill(tmp_path / "demo", [PAGE])
    before = files(tmp_path / "demo")
    with pytest.raises(RuntimeError), replacing(tmp_path / "demo", force=True) as folder:
        (folder / PAGE).write_text("half")
        raise RuntimeError
    assert files(tmp_path / "demo") == before
    assert (tmp_path / "demo" / PAGE).read_text() == f"made: {PAGE}"
    with pytest.raises(RuntimeError), replacing(tmp_path / "new", force=False):
        raise RuntimeError
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("record", ["", "[]", "7", '{"files": 3}', '{"files": [3, "\\u0000"]}', "\x00\x7f"])
def test_a_damaged_record_removes_nothing(tmp_path: Path, record: str) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / RECORD).write_text(record)
    fill(tmp_path, [PAGE], force=True)
    assert files(tmp_path) == {"mine.txt", PAGE, RECORD}


def test_a_hostile_record_reaches_nothing_outside_the_folder(tmp_path: Path) -> None:
    victim = tmp_path / "victim.txt"
    victim.write_text("mine")
    out = tmp_path / "demo"
    fill(out, [PAGE])
    (out / "way_out").symlink_to(tmp_path)
    names = ["../victim.txt", str(victim), "way_out/victim.txt", "concert/../../victim.txt"]
    (out / RECORD).write_text(json.dumps({"files": names}))
    fill(out, [PAGE], force=True)
    assert victim.read_text() == "mine"


def test_a_file_or_a_link_in_the_way_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("mine")
    with pytest.raises(InputError, match="is a file"):
        fill(tmp_path / "demo", [PAGE], force=True)
    with pytest.raises(InputError, match="cannot be written"):
        fill(tmp_path / "demo" / "below", [PAGE])


def test_what_a_killed_run_left_goes_and_a_run_beside_this_one_is_let_be(tmp_path: Path) -> None:
    old, beside = tmp_path / (module.UNFINISHED + "old"), tmp_path / (module.UNFINISHED + "new")
    for folder in (old, beside):
        folder.mkdir()
    os.utime(old, (0, 0))
    fill(tmp_path, [PAGE])
    assert beside.exists()
    assert not old.exists()


def test_every_chapter_that_discovery_finds_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def chapter(folder: Path, seed: int) -> systems.Chapter:
        (folder / "kept.txt").write_text(str(seed))
        section = html.section("A heading", "a <b>sentence</b>")
        return systems.Chapter(f"Chapter of {folder.name}", seed != 9, ("a line\x1b[2J",), (section,))

    monkeypatch.setattr(module.systems, "chapters", lambda: ["drums", "stems"])
    monkeypatch.setattr(module.systems, "demo", lambda name: SimpleNamespace(chapter=chapter))
    with pytest.raises(SystemExit) as left:
        main(["demo", "-o", str(tmp_path / "demo"), "--seed", "4"])
    assert left.value.code == 0
    told = capfd.readouterr()
    assert "Chapter of drums" in told.out
    assert "Chapter of stems" in told.out
    assert "\x1b" not in told.out
    assert (tmp_path / "demo" / "stems" / "kept.txt").read_text() == "4"
    assert "a &lt;b&gt;sentence" in (tmp_path / "demo" / PAGE).read_text(encoding="utf-8")
    with pytest.raises(SystemExit) as left:
        main(["demo", "-o", str(tmp_path / "demo"), "--seed", "9", "--force"])
    assert left.value.code == 1
    with pytest.raises(SystemExit) as left:
        main(["demo", "-o", str(tmp_path / "demo")])
    assert left.value.code == 2
    assert "--force" in capfd.readouterr().err


def test_every_demo_has_a_chapter() -> None:
    assert systems.chapters()
    for name in systems.chapters():
        assert callable(systems.demo(name).chapter)
