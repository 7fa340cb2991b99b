"""Concerts follow their plan to the sample, and crowd noise has the physics that tells it from music."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import stft

from tonewheel.synth.compose import compose
from tonewheel.synth.concert import concert, plan_concert
from tonewheel.synth.noise import applause, cheering, room_tone
from tonewheel.synth.speech import banter

SR = 16000


def test_a_concert_is_what_its_plan_says() -> None:
    songs = [compose(seed) for seed in (1, 2)]
    show = plan_concert(songs, 5, song_s=4.0)
    spans = list(concert(songs, 5, SR, song_s=4.0))
    assert [span for span, _ in spans] == list(show.spans)
    assert [span.title for span in show.setlist] == [song.title for song in songs]
    assert all(a.end_s == b.start_s for a, b in zip(show.spans, show.spans[1:], strict=False))
    assert sum(len(audio) for _, audio in spans) == round(show.seconds * SR)
    for span, audio in spans:
        assert audio.dtype == np.float32
        assert np.abs(audio).max() <= 1.0
        level_db = 20 * np.log10(audio.std() + 1e-12)
        assert level_db < -60 if span.kind == "silence" else level_db > -45, (span, level_db)
    again = list(concert(songs, 5, SR, song_s=4.0))
    assert all(np.array_equal(a, b) for (_, a), (_, b) in zip(spans, again, strict=True))


@pytest.mark.parametrize("make", [applause, cheering, banter, room_tone])
def test_noise_has_its_length_level_and_seed(make: object) -> None:
    assert callable(make)
    for seconds in (0.4, 3.0):
        one = make(np.random.default_rng(3), seconds, SR)
        assert one.shape == (round(seconds * SR),)
        assert one.dtype == np.float32
        assert np.isfinite(one).all()
        assert 0 < np.abs(one).max() < 1
        assert np.array_equal(one, make(np.random.default_rng(3), seconds, SR))
        assert not np.array_equal(one, make(np.random.default_rng(4), seconds, SR))


def _modulation(sound: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    frames = sound[: len(sound) // 160 * 160].reshape(-1, 160)
    envelope = np.sqrt(np.mean(frames.astype(np.float64) ** 2, axis=1))
    spectrum = np.abs(np.fft.rfft((envelope - envelope.mean()) * np.hanning(len(envelope)))) ** 2
    return np.fft.rfftfreq(len(envelope), 0.01), spectrum


def test_banter_has_the_rhythm_and_pauses_of_speech() -> None:
    """Speech is modulated most at 1-8 Hz (Houtgast and Steeneken 1985), and it pauses."""
    for seed in range(3):
        sound = banter(np.random.default_rng(seed), 12.0, SR)
        frequency, power = _modulation(sound)
        syllabic = power[(frequency > 1) & (frequency < 8)].mean()
        assert syllabic > 5 * power[(frequency > 12) & (frequency < 40)].mean()
        frames = np.sqrt(np.mean(sound.reshape(-1, 320) ** 2, axis=1))
        quiet = np.mean(frames < 0.15 * np.percentile(frames, 90))
        assert 0.03 < quiet < 0.7


def test_applause_is_dense_and_flat() -> None:
    sound = applause(np.random.default_rng(1), 6.0, SR, claps_per_s=300)
    _, _, spectrum = stft(sound[SR : -2 * SR], SR, nperseg=512)
    power = (np.abs(spectrum[16:200]) ** 2).mean(axis=1)  # 0.5 to 6.2 kHz
    flatness = np.exp(np.mean(np.log(power))) / np.mean(power)
    assert flatness > 0.3
