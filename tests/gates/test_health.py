"""The health gate on files that are sound and files that are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tonewheel.gates.health import HealthGate, clipped_samples
from tonewheel.manifest.tracks import Track

RATE_HZ = 16_000


def noise(seconds: float = 6.0, level: float = 0.1) -> np.ndarray:
    return np.asarray(np.random.default_rng(0).normal(0, level, int(seconds * RATE_HZ)), np.float32)


def problems(folder: Path, audio: np.ndarray, music: bool = True) -> list[str]:
    path = folder / "a.wav"
    soundfile.write(path, audio, RATE_HZ, subtype="FLOAT")
    return HealthGate().problems(path, music=music)


def test_sound_music_has_no_problems(tmp_path: Path) -> None:
    assert problems(tmp_path, noise()) == []
    assert problems(tmp_path, np.stack((noise(), noise()), axis=1)) == []


@pytest.mark.parametrize(
    ("audio", "reason"),
    [
        (noise(2.0), "shortest allowed"),
        (noise(level=1e-4), "silent"),
        (np.zeros(6 * RATE_HZ, np.float32), "silent"),
        (np.clip(noise(level=1.0), -1, 1), "clipped"),
        (np.append(noise(), np.float32(np.nan)), "NaN"),
        (np.append(noise(), np.float32(np.inf)), "infinite"),
    ],
)
def test_unfit_audio_is_told(tmp_path: Path, audio: np.ndarray, reason: str) -> None:
    assert reason in "; ".join(problems(tmp_path, audio))


def test_one_loud_channel_is_enough_to_clip(tmp_path: Path) -> None:
    stereo = np.stack((noise(), np.clip(noise(level=1.0), -1, 1)), axis=1)
    assert "clipped" in problems(tmp_path, stereo)[0]


def test_a_response_may_be_short_and_quiet_but_not_empty(tmp_path: Path) -> None:
    assert problems(tmp_path, noise(0.05, 1e-5), music=False) == []
    assert "digital silence" in problems(tmp_path, np.zeros(800, np.float32), music=False)[0]


def test_a_limited_peak_is_not_clipping() -> None:
    tone = np.sin(np.arange(RATE_HZ) * 0.05).astype(np.float32)
    assert clipped_samples(tone) == 0
    assert clipped_samples(np.clip(1.5 * tone, -1, 1)) > 0.4 * RATE_HZ
    assert clipped_samples(np.full(5, -1, np.float32)) == 5
    assert clipped_samples(np.zeros(0, np.float32)) == 0


def test_the_gate_names_every_bad_file_and_goes_on(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "good.wav", noise(), RATE_HZ)
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("no audio at all")
    soundfile.write(tmp_path / "short.wav", noise(1.0), RATE_HZ)
    names = ["good.wav", "empty.wav", "text.wav", "short.wav", "missing.wav"]
    verdict = HealthGate().check([Track(path=name) for name in names], tmp_path)
    assert not verdict.passed
    assert [finding.path for finding in verdict.findings] == names[1:]
    assert (verdict.value, verdict.limit) == (4, 0)
    assert HealthGate(most_broken=4).check([Track(path=name) for name in names], tmp_path).passed
