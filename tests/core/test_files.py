"""A file is written whole or not at all."""

import hashlib
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tonewheel.core.errors import InputError
from tonewheel.core.files import atomic_path, refuse_overwrite, sha256, write_json, write_text
from tonewheel.core.records import Record


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    target = tmp_path / "new" / "scores.json"
    with pytest.raises(ValueError, match="half-way"), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise ValueError("half-way")
    assert list(target.parent.iterdir()) == []


def test_a_kill_leaves_the_old_file_whole(tmp_path: Path) -> None:
    target = tmp_path / "pack.bin"
    target.write_bytes(b"old")
    script = (
        "import os, sys; from tonewheel.core.files import atomic_path\n"
        "with atomic_path(sys.argv[1]) as temporary:\n"
        "    temporary.write_bytes(b'half of the new')\n"
        "    os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", script, str(target)], check=False).returncode == -9
    assert target.read_bytes() == b"old"


def test_the_temporary_keeps_suffix_and_folder(tmp_path: Path) -> None:
    # Encoders choose the format by the suffix, and a rename is atomic only within one file system.
    with atomic_path(tmp_path / "a.flac") as temporary:
        assert (temporary.parent, temporary.suffix) == (tmp_path, ".flac")
        temporary.touch()


def test_a_long_name_still_has_room_for_the_temporary(tmp_path: Path) -> None:
    write_text(tmp_path / ("n" * 240 + ".txt"), "x")


def test_places_that_cannot_be_written_are_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is a directory"):
        write_text(tmp_path, "x")
    with pytest.raises(InputError, match="cannot be written"):
        write_text(tmp_path / "file" / "below.txt", "x")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="read-only"):
        write_text(tmp_path / "a.txt", "x")


def test_the_file_has_the_users_ordinary_rights(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "x")
    (tmp_path / "b.txt").write_text("x")
    rights = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a.txt", "b.txt")]
    assert rights[0] == rights[1]


def test_overwriting_needs_force(tmp_path: Path) -> None:
    path = tmp_path / "show.pack"
    refuse_overwrite(path, force=False)
    path.touch()
    refuse_overwrite(path, force=True)
    with pytest.raises(InputError, match="--force"):
        refuse_overwrite(path, force=False)
    with pytest.raises(InputError, match=f"{path.name} is a file, not a folder"):
        refuse_overwrite(path / "missing" / "out.json", force=False)
    assert sorted(one.name for one in tmp_path.iterdir()) == [path.name]


def test_a_folder_is_never_replaced_by_a_file(tmp_path: Path) -> None:
    for force in (True, False):
        with pytest.raises(InputError, match="is a directory"):
            refuse_overwrite(tmp_path, force=force)
    refuse_overwrite(tmp_path, force=True, folder=True)
    with pytest.raises(InputError, match="--force"):
        refuse_overwrite(tmp_path, force=False, folder=True)


def test_json_of_records_and_plain_values(tmp_path: Path) -> None:
    class Score(Record):
        name: str
        value: float

    write_json(tmp_path / "a.json", {"scores": [Score(name="map", value=0.5)], "at": tmp_path})
    assert json.loads((tmp_path / "a.json").read_text()) == {
        "scores": [{"name": "map", "value": 0.5}],
        "at": str(tmp_path),
    }


def test_sha256_agrees_with_hashlib(tmp_path: Path) -> None:
    data = bytes(range(256)) * 1000
    (tmp_path / "a").write_bytes(data)
    assert sha256(tmp_path / "a") == hashlib.sha256(data).hexdigest()
    with pytest.raises(InputError, match="No such file"):
        sha256(tmp_path / "none")
