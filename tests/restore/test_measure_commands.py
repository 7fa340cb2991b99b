"""`restore measure` as a user runs it: profiles, page, closeness, what could not be read, nothing overwritten."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tonewheel.cli.main import main
from tonewheel.degrade.clicks import Clicks
from tonewheel.degrade.hiss import Hiss
from tonewheel.systems.restore.measure_commands import line_of
from tonewheel.systems.restore.profile import Collection, Profile

RATE_HZ = 22_050


@pytest.fixture
def folder(tmp_path: Path, chords: np.ndarray) -> Path:
    """Two worn recordings, one that is none, and a clean one beside them."""
    sound = np.tile(0.3 * chords[::2], 3)
    for number in range(2):
        worn = Hiss(snr_db=20.0, seed=number).apply(
            Clicks(rate_per_s=20, seed=number).apply(sound, RATE_HZ), RATE_HZ
        )
        path = tmp_path / "worn" / f"record {number}.wav"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, worn, RATE_HZ, subtype="FLOAT")
    (tmp_path / "clean").mkdir()
    soundfile.write(tmp_path / "clean" / "studio.wav", sound, RATE_HZ, subtype="FLOAT")
    return tmp_path


Told = pytest.CaptureFixture[str]


def run(told: Told, *arguments: object) -> tuple[int, str]:
    """The exit status and what was written to stdout."""
    told.readouterr()
    with pytest.raises(SystemExit) as end:
        main(["--quiet", "restore", "measure", *map(str, arguments)])
    return int(end.value.code or 0), told.readouterr().out


def test_profiles_page_and_closeness_are_written(folder: Path, capsys: Told) -> None:
    out, page = folder / "profile.json", folder / "page.html"
    status, told = run(capsys, folder / "worn", "--music", folder / "clean", "-o", out, "--report", page)
    assert status == 0
    assert "record 0.wav: clicks" in told
    assert "AUROC" in told
    profiles = Collection.read(out).recordings
    assert [profile.recording for profile in profiles] == ["record 0.wav", "record 1.wav"]
    assert all(profile.clicks is not None for profile in profiles)
    text = page.read_text()
    assert text.count("<img") == 2
    assert "Simulation beside the real thing" in text
    assert run(capsys, folder / "worn", "-o", out)[0] == 2, "an existing profile was replaced"
    assert run(capsys, folder / "worn", "-o", out, "--force")[0] == 0


def test_what_cannot_be_read_is_left_out_and_said(folder: Path, capsys: Told) -> None:
    (folder / "worn" / "broken.wav").write_bytes(b"RIFF and no more")
    status, told = run(capsys, folder / "worn", "--json")
    assert status == 2
    assert [json.loads(line)["recording"] for line in told.splitlines()] == ["record 0.wav", "record 1.wav"]
    assert run(capsys, folder / "nothing.wav")[0] == 2


def test_a_line_says_what_is_wrong_or_that_nothing_is() -> None:
    profile = Profile(
        recording="a.wav", sample_rate_hz=44_100, channels=2, seconds=1.0, music_rms=0.1, peak=1.0, snr_db=120.0,
        bandwidth_hz=(40.0, 16_000.0), dc=(0.0, 0.0),
    )  # fmt: skip
    assert line_of(profile) == "a.wav: nothing wrong; music from 40 Hz to 16.0 kHz"
