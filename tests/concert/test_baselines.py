"""The methods beside ours find what they are known to find, and say so when they cannot."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from tonewheel.audio.spectra import mel_filterbank
from tonewheel.core.errors import InputError, MissingDependencyError
from tonewheel.core.seeds import generator
from tonewheel.systems.concert.baselines import chromaprint, landmark, mfcc
from tonewheel.systems.concert.baselines.base import Baseline, winner
from tonewheel.systems.concert.baselines.chromaprint import Chromaprint
from tonewheel.systems.concert.baselines.landmark import Landmarks
from tonewheel.systems.concert.baselines.mfcc import MfccStatistics

RATE_HZ, SONGS, SECONDS = 16_000, 4, 20
needs_fpcalc = pytest.mark.skipif(not chromaprint.available(), reason="fpcalc is not installed")
Floats = NDArray[np.float32]

METHODS = [
    pytest.param(Landmarks, id="landmarks"),
    pytest.param(MfccStatistics, id="mfcc"),
    pytest.param(Chromaprint, id="chromaprint", marks=needs_fpcalc),
]


def music(number: int) -> Floats:
    """Three notes of its own timbre every 0.2 s over a noise floor of its own colour."""
    rng = generator(1, "music", number)
    audio = 0.01 * np.convolve(rng.normal(size=SECONDS * RATE_HZ), rng.normal(size=8), "same")
    time_s = np.arange(RATE_HZ // 2) / RATE_HZ
    phases = 2 * np.pi * 110 * 2 ** (np.array([0, 2, 5, 7, 10, 15, 17, 24, 31])[:, None] / 12) * time_s
    notes = sum(rng.uniform(0.2, 1) * np.sin(h * phases) for h in (1, 2, 4, 7)) * np.exp(-6 * time_s)
    for start in range(0, len(audio) - len(time_s), RATE_HZ // 5):
        loudness = rng.uniform(0.3, 1, 3)
        audio[start : start + len(time_s)] += loudness @ notes[rng.choice(len(notes), 3, replace=False)]
    return (0.5 * audio / np.abs(audio).max()).astype(np.float32)


@pytest.fixture(scope="module")
def songs() -> list[Floats]:
    return [music(number) for number in range(SONGS)]


def fill(method: Callable[[], Baseline], songs: list[Floats]) -> Baseline:
    filled = method()
    for number, audio in enumerate(songs):
        filled.add(number, audio)
    return filled


def cuts(songs: list[Floats], seconds: float) -> list[tuple[int, Floats]]:
    """Two cuts of each song that begin anywhere between two frames."""
    rng = generator(2, "cuts")
    length = round(seconds * RATE_HZ)
    starts = [(song, int(rng.integers(0, 18 * RATE_HZ - length))) for song in range(SONGS) for _ in range(2)]
    return [(song, songs[song][start : start + length]) for song, start in starts]


@pytest.mark.parametrize("method", METHODS)
def test_an_exact_excerpt_is_always_found(method: Callable[[], Baseline], songs: list[Floats]) -> None:
    filled = fill(method, songs)
    for song, clip in cuts(songs, 5.0):
        scores = filled.rank(clip)
        assert scores.shape == (SONGS,)
        assert scores.dtype == np.float64
        assert winner(scores) == song
        assert np.array_equal(filled.rank(clip), scores)  # deterministic


@pytest.mark.parametrize("method", [METHODS[0], METHODS[2]])
def test_a_fingerprint_mostly_survives_noise_and_any_level(
    method: Callable[[], Baseline], songs: list[Floats]
) -> None:
    filled = fill(method, songs)
    rng = generator(3, "noise")
    right = 0
    for song, clip in cuts(songs, 5.0):
        noise = rng.normal(size=len(clip)) * np.sqrt(np.mean(clip**2) / 10)  # 10 dB SNR
        right += winner(filled.rank((0.1 * (clip + noise)).astype(np.float32))) == song
    assert right >= 7


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("samples", [0, 100, 48_000])
def test_silence_and_next_to_nothing_name_no_song(
    method: Callable[[], Baseline], samples: int, songs: list[Floats]
) -> None:
    scores = fill(method, songs[:2]).rank(np.zeros(samples, dtype=np.float32))
    assert scores.shape == (2,)
    assert winner(scores) is None


@pytest.mark.parametrize("method", METHODS)
def test_an_empty_catalogue_and_unused_numbers(method: Callable[[], Baseline], songs: list[Floats]) -> None:
    filled = method()
    assert filled.rank(songs[0][:80_000]).shape == (0,)
    filled.add(2, songs[0])
    filled.add(2, songs[1])  # a second recording of the same song
    scores = filled.rank(songs[1][:80_000])
    assert winner(scores) == 2
    assert scores[0] == scores[1] == -np.inf


@pytest.mark.parametrize("method", METHODS)
def test_audio_that_is_not_mono_or_not_finite_is_refused(method: Callable[[], Baseline]) -> None:
    with pytest.raises(InputError, match="mono"):
        method().add(0, np.zeros((2, 16_000), dtype=np.float32))
    with pytest.raises(InputError, match="NaN"):
        method().add(0, np.full(16_000, np.nan, dtype=np.float32))


def test_mfcc_equals_librosa() -> None:
    librosa = pytest.importorskip("librosa")
    rng = generator(4, "oracle")
    audio = 0.1 * rng.normal(size=RATE_HZ) + np.sin(2 * np.pi * 440 * np.arange(RATE_HZ) / RATE_HZ)
    spec = mfcc.SPEC
    expected = librosa.feature.mfcc(
        y=audio.astype(np.float32),
        sr=RATE_HZ,
        n_mfcc=mfcc.COEFFICIENTS,
        n_fft=spec.n_fft,
        hop_length=spec.hop_samples,
        n_mels=spec.n_mels,
        fmin=spec.f_min_hz,
        fmax=spec.f_max_hz,
        center=False,
    )
    assert mel_filterbank(spec).shape[0] == spec.n_mels
    np.testing.assert_allclose(mfcc.mfcc(audio), expected, atol=2e-3)


def test_mfcc_windows_do_not_depend_on_level_and_are_half_a_second_apart(songs: list[Floats]) -> None:
    rows = mfcc.statistics(songs[0])
    assert rows.shape == (37, 60)  # (20 - 2) / 0.5 + 1
    np.testing.assert_allclose(mfcc.statistics(songs[0] / 4), rows, atol=0.02)
    later = mfcc.statistics(songs[0][RATE_HZ:])  # 1 s is 62.5 frames
    assert np.corrcoef(later[0], rows[2])[0, 1] > 0.999


def test_peaks_are_where_the_tones_begin() -> None:
    time_s = np.arange(3 * RATE_HZ) / RATE_HZ
    audio = 1e-3 * generator(5, "floor").normal(size=len(time_s))
    for hz, at_s in ((500, 1.0), (2000, 1.5), (4000, 2.0)):
        audio += np.sin(2 * np.pi * hz * time_s) * (time_s >= at_s)
    frames, bins = landmark.find_peaks(audio.astype(np.float32), density=20)[0]
    for hz, at_s in ((500, 1.0), (2000, 1.5), (4000, 2.0)):
        near_s = np.abs(frames * landmark.HOP / landmark.RATE_HZ - at_s) < 0.1
        near_hz = np.abs(bins * landmark.RATE_HZ / landmark.N_FFT - hz) < landmark.RATE_HZ / landmark.N_FFT
        assert np.any(near_s & near_hz), hz


def test_pairs_agree_with_a_plain_loop() -> None:
    rng = generator(6, "pairs")
    places = np.unique(rng.integers(0, [[400, 256]] * 500), axis=0)
    frames, bins = places[:, 0], places[:, 1]
    expected = []
    for i in range(len(frames)):
        found = 0
        for j in range(i + 1, len(frames)):
            dt, df = frames[j] - frames[i], bins[j] - bins[i]
            if 2 <= dt < 63 and abs(df) < 31 and found < 3:
                found += 1
                expected.append((frames[i], bins[i] << 12 | (df % 64) << 6 | dt))
    at, keys = landmark._pairs(frames, bins, fanout=3)
    assert len(expected) > 500
    assert list(zip(at, keys, strict=True)) == expected


def test_bit_errors_agree_with_a_plain_loop() -> None:
    rng = generator(7, "bits")
    reference = rng.integers(0, 2**32, 40, dtype=np.uint32)
    query = reference[13:20] ^ np.uint32(0b1011)
    every = [
        sum((int(a) ^ int(b)).bit_count() for a, b in zip(query, reference[s:], strict=False)) / (32 * 7)
        for s in range(34)
    ]
    assert chromaprint.lowest_bit_error_rate(query, reference) == min(every) == 3 / 32
    assert chromaprint.lowest_bit_error_rate(reference, query) == 3 / 32


@needs_fpcalc
def test_fpcalc_needs_some_seconds_and_short_queries_are_repeated(songs: list[Floats]) -> None:
    assert len(chromaprint.fingerprint(songs[0][: 2 * RATE_HZ])) == 0
    assert 15 <= len(chromaprint.fingerprint(songs[0][: 5 * RATE_HZ])) <= 22
    scores = fill(Chromaprint, songs[:2]).rank(songs[0][: 2 * RATE_HZ])
    assert np.all((scores > 0.5) & (scores < 1.0))


def test_without_fpcalc_the_message_says_where_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert not chromaprint.available()
    with pytest.raises(MissingDependencyError, match="libchromaprint-tools") as caught:
        Chromaprint()
    with pytest.raises(MissingDependencyError):
        chromaprint.fingerprint(np.zeros(100, dtype=np.float32))
    back = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own bytes
    assert (type(back), str(back)) == (type(caught.value), str(caught.value))
