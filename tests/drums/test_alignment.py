"""Delays that are known to a fraction of a sample are found, drift and polarity too, however long the file."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from scipy import signal

from tonewheel.audio.delay import find_delay, transients
from tonewheel.audio.microphones import listen_to_session
from tonewheel.core.errors import InputError
from tonewheel.gates.alignment import AlignmentGate
from tonewheel.gates.base import Judgement, Verdict
from tonewheel.manifest.session import read_session


@pytest.fixture(scope="module")
def made(repository: Path) -> dict[str, Any]:
    return runpy.run_path(str(repository / "examples" / "drums" / "make_session.py"))


def judged(manifest: Path, **limits: Any) -> tuple[Judgement, dict[tuple[str, str], dict[str, Any]]]:
    found = AlignmentGate(**limits).check(read_session(manifest), manifest.parent)
    assert Verdict.from_json(found.verdicts[0].to_json()) == found.verdicts[0]
    return found, {(pair["a"], pair["b"]): pair for pair in found.measured["pairs"]}


@pytest.fixture(scope="module")
def session(made: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    delays = {
        "kick": lambda t: 0.0,
        "snare": lambda t: 3.37,
        "top": lambda t: -20.25,
        "room": lambda t: 2.0 + 2.5 * t / 60,
    }
    path: Path = made["write_session"](tmp_path_factory.mktemp("session"), delays, inverted=["snare"])
    return path


def test_fractions_drift_and_polarity_are_found(session: Path) -> None:
    found, pairs = judged(session)
    assert not found.verdicts[0].passed
    snare, top, room = (pairs["kick", name] for name in ("snare", "top", "room"))
    assert snare["median_samples"] == pytest.approx(3.37, abs=0.01)
    assert snare["passed"]
    assert snare["inverted"]
    assert "the polarity is inverted" in snare["notes"]
    assert top["median_samples"] == pytest.approx(-20.25, abs=0.01)
    assert top["median_ms"] == pytest.approx(-20.25 / 44.1, abs=0.001)
    assert top["reasons"] == ("kick is 0.459 ms late, at most 0.25 ms is allowed",)
    assert not top["inverted"]
    assert room["drift_samples_per_min"] == pytest.approx(2.5, abs=0.05)
    low, high = room["drift_interval"]
    assert low < 2.5 < high
    assert any("drifts" in reason for reason in room["reasons"])
    assert all(pair["support"] >= 20 for pair in pairs.values())
    assert pairs["snare", "top"]["median_samples"] == pytest.approx(-23.62, abs=0.02)


def test_limits_decide(session: Path) -> None:
    found, _ = judged(session, most_delay_ms=1.0, most_drift_samples_per_min=3.0)
    assert found.verdicts[0].passed
    found, pairs = judged(session, most_delay_ms=1.0, most_drift_samples_per_min=3.0, inverted_fails=True)
    assert pairs["kick", "snare"]["reasons"] == ("the polarity is inverted",)
    found, pairs = judged(session, least_onsets=500)
    assert "transients agree" in pairs["kick", "snare"]["reasons"][0]


def test_the_page_shows_delay_over_time(session: Path) -> None:
    found, _ = judged(session)
    assert "data:image/png" in found.sections[1]
    assert "room" in found.sections[0]


def test_few_transients_over_the_whole_file_hear_what_many_hear(session: Path) -> None:
    paths = [session.parent / mic.path for mic in read_session(session).mics[:2]]
    often, seldom = listen_to_session(paths, most=1000), listen_to_session(paths, most=8)
    assert 4 <= len(seldom.heard) < len(often.heard)
    assert seldom.heard[-1].time_s - seldom.heard[0].time_s > often.seconds / 2  # drift needs time
    times_s = np.array([one.time_s for one in often.heard])
    for one in seldom.heard:
        assert np.abs(times_s - one.time_s).min() < 0.002
        assert one.peaks[0, 1][1].delay_samples == pytest.approx(3.37, abs=0.01)


def test_microphones_that_heard_nothing_alike_are_not_called_aligned(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        clicks = np.zeros(10 * 8000)
        clicks[rng.integers(0, clicks.size, 60)] = 1
        heard = signal.lfilter([1], [1, -0.9], clicks) + 0.01 * rng.standard_normal(clicks.size)
        soundfile.write(tmp_path / f"{name}.wav", 0.3 * heard, 8000)
    path = tmp_path / "session.json"
    path.write_text(json.dumps({"session_id": "s", "mics": [{"name": n, "path": f"{n}.wav"} for n in "ab"]}))
    found, pairs = judged(path)
    assert not found.verdicts[0].passed
    assert "transients agree, at least 20 are needed" in pairs["a", "b"]["reasons"][0]


def test_a_missing_file_is_a_failure_that_is_named(tmp_path: Path) -> None:
    path = tmp_path / "session.json"
    path.write_text(json.dumps({"session_id": "s", "mics": [{"name": n, "path": f"{n}.wav"} for n in "ab"]}))
    found, _ = judged(path)
    assert "No such file" in found.verdicts[0].detail or "no such file" in found.verdicts[0].detail
    assert found.verdicts[0].findings[0].path.endswith("a.wav")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not JSON"),
        ('{"session_id": "s"}', '"mics" is missing'),
        ('{"session_id": "s", "mics": [{"name": "a", "path": "a"}]}', "two microphones or more"),
        ('{"session_id": "s", "mics": [{"name": "a", "path": "a"}, {"name": "a", "path": "b"}]}', "twice"),
    ],
)
def test_a_manifest_that_is_none_says_why(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "s.json").write_text(text)
    with pytest.raises(InputError, match=reason):
        read_session(tmp_path / "s.json")


@pytest.mark.parametrize("delay", [0.0, 0.25, -3.5, 11.9])
def test_a_delay_equals_a_phase_shift_of_the_spectrum(delay: float) -> None:
    rng = np.random.default_rng(2)
    drum = np.zeros(2048)
    drum[400:900] = rng.standard_normal(500) * np.exp(-np.arange(500) / 90)
    drum = signal.sosfiltfilt(signal.butter(4, 0.7, output="sos"), drum)
    turn = np.exp(-2j * np.pi * np.fft.rfftfreq(2048) * delay)
    late = np.fft.irfft(np.fft.rfft(drum) * turn, 2048)
    same, inverted = find_delay(drum[300:1200], -late[280:1220], margin=20)
    assert inverted.delay_samples == pytest.approx(delay, abs=0.01)
    assert inverted.correlation > 0.99 > same.correlation


def test_silence_has_no_transients_and_no_delay() -> None:
    assert transients(np.zeros(8000), 8000)[0].size == 0
    assert find_delay(np.zeros(100), np.zeros(140), 20)[0].correlation == 0.0
