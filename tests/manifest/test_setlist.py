"""Setlists as people write them, in four formats, and as nobody should."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewheel.core.errors import InputError
from tonewheel.manifest.setlist import Setlist, SetlistSong, parse_song, read_setlist


def bare(song: SetlistSong) -> dict[str, object]:
    return {
        key: value
        for key, value in json.loads(song.to_json()).items()
        if key != "line" and value not in ("", None, [], False)
    }


def read(folder: Path, name: str, text: str | bytes) -> Setlist:
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_setlist(file)


EXPECTED = [
    {"title": "Opening", "duration_s": 272.0},
    {"title": "Slow One", "optional": True},
    {"title": "Long Jam", "segue": True},
    {"title": "Second Half", "files": ["live.flac", "studio.flac"]},
    {"title": "Last Song", "encore": True},
]


FORMATS = {
    "a.txt": "Opening [4:32]\nSlow One ?\nLong Jam >\nSecond Half | live.flac | studio.flac\n* Last Song\n",
    "b.txt": "# a remark\r\n1. Opening (4:32)\r\n\r\n2. ? Slow One\r\n3) Long Jam>\r\n"
    "04 - Second Half|live.flac|studio.flac\r\nEncore:\r\nLast Song\r\n",
    "c.txt": "\ufeffOpening\t4:32\nSlow One?\nLong Jam ->\nSecond Half | live.flac|studio.flac\nLast Song*",
    "d.csv": "title,duration,optional,encore,segue,files\nOpening,4:32,,,,\nSlow One,,yes,,,\n"
    "Long Jam,,,,x,\nSecond Half,,,,,live.flac;studio.flac\nLast Song,,,1,,\n",
    "e.csv": "Opening [4:32]\nSlow One ?\nLong Jam >\nSecond Half | live.flac | studio.flac\n*Last Song\n",
    "f.tsv": "song\tduration\tfile\nOpening\t272\nSlow One ?\nLong Jam >\n"
    "Second Half\t\tlive.flac|studio.flac\nLast Song *",
    "g.json": """["Opening [4:32]", {"title": "Slow One", "optional": true}, "Long Jam >",
        {"song": "Second Half", "files": ["live.flac", "studio.flac"]},
        {"title": "Last Song", "encore": true}]""",
    "h.json": """{"name": "A night", "songs": ["Opening 4:32", "Slow One ?", "> Long Jam",
        "Second Half | live.flac | studio.flac", "* Last Song"]}""",
    "i.yaml": """
        songs:
          - Opening [4:32]
          - Slow One ?
          - Long Jam >
          - title: Second Half
            files: [live.flac, studio.flac]
          - '* Last Song'
        """,
    "j.yml": """
        - {title: Opening, duration: 4:32}
        - {title: Slow One, optional: yes}
        - {title: Long Jam, segue: true}
        - {title: Second Half, files: [live.flac, studio.flac]}
        - {title: Last Song, encore: 1}
        """,
}


@pytest.mark.parametrize(("name", "text"), FORMATS.items(), ids=FORMATS)
def test_every_format_says_the_same(tmp_path: Path, name: str, text: str) -> None:
    assert [bare(song) for song in read(tmp_path, name, text).songs] == EXPECTED


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Who Are You?", {"title": "Who Are You?"}),
        ("Who Are You? ?", {"title": "Who Are You?", "optional": True}),
        ("Who Are You??", {"title": "Who Are You?", "optional": True}),
        ("Maybe?", {"title": "Maybe", "optional": True}),
        ("?*Both>", {"title": "Both", "optional": True, "encore": True, "segue": True}),
        ("Both > * ?", {"title": "Both", "optional": True, "encore": True, "segue": True}),
        ("99 Problems", {"title": "99 Problems"}),
        ("2 + 2 = 5", {"title": "2 + 2 = 5"}),
        ("7. 1979 4:25", {"title": "1979", "duration_s": 265.0}),
        ("#1 Crush", {"title": "#1 Crush"}),
        ("Encore", {"title": "Encore"}),
        ("???", {"title": "???"}),
        ("Jam [12:01] >", {"title": "Jam", "segue": True, "duration_s": 721.0}),
        ("Jam > [12:01]", {"title": "Jam", "segue": True, "duration_s": 721.0}),
        ("4:44", {"title": "4:44"}),
    ],
)
def test_marks_and_titles(line: str, expected: dict[str, object]) -> None:
    assert bare(parse_song(line)) == expected


def test_titles_that_yaml_would_misread_stay_text(tmp_path: Path) -> None:
    found = read(tmp_path, "a.yaml", "- No\n- 1979\n- title: Yes\n- 4:44\n- ~\n")
    assert [song.title for song in found.songs] == ["No", "1979", "Yes", "4:44", "~"]


def test_lines_are_remembered(tmp_path: Path) -> None:
    assert [song.line for song in read(tmp_path, "a.txt", "# x\n\nOne\nTwo\n").songs] == [3, 4]
    assert [song.line for song in read(tmp_path, "a.yaml", "songs:\n\n- One\n- title: Two\n").songs] == [3, 4]
    assert [song.line for song in read(tmp_path, "a.csv", "title\nOne\nTwo\n").songs] == [2, 3]


def test_notepads_unicode_is_read(tmp_path: Path) -> None:
    assert read(tmp_path, "a.txt", "Für Elise\r\n".encode("utf-16")).songs[0].title == "Für Elise"


BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nsongs: [*b, *b, *b]\n"


@pytest.mark.parametrize(
    ("name", "content", "line", "reason"),
    [
        ("a.txt", b"", None, "no songs"),
        ("a.txt", b"# nothing\n\n", None, "no songs"),
        ("a.txt", b"Good\nB\xff\xfed\n", 2, "UTF-8"),
        ("a.txt", b"Good\nB\x00d\n", 2, "not text"),
        ("a.txt", b"Good\n" + b"x" * 400, 2, "at most 300"),
        ("a.txt", b"Good\n | file.flac\n", 2, "needs a title"),
        ("a.txt", b"x\n" * 1500, None, "at most 1000"),
        ("a.txt", b"x" * 300_000, None, "larger than"),
        ("a.txt", b"A\nB\x1b[2Jd\n", 2, "control"),
        ("a.json", b"", 1, "no JSON"),
        ("a.json", b'["A",\n"B"', 2, "no JSON"),
        ("a.json", b"[" * 100_000, None, "nested too deeply"),
        ("a.json", b"7", None, "expected a list"),
        ("a.json", b'["A", 7]', None, "song 2: a song is a line of text"),
        ("a.json", b'[{"title": "A", "optionl": true}]', None, 'did you mean "optional"'),
        ("a.json", b'[{"title": "A", "duration": -3}]', None, "duration"),
        ("a.json", b'[{"title": "A", "duration": NaN}]', None, "duration"),
        ("a.json", b'[{"title": ["A"]}]', None, "needs a title"),
        ("a.json", b'[{"title": "A", "files": [1]}]', None, "files"),
        ("a.json", b'[{"title": "A", "optional": "perhaps"}]', None, "yes or no"),
        ("a.json", b'{"songs": "A"}', None, "expected a list"),
        ("a.json", b'{"song": ["A"]}', None, 'did you mean "songs"'),
        ("a.yaml", b"- A\n- *Last Song\n", 2, "quote a line"),
        ("a.yaml", b"- A\n- [b\n", 3, "no YAML"),
        ("a.yaml", BOMB.encode(), 1, "reference"),
        ("a.yaml", b"- A\n- !!python/object/apply:os.system [ls]\n", 2, "a line of text or an object"),
        ("a.yaml", b"[" * 20_000, None, "nested too deeply"),
        ("a.yaml", b"- {title: A}\n- {titel: B}\n", 2, 'did you mean "title"'),
        ("a.csv", b"title,tempo\nA,120\n", 1, "unknown column"),
        ("a.csv", b"title,encore\nA,\nB,perhaps\n", 3, "yes or no"),
        ("a.csv", b"title\nA,B\n", 2, "columns"),
        ("a.csv", b"title,duration\nA,soon\n", 2, "duration"),
        ("a.csv", b'title\n"A\n', None, "no CSV"),
    ],
)
def test_what_does_not_fit_is_one_clear_error(
    tmp_path: Path, name: str, content: bytes, line: int | None, reason: str
) -> None:
    with pytest.raises(InputError, match=name) as caught:
        read(tmp_path, name, content)
    assert reason in caught.value.reason
    assert len(str(caught.value)) < 600
    assert "\n" not in str(caught.value)
    if line is not None:
        assert caught.value.line == line


def test_a_folder_or_a_missing_file_is_an_error(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.txt"):
        with pytest.raises(InputError):
            read_setlist(path)


@given(st.sampled_from(["a.txt", "a.json", "a.yaml", "a.csv"]), st.text(max_size=80) | st.binary(max_size=80))
def test_nothing_else_than_a_setlist_or_an_input_error_comes_out(
    tmp_path_factory: pytest.TempPathFactory, name: str, content: str | bytes
) -> None:
    raw = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    try:
        found = read(tmp_path_factory.mktemp("wild"), name, raw)
    except InputError:
        return
    assert all(song.title.strip() for song in found.songs)
    assert Setlist.from_json(found.to_json()) == found
