"""What may be trained on is decoded once; what may not, or cannot, is listed with its reason."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tonewheel.cli.main import main
from tonewheel.core.errors import InputError
from tonewheel.systems.concert.prepare import Prepared, prepare

RATE = 16_000


def tone(seconds: float, frequency_hz: float = 330.0) -> np.ndarray:
    time_s = np.arange(round(seconds * RATE)) / RATE
    return (0.2 * np.sin(2 * np.pi * frequency_hz * time_s)).astype(np.float32)


def response(t60_s: float) -> np.ndarray:
    time_s = np.arange(round(1.2 * t60_s * RATE)) / RATE
    return (np.random.default_rng(0).normal(0, 0.3, len(time_s)) * 10 ** (-3 * time_s / t60_s)).astype(
        np.float32
    )


SOUNDS = {
    # name: (kind, title, licence, split, sound)
    "free.wav": ("music", "Free", "CC-BY-4.0", "train", tone(7)),
    "noderivs.wav": ("music", "No Derivatives", "CC-BY-ND-4.0", "train", tone(7, 350)),
    "unstated.wav": ("music", "Unstated", "", "train", tone(7, 370)),
    "unstated test.wav": ("music", "Unstated Test", "", "test", tone(7, 390)),
    "short.wav": ("music", "Short", "CC0", "train", tone(2)),
    "silent.wav": ("music", "Silent", "CC0", "train", np.zeros(7 * RATE, np.float32)),
    "church_1.wav": ("ir_room", "church_1", "CC0", "train", response(1.0)),
    "church_2.wav": ("ir_room", "church_2", "CC0", "test", response(1.1)),
    "club.wav": ("ir_room", "club", "CC0", "train", response(0.6)),
    "cistern.wav": ("ir_room", "cistern", "CC0", "train", response(6.0)),
    "phone.wav": ("ir_mic", "phone", "CC0", "train", tone(0.1)),
    "people.wav": ("crowd", "people", "CC0", "train", tone(3)),
    "midi.wav": ("midi", "not ours", "CC0", "train", tone(1)),
}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    rows = ["path,kind,title,artist,license,split"]
    for name, (kind, title, licence, split, sound) in SOUNDS.items():
        soundfile.write(folder / name, sound, RATE)
        rows.append(f"{name},{kind},{title},Somebody,{licence},{split}")
    (folder / "broken.wav").write_text("no sound\n" * 30)
    rows += ["broken.wav,music,Broken,Somebody,CC0,train", "missing.wav,music,Missing,Somebody,CC0,train"]
    (folder / "index.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="module")
def made(source: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Prepared, dict[str, str]]:
    out = tmp_path_factory.mktemp("out")
    prepared, left_out = prepare([source], out)
    return prepared, {Path(one.path).name: one.reason for one in left_out}


def test_what_may_be_trained_on_is_there(made: tuple[Prepared, dict[str, str]]) -> None:
    prepared, _ = made
    assert {(track.title, track.split) for track in prepared.tracks} == {
        ("Free", "train"),
        ("Unstated Test", "test"),
    }
    assert {(one.title, one.kind) for one in prepared.ambience} == {
        ("church_2", "room"),
        ("club", "room"),
        ("phone", "microphone"),
        ("people", "crowd"),
    }


def test_what_is_left_out_has_a_reason(made: tuple[Prepared, dict[str, str]]) -> None:
    _, reasons = made
    assert set(reasons) == {
        "noderivs.wav",
        "unstated.wav",
        "short.wav",
        "silent.wav",
        "church_1.wav",
        "cistern.wav",
        "broken.wav",
        "missing.wav",
    }
    assert "2.0 s" in reasons["short.wav"]
    assert "silent" in reasons["silent.wav"]
    assert "test split" in reasons["church_1.wav"]
    assert "T60" in reasons["cistern.wav"]
    assert "text file" in reasons["broken.wav"]
    assert "no such file" in reasons["missing.wav"]


def test_the_samples_are_those_of_the_file(made: tuple[Prepared, dict[str, str]]) -> None:
    prepared, _ = made
    track = next(track for track in prepared.tracks if track.title == "Free")
    assert track.seconds == 7.0
    sound = prepared.floats(track)
    assert sound.dtype == np.float32
    assert np.abs(sound).max() == pytest.approx(0.89, abs=1e-3)
    np.testing.assert_allclose(sound * np.float32(0.2 / 0.89), tone(7), atol=2e-4)
    np.testing.assert_array_equal(prepared.floats(track, 100, 200), sound[100:200])


def test_a_second_run_decodes_nothing_and_a_lost_file_alone_is_made_again(
    made: tuple[Prepared, dict[str, str]], source: Path
) -> None:
    prepared, _ = made
    folder = prepared.folder
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.*") if path.suffix != ".jsonl"}
    lost = folder / prepared.tracks[0].file
    content = lost.read_bytes()
    lost.unlink()
    again, _ = prepare([source], folder)
    after = {path: path.stat().st_mtime_ns for path in before}
    assert {path.name for path in before if after[path] != before[path]} <= {lost.name, "prepare.json"}
    assert lost.read_bytes() == content
    assert again.tracks == prepared.tracks
    assert again.ambience == prepared.ambience


def test_any_licence_is_taken_only_when_asked(source: Path, tmp_path: Path) -> None:
    prepared, _ = prepare([source], tmp_path, any_licence=True)
    assert {"No Derivatives", "Unstated"} <= {track.title for track in prepared.tracks}


def test_the_command_counts_and_lists(
    source: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["concert", "prepare", str(source), "-o", str(tmp_path), "--synth-songs", "0", "--json"])
    assert left.value.code == 0
    told = capfd.readouterr()
    counts = json.loads(told.out)
    assert (counts["tracks"], counts["ambience"], counts["left_out"]) == (2, 4, 8)
    assert sum(line.startswith("left out: ") for line in told.err.splitlines()) == 8


def test_a_folder_that_was_not_prepared_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="concert prepare"):
        Prepared(tmp_path)
