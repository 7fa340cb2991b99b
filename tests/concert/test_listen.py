"""Following a show: the state machine by windows that are known, the whole by a synthesised concert."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tonewheel.audio.encode import write
from tonewheel.cli.main import main
from tonewheel.core.errors import InputError
from tonewheel.systems.concert.decide import DecisionRule
from tonewheel.systems.concert.embed import Embedded, Embedder
from tonewheel.systems.concert.listen import (
    GIVE_UP_S,
    Cost,
    Event,
    Gate,
    Listener,
    check_gate,
    cost_summary,
    listen,
)
from tonewheel.systems.concert.pack import Pack, Reference

RATE = 16_000


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    return int(left.value.code or 0)


class Stage:
    """Two songs, "A" and "B", of 40 known windows each; the sound of a window is its number."""

    SLOW_HZ, HOP, WINDOW, LENGTH = 100, 50, 200, 40

    def __init__(self, gate: Gate = "run") -> None:
        rng = np.random.default_rng(0)
        rows = rng.normal(size=(3 * self.LENGTH + 200, 64)).astype(np.float32)
        self.rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        self.embedder: Any = SimpleNamespace(
            spec=SimpleNamespace(sample_rate_hz=self.SLOW_HZ),
            window_s=2.0,
            hop_s=0.5,
            size=64,
            fingerprint="stage",
            rule=DecisionRule(),
            # One part is a whole window here.
            recipe=SimpleNamespace(views=SimpleNamespace(part_s=2.0)),
            parts=lambda audio: audio,
            embed_parts=lambda audio: Embedded(
                self.rows[[round(float(audio[0]) * 1000)]], np.ones(1, np.float32)
            ),
            join=lambda parts: parts,
        )
        songs = [self.rows[: self.LENGTH], self.rows[self.LENGTH : 2 * self.LENGTH]]
        references = [
            Reference(song=song, file=song, seconds=21.5, windows=self.LENGTH, lufs=None) for song in "AB"
        ]
        self.listener = Listener(Pack.of(references, songs, self.embedder), self.embedder, gate)
        self._noise = 2 * self.LENGTH

    def noise(self, windows: int) -> list[int]:
        self._noise += windows
        return list(range(self._noise - windows, self._noise))

    def a(self, first: int, end: int) -> list[int]:
        return list(range(first, end))

    def b(self, first: int, end: int) -> list[int]:
        return [number + self.LENGTH for number in range(first, end)]

    def play(self, windows: list[int]) -> list[Event]:
        """Window k begins at k/2 s and is heard at k/2 + 2 s."""
        audio = np.repeat(np.array(windows, np.float32) / 1000, self.HOP)
        audio = np.concatenate([audio, np.zeros(self.WINDOW - self.HOP, np.float32)])
        return list(listen([audio], self.listener))


def told(events: list[Event]) -> list[tuple[str, str]]:
    return [(event.event, event.song) for event in events if event.event != "position"]


def test_a_song_starts_at_the_second_window_that_names_it() -> None:
    stage = Stage()
    events = stage.play([*stage.noise(10), *stage.a(0, 30), *stage.noise(25)])
    assert told(events) == [("song_start", "A"), ("song_end", "A")]
    start, end = events[0], events[-1]
    assert start.time_s == 7.5  # windows 10 and 11 have been heard
    assert start.time_s - start.position_s == pytest.approx(5.0, abs=0.3)
    assert 21.5 <= end.time_s <= 21.5 + GIVE_UP_S / 2  # window 39 is the last of the song
    for event in events:
        assert event.time_s - event.position_s == pytest.approx(5.0, abs=0.3)


def test_positions_come_every_second_while_a_song_runs() -> None:
    stage = Stage()
    events = stage.play([*stage.noise(4), *stage.a(0, 30)])
    times = [event.time_s for event in events if event.event == "position"]
    assert len(times) >= 12
    assert set(np.diff(times)) == {1.0}


def test_one_window_is_not_enough() -> None:
    for gate in ("run", "simple"):
        stage = Stage(check_gate(gate))
        assert stage.play([*stage.noise(5), *stage.a(7, 8), *stage.noise(10), *stage.b(3, 4)]) == []


def test_two_of_the_last_three_are() -> None:
    stage = Stage("simple")
    gap = stage.noise(1)
    events = stage.play([*stage.noise(5), *stage.a(7, 8), *gap, *stage.a(9, 10), *stage.noise(3)])
    assert events[0].event == "song_start"
    assert events[0].time_s == 5.5  # window 7


def test_two_of_the_last_four_are_not() -> None:
    stage = Stage("simple")
    gap = stage.noise(2)
    assert stage.play([*stage.noise(5), *stage.a(7, 8), *gap, *stage.a(10, 11), *stage.noise(3)]) == []


def test_the_next_song_ends_the_last() -> None:
    stage = Stage()
    events = stage.play([*stage.a(0, 20), *stage.b(10, 35)])
    assert told(events) == [("song_start", "A"), ("song_end", "A"), ("song_start", "B"), ("song_end", "B")]
    changes = [event for event in events if event.event != "position"]
    assert changes[1].time_s == changes[2].time_s
    assert 12.0 <= changes[2].time_s <= 15.0  # the first window of B is heard at 12 s
    assert changes[2].time_s - changes[2].position_s == pytest.approx(10.0 - 5.0, abs=0.4)


def test_a_stray_window_elsewhere_in_the_song_moves_nothing() -> None:
    stage = Stage("simple")
    events = stage.play([*stage.a(0, 10), *stage.a(30, 31), *stage.a(11, 25)])
    assert told(events) == [("song_start", "A"), ("song_end", "A")]
    for event in events:
        assert event.time_s - event.position_s == pytest.approx(0.0, abs=0.3)


def test_a_jump_within_the_song_is_followed_without_an_end() -> None:
    stage = Stage()
    events = stage.play([*stage.a(0, 10), *stage.a(25, 39)])
    assert told(events) == [("song_start", "A"), ("song_end", "A")]
    last = events[-1]
    assert last.time_s - last.position_s == pytest.approx(-7.5, abs=0.4)  # 15 windows were left out


def test_a_short_gap_does_not_end_a_song_and_a_long_one_does() -> None:
    stage = Stage("simple")
    gap = stage.noise(6)
    events = stage.play([*stage.a(0, 10), *gap, *stage.a(16, 30)])
    assert told(events) == [("song_start", "A"), ("song_end", "A")]
    stage = Stage("simple")
    events = stage.play([*stage.a(0, 10), *stage.noise(16), *stage.a(26, 39)])
    assert [kind for kind, _ in told(events)] == ["song_start", "song_end", "song_start", "song_end"]
    ended = next(event for event in events if event.event == "song_end")
    assert ended.time_s == 6.5  # the end is dated back to what was last sure: window 9


def test_a_source_that_breaks_off_ends_its_song() -> None:
    stage = Stage()
    audio = np.repeat(np.array(stage.a(0, 20), np.float32) / 1000, stage.HOP)

    def breaking() -> Iterator[np.ndarray]:
        yield audio
        raise InputError("show.mp3", "is truncated")

    events = []
    with pytest.raises(InputError, match="truncated"):
        for event in listen(breaking(), stage.listener):
            events.append(event)
    assert events[-1].event == "song_end"
    assert events[-1].time_s == 10.0


def test_a_source_shorter_than_a_window_tells_nothing() -> None:
    stage = Stage()
    assert list(listen([np.zeros(150, np.float32)], stage.listener)) == []


@pytest.fixture(scope="module")
def events(show: Any, pack: Pack, embedder: Embedder) -> list[Event]:
    """What is told of the concert, heard in blocks of a quarter second."""
    blocks = (show.audio[i : i + 4_000] for i in range(0, len(show.audio), 4_000))
    return list(listen(blocks, Listener(pack, embedder)))


def test_a_concert_is_followed(events: list[Event], show: Any) -> None:
    changes = [event for event in events if event.event != "position"]
    assert told(changes) == [
        (kind, title) for title, _, _ in show.songs for kind in ("song_start", "song_end")
    ]
    for (_, start_s, end_s), start, end in zip(show.songs, changes[::2], changes[1::2], strict=True):
        assert start_s < start.time_s < start_s + 6.0
        assert end_s - 3.0 < end.time_s < end_s + 5.0


def test_positions_are_those_of_the_songs(events: list[Event], show: Any) -> None:
    errors = [
        event.position_s - (event.time_s - start_s)
        for event in events
        for title, start_s, end_s in show.songs
        if event.song == title and start_s < event.time_s <= end_s
    ]
    assert len(errors) > 30
    assert float(np.median(np.abs(errors))) < 0.2
    assert float(np.abs(errors).max()) < 1.0


def test_times_never_go_back_between_starts(events: list[Event]) -> None:
    times = [event.time_s for event in events if event.event != "song_end"]
    assert times == sorted(times)


@pytest.fixture(scope="module")
def stretch(show: Any) -> np.ndarray:
    """8 s around the beginning of the first song."""
    start = round(show.songs[0][1] * RATE)
    return show.audio[start - 2 * RATE : start + 6 * RATE]


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 8 * RATE), max_size=12))
def test_the_size_of_the_blocks_changes_nothing(
    cuts: list[int], stretch: np.ndarray, pack: Pack, embedder: Embedder
) -> None:
    whole = list(listen([stretch], Listener(pack, embedder)))
    assert whole[0].event == "song_start"
    edges = [0, *sorted(cuts), len(stretch)]
    blocks = [stretch[a:b] for a, b in pairwise(edges)]
    assert list(listen(blocks, Listener(pack, embedder))) == whole


def test_single_samples_are_blocks_too(stretch: np.ndarray, pack: Pack, embedder: Embedder) -> None:
    buffer = np.zeros(1, np.float32)

    def one_by_one() -> Iterator[np.ndarray]:
        for sample in stretch:
            buffer[0] = sample  # a device hands out the same buffer again
            yield buffer

    whole = list(listen([stretch], Listener(pack, embedder)))
    assert list(listen(one_by_one(), Listener(pack, embedder))) == whole


def test_the_command_prints_events_as_json_and_costs_on_request(
    stretch: np.ndarray, pack_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "stretch.wav", stretch, RATE)
    arguments = ["concert", "listen", tmp_path / "stretch.wav", "--pack", pack_file]
    assert run(*arguments, "--json", "--stats") == 0
    out, err = capfd.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    assert all(set(line) == {"time_s", "event", "song", "position_s", "score"} for line in lines)
    assert lines[0]["event"] == "song_start"
    assert lines[0]["song"] == "Golden River"
    costs = json.loads(err.splitlines()[-1])
    assert costs["steps"] == 13
    assert 0 < costs["wall_p50_ms"] <= costs["wall_p95_ms"]
    assert costs["peak_resident_mb"] > 50
    assert run(*arguments, "--gate", "simple") == 0
    out, err = capfd.readouterr()
    assert 'song_start  "Golden River" at 0:0' in out
    assert err == ""


def test_nothing_found_is_status_1(
    pack_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "silence.wav", np.zeros(4 * RATE, np.float32), RATE)
    assert run("concert", "listen", tmp_path / "silence.wav", "--pack", pack_file) == 1
    assert capfd.readouterr().out == ""


PROGRAM = [sys.executable, "-m", "tonewheel", "concert", "listen"]


def test_a_wav_through_a_pipe_and_a_command_at_the_songs_start(
    stretch: np.ndarray, pack_file: Path, tmp_path: Path
) -> None:
    write(tmp_path / "stretch.wav", stretch, RATE)
    command = (
        f"{sys.executable} -c \"import os; open('{tmp_path}/told', 'w').write(os.environ['TONEWHEEL_SONG'])\""
    )
    with (tmp_path / "stretch.wav").open("rb") as pipe:
        done = subprocess.run(
            [*PROGRAM, "-", "--pack", str(pack_file), "--json", "--on-song", command],
            stdin=pipe,
            capture_output=True,
            timeout=110,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    first = json.loads(done.stdout.splitlines()[0])
    assert (first["event"], first["song"]) == ("song_start", "Golden River")
    assert (tmp_path / "told").read_text() == "Golden River"
    assert done.stderr == b""


def test_raw_pcm_through_a_pipe(
    stretch: np.ndarray, pack_file: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    stereo = np.repeat((stretch * 32767).astype("<i2"), 2)
    stdin = SimpleNamespace(buffer=io.BytesIO(stereo.tobytes()), closed=False, isatty=lambda: False)
    monkeypatch.setattr(sys, "stdin", stdin)
    assert run("concert", "listen", "-", "--channels", "2", "--pack", pack_file, "--json") == 0
    first = json.loads(capfd.readouterr().out.splitlines()[0])
    assert (first["event"], first["song"]) == ("song_start", "Golden River")


@pytest.mark.parametrize(
    "bad", ["missing", "empty", "cut mp3", "nothing", "nan", "slow", "fast", "wide", "text", "folder"]
)
def test_bad_sound_is_one_line(
    bad: str, stretch: np.ndarray, pack_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / ("bad.mp3" if bad == "cut mp3" else "bad.wav")
    if bad == "empty":
        path.touch()
    elif bad == "cut mp3":
        write(tmp_path / "whole.mp3", stretch, RATE)
        path.write_bytes((tmp_path / "whole.mp3").read_bytes()[:2500])
    elif bad == "nothing":
        soundfile.write(path, np.zeros(0, np.float32), RATE)
    elif bad == "nan":
        soundfile.write(path, np.full(RATE, np.nan, np.float32), RATE, subtype="FLOAT")
    elif bad == "slow":
        soundfile.write(path, stretch[:RATE], 1)
    elif bad == "fast":
        soundfile.write(path, stretch[:RATE], 768_000)
    elif bad == "wide":
        soundfile.write(path, np.zeros((RATE, 64), np.float32), RATE)
    elif bad == "text":
        path.write_text("la la la\n" * 50)
    elif bad == "folder":
        path.mkdir()
    assert run("concert", "listen", path, "--pack", pack_file) == 2
    told = capfd.readouterr().err.strip().splitlines()
    assert len(told) == 1
    assert str(path) in told[0]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--gate", "simpel"], 'did you mean "simple"'),
        (["--cue-http", "file:///etc/passwd"], "--cue-http"),
        (["--cue-osc", "nowhere"], "--cue-osc"),
        (["--on-song", "'"], "--on-song"),
    ],
    ids=str,
)
def test_a_wrong_option_is_one_line(
    options: list[str], reason: str, show_file: Path, pack_file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run("concert", "listen", show_file, "--pack", pack_file, *options) == 2
    told = capfd.readouterr()
    assert reason in told.err
    assert len(told.err.strip().splitlines()) == 1
    assert told.out == ""


def test_costs_are_summed_up() -> None:
    costs = [Cost(wall_ms=float(n), cpu_ms=50.0) for n in range(101)]
    summary = cost_summary(costs, hop_s=0.5)
    assert (summary.steps, summary.wall_p50_ms, summary.wall_p95_ms) == (101, 50.0, 95.0)
    assert summary.real_time_factor == 0.1
    assert "101 steps" in str(summary)
    assert cost_summary([], hop_s=0.5).steps == 0


def test_silence_is_not_the_song_that_ends_in_silence(music: list[np.ndarray], embedder: Embedder) -> None:
    fading = np.concatenate([music[0], np.zeros(8 * RATE, np.float32)])
    reference = Reference(song="Fading", file="", seconds=32.0, windows=61, lufs=None)
    pack = Pack.of([reference], [embedder.embed(fading).embeddings], embedder)
    assert Listener(pack, embedder).push(np.zeros(20 * RATE, np.float32)) == []
