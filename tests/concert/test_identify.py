"""Clips with known answers, through the command line, among files that are none."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tonewheel.audio.encode import write
from tonewheel.cli.main import main
from tonewheel.core.seeds import generator
from tonewheel.degrade.presets import hall
from tonewheel.synth.noise import applause, cheering
from tonewheel.synth.speech import banter
from tonewheel.systems.concert.decide import DecisionRule, Evidence
from tonewheel.systems.concert.embed import Embedder
from tonewheel.systems.concert.identify import describe, identify
from tonewheel.systems.concert.pack import Pack

RATE = 16_000
TITLES = ("Midnight Circuit", "Velvet Harbour", "Golden River")
KEYS = {"path", "state", "song", "score", "margin", "position_s", "candidates"}


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    return int(left.value.code or 0)


@pytest.fixture(scope="module")
def clips(music: list[np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What a phone brings home, and what is not even sound."""
    folder = tmp_path_factory.mktemp("clips")

    def heard(number: int, start_s: float, end_s: float, *, snr_db: float) -> np.ndarray:
        chain = hall(generator(number, "clip"), snr_db=snr_db, codec_share=0.0)
        return chain.apply(music[number], RATE)[round(start_s * RATE) : round(end_s * RATE)]

    sounds = {
        "clean 0.wav": music[0][round(4.3 * RATE) : 10 * RATE],
        "clean 1.flac": music[1][round(9.8 * RATE) : 16 * RATE],
        "clean 2.mp3": music[2][2 * RATE : 23 * RATE],
        "hall 0.wav": heard(0, 6.2, 14.2, snr_db=8.0),
        "hall 1.wav": heard(1, 3.0, 11.0, snr_db=8.0),
        "hall 2.wav": heard(2, 11.4, 19.4, snr_db=8.0),
        "unknown.wav": music[3][5 * RATE : 15 * RATE],
        "applause.wav": applause(generator(1, "clip"), 8.0, RATE),
        "cheering.wav": cheering(generator(1, "clip"), 8.0, RATE),
        "banter.wav": banter(generator(1, "clip"), 8.0, RATE),
        "silence.wav": np.zeros(5 * RATE, np.float32),
        "blink.wav": np.zeros(1, np.float32),
    }
    for name, audio in sounds.items():
        write(folder / name, audio, RATE)
    spoilt = music[0][:RATE].copy()
    spoilt[5] = np.nan
    soundfile.write(folder / "bad nan.wav", spoilt, RATE, subtype="FLOAT")
    soundfile.write(folder / "bad nothing.wav", np.zeros(0, np.float32), RATE)
    soundfile.write(folder / "bad slow.wav", music[0][:RATE], 1)
    soundfile.write(folder / "bad fast.wav", music[0][:RATE], 768_000)
    soundfile.write(folder / "bad wide.wav", np.zeros((RATE, 64), np.float32), RATE)
    (folder / "bad cut.mp3").write_bytes((folder / "clean 2.mp3").read_bytes()[:3000])
    (folder / "bad empty.wav").touch()
    (folder / "bad text.wav").write_text("What was that song?\n" * 20)
    (folder / "bad folder").mkdir()
    named = {path.name: path for path in sorted(folder.iterdir())}
    return named | {"bad missing.wav": folder / "bad missing.wav"}


@pytest.fixture(scope="module")
def answers(clips: dict[str, Path], pack_file: Path) -> dict[str, dict[str, Any]]:
    """File name -> the JSON line for it; all files in one batch, the bad ones among them."""

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = run("concert", "identify", *clips.values(), "--pack", pack_file, "--json")
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    return {Path(line["path"]).name: line for line in lines} | {"": {"status": status, "err": err.getvalue()}}


def test_bad_files_are_a_line_each_and_the_others_go_on(
    answers: dict[str, dict[str, Any]], clips: dict[str, Path]
) -> None:
    assert answers[""]["status"] == 2
    told = answers[""]["err"].strip().splitlines()
    bad = [name for name in clips if name.startswith("bad")]
    assert len(bad) == 10
    assert len(told) == len(bad)
    for name in bad:
        assert name not in answers
        assert sum(str(clips[name]) in line for line in told) == 1, name
    assert {name for name in answers if name} == {name for name in clips if not name.startswith("bad")}


def test_the_keys_are_those_of_the_format(answers: dict[str, dict[str, Any]]) -> None:
    for name, answer in answers.items():
        if name:
            assert set(answer) == KEYS
            assert all(set(candidate) == {"song", "score"} for candidate in answer["candidates"])
            assert [c["song"] for c in answer["candidates"]] != []
            assert -1 <= answer["score"] <= 1


@pytest.mark.parametrize(
    ("name", "song", "position_s"),
    [
        ("clean 0.wav", 0, 4.3),
        ("clean 1.flac", 1, 9.8),
        ("clean 2.mp3", 2, 2.0),
        ("hall 0.wav", 0, 6.2),
        ("hall 1.wav", 1, 3.0),
        ("hall 2.wav", 2, 11.4),
    ],
)
def test_songs_of_the_pack_are_found_where_they_are(
    name: str, song: int, position_s: float, answers: dict[str, dict[str, Any]]
) -> None:
    answer = answers[name]
    assert (answer["state"], answer["song"]) == ("song", TITLES[song])
    assert answer["position_s"] == pytest.approx(position_s, abs=0.25)
    assert answer["candidates"][0] == {"song": TITLES[song], "score": answer["score"]}
    second = answer["candidates"][1]["score"]
    assert answer["margin"] == pytest.approx(answer["score"] - second, abs=2e-4)


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("unknown.wav", "unknown_song"),
        ("applause.wav", "no_song"),
        ("cheering.wav", "no_song"),
        ("banter.wav", "no_song"),
        ("silence.wav", "no_song"),
        ("blink.wav", "no_song"),
    ],
)
def test_what_is_no_song_of_the_pack_is_answered_as_such(
    name: str, state: str, answers: dict[str, dict[str, Any]]
) -> None:
    assert answers[name]["state"] == state
    assert answers[name]["song"] is None
    assert answers[name]["position_s"] is None


def test_a_person_reads_a_line_a_file(
    clips: dict[str, Path], pack_file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    named = ["clean 0.wav", "silence.wav", "unknown.wav"]
    assert run("concert", "identify", *(clips[name] for name in named), "--pack", pack_file) == 0
    told = capfd.readouterr()
    found, silent, unknown = told.out.splitlines()
    assert f'clean 0.wav: "{TITLES[0]}" from 0:04' in found
    assert silent.endswith("silence.wav: no song")
    assert "not in the pack" in unknown
    assert told.err == ""


def test_the_exit_status_is_1_when_nothing_is_found(clips: dict[str, Path], pack_file: Path) -> None:
    assert run("concert", "identify", clips["silence.wav"], "--pack", pack_file) == 1


def test_a_bad_pack_is_one_line(
    clips: dict[str, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.pack").write_bytes(b"\0" * 100)
    for path in (tmp_path / "bad.pack", tmp_path / "no.pack", tmp_path):
        assert run("concert", "identify", clips["clean 0.wav"], "--pack", path) == 2
        told = capfd.readouterr()
        assert told.out == ""
        assert len(told.err.strip().splitlines()) == 1
        assert str(path) in told.err


def test_applause_before_and_after_does_not_outvote_the_song(
    music: list[np.ndarray], pack: Pack, embedder: Embedder
) -> None:
    noise = applause(generator(2, "around"), 12.0, RATE)
    audio = np.concatenate([noise, music[1][: 22 * RATE], noise[: 8 * RATE]])
    answer = identify("around", embedder.embed_blocks([audio]), pack, embedder)
    assert (answer.state, answer.song) == ("song", TITLES[1])
    assert answer.position_s == pytest.approx(-12.0, abs=0.3)  # the song begins 12 s into the file
    assert "-0:1" in describe(answer)


def test_half_a_window_must_be_surer_than_a_whole_one() -> None:
    rule = DecisionRule(least_odds=0.0, least_live_odds=4.0)
    evidence = Evidence(score=0.75, margin=0.3, windows=1, music=1.0)
    assert 0 < rule.odds(evidence) < 4
    assert rule.state(evidence) == "song"
    assert rule.state(evidence, short=True) == "unknown_song"
