"""Reading tracks from indexes and folders, good and hostile."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from tonewheel.audio.encode import write
from tonewheel.core.errors import InputError
from tonewheel.manifest.tracks import Track, read_folder, read_tracks, title_from_name, write_tracks

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


def wav(path: Path, **tags: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with soundfile.SoundFile(path, "w", samplerate=8000, channels=1) as sound:
        for name, value in tags.items():
            setattr(sound, name, value)
        sound.write(np.zeros(800))
    return path


def test_the_shared_index_is_read_whole(shared_audio: Path) -> None:
    found = read_tracks(shared_audio / "music" / "index.csv")
    assert len(found.tracks) == 431
    assert not found.quarantined
    music = [track for track in found.tracks if track.kind == "music"]
    assert [sum(track.split == name for track in music) for name in ("train", "valid", "test")] == [
        171,
        23,
        39,
    ]
    assert all(track.seconds and track.licence for track in music)
    assert music[0].extras["source_codec"] == "vorbis"


@given(
    path=TEXT.filter(bool),
    title=TEXT,
    seconds=st.none() | st.floats(0, 1e6),
    extras=st.dictionaries(TEXT, JSON),
)
def test_unknown_keys_survive_a_round_trip(
    tmp_path_factory: pytest.TempPathFactory,
    path: str,
    title: str,
    seconds: float | None,
    extras: dict[str, object],
) -> None:
    own = set(Track.__struct_encode_fields__)
    extras = {key: value for key, value in extras.items() if key not in own}
    track = Track(path=path, title=title, seconds=seconds, extras=extras)
    file = tmp_path_factory.mktemp("round") / "tracks.jsonl"
    write_tracks(file, [track])
    assert read_tracks(file).tracks == (track,)


def test_broken_lines_are_quarantined_and_the_rest_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "tracks.jsonl"
    lines = [
        '{"path": "a.ogg", "tempo": 120}',
        "{not json",
        '{"title": "no path"}',
        "[1, 2]",
        '{"path": "b.ogg", "seconds": -1}',
        '{"path": "c.ogg", "seconds": "nan"}',
        '{"path": 7}',
        "[" * 5000,
        "",
        '{"path": "d.ogg", "seconds": "12.5"}',
    ]
    file.write_text("\n".join(lines))
    found = read_tracks(file)
    assert [track.path for track in found.tracks] == ["a.ogg", "d.ogg"]
    assert [one.line for one in found.quarantined] == [2, 3, 4, 5, 6, 7, 8]
    assert "seconds must be a number" in found.quarantined[3].reason
    assert str(found.quarantined[0]).startswith(f"{file}:2: is no JSON")


def test_csv_rows_that_do_not_fit_are_quarantined(tmp_path: Path) -> None:
    file = tmp_path / "index.csv"
    file.write_bytes(b"path,title,seconds\na.ogg,A,1\nb.ogg\nc.ogg,C,1,extra\nd.ogg,D,x\n\xff\xfe.ogg,E,2\n")
    found = read_tracks(file)
    assert [track.title for track in found.tracks] == ["A", "E"]
    assert [one.line for one in found.quarantined] == [3, 4, 5]


@pytest.mark.parametrize("content", [b"", b"title,artist\nA,B\n", b"\x00\x01\x02"])
def test_a_csv_without_paths_is_an_error(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "index.csv"
    file.write_bytes(content)
    with pytest.raises(InputError, match="path"):
        read_tracks(file)


def test_a_folder_is_read_in_an_order_that_people_expect(tmp_path: Path) -> None:
    for name in ("10 - Ten.wav", "2 - Two.wav", "sub/1 - One.WAV", ".hidden.wav", ".git/x.wav"):
        wav(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no audio")
    found = read_folder(tmp_path)
    assert [track.path for track in found.tracks] == ["2 - Two.wav", "10 - Ten.wav", "sub/1 - One.WAV"]
    assert [track.title for track in found.tracks] == ["Two", "Ten", "One"]


def test_files_whose_tags_cannot_be_read_have_none(tmp_path: Path) -> None:
    write(tmp_path / "whole.opus", np.zeros((1, 48_000), np.float32), 48_000)
    data = (tmp_path / "whole.opus").read_bytes()
    (tmp_path / "whole.opus").unlink()
    for length in range(4, len(data), max(1, len(data) // 40)):
        (tmp_path / f"{length}.opus").write_bytes(data[:length])
        read_folder(tmp_path)
        (tmp_path / f"{length}.opus").unlink()


def test_tags_win_over_file_names(tmp_path: Path) -> None:
    wav(tmp_path / "01.flac", title="A Title", artist="An Artist")
    wav(tmp_path / "02 - Named.flac")
    first, second = read_folder(tmp_path).tracks
    assert (first.title, first.artist) == ("A Title", "An Artist")
    assert second.title == "Named"
    assert read_folder(tmp_path, tags=False).tracks[0].title == "01"


def test_a_text_file_called_wav_is_still_listed(tmp_path: Path) -> None:
    (tmp_path / "playlist.mp3").write_text("#EXTM3U\n/etc/passwd\n")
    assert read_folder(tmp_path).tracks[0].title == "playlist"


def test_a_link_to_a_folder_above_does_not_loop(tmp_path: Path) -> None:
    wav(tmp_path / "a.wav")
    os.symlink(tmp_path, tmp_path / "again", target_is_directory=True)
    assert len(read_folder(tmp_path).tracks) == 1


@pytest.mark.parametrize("name", ["missing", "empty", "file.txt"])
def test_nothing_to_read_is_one_clear_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.txt").write_text("x")
    with pytest.raises(InputError, match=name):
        read_tracks(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("01 - So What", "So What"),
        ("01. So What", "So What"),
        ("1-03 Blue", "Blue"),
        ("07_blue_train", "blue train"),
        ("99 Problems", "99 Problems"),
        ("1979", "1979"),
        ("50 Ways to Leave", "50 Ways to Leave"),
        ("12", "12"),
        ("A1. Side One", "A1. Side One"),
    ],
)
def test_track_numbers_go_and_titles_that_are_numbers_stay(name: str, title: str) -> None:
    assert title_from_name(name) == title


@given(TEXT)
def test_a_name_always_leaves_a_title(name: str) -> None:
    assert bool(title_from_name(name)) == bool(name.replace("_", " ").strip())
