"""Records are frozen, closed and typed, and JSON gives back what went in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewheel.core import records
from tonewheel.core.errors import InputError
from tonewheel.core.records import Record, read_jsonl, write_jsonl


class Span(Record):
    start_s: float
    end_s: float


class Song(Record):
    title: str
    track: int = 1
    spans: tuple[Span, ...] = ()
    path: Path | None = None
    next: Song | None = None


texts = st.text(st.characters(exclude_categories=["Cs"]))
finite = st.floats(allow_nan=False, allow_infinity=False)
songs = st.builds(
    Song,
    title=texts,
    track=st.integers(-(2**63), 2**63 - 1),
    spans=st.lists(st.builds(Span, start_s=finite, end_s=finite), max_size=3).map(tuple),
    path=st.none() | st.just(Path("a/b.wav")),
)


@given(songs)
def test_json_and_dict_give_back_the_record(song: Song) -> None:
    assert Song.from_json(song.to_json()) == song
    assert Song.from_dict(song.to_dict()) == song
    assert "\n" not in song.to_json()


@given(st.binary(max_size=200))
def test_any_bytes_are_a_record_or_an_input_error(data: bytes) -> None:
    try:
        Song.from_json(data, where="wild.json")
    except InputError as error:
        assert str(error).startswith("wild.json: ")


def test_a_record_cannot_be_changed_or_built_by_position() -> None:
    with pytest.raises(AttributeError):
        Span(start_s=0.0, end_s=1.0).end_s = 2.0
    with pytest.raises(TypeError):
        Span(0.0, 1.0)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"title": "a", "trck": 2}', 'unknown key "trck" (did you mean "track"?)'),
        ('{"title": "a", "spans": [{"start_s": 0, "end": 1}]}', 'unknown key "end" (did you mean "end_s"?)'),
        ('{"track": 2}', 'key "title" is missing'),
        ('{"title": 3}', "title: expected str, got int"),
        ('{"title": "a", "next": ' * 100_000, "nested too deeply"),
        ('{"title": "a"', "not JSON: "),
        (b'{"title": "\xff"}', "not JSON: "),
        ("", "not JSON: "),
    ],
)
def test_what_is_wrong_is_said(text: str | bytes, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        Song.from_json(text, where="show.json")
    assert str(caught.value).startswith("show.json: ")
    assert reason in str(caught.value)


def test_numpy_values_become_json() -> None:
    class Scores(Record):
        mean: float
        values: list[float]

    scores = Scores(mean=np.float32(0.5), values=np.array([1.0, 2.0]))
    assert scores.to_json() == '{"mean":0.5,"values":[1.0,2.0]}'


def test_jsonl_goes_on_past_bad_lines_when_somebody_takes_them(tmp_path: Path) -> None:
    path = tmp_path / "songs.jsonl"
    path.write_text('{"title":"a"}\n\nnonsense\n{"title":"b","x":1}\n{"title":"c"}')
    bad: list[InputError] = []
    assert [song.title for song in read_jsonl(path, Song, bad=bad.append)] == ["a", "c"]
    assert [error.line for error in bad] == [3, 4]
    with pytest.raises(InputError, match=r"songs\.jsonl:3: not JSON"):
        list(read_jsonl(path, Song))


def test_an_endless_line_is_refused_and_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "LONGEST_LINE_BYTES", 64)
    path = tmp_path / "songs.jsonl"
    path.write_text('{"title":"' + "x" * 200 + '"}\n{"title":"b"}\n')
    bad: list[InputError] = []
    assert [song.title for song in read_jsonl(path, Song, bad=bad.append)] == ["b"]
    assert [error.line for error in bad] == [1]


def test_jsonl_that_fails_half_way_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "songs.jsonl"
    assert write_jsonl(path, [Song(title="a"), Song(title="b")]) == 2
    before = path.read_bytes()

    def broken() -> object:
        yield Song(title="c")
        raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError):
        write_jsonl(path, broken())
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        Song.read(tmp_path / "none.json")
    with pytest.raises(InputError, match="No such file"):
        next(read_jsonl(tmp_path / "none.jsonl", Song))


def test_field_names_looks_inside_records_that_refer_to_themselves() -> None:
    assert records.field_names(Song) == {"title", "track", "spans", "path", "next", "start_s", "end_s"}
