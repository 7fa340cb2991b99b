"""From a folder of sound to lists on the command line and in Python; wrong input is one line and status 2."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tonewheel import similar
from tonewheel.audio.decode import load
from tonewheel.audio.encode import write
from tonewheel.cli.main import main
from tonewheel.core.errors import InputError
from tonewheel.synth.compose import compose
from tonewheel.synth.render import render
from tonewheel.systems.similar import build as building
from tonewheel.systems.similar.api import parse_span
from tonewheel.systems.similar.backbones.hand import Hand
from tonewheel.systems.similar.find import MOMENT_HOP_S

RATE = 16_000
SECONDS = 24.0


def run(*words: object) -> int:
    with pytest.raises(SystemExit) as left:
        main(["--quiet", "similar", *map(str, words)])
    return int(left.value.code or 0)


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder `music` of ten songs, one of them twice, a broken and a silent file; and its index."""
    folder = tmp_path_factory.mktemp("similar")
    for number in range(5):
        for style in ("trance", "piano"):
            song = compose(40 + number, style, seconds=SECONDS)
            mix = render(song, RATE, seconds=SECONDS).mix
            write(folder / "music" / style / f"{number:02d} - {song.title}.flac", mix, RATE)
    first = next(iter(sorted((folder / "music" / "trance").iterdir())))
    audio, _ = load(first)
    write(folder / "music" / "copies" / "same thing.mp3", audio * np.float32(0.5), RATE)
    write(folder / "music" / "silence.wav", np.zeros(20 * RATE, np.float32), RATE)
    (folder / "music" / "broken.wav").write_bytes(b"RIFF....")
    status = run("index", folder / "music", "-o", folder / "music.index", "--backbone", "hand", "--jobs", 1)
    assert status == 2  # two files were left out
    return folder


def test_what_cannot_be_heard_is_left_out_and_said(
    made: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    few = tmp_path / "few"
    few.mkdir()
    for name in ("silence.wav", "broken.wav"):
        shutil.copy(made / "music" / name, few)
    assert run("index", few, "-o", tmp_path / "few.index", "--backbone", "hand") == 2
    assert "no usable track" in capfd.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["few"]
    shutil.copy(next((made / "music" / "piano").iterdir()), few)
    assert run("index", few, "-o", tmp_path / "few.index", "--backbone", "hand", "--json") == 2
    out, err = capfd.readouterr()
    assert json.loads(out)["tracks"] == 1
    assert json.loads(out)["left_out"] == 2
    assert "left out: broken.wav:" in err
    assert "silence.wav" in err


def test_the_index_is_not_written_over(made: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = (made / "music.index").read_bytes()
    assert run("index", made / "music", "-o", made / "music.index") == 2
    assert "--force replaces it" in capfd.readouterr().err
    assert (made / "music.index").read_bytes() == before


def test_a_track_finds_its_style_and_not_its_copy(made: Path, capfd: pytest.CaptureFixture[str]) -> None:
    index = similar.Index.open(made / "music.index")
    first = next(track for track in index.tracks if track.startswith("trance/00"))
    capfd.readouterr()
    assert run("find", first, "-i", made / "music.index", "-k", 3, "--json") == 0
    answer = json.loads(capfd.readouterr().out)
    assert answer["same"] == ["copies/same thing.mp3", first]
    assert [match["track"].split("/")[0] for match in answer["matches"]] == ["trance"] * 3
    assert all(0 <= match["why"][part] <= 1 for match in answer["matches"] for part in ("timbre", "energy"))
    assert Path(answer["matches"][0]["path"]).is_file()


def test_a_file_from_outside_and_a_moment_are_queries(
    made: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    song = render(compose(90, "piano", seconds=SECONDS), RATE, seconds=SECONDS).mix
    write(tmp_path / "wip.wav", song, RATE)
    assert run("find", tmp_path / "wip.wav", "-i", made / "music.index", "-k", 2, "--at", "0:05-0:20") == 0
    told = capfd.readouterr().out
    assert told.splitlines()[0].startswith(f"{tmp_path / 'wip.wav'}: ")
    assert "timbre" in told
    index = similar.Index.open(made / "music.index")
    answer = index.find(tmp_path / "wip.wav", k=4)
    assert answer.same == ()
    assert {match.track.split("/")[0] for match in answer.matches} == {"piano"}
    moment = index.find(index.tracks[3], k=2, at=(2.0, 17.0))
    assert index.tracks[3] in moment.same
    assert all(match.at_s % MOMENT_HOP_S == 0 for match in moment.matches)


def test_one_bad_query_does_not_end_the_rest(made: Path, capfd: pytest.CaptureFixture[str]) -> None:
    index = similar.Index.open(made / "music.index")
    bad, good = made / "music" / "broken.wav", index.tracks[0]
    assert run("find", bad, "nothing like it", good, "-i", made / "music.index", "--json") == 2
    out, err = capfd.readouterr()
    assert json.loads(out)["query"] == good
    assert len(err.splitlines()) == 2
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--at", "fast"], "is no moment"),
        (["--at", "1:50-1:20"], "ends before it begins"),
        (["--at", "9:00-9:30"], "past the end"),
        (["--tempo", "slow"], "is no range"),
        (["--key", "H dur"], "is no key"),
        (["--style", "polka"], "is no style"),
        (["--json", "--m3u"], "not several"),
    ],
)
def test_wrong_words_are_answered_in_one_line(
    made: Path, words: list[str], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    track = similar.Index.open(made / "music.index").tracks[0]
    assert run("find", track, "-i", made / "music.index", *words) == 2
    err = capfd.readouterr().err
    assert message in err
    assert len(err.splitlines()) == 1


def test_nothing_that_passes_is_status_1(made: Path) -> None:
    track = similar.Index.open(made / "music.index").tracks[0]
    assert run("find", track, "-i", made / "music.index", "--tempo", "20-21") == 1


def test_lists_for_players_and_tables(made: Path, capfd: pytest.CaptureFixture[str]) -> None:
    track = similar.Index.open(made / "music.index").tracks[0]
    capfd.readouterr()
    assert run("find", track, "-i", made / "music.index", "-k", 3, "--m3u") == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[0] == "#EXTM3U"
    assert all(Path(line).is_file() for line in lines[2::2])
    assert run("find", track, "-i", made / "music.index", "-k", 3, "--csv") == 0
    assert len(capfd.readouterr().out.splitlines()) == 4


def test_paths_and_blends_on_the_command_line(made: Path, capfd: pytest.CaptureFixture[str]) -> None:
    index = similar.Index.open(made / "music.index")
    trance = next(t for t in index.tracks if t.startswith("trance/01"))
    piano = next(t for t in index.tracks if t.startswith("piano/01"))
    capfd.readouterr()
    assert run("path", trance, piano, "-i", made / "music.index", "--steps", 4, "--json") == 0
    steps = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [step["track"] for step in steps][::3] == [trance, piano]
    assert [step["progress"] for step in steps] == sorted(step["progress"] for step in steps)
    assert run("path", trance, trance, "-i", made / "music.index") == 2
    assert run("blend", f"{trance}:0.9", f"{piano}:0.1", "-i", made / "music.index", "-k", 2, "--json") == 0
    tracks = [match["track"] for match in json.loads(capfd.readouterr().out)["matches"]]
    assert all(track.startswith("trance") for track in tracks)
    assert index.path(trance, piano, 3)[1].track not in (trance, piano)


def test_an_update_hears_only_what_is_new(
    made: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    music = tmp_path / "music"
    shutil.copytree(made / "music" / "piano", music)
    out = tmp_path / "piano.index"
    assert run("index", music, "-o", out, "--backbone", "hand", "--jobs", 1) == 0
    songs = sorted(music.iterdir())
    songs[0].unlink()
    songs[1].rename(music / "renamed.flac")
    write(music / "new.wav", render(compose(77, "piano", seconds=SECONDS), RATE, seconds=SECONDS).mix, RATE)
    listened: list[str] = []
    real = building.hear

    def counting(*arguments: Any) -> Any:
        listened.append(arguments[1])
        return real(*arguments)

    monkeypatch.setattr(building, "hear", counting)
    capfd.readouterr()
    assert run("index", music, "-o", out, "--backbone", "hand", "--update", "--jobs", 1, "--json") == 0
    told = json.loads(capfd.readouterr().out)
    assert (told["tracks"], told["heard"], told["kept"]) == (5, 2, 3)
    assert sorted(listened) == ["new.wav", "renamed.flac"]
    anew = tmp_path / "anew.index"
    assert run("index", music, "-o", anew, "--backbone", "hand", "--jobs", 1) == 0
    one, other = similar.Index.open(out), similar.Index.open(anew)
    assert sorted(one.tracks) == sorted(other.tracks)
    for track in one.tracks:  # the same file gives the same bits
        np.testing.assert_array_equal(one.vectors.vector(track), other.vectors.vector(track))


def test_a_killed_run_goes_on_where_it_was(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, count = building.hear, 0

    def killed(*arguments: Any) -> Any:
        nonlocal count
        count += 1
        if count == 3:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(building, "hear", killed)
    keep = tmp_path / "heard"
    music = made / "music" / "piano"
    with pytest.raises(KeyboardInterrupt):
        building.build(music, Hand(), keep=keep, jobs=1)
    assert len(list(keep.iterdir())) == 2
    # One of them was cut short by the kill.
    next(keep.iterdir()).write_bytes(b"half")
    result = building.build(music, Hand(), keep=keep, jobs=1)
    assert len(result.library) == 5
    assert count == 3 + 4
    assert not keep.exists()


def test_all_cores_give_the_same_index(made: Path, tmp_path: Path) -> None:
    music = made / "music" / "piano"
    alone = building.build(music, Hand(), keep=tmp_path / "a", jobs=1).library
    together = building.build(music, Hand(), keep=tmp_path / "b", jobs=2).library
    alone.save(tmp_path / "a.index")
    together.save(tmp_path / "b.index")
    assert (tmp_path / "a.index").read_bytes() == (tmp_path / "b.index").read_bytes()


def test_a_moment_is_written_as_people_do() -> None:
    assert parse_span("1:20–1:50") == (80.0, 110.0)
    with pytest.raises(InputError, match="is no moment"):
        parse_span("1:20-")


def test_the_index_can_be_built_in_python(made: Path) -> None:
    index = similar.Index.build(made / "music" / "piano", backbone="hand", jobs=1)
    assert len(index.find(index.tracks[0], k=3).matches) == 3
    assert index.find(index.tracks[0], filters=similar.Filters(tempo_bpm=(1.0, 2.0))).matches == ()
