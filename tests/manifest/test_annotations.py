"""Annotated recordings: MDB's codes, our labels, Audacity; what means nothing is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tonewheel.core.errors import InputError
from tonewheel.manifest.annotations import read_annotations


def read(tmp_path: Path, text: str, **options: object) -> list[tuple[float, str]]:
    path = tmp_path / "a.txt"
    path.write_text(text)
    return [(hit.onset_s, hit.label) for hit in read_annotations(path, **options)]  # type: ignore[arg-type]


def test_every_way_to_write_a_hit(tmp_path: Path) -> None:
    text = (
        "# MDB\n0.5312 \t KD \n0.010000 \t SST\r\n1.5,hihat_open\n2 Side Stick\n3\t3.5\tfloor tom\n\n4;SD\n"
    )
    assert read(tmp_path, text) == [
        (0.01, "cross_stick"), (0.5312, "kick"), (1.5, "hihat_open"), (2.0, "cross_stick"),
        (3.0, "tom_low"), (4.0, "snare"),
    ]  # fmt: skip


def test_codes_tell_techniques(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("1 SDG\n2 SDF\n")
    assert [hit.techniques for hit in read_annotations(tmp_path / "a.txt")] == [("ghost_note",), ("flam",)]


def test_words_of_several_drums_need_to_be_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="stands for several drums; say which, as HH=hihat_closed"):
        read(tmp_path, "1 HH\n")
    assert read(tmp_path, "1 HH\n", labels={"HH": "chh"}) == [(1.0, "hihat_closed")]
    left: list[str] = []
    assert read(tmp_path, "1 HH\n2 KD\n3 gong\n", unknown=left.append) == [(2.0, "kick")]
    assert left == ["HH", "gong"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [("kick 1.0", "expected a time"), ("-1 KD", "must be 0"), ("nan KD", "expected a time"),
     ("999999 KD", "in milliseconds"), ("1.0", "expected a time"), ("1 hihat_opn", "did you mean")],
)  # fmt: skip
def test_other_lines_are_refused_with_their_number(tmp_path: Path, line: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        read(tmp_path, f"0 KD\n{line}\n")
    assert caught.value.line == 2


def test_all_subclass_files_of_mdb_are_understood(shared_audio: Path) -> None:
    files = sorted((shared_audio / "drums").rglob("drums_subclass.txt"))
    if not files:
        pytest.skip("no MDB annotations")
    for path in files:
        assert len(read_annotations(path)) == len(path.read_text().split("\n")) - 1
