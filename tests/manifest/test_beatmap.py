"""Beatmaps: unknown keys survive at every level, bad values are refused with their place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonewheel.core.errors import InputError
from tonewheel.manifest.beatmap import make_beatmap, read_beatmap
from tonewheel.manifest.drum_hits import DrumHit
from tonewheel.manifest.timing import Timing, TimingPoint

VALUES: Any = st.sampled_from(
    [
        None,
        True,
        2**70,
        -0.1,
        1e-300,
        "",
        "Ä\u2028\ud800",
        [],
        {},
        {"b": {"a": [1, {"": None}]}},
        [[1.0], "x"],
    ]
)
EXTRAS = st.dictionaries(st.sampled_from(["x", "xä", "hitobjects", "Time", "x \n"]), VALUES, max_size=2)


@st.composite
def beatmaps(draw: st.DrawFn) -> dict[str, Any]:
    def known(**values: Any) -> dict[str, Any]:
        return {**draw(EXTRAS), **values}

    hits = [
        known(
            time=draw(st.integers(0, 9000) | st.floats(0, 9000)),
            component=draw(st.sampled_from(["kick", "crash2", "Floor Tom", "gong of mine"])),
            velocity=draw(st.floats(0, 1)),
            lane=draw(st.integers(0, 6)),
        )
        for _ in range(draw(st.integers(0, 5)))
    ]
    return known(
        version="1.0.0",
        metadata=known(title=draw(VALUES), tags=[]),
        audio=known(filename="a.mp3", duration=10_000),
        timing=known(bpm=120, offset=-5, timeSignature="4/4", timingPoints=[known(time=3000, bpm=90.5)]),
        drumKit=known(components=["kick"], layout="x"),
        hitObjects=hits,
        editor=known(aiGenerationMetadata=draw(st.none() | EXTRAS)),
    )


@settings(max_examples=30, deadline=None)
@given(beatmaps())
def test_reading_and_writing_keeps_everything(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, Any]
) -> None:
    folder = tmp_path_factory.mktemp("bsm")
    (folder / "a.bsm").write_text(json.dumps(values), encoding="utf-8")
    read_beatmap(folder / "a.bsm").write(folder / "b.bsm")
    again = json.loads((folder / "b.bsm").read_bytes())
    times = [hit["time"] for hit in again["hitObjects"]]
    assert times == sorted(times)
    values["hitObjects"] = sorted(values["hitObjects"], key=lambda hit: hit["time"])
    assert again == values
    read_beatmap(folder / "b.bsm").write(folder / "c.bsm")
    assert (folder / "c.bsm").read_bytes() == (folder / "b.bsm").read_bytes()


def test_hits_go_in_and_come_out(tmp_path: Path) -> None:
    hits = [
        DrumHit(onset_s=0.25, label="hihat_open", velocity=0.5, openness=0.75, confidence=0.9),
        DrumHit(onset_s=0.0, label="kick"),
    ]
    timing = Timing(points=(TimingPoint(time_s=0.1, bpm=98.5), TimingPoint(time_s=4, bpm=120, meter="3/4")))
    make_beatmap(hits, timing, title="A", artist="B").write(tmp_path / "a.bsm")
    read = read_beatmap(tmp_path / "a.bsm")
    assert [(hit.onset_s, hit.label, hit.velocity, hit.openness, hit.confidence) for hit in read.hits()] == [
        (0.0, "kick", 1.0, None, 1.0), (0.25, "hihat_open", 0.5, 0.75, 0.9),
    ]  # fmt: skip
    assert read.timing == timing
    assert read.values["hitObjects"][1]["lane"] == 5


def test_other_hits_in_the_same_beatmap_leave_the_rest(tmp_path: Path) -> None:
    values = {"hitObjects": [], "timing": {"bpm": 100, "feel": "late"}, "mood": {"a": [1]}}
    path = tmp_path / "a.bsm"
    path.write_text(json.dumps(values))
    changed = read_beatmap(path).with_hits([DrumHit(onset_s=1, label="snare")])
    assert changed.values["mood"] == {"a": [1]}
    assert changed.values["timing"] == values["timing"]
    assert changed.values["hitObjects"] == [{"time": 1000, "component": "snare", "velocity": 1, "lane": 1}]


def test_unknown_components_are_kept_told_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.bsm"
    path.write_text('{"hitObjects": [{"time": 1, "component": "gong"}, {"time": 0, "component": "BD"}]}')
    read, told = read_beatmap(path), []
    assert [hit.label for hit in read.hits(told.append)] == ["kick"]
    assert told == ["gong"]
    with pytest.raises(InputError, match="gong"):
        read.hits()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[]", "a beatmap is a JSON object"),
        ("{}", 'key "hitObjects" is missing'),
        ('{"hitObjects": null}', "hitObjects must be a list"),
        ('{"hitObjects": [3]}', r"hitObjects\[0\] must be an object"),
        ('{"hitObjects": [{"component": "kick"}]}', r'hitObjects\[0\]: key "time" is missing'),
        ('{"hitObjects": [{"time": -1, "component": "kick"}]}', r"time must be at least 0 \(ms\), got -1"),
        ('{"hitObjects": [{"time": "1", "component": "kick"}]}', r'time must be a number \(ms\), got "1"'),
        ('{"hitObjects": [{"time": true, "component": "kick"}]}', "must be a number"),
        ('{"hitObjects": [{"time": 1, "component": ""}]}', "component must be the name of a drum"),
        ('{"hitObjects": [{"time": 1, "component": "kick", "velocity": 90}]}', r"velocity must be 0..1, got 90"),
        ('{"hitObjects": [{"time": 1, "component": "kick", "lane": "a"}]}', "lane must be a whole number"),
        ('{"hitObjects": [{"time": 1, "component": "kick", "techniques": "flam"}]}', "techniques must be a list"),
        ('{"hitObjects": [{"time": 99000, "component": "kick"}], "audio": {"duration": 10}}', "is past the end"),
        ('{"hitObjects": [], "timing": {"bpm": 0}}', "timing: bpm must be"),
        ('{"hitObjects": [], "timing": {"timeSignature": "4/0"}}', "meter must be like 4/4"),
        ('{"hitObjects": [], "timing": {"timingPoints": [{"bpm": 3}]}}', r'timingPoints\[0\]: key "time"'),
        ('{"hitObjects": [], "audio": "a.mp3"}', "audio must be an object"),
        ('{"hitObjects": [], "x": NaN}', "NaN is no JSON number"),
        ('{"hitObjects": [], "x": 1e999}', "too large a number"),
        ('{"hitObjects": [{"time": 1e300, "component": "kick"}]}', "must be at least 0"),
        ("[" * 100_000, "nested too deeply"),
    ],
)  # fmt: skip
def test_bad_files_are_refused_with_the_place(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "a.bsm"
    path.write_text(text)
    with pytest.raises(InputError, match=reason) as caught:
        read_beatmap(path)
    assert caught.value.path == str(path)


def test_broken_json_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.bsm"
    path.write_text('{\n"hitObjects": [\n}')
    with pytest.raises(InputError) as caught:
        read_beatmap(path)
    assert caught.value.line == 3
