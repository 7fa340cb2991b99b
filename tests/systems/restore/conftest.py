"""What the tests of the restore system share: music to damage, and a small prepared folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

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
