"""A collection: every way in, a hit is stored once, clips are where the hit is, a killed run continues."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from tonewheel.audio.clips import cut_clips
from tonewheel.audio.decode import load
from tonewheel.audio.encode import write
from tonewheel.core.errors import InputError
from tonewheel.manifest.beatmap import describe_audio, make_beatmap
from tonewheel.manifest.drum_hits import DrumHit
from tonewheel.manifest.midi import write_midi
from tonewheel.manifest.timing import steady
from tonewheel.systems.drums.collecting.collection import Collection, Context
from tonewheel.systems.drums.verbs.collect import app

RATE = 8000


def run(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    if isinstance(result.exception, InputError):
        raise result.exception
    return result


def told(*arguments: str | Path) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout.splitlines()[-1])


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """Four seconds with a click at 0.02, 1.0 and 3.9 s."""
    audio = np.zeros(4 * RATE, np.float32)
    for time_s in (0.02, 1.0, 3.9):
        audio[round(time_s * RATE)] = 0.5
    write(tmp_path / "song.wav", audio, RATE)
    return tmp_path / "song.wav"


def events(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


def test_clips_of_one_pass_equal_cutting_the_whole(tmp_path: Path) -> None:
    audio = np.random.default_rng(1).uniform(-1, 1, 30_000).astype(np.float32)
    write(tmp_path / "a.wav", audio, RATE)
    starts = [-0.1, -0.05, 0.0, 0.7, 0.71, 1.9, 3.6, 3.75, 9.0]
    padded = np.concatenate([np.zeros(RATE, np.float32), audio, np.zeros(10 * RATE, np.float32)])
    for block_s in (0.05, 5.0):
        for start_s, (clip, inside) in zip(
            starts, cut_clips(tmp_path / "a.wav", starts, 0.25, block_s=block_s), strict=True
        ):
            first = RATE + round(start_s * RATE)
            assert (clip == padded[first : first + 2000]).all()
            assert inside == max(0, min(first + 2000, RATE + 30_000) - max(first, RATE))


def test_a_hit_is_cut_around_its_time_and_stored_once(tmp_path: Path, song: Path) -> None:
    folder = tmp_path / "c"
    first = told("add", song, "1.0", "bass drum", "-c", folder, "--drummer", "ann", "--licence", "CC0")
    assert (first["added"], first["already"]) == (1, 0)
    again = told("add", song, "1.004", "kick", "-c", folder)
    assert (again["added"], again["already"], again["events"]) == (0, 1, 1)
    other = told("add", song, "0:01.0", "crash", "-c", folder, "--velocity", "0.9")
    assert (other["added"], other["events"]) == (1, 1)
    (event,) = events(folder)
    assert [one["label"] for one in event["components"]] == ["crash", "kick"]
    assert event["components"][0] == {"label": "crash", "velocity": 0.9, "dynamic_bucket": "accent"}
    assert (event["drummer_id"], event["onset_time"], event["label_method"]) == ("ann", 1.0, "manual")
    assert (folder / event["audio_path"]).resolve() == song
    clip, rate = load(folder / event["clip_path"])
    assert rate == RATE
    assert len(clip) == RATE // 2
    assert np.flatnonzero(np.abs(clip) > 0.1).tolist() == [round(event["context_ms"]["pre"] / 1000 * RATE)]
    source = json.loads((folder / "sources.jsonl").read_text())
    assert (source["license"], source["drummer_id"], source["seconds"]) == ("CC0", "ann", 4.0)
    assert len(list((folder / "clips").iterdir())) == 1


def test_the_edges_of_a_recording_are_silence(tmp_path: Path, song: Path) -> None:
    folder = tmp_path / "c"
    Collection(folder).add(
        song,
        [DrumHit(onset_s=0.02, label="snare"), DrumHit(onset_s=3.9, label="snare")],
        label_method="manual",
        context=Context(pre=50, post=200),
    )
    for event in events(folder):
        clip, _ = load(folder / event["clip_path"])
        assert np.flatnonzero(np.abs(clip) > 0.1).tolist() == [400]
        assert len(clip) == 2000


def test_a_beatmap_a_midi_file_and_annotations_tell_the_same_hits(tmp_path: Path, song: Path) -> None:
    folder = tmp_path / "c"
    hits = [
        DrumHit(onset_s=0.02, label="kick", velocity=0.1),
        DrumHit(onset_s=1.0, label="hihat_open", velocity=0.6, openness=0.7),
        DrumHit(onset_s=1.0, label="kick", velocity=0.7),
    ]
    beats = steady(120, 0.02)
    make_beatmap(hits, beats, audio=describe_audio(song)).write(tmp_path / "song.bsm")
    made = told("beatmap", tmp_path / "song.bsm", "-c", folder)  # the recording is the one it names
    assert (made["added"], made["events"]) == (3, 2)
    first, second = events(folder)
    assert (first["tempo_bpm"], first["meter"], second["bar_index"], second["beat_index"]) == (
        120,
        "4/4",
        0,
        1,
    )
    assert second["components"][0]["openness"] == 0.7
    assert first["components"][0]["dynamic_bucket"] == "ghost"
    write_midi(tmp_path / "song.mid", [hit for hit in hits if hit.onset_s > 0.5])
    assert told("midi", tmp_path / "song.mid", song, "-c", folder)["already"] == 2
    moved = told("midi", tmp_path / "song.mid", song, "--offset-s", "2.9", "-c", folder)
    assert (moved["added"], moved["events"]) == (2, 3)
    assert "openness_raw" in events(folder)[2]["components"][0]
    (tmp_path / "song.txt").write_text("0.02 \t KD\n1.0 \t OHH\n2.5 \t SDG\n3.0 \t HH\n")
    last = told("annotations", tmp_path / "song.txt", song, "-c", folder)
    assert (last["added"], last["already"], last["unknown"]) == (1, 2, {"HH": 1})
    (ghost,) = [one for one in events(folder) if one.get("techniques")]
    assert (ghost["techniques"], ghost["components"]) == (["ghost_note"], [{"label": "snare"}])


def test_the_same_recording_under_another_name_is_the_same(tmp_path: Path, song: Path) -> None:
    copy = tmp_path / "copy.wav"
    copy.write_bytes(song.read_bytes())
    told("add", song, "1", "kick", "-c", tmp_path / "c")
    assert told("add", copy, "1", "kick", "-c", tmp_path / "c")["already"] == 1


def test_a_killed_run_continues_and_ends_the_same(
    tmp_path: Path, song: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hits = [DrumHit(onset_s=n / 10, label="snare") for n in range(9)]
    Collection(tmp_path / "whole").add(song, hits, label_method="manual")
    written = []

    def stop_after_four(path: Path, *rest: Any) -> None:
        if len(written) == 4:
            raise KeyboardInterrupt
        written.append(path)
        write(path, *rest)

    monkeypatch.setattr("tonewheel.audio.encode.write", stop_after_four)
    with pytest.raises(KeyboardInterrupt):
        Collection(tmp_path / "cut").add(song, hits, label_method="manual")
    monkeypatch.undo()
    before = {path: path.stat().st_mtime_ns for path in written}
    assert Collection(tmp_path / "cut").add(song, hits, label_method="manual").added == 9
    assert {path: path.stat().st_mtime_ns for path in written} == before
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def test_what_cannot_be_added_is_refused(tmp_path: Path, song: Path) -> None:
    folder = tmp_path / "c"
    with pytest.raises(InputError, match='unknown label "kik"'):
        run("add", song, "1", "kik", "-c", folder)
    with pytest.raises(InputError, match="are the times in ms"):
        run("add", song, "1000", "kick", "-c", folder)
    with pytest.raises(InputError, match="is no time"):
        run("add", song, "soon", "kick", "-c", folder)
    with pytest.raises(InputError, match="holds no collection"):
        run("stats", "-c", folder)
    assert not folder.exists()


def test_stats_are_the_recommended_table(tmp_path: Path, song: Path) -> None:
    folder = tmp_path / "c"
    hits = [DrumHit(onset_s=1, label=label) for label in ("kick", "crash2", "cowbell")]
    made = Collection(folder)
    made.add(song, hits, label_method="manual")
    (event,) = made.events.values()
    for number in range(99):
        made.events[str(number)] = event | {"sample_id": str(number), "components": [{"label": "kick"}]}
    made.save()
    shown = run("stats", "-c", folder)
    lines = {line.split()[0]: line.split()[1:] for line in shown.stdout.splitlines() if line}
    assert lines["kick"] == ["100", "100", "500+", "below", "recommended"]
    assert lines["crash"] == ["1", "75", "300+", "below", "minimum"]
    assert lines["aux_percussion"] == ["1", "-", "-"]
    assert lines["hihat_closed"][1:3] == ["150", "750+"]
    assert not told("stats", "-c", folder)["enough"]
    assert run("stats", "-c", folder, "--strict").exit_code == 1
