"""Crowds: the ratio is the stated one, loops have no seam, silence stays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tonewheel.core.errors import InputError
from tonewheel.degrade.crowd import Crowd

RATE_HZ = 16000


@pytest.fixture
def crowd_files(tmp_path: Path) -> list[str]:
    rng = np.random.default_rng(0)
    paths = []
    for number, seconds in enumerate((0.7, 2.0, 1.3)):
        path = tmp_path / f"crowd{number}.wav"
        soundfile.write(path, 0.05 * (number + 1) * rng.standard_normal(int(seconds * 22050)), 22050)
        paths.append(str(path))
    return paths


def decibels(audio: np.ndarray) -> float:
    return 20 * np.log10(np.sqrt(np.mean(audio.astype(np.float64) ** 2)))


@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 10.0, 30.0])
@pytest.mark.parametrize("channels", [0, 2])
def test_measured_ratio_is_the_stated_one(crowd_files: list[str], snr_db: float, channels: int) -> None:
    rng = np.random.default_rng(1)
    audio = 0.2 * rng.standard_normal((channels, 80000) if channels else 80000).astype(np.float32)
    crowd = Crowd.draw(rng, paths=crowd_files, snr_db=(snr_db, snr_db))
    noise = crowd.apply(audio, RATE_HZ) - audio
    assert decibels(audio) - decibels(noise) == pytest.approx(snr_db, abs=0.1)


def test_pauses_do_not_count(crowd_files: list[str]) -> None:
    """Half of the clip is silence: the ratio holds in the half that has music, and the crowd is in both."""
    rng = np.random.default_rng(2)
    audio = np.zeros(64000, np.float32)
    audio[32000:] = 0.2 * rng.standard_normal(32000)
    noise = Crowd(sources=(crowd_files[1],), snr_db=6.0, swing_db=0.0, seed=4).apply(audio, RATE_HZ) - audio
    assert decibels(audio[32000:]) - decibels(noise[32000:]) == pytest.approx(6, abs=0.1)
    assert decibels(noise[:32000]) == pytest.approx(decibels(noise[32000:]), abs=1)


def test_silence_stays_silence(crowd_files: list[str]) -> None:
    out = Crowd(sources=(crowd_files[0],), snr_db=0.0).apply(np.zeros(5000, np.float32), RATE_HZ)
    assert not out.any()


def test_a_loop_has_no_seam(tmp_path: Path) -> None:
    """A looped slow ramp would jump at its end; faded over its beginning it does not."""
    ramp = np.linspace(-0.5, 0.5, RATE_HZ)
    soundfile.write(tmp_path / "ramp.wav", ramp, RATE_HZ, subtype="FLOAT")
    noise = Crowd(sources=(str(tmp_path / "ramp.wav"),), snr_db=0.0, swing_db=0.0).noise(4 * RATE_HZ, RATE_HZ)
    assert np.abs(np.diff(noise)).max() < 0.01 * np.abs(noise).max()


def test_level_swells_and_sinks(crowd_files: list[str]) -> None:
    def spread_db(swing_db: float) -> float:
        crowd = Crowd(sources=(crowd_files[1],), snr_db=0.0, swing_db=swing_db, swing_s=1.0, seed=3)
        parts = crowd.noise(20 * RATE_HZ, RATE_HZ).reshape(20, -1)
        return float(np.std([decibels(part) for part in parts]))

    assert spread_db(0.0) < 0.3
    assert 1.0 < spread_db(6.0) < 6.0


@pytest.mark.parametrize("kind", ["applause", "cheering", "banter"])
def test_synthetic_crowds(kind: str) -> None:
    audio = 0.1 * np.random.default_rng(0).standard_normal(RATE_HZ).astype(np.float32)
    noise = Crowd(sources=(f"synthetic:{kind}/3",), snr_db=3.0).apply(audio, RATE_HZ) - audio
    assert decibels(audio) - decibels(noise) == pytest.approx(3, abs=0.1)


def test_unknown_synthetic_crowds_are_refused() -> None:
    with pytest.raises(InputError, match="applause, cheering or banter"):
        Crowd(sources=("synthetic:booing/1",), snr_db=0.0).apply(np.ones(100, np.float32), RATE_HZ)
