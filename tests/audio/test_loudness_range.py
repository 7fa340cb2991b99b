"""Loudness range against the minimum requirements of EBU Tech 3342 (2023), table 1, and beats against clicks."""

from __future__ import annotations

import numpy as np
import pytest

from tonewheel.audio.beats import track_beats
from tonewheel.audio.loudness import integrated_lufs
from tonewheel.audio.loudness_range import RangeMeter, loudness_range_lu

RATE = 16_000


def tones(*levels_dbfs: float, seconds: float = 20.0) -> np.ndarray:
    """A stereo sine of 1 kHz, 20 s at each level, as the standard's test signals."""
    t = np.arange(round(seconds * RATE)) / RATE
    mono = np.concatenate([10 ** (level / 20) * np.sin(2 * np.pi * 1000 * t) for level in levels_dbfs])
    return np.stack([mono, mono]).astype(np.float32)


@pytest.mark.parametrize(
    ("levels", "range_lu"),
    [((-20, -30), 10.0), ((-20, -15), 5.0), ((-40, -20), 20.0), ((-50, -35, -20, -35, -50), 15.0)],
)
def test_the_standards_test_signals(levels: tuple[float, ...], range_lu: float) -> None:
    assert loudness_range_lu(tones(*levels), RATE) == pytest.approx(range_lu, abs=1.0)


def test_a_stream_in_blocks_equals_the_whole_and_its_loudness() -> None:
    sound = tones(-20, -26, -30, seconds=5.0)
    meter = RangeMeter(RATE, 2)
    for first in range(0, sound.shape[1], 7_777):
        meter.push(sound[:, first : first + 7_777])
    assert meter.loudness_range_lu() == pytest.approx(loudness_range_lu(sound, RATE), abs=1e-6)
    assert meter.integrated_lufs() == pytest.approx(integrated_lufs(sound, RATE), abs=1e-6)
    assert len(meter.steps()) == 150


def test_silence_and_short_sound_have_no_range() -> None:
    assert loudness_range_lu(np.zeros(5 * RATE), RATE) == 0.0
    assert loudness_range_lu(np.ones(RATE), RATE) == 0.0


def test_beats_follow_a_tempo_that_drifts() -> None:
    period = np.linspace(50, 44, 40)
    at = np.cumsum(period).astype(int)
    strength = np.random.default_rng(0).uniform(0, 0.2, at[-1] + 60)
    strength[at] = 1.0
    found = track_beats(strength, np.interp(np.arange(len(strength)), at, period))
    assert len(set(found.tolist()) & set(at.tolist())) >= 38
