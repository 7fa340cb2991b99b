"""The four files that hits are written to, each read by who knows it best."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from tonewheel.audio.encode import write
from tonewheel.core.errors import InputError
from tonewheel.manifest.beatmap import read_beatmap
from tonewheel.manifest.drum_hits import DrumHit
from tonewheel.manifest.midi import read_midi
from tonewheel.manifest.timing import Timing, TimingPoint
from tonewheel.systems.drums.writing.outputs import Song, write_hits

HITS = [
    DrumHit(onset_s=1.0125, label="hihat_open", velocity=0.5, openness=0.25, confidence=0.75),
    DrumHit(onset_s=0.5, label="kick", velocity=1.0),
]
TIMING = Timing(points=(TimingPoint(time_s=0.5, bpm=98), TimingPoint(time_s=3, bpm=120, meter="3/4")))


def test_a_table(tmp_path: Path) -> None:
    write_hits(tmp_path / "a.csv", HITS, TIMING)
    with (tmp_path / "a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["time_s", "label", "velocity", "openness", "confidence"]
    assert [(float(row["time_s"]), row["label"], row["openness"]) for row in rows] == [
        (0.5, "kick", ""), (1.0125, "hihat_open", "0.2500"),
    ]  # fmt: skip


def test_a_beatmap_knows_its_recording(tmp_path: Path) -> None:
    write(tmp_path / "song.wav", np.zeros(44_100 * 4, np.float32), 44_100)
    song = Song(audio=str(tmp_path / "song.wav"), artist="B", made_by="drums 1", confidence=0.8)
    write_hits(tmp_path / "a.bsm", HITS, TIMING, song)
    read = read_beatmap(tmp_path / "a.bsm")
    assert (read.title, read.timing) == ("song", TIMING)
    assert {key: read.audio[key] for key in ("filename", "duration", "sampleRate")} == {
        "filename": "song.wav", "duration": 4000, "sampleRate": 44_100,
    }  # fmt: skip
    assert read.audio["hash"].startswith("sha256:")
    assert read.values["editor"]["aiGenerationMetadata"]["modelVersion"] == "drums 1"
    assert [hit.confidence for hit in read.hits()] == [1.0, 0.75]


def test_midi(tmp_path: Path) -> None:
    write_hits(tmp_path / "a.mid", HITS, TIMING)
    score = read_midi(tmp_path / "a.mid")
    assert [hit.onset_s for hit in score.hits] == pytest.approx([0.5, 1.0125], abs=5e-4)
    assert score.hits[1].openness == pytest.approx(0.25, abs=1 / 127)
    assert score.timing.at(4).meter == "3/4"


@pytest.mark.slow  # jams imports half of scipy and pandas
def test_jams_loads_and_validates(tmp_path: Path) -> None:
    jams = pytest.importorskip("jams")
    write_hits(tmp_path / "a.jams", HITS, TIMING, Song(seconds=4.0, title="A", made_by="drums 1"))
    loaded = jams.load(str(tmp_path / "a.jams"))
    assert loaded.validate(strict=True)
    (onsets,) = loaded.search(namespace="onset")
    assert [(one.time, one.value, one.confidence) for one in onsets.data] == [
        (0.5, "kick", 1.0), (1.0125, "hihat_open", 0.75),
    ]  # fmt: skip
    assert onsets.sandbox["openness"] == [None, 0.25]
    assert [one.value for one in loaded.search(namespace="tempo")[0].data] == [98, 120]


@pytest.mark.parametrize("suffix", ["bsm", "mid", "csv", "jams"])
def test_no_hits_are_a_file_too_and_two_runs_are_equal(tmp_path: Path, suffix: str) -> None:
    for name in "ab":
        write_hits(tmp_path / f"{name}.{suffix}", [])
    assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'cannot write "\.jam" \(did you mean "\.jams"'):
        write_hits(tmp_path / "a.jam", HITS)
    (tmp_path / "a.csv").write_text("mine")
    with pytest.raises(InputError, match="--force"):
        write_hits(tmp_path / "a.csv", HITS)
    with pytest.raises(InputError, match="hit at 0 s: velocity must be"):
        write_hits(tmp_path / "b.csv", [DrumHit(onset_s=0, label="kick", velocity=2)])
    assert [one.name for one in tmp_path.iterdir()] == ["a.csv"]
