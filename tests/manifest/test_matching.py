"""Setlist lines against the files of a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tonewheel.core.errors import InputError
from tonewheel.manifest.matching import Match, match_setlist, normalise
from tonewheel.manifest.setlist import Setlist, parse_song
from tonewheel.manifest.tracks import Track, title_from_name

FILES = [
    "01 - Dark Star.mp3",
    "02 - Saint Stephen.flac",
    "03_the_eleven.ogg",
    "disc2/01 - Café del Mar (Remastered 2011).mp3",
    "The Band - Cripple Creek.mp3",
    "夜に駆ける.opus",
]


def tracks(*paths: str) -> list[Track]:
    return [Track(path=path, title=title_from_name(Path(path).stem)) for path in paths or FILES]


def show(*lines: str) -> Setlist:
    return Setlist(songs=tuple(parse_song(line, line=n) for n, line in enumerate(lines, 1)), path="show.txt")


def only(line: str, *paths: str) -> Match:
    return match_setlist(show(line), tracks(*paths))[0]


@pytest.mark.parametrize(
    ("line", "path", "how"),
    [
        ("dark star >", FILES[0], "title"),
        ("St Stephen ?", FILES[1], "similar"),
        ("The Eleven", FILES[2], "title"),
        ("Cafe Del Mar", FILES[3], "title"),
        ("Cripple Creek", FILES[4], "title"),
        ("夜に駆ける", FILES[5], "title"),
        ("Anything | 03_the_eleven.ogg", FILES[2], "file"),
        ("Anything | disc2/01 - Café del Mar (Remastered 2011).mp3", FILES[3], "file"),
        ("Anything | 01 - Café del Mar (Remastered 2011).mp3", FILES[3], "file"),
    ],
)
def test_a_line_finds_its_file(line: str, path: str, how: str) -> None:
    found = only(line)
    assert (found.tracks[0].path, found.how) == (path, how)


def test_several_references_keep_their_order() -> None:
    found = only("Dark Star | 03_the_eleven.ogg | 01 - Dark Star.mp3")
    assert [track.path for track in found.tracks] == [FILES[2], FILES[0]]


def test_a_song_played_twice_has_its_file_twice() -> None:
    found = match_setlist(show("Dark Star >", "The Eleven >", "Dark Star *"), tracks())
    assert [match.tracks[0].path for match in found] == [FILES[0], FILES[2], FILES[0]]
    assert [match.song.encore for match in found] == [False, False, True]


def test_equal_titles_go_before_similar_ones() -> None:
    files = ("Waltz No 1.mp3", "Waltz No 2.mp3")
    found = match_setlist(show("Waltz No. 2!", "Waltz No 1"), tracks(*files))
    assert [match.tracks[0].path for match in found] == [files[1], files[0]]


def test_absolute_paths_are_found(tmp_path: Path) -> None:
    (tmp_path / "a.flac").touch()
    found = match_setlist(show(f"Song | {tmp_path / 'a.flac'}"), [Track(path="a.flac")], root=tmp_path)
    assert found[0].tracks[0].path == "a.flac"


@pytest.mark.parametrize(
    ("line", "paths", "reason"),
    [
        ("Xyzzy", FILES, "no track"),
        ("Dark Star | missing.mp3", FILES, "not among the tracks"),
        ("Dark Star | ../../../etc/passwd", FILES, "not among the tracks"),
        ("Song", ["a/Song.mp3", "b/Song.mp3"], "fits 2 tracks"),
        ("Waltz No 3", ["Waltz No 1.mp3", "Waltz No 2.mp3"], "alike"),
        ("Song | Song.mp3", ["a/Song.mp3", "b/Song.mp3"], "several folders"),
        ("Song", [], "no track"),
    ],
)
def test_missing_and_ambiguous_lines_are_told(line: str, paths: list[str], reason: str) -> None:
    with pytest.raises(InputError) as caught:
        match_setlist(show(line), tracks(*paths) if paths else [])
    assert reason in caught.value.reason
    assert caught.value.line == 1
    assert str(caught.value).startswith("show.txt:1: ")


def test_the_nearest_files_are_named() -> None:
    with pytest.raises(InputError, match=r'nearest: "01 - Dark Star\.mp3"'):
        only("Darkness")


def test_two_songs_do_not_share_a_file() -> None:
    with pytest.raises(InputError, match="belongs to another song"):
        match_setlist(show("Dark Star", "Demo"), [Track(path="Demo.mp3", title="Dark Star")])


def test_an_artist_decides_between_equal_titles() -> None:
    both = [Track(path="a.mp3", title="Hurt", artist="NIN"), Track(path="b.mp3", title="Hurt", artist="Cash")]
    song = parse_song("Hurt").to_dict() | {"artist": "cash"}
    setlist = Setlist(songs=(type(parse_song("x")).from_dict(song),))
    assert match_setlist(setlist, both)[0].tracks[0].path == "b.mp3"


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Don't Stop", "DONT STOP"),
        ("Rock & Roll", "Rock and Roll"),
        ("Motörhead", "motorhead"),
        ("L\u2019Été", "l'ete"),
        ("ＦＵＬＬ　ＷＩＤＴＨ", "full width"),
        ("Song (feat. Someone)", "song"),
    ],
)
def test_normal_forms(a: str, b: str) -> None:
    assert normalise(a) == normalise(b)


def test_different_titles_stay_different() -> None:
    titles = ["(I Can't Get No) Satisfaction", "Satisfaction", "か", "が", "???", "!!!", "Part 1", "Part 2"]
    assert len({normalise(title) for title in titles}) == len(titles)
