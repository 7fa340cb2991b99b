"""What the tests of the restore system share: music to damage, and a small prepared folder."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

from tonewheel.systems.restore.clean import Cleaner
from tonewheel.systems.restore.hiss.denoiser import Floor
from tonewheel.systems.restore.prepare import Prepared, prepare
from tonewheel.systems.restore.transients import MAKERS

RATE = 44_100


def music(seed: int, seconds: float, rate: int = RATE) -> np.ndarray:
    """Decaying chords and sticks, (samples,), peak 0.7: cheap, and with attacks."""
    rng = np.random.default_rng(seed)
    out = np.zeros(round(seconds * rate))
    after_s = np.arange(round(0.8 * rate)) / rate
    for start_s in np.arange(0.05, seconds, 0.4):
        chord = np.zeros(after_s.size)
        for tone_hz in 220 * 2 ** (rng.choice(24, 3, replace=False) / 12):
            # A geometric series is a tone with all harmonics; its closed form costs two sines.
            phase = np.exp(2j * np.pi * tone_hz * after_s)
            chord += (phase / (1 - 0.7 * phase)).imag
        first = round(start_s * rate)
        length = min(chord.size, out.size - first)
        out[first : first + length] += (chord * np.exp(-after_s / 0.2))[:length]
    out += 0.5 * np.abs(out).max() * MAKERS["sticks"](rng, seconds, rate)
    out += 1e-4 * np.abs(out).max() * rng.standard_normal(out.size)
    return (0.7 * out / np.abs(out).max()).astype(np.float32)


def make(folder: Path) -> Prepared:
    """Two tracks a split, a surface noise in train and in test, one drum track."""
    source = folder / "source"
    source.mkdir(parents=True)
    rows = ["path,kind,title,artist,license,split,label"]
    for number, split in enumerate(("train", "train", "valid", "valid", "test", "test")):
        soundfile.write(source / f"m{number}.wav", music(number, 7.0), RATE)
        rows.append(f"m{number}.wav,music,Song {number},Artist {number},CC0,{split},")
    for number, split in enumerate(("train", "test")):
        noise = np.random.default_rng(number).standard_normal(3 * RATE) * 0.01
        noise[:: RATE // 20] += 0.5
        soundfile.write(source / f"s{number}.wav", noise, RATE, subtype="FLOAT")
        rows.append(f"s{number}.wav,surface_noise,Noise {number},,CC0,{split},")
    soundfile.write(source / "d.wav", MAKERS["sticks"](np.random.default_rng(9), 7.0, RATE), RATE)
    rows.append("d.wav,raw_track,Drums,,CC BY-NC-SA 4.0,test,drums")
    soundfile.write(source / "closed.wav", music(8, 7.0), RATE)
    rows.append("closed.wav,music,Closed,Someone,CC BY-NC 4.0,train,")
    rows.append("missing.wav,music,Missing,Someone,CC0,train,")
    (source / "index.csv").write_text("\n".join(rows) + "\n")
    return prepare([source], folder / "prepared")[0]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """A small prepared folder of rendered sounds."""
    return make(tmp_path_factory.mktemp("restore"))


@pytest.fixture(scope="session")
def chords() -> np.ndarray:
    """Six seconds of clean music, (samples,) at 44.1 kHz."""
    return music(1, 6.0)


LIMIT = 0.8


class LoudIsClick:
    """Samples above 0.8 are clicks; the nearest good sample before takes their place."""

    fingerprint = "loud is click"

    def clean(self, plane: np.ndarray, sample_rate_hz: int) -> tuple[np.ndarray, np.ndarray, SimpleNamespace]:
        signal = np.asarray(plane, np.float64)
        mask = np.abs(signal) > LIMIT
        last_good = np.maximum.accumulate(np.where(mask, 0, np.arange(len(signal))))
        chance = np.where(mask, np.clip(np.abs(signal) / 2, 0.5, 1), 0).astype(np.float32)
        return np.where(mask, signal[last_good], signal), mask, SimpleNamespace(hit=chance)


class Halves:
    """A denoiser that halves everything, half a block late."""

    fingerprint = "halves"

    def meter(self, sample_rate_hz: int) -> Any:
        floor = Floor(sample_rate_hz=sample_rate_hz, levels_db=(), hiss_db=(), level_db=-40.0, snr_db=20.0)
        return SimpleNamespace(push=lambda audio: None, floor=lambda: floor)

    def stream(self, sample_rate_hz: int, floor: Floor, strength: float = 1.0) -> Any:
        held = [np.zeros(0, np.float32)]

        def push(audio: np.ndarray) -> np.ndarray:
            known = np.concatenate((held[0], audio))
            ready = len(known) - len(audio) // 2
            held[0] = known[ready:]
            return known[:ready] * np.float32(1 - 0.5 * strength)

        return SimpleNamespace(push=push, finish=lambda: held[0] * np.float32(1 - 0.5 * strength))


@pytest.fixture
def loud_is_click() -> LoudIsClick:
    """A stand-in for the click detector that can be computed by hand."""
    return LoudIsClick()


@pytest.fixture
def cleaner(loud_is_click: LoudIsClick) -> Cleaner:
    """A cleaner with stand-ins for both networks."""
    return Cleaner(loud_is_click, Halves())  # type: ignore[arg-type]
