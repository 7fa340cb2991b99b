"""The verb `drums transcribe`: files written, tables printed, exit statuses; one broken song stops no other."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

from tonewheel.audio.encode import write
from tonewheel.core.errors import TonewheelError
from tonewheel.manifest.beatmap import read_beatmap
from tonewheel.systems.drums.hearing import ears
from tonewheel.systems.drums.hearing.ears import Ears
from tonewheel.systems.drums.hits import classifier
from tonewheel.systems.drums.verbs.transcribe import transcribe

RATE = 44_100
app = typer.Typer(rich_markup_mode=None)
app.command()(transcribe)


@pytest.fixture(autouse=True)
def shipped(flux_ears: Ears, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ears, "_shipped", lambda: flux_ears)
    monkeypatch.setattr(classifier, "SHIPPED_WEIGHTS", tmp_path / "none.safetensors")
    classifier._shipped.cache_clear()  # another test of this process may have loaded those that ship
    for name in (classifier.MODEL_PATH, classifier.USE_MODEL):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """Ten clicks a half second apart."""
    audio = np.zeros(6 * RATE, np.float32)
    noise = np.random.default_rng(0).standard_normal(3000) * np.exp(-np.arange(3000) / 500)
    for beat in range(10):
        start = round((0.5 + 0.5 * beat) * RATE)
        audio[start : start + 3000] += 0.2 * noise.astype(np.float32)
    path = tmp_path / "song.wav"
    write(path, audio, RATE)
    return path


@pytest.fixture
def silence(tmp_path: Path) -> Path:
    path = tmp_path / "silence.wav"
    write(path, np.zeros(2 * RATE, np.float32), RATE)
    return path


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    if result.exception and not isinstance(result.exception, (SystemExit, TonewheelError)):
        raise result.exception
    return result


def status(result: Result) -> int:
    # `cli.main` turns these errors into status 2 and one line.
    return 2 if isinstance(result.exception, TonewheelError) else result.exit_code


def test_without_a_file_to_write_a_table_is_printed(song: Path) -> None:
    result = run(song)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["time", "drum", "velocity", "openness", "confidence"]
    assert sum(" snare " in line for line in lines) == 10
    assert "BPM" in result.stderr


def test_json_lines_hold_every_hit_and_then_the_song(song: Path) -> None:
    lines = [json.loads(line) for line in run(song, "--json").stdout.splitlines()]
    *hits, whole = lines
    assert set(hits[0]) == {"path", "time_s", "label", "velocity", "openness", "confidence"}
    assert whole["hits"] == len(hits) == sum(whole["labels"].values())
    assert whole["tempo_bpm"] == pytest.approx(120.0, rel=0.01)
    assert whole["seconds"] == 6.0


def test_all_four_formats_at_once(song: Path, tmp_path: Path) -> None:
    files = [tmp_path / f"out.{suffix}" for suffix in ("bsm", "mid", "csv", "jams")]
    result = run(song, *(part for file in files for part in ("-o", file)), "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["written"] == [str(file) for file in files]
    beatmap = read_beatmap(files[0])
    with files[2].open(newline="") as table:
        rows = list(csv.DictReader(table))
    assert list(rows[0]) == ["time_s", "label", "velocity", "openness", "confidence"]
    assert len(beatmap.hits()) == len(rows) >= 10
    assert beatmap.audio["filename"] == "song.wav"
    assert beatmap.values["timing"]["bpm"] == pytest.approx(120.0, rel=0.01)
    assert "tonewheel" in beatmap.values["editor"]["aiGenerationMetadata"]["modelVersion"]


def test_nothing_is_replaced_without_force(song: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    out.write_text("mine")
    result = run(song, "-o", out)
    assert status(result) == 2
    assert "--force" in str(result.exception)
    assert out.read_text() == "mine"
    assert run(song, "-o", out, "--force").exit_code == 0
    assert out.read_text() != "mine"


def test_several_songs_go_into_a_folder_and_a_broken_one_stops_none(
    song: Path, silence: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF, or not")
    out = tmp_path / "out"
    result = run(broken, song, silence, "-o", out, "--format", "mid", "--format", "csv")
    assert result.exit_code == 2
    assert "broken.wav" in result.stderr
    assert "silence.wav: no drum hit found" in result.stderr
    assert sorted(path.name for path in out.iterdir()) == ["song.csv", "song.mid"]


def test_status_1_says_that_nothing_was_found(song: Path, silence: Path, tmp_path: Path) -> None:
    assert run(silence, "-o", tmp_path / "out.csv").exit_code == 1
    assert not (tmp_path / "out.csv").exists()
    assert run(silence, song).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-o", "{}/out.csw"), '".csw" is none of'),
        (("--format", "exe", "-o", "{}/out"), "is none of bsm"),
        (("--threshold", "kick"), "must be DRUM=NUMBER"),
        (("--threshold", "kikc=.4"), 'did you mean "kick"'),
        (("--sensitivity", "2"), "must be 0..1"),
        (("--tempo", "-1"), "bpm must be"),
        (("--snap", "1/9999"), "must be a note value"),
        (("-o", "{}/a.csv", "-o", "{}/a.csv"), "would be written twice"),
        (("--weights", "{}/none.safetensors"), "none.safetensors"),
        (("--refine",), "is missing"),
    ],
)
def test_a_wrong_option_is_told_before_any_work(
    song: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    result = run(song, *(one.format(tmp_path) for one in arguments))
    assert status(result) == 2
    assert message in str(result.exception)


def test_one_file_for_two_songs_is_refused(song: Path, silence: Path, tmp_path: Path) -> None:
    result = run(song, silence, "-o", tmp_path / "out.csv")
    assert status(result) == 2
    assert "give a folder" in str(result.exception)
    twin = tmp_path / "other" / "song.flac"
    write(twin, np.zeros(RATE, np.float32), RATE)
    assert "would be written twice" in str(run(song, twin, "-o", tmp_path / "out").exception)


def test_given_tempo_offset_and_grid(song: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.bsm"
    result = run(
        song, "-o", out, "--tempo", 120, "--offset", 0.5, "--snap", "1/4", "--threshold", "hihat=.99"
    )
    assert result.exit_code == 0
    beatmap = read_beatmap(out)
    assert beatmap.values["timing"]["bpm"] == 120
    assert beatmap.values["timing"]["offset"] == 500
    assert {round(hit.onset_s % 0.5, 6) for hit in beatmap.hits()} == {0.0}


def test_the_old_processors_environment_is_honoured(
    song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(classifier.MODEL_PATH, str(tmp_path / "model.pth"))
    assert "pickle" in str(run(song).exception)
    monkeypatch.setenv(classifier.USE_MODEL, "0")
    assert run(song).exit_code == 0


def test_the_page_shows_and_plays_it(song: Path, tmp_path: Path) -> None:
    hostile = tmp_path / "<b>song & co.wav"
    song.rename(hostile)
    page = tmp_path / "page.html"
    assert run(hostile, "--page", page).exit_code == 0
    text = page.read_text()
    assert "&lt;b&gt;song &amp; co.wav" in text
    assert "<b>song" not in text
    assert text.count("<audio") == 1
    assert text.count("<img") == 1
    assert len(text) < 3_000_000
