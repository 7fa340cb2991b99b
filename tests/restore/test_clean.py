"""Cleaning files: formats kept, nothing delayed, chunks equal the whole, batches go on, nothing half-written.

Stand-ins for the two networks do simple things that can be computed by hand; the networks have tests of their own.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

from tonewheel.cli.main import main
from tonewheel.core.errors import InputError
from tonewheel.systems.restore import clean as clean_module
from tonewheel.systems.restore import report as report_module
from tonewheel.systems.restore.clean import Cleaner, Scratch, form_for
from tonewheel.systems.restore.plan import PARTS, Plan, check_parts, check_strength, plan_for
from tonewheel.systems.restore.profile import HumProfile, ImpulseProfile, Profile, RumbleProfile
from tonewheel.systems.restore.stages import ClicksStage, Windowed, hum_stage, rumble_stage, run

LIMIT = 0.8


def profile(**found: Any) -> Profile:
    return Profile(
        recording="a.wav", sample_rate_hz=44_100, channels=2, seconds=3.0, music_rms=0.1, peak=0.9, snr_db=30.0,
        bandwidth_hz=(80.0, 7500.0), **found,
    )  # fmt: skip


IMPULSES = ImpulseProfile(
    rate_per_s=10.0, amplitude=0.3, amplitude_spread=0.5, width_ms=0.2, width_spread=0.5, longest_ms=1.0
)
CLICKED = profile(clicks=IMPULSES)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[Profile]:
    """What measuring finds; a test may change it."""
    answer = [CLICKED]

    def measured(parts: Iterable[np.ndarray], rate: int, name: str) -> Profile:
        assert all(part.ndim == 2 for part in parts)
        return answer[0]

    monkeypatch.setattr(clean_module, "measured", measured)
    monkeypatch.setattr(report_module, "measured", measured)
    return answer


def clicked(seconds: float = 3.0, rate: int = 44_100, channels: int = 2) -> np.ndarray:
    """(channels, samples) of quiet noise with a loud sample now and then."""
    rng = np.random.default_rng(0)
    audio = rng.uniform(-0.4, 0.4, (channels, round(seconds * rate)))
    for channel in audio:
        channel[rng.integers(0, audio.shape[1], 20)] = 0.95
    return audio.astype(np.float32)


@pytest.mark.parametrize(
    ("suffix", "subtype", "rate", "channels"),
    [
        (".wav", "PCM_16", 44_100, 2),
        (".wav", "PCM_24", 96_000, 1),
        (".wav", "FLOAT", 48_000, 2),
        (".wav", "PCM_U8", 8_000, 1),
        (".flac", "PCM_16", 22_050, 2),
        (".flac", "PCM_24", 192_000, 2),
        (".wav", "PCM_16", 44_100, 3),
    ],
)
def test_format_and_every_good_sample_stay(
    cleaner: Cleaner,
    found: list[Profile],
    tmp_path: Path,
    suffix: str,
    subtype: str,
    rate: int,
    channels: int,
) -> None:
    source, out = (tmp_path / f"{name}{suffix}" for name in ("in", "out"))
    removed = tmp_path / "removed.wav"
    soundfile.write(source, clicked(1.1, rate, channels).T, rate, subtype)
    done = cleaner.clean(source, out, removed=removed, list_clicks=True)
    was, now = soundfile.info(source), soundfile.info(out)
    assert (was.samplerate, was.channels, was.subtype, was.frames) == (
        now.samplerate,
        now.channels,
        now.subtype,
        now.frames,
    )
    before, after, taken = (soundfile.read(path, always_2d=True)[0] for path in (source, out, removed))
    hit = np.abs(before) > LIMIT
    assert (after[~hit] == before[~hit]).all(), "what was not damaged must stay bit for bit"
    assert (np.abs(after[hit]) < LIMIT).all()
    assert np.abs(after + taken - before).max() <= 2.0 ** (1 - (8 if subtype == "PCM_U8" else 15))
    assert done.steps == ("clicks",)
    assert done.click_count == len(done.clicks) >= 15 * channels
    for click in done.clicks:
        place = round(click.start_s * rate)
        assert hit[place, click.channel]


def test_lossy_files_and_videos_are_read_and_become_flac(
    cleaner: Cleaner, found: list[Profile], tmp_path: Path
) -> None:
    from tonewheel.audio.decode import probe
    from tonewheel.audio.encode import write

    write(tmp_path / "a.mp4", clicked(2.0), 44_100)
    cleaner.clean(tmp_path / "a.mp4", tmp_path / "a.flac")
    assert probe(tmp_path / "a.flac").seconds == pytest.approx(2.0, abs=0.03)
    assert form_for("a.wav", None) == "float"


def test_nothing_is_done_where_nothing_was_found(
    cleaner: Cleaner, found: list[Profile], tmp_path: Path
) -> None:
    found[0] = profile()
    soundfile.write(tmp_path / "in.wav", clicked().T, 44_100, "PCM_16")
    done = cleaner.clean(tmp_path / "in.wav", tmp_path / "out.wav")
    assert done.steps == ()
    assert (tmp_path / "in.wav").read_bytes()[44:] == (tmp_path / "out.wav").read_bytes()[44:]


@pytest.mark.parametrize("cut", [1000, 44_100, 1_000_000])
def test_chunks_equal_the_whole(cleaner: Cleaner, loud_is_click: Any, cut: int) -> None:
    audio = clicked(21.0)
    hum = HumProfile(frequency_hz=50.0, level_db=-30.0, harmonics_db=(0.0, -6.0))
    plan = Plan(clicks=True, hiss=True, hum=hum, rumble_hz=20.0, offsets=(0.01, -0.02))
    parts = [audio[:, at : at + cut] for at in range(0, audio.shape[1], cut)]
    streamed = np.concatenate(list(cleaner.passes(lambda: parts, 44_100, 2, plan)), axis=1)
    assert streamed.shape == audio.shape
    if cut == 1_000_000:
        from tonewheel.systems.restore.hum import HumRemover
        from tonewheel.systems.restore.rumble import RumbleRemover

        for channel, (row, offset) in enumerate(zip(audio, plan.offsets, strict=True)):
            whole = loud_is_click.clean(row, 44_100)[0].astype(np.float32)
            whole = RumbleRemover(20.0, 44_100, offset).process(HumRemover(hum, 44_100).process(whole))
            assert np.abs(streamed[channel] - whole / 2).max() < 1e-5
    else:
        assert np.abs(streamed - cleaner.process(audio, 44_100, plan=plan)).max() < 1e-6


def test_strength_takes_the_surest_clicks_first_and_nothing_at_zero(cleaner: Cleaner) -> None:
    audio = np.zeros((1, 44_100), np.float32)
    audio[0, [1000, 2000, 3000]] = [1.0, 1.4, 1.9]  # chances 0.5, 0.7, 0.95
    left = {}
    for strength in (1.0, 0.5, 0.4, 0.1, 0.0):
        plan = plan_for(CLICKED, PARTS, strength)
        left[strength] = int((cleaner.process(audio, 44_100, plan=plan) != 0).sum())
    assert left == {1.0: 0, 0.5: 0, 0.4: 1, 0.1: 2, 0.0: 3}
    hissing = Plan(hiss=True, strength=0.5)
    assert cleaner.process(audio, 44_100, plan=hissing) == pytest.approx(audio * 0.75)


def test_a_click_across_two_stretches_is_kept_whole_at_less_than_full_strength(loud_is_click: Any) -> None:
    rate = 8000
    audio = np.zeros((1, 20 * rate), np.float32)
    audio[0, 8 * rate - 5 : 8 * rate + 5] = 1.9
    stage = ClicksStage(loud_is_click, rate, 1, strength=0.3)  # type: ignore[arg-type]
    assert not np.concatenate(list(run([audio], [stage])), axis=1).any()


def test_only_the_parts_that_are_asked_for_are_done() -> None:
    everything = profile(
        clicks=IMPULSES,
        hum=HumProfile(frequency_hz=60.0, level_db=-50.0, harmonics_db=(0.0,)),
        rumble=RumbleProfile(level_db=-40.0, cutoff_hz=20.0, resonance_hz=11.0),
        dc=(0.1,),
    )
    assert plan_for(everything).steps == ("clicks", "hum", "rumble", "offset")
    assert plan_for(everything, ("hum",)).steps == ("hum", "rumble", "offset")
    assert plan_for(everything, ("clicks",)).steps == ("clicks",)
    with pytest.raises(InputError, match='did you mean "clicks"'):
        check_parts(["click"])
    for wrong in ("strong", "1.5", "-1", "nan"):
        with pytest.raises(InputError, match="--strength"):
            check_strength(wrong)


def test_hum_and_rumble_stages_do_what_their_removers_do_on_the_whole() -> None:
    time_s = np.arange(30 * 8000) / 8000
    tone = (0.1 * np.sin(2 * np.pi * 50 * time_s) + 0.1 * np.sin(2 * np.pi * 440 * time_s)).astype(np.float32)
    hum = HumProfile(frequency_hz=50.0, level_db=-23.0, harmonics_db=(0.0,))
    stages = [hum_stage(hum, 8000, 1), rumble_stage(20.0, (0.05,), 8000)]
    out = np.concatenate(list(run([(tone + 0.05)[None]], stages)), axis=1)[0]
    middle = slice(8000 * 3, 8000 * 27)
    assert np.abs(out[middle] - (0.1 * np.sin(2 * np.pi * 440 * time_s))[middle]).max() < 2e-3


def test_windowed_gives_every_sample_once_in_place() -> None:
    audio = np.arange(1003, dtype=np.float32)[None]
    for cut in (1, 7, 400, 2000):
        stage = Windowed(lambda part, start: part + 0 * start, channels=1, stretch=100, context=30)
        parts = [audio[:, at : at + cut] for at in range(0, 1003, cut)]
        assert (np.concatenate(list(run(parts, [stage])), axis=1) == audio).all()


def test_scratch_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clean_module, "IN_MEMORY_BYTES", 100)
    with Scratch(1, tmp_path) as scratch:
        scratch.write(np.arange(1000, dtype=np.float32)[None])
        assert np.concatenate(list(scratch.blocks(300)), axis=1)[0, 999] == 999
    assert list(tmp_path.iterdir()) == []


def test_a_recording_that_breaks_off_leaves_nothing_behind(
    cleaner: Cleaner, found: list[Profile], tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "whole.wav", clicked().T, 44_100, "PCM_16")
    data = (tmp_path / "whole.wav").read_bytes()
    (tmp_path / "in.wav").write_bytes(data[: len(data) // 2])
    (tmp_path / "whole.wav").unlink()
    with pytest.raises(InputError, match="truncated"):
        cleaner.clean(tmp_path / "in.wav", tmp_path / "out.wav", removed=tmp_path / "removed.wav")
    assert [path.name for path in tmp_path.iterdir()] == ["in.wav"]


@pytest.fixture
def shipped(cleaner: Cleaner, found: list[Profile], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Cleaner, "shipped", classmethod(lambda cls: cleaner))


def call(*words: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(["--quiet", "restore", "clean", *words])
    return int(left.value.code or 0)


@pytest.mark.usefixtures("shipped")
def test_a_batch_goes_on_past_a_broken_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "discs" / "b").mkdir(parents=True)
    for name in ("discs/1.wav", "discs/b/2.flac"):
        soundfile.write(name, clicked(0.5).T, 44_100, "PCM_16")
    Path("discs/broken.mp3").write_bytes(b"\xff\xfb" + bytes(300))
    assert call("discs", "-o", "clean", "--removed", "taken", "--json") == 2
    out, err = capfd.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["out"] for line in lines] == ["clean/1.wav", "clean/b/2.flac"]
    assert lines[0]["removed"] == ["clicks"]
    assert lines[0]["clicks"] > 10
    assert "broken.mp3" in err
    names = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    made = {f"{folder}/{name}" for folder in ("clean", "taken") for name in ("1.wav", "b/2.flac")}
    made = {name.replace("taken/b/2.flac", "taken/b/2.wav") for name in made}
    assert names == made | {"discs/1.wav", "discs/b/2.flac", "discs/broken.mp3"}


@pytest.mark.usefixtures("shipped")
def test_a_report_holds_the_clicks_and_can_be_listened_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    soundfile.write("in.wav", clicked(1.0).T, 44_100, "PCM_16")
    assert call("in.wav", "-o", "out.wav", "--report", "report.html") == 0
    page, data = Path("report.html").read_text(), json.loads(Path("report.json").read_text())
    assert page.count("<audio") == 3
    assert "The largest clicks from near" in page
    assert len(data["clicks"]) == data["click_count"] > 20
    assert {"start_s", "width_s", "peak"} <= set(data["clicks"][0])
    assert data["profile_after"]["snr_db"] == 30.0
    assert abs(data["loudness_change_lu"]) < 0.5


@pytest.mark.usefixtures("shipped")
def test_pipes_in_and_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    monkeypatch.chdir(tmp_path)
    soundfile.write("in.wav", clicked(0.5).T, 44_100, "PCM_24")
    stdin = SimpleNamespace(buffer=io.BytesIO(Path("in.wav").read_bytes()))
    stdout = SimpleNamespace(buffer=io.BytesIO())
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdin", stdin)
        patched.setattr(sys, "stdout", stdout)
        assert call("-", "-o", "-") == 0
    stdout.buffer.seek(0)
    sound, rate = soundfile.read(stdout.buffer)
    assert rate == 44_100
    assert sound.shape == (22_050, 2)
    assert np.abs(sound).max() < LIMIT
    assert [path.name for path in tmp_path.iterdir()] == ["in.wav"]


@pytest.mark.usefixtures("shipped")
def test_what_cannot_be_written_is_told_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.wav", "b.wav"):
        soundfile.write(name, clicked(0.2).T, 44_100, "PCM_16")
    Path("there.wav").write_text("mine")
    for words, told in (
        (["a.wav", "-o", "there.wav"], "--force"),
        (["a.wav", "-o", "a.wav", "--force"], "the recording itself"),
        (["a.wav", "b.wav", "-o", "c.wav"], "give a folder"),
        (["a.wav", "-o", "c.wav", "--removed", "c.wav"], "written twice"),
        (["a.wav", "-o", "-", "--json"], "standard output"),
        (["missing.wav", "-o", "c.wav"], "no such file"),
    ):
        assert call(*words) == 2
        assert told in capfd.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.wav", "b.wav", "there.wav"]
    assert Path("there.wav").read_text() == "mine"
    assert call("a.wav", "-o", "there.wav", "--force") == 0
