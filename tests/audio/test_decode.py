"""Decoding: every format gives back what was encoded, in place, in bounded memory."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tonewheel.audio.decode import blocks, load, probe, regular_blocks
from tonewheel.audio.encode import write
from tonewheel.audio.resample import Resampler, resample

RATE_HZ = 48_000
LOSSLESS = (".wav", ".flac")
FORMATS = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a", ".mp4", ".mov", ".mkv")


def sweep(seconds: float = 2.0, sample_rate_hz: int = RATE_HZ) -> NDArray[np.float32]:
    """A rising tone in stereo: no two moments are alike, so a shift of one sample shows."""
    t = np.arange(round(seconds * sample_rate_hz)) / sample_rate_hz
    tone = 0.5 * np.sin(2 * np.pi * (200 + 400 * t) * t)
    return np.stack([tone, -0.5 * tone]).astype(np.float32)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("formats")
    for suffix in FORMATS:
        write(folder / f"sweep{suffix}", sweep(), RATE_HZ, bitrate_kbps=None if suffix in LOSSLESS else 192)
    return folder


@pytest.mark.parametrize("suffix", FORMATS)
def test_decodes_to_the_samples_that_were_encoded_at_their_place(files: Path, suffix: str) -> None:
    """Gapless: Opus pre-skip, mp3 delay and padding, AAC priming are gone; the length is the input's."""
    audio, sample_rate_hz = load(files / f"sweep{suffix}", mono=False)
    assert sample_rate_hz == RATE_HZ
    assert audio.dtype == np.float32
    original = sweep()
    # AAC in mkv has nowhere to say that its last frame is padded.
    padding = 1024 if suffix == ".mkv" else 0
    assert original.shape[-1] <= audio.shape[-1] <= original.shape[-1] + padding
    inner = slice(2000, -2000)
    error = audio[:, : original.shape[-1]][:, inner] - original[:, inner]
    # A shift of one sample would be an error of about -30 dB at the start and -20 dB at the end of the sweep.
    limit = 1e-6 if suffix in LOSSLESS else 0.01
    assert np.sqrt(np.mean(error**2)) < limit
    info = probe(files / f"sweep{suffix}")
    assert (info.sample_rate_hz, info.channels) == (RATE_HZ, 2)
    assert info.seconds == pytest.approx(2.0, abs=0.03)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_span_is_exact_to_the_sample(files: Path, suffix: str) -> None:
    path = files / f"sweep{suffix}"
    whole, _ = load(path, mono=False)
    for start_s in (0.0, 0.1, 1.23456):
        span, _ = load(path, mono=False, start_s=start_s, duration_s=0.3)
        start = round(start_s * RATE_HZ)
        assert span.shape == (2, 14_400)
        # A codec that carries state is not bit-equal after a seek; one sample of shift would be 1e-2.
        np.testing.assert_allclose(span, whole[:, start : start + 14_400], atol=1e-4)


@pytest.mark.parametrize("suffix", [".wav", ".mp3", ".m4a"])
def test_streamed_and_resampled_equals_whole(files: Path, suffix: str) -> None:
    path = files / f"sweep{suffix}"
    whole = resample(load(path, mono=False)[0], RATE_HZ, 16_000)
    parts = list(blocks(path, block_s=0.1, sample_rate_hz=16_000))
    assert {part.shape for part in parts[:-1]} == {(2, 1600)}
    np.testing.assert_allclose(np.concatenate(parts, axis=-1), whole, atol=1e-6)
    mono = np.concatenate(list(blocks(path, block_s=0.1, sample_rate_hz=16_000, mono=True)))
    np.testing.assert_allclose(mono, whole.mean(axis=0), atol=1e-6)


@pytest.mark.parametrize(("from_hz", "to_hz"), [(44_100, 16_000), (8_000, 48_000), (48_000, 44_100)])
def test_resampler_has_no_seams(from_hz: int, to_hz: int) -> None:
    rng = np.random.default_rng(0)
    audio = rng.normal(size=(2, 30_000)).astype(np.float32)
    stream = Resampler(from_hz, to_hz, channels=2)
    cuts = [0, *sorted(rng.integers(0, 30_000, 20)), 30_000]
    parts = [stream.push(audio[:, a:b], last=b == 30_000) for a, b in pairwise(cuts)]
    joined, whole = np.concatenate(parts, axis=-1), resample(audio, from_hz, to_hz)
    assert joined.shape == whole.shape == (2, round(30_000 * to_hz / from_hz))
    np.testing.assert_allclose(joined, whole, atol=1e-6)


def test_resampling_keeps_tones_below_and_removes_tones_above_the_new_half_rate() -> None:
    t = np.arange(RATE_HZ) / RATE_HZ
    low, high = (resample(np.sin(2 * np.pi * hz * t), RATE_HZ, 16_000)[1000:-1000] for hz in (1_000, 12_000))
    expected = np.sin(2 * np.pi * 1_000 * np.arange(16_000) / 16_000)[1000:-1000]
    np.testing.assert_allclose(low, expected, atol=1e-3)
    assert np.abs(high).max() < 1e-3


def test_an_end_past_the_file_means_its_end(files: Path) -> None:
    audio, _ = load(files / "sweep.flac", start_s=1.5, duration_s=99)
    assert audio.shape == (24_000,)


def test_an_hour_streams_in_bounded_memory(tmp_path: Path) -> None:
    """One hour at 8 kHz is 115 MB as float32; a stream of it holds less than 4 MB."""
    import soundfile

    path = tmp_path / "hour.wav"
    second = np.random.default_rng(0).integers(-9000, 9000, 8_000 * 60, dtype=np.int16)
    with soundfile.SoundFile(path, "w", 8_000, 1, "PCM_16") as file:
        for _ in range(60):
            file.write(second)
    stream = blocks(path, sample_rate_hz=16_000, mono=True)
    next(stream)  # imports
    tracemalloc.start()
    samples = sum(len(block) for block in stream)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert samples == 3599 * 16_000
    assert peak_bytes < 4e6


def test_real_recordings_decode(shared_audio: Path) -> None:
    found = sorted((shared_audio / "music" / "music").glob("*.opus"))[:3]
    assert found
    for path in found:
        audio, sample_rate_hz = load(path, start_s=5, duration_s=2)
        assert audio.shape == (2 * sample_rate_hz,)
        assert 0.001 < np.sqrt(np.mean(audio**2)) < 1


def test_an_mp3_without_a_length_in_its_header_is_read_to_its_end(tmp_path: Path) -> None:
    """libsndfile would guess the length from the first frame: here 40 % of it."""
    import soundfile

    loudness = np.repeat([0.001, 0.3, 0.001, 0.5], RATE_HZ)
    noise = np.random.default_rng(0).normal(size=loudness.size) * loudness * 0.3
    tagged, bare, joined_late = (tmp_path / name for name in ("tagged.mp3", "bare.mp3", "late.mp3"))
    soundfile.write(tagged, noise, RATE_HZ, bitrate_mode="VARIABLE", compression_level=0.5)
    data = tagged.read_bytes()
    bare.write_bytes(data.replace(b"Xing", bytes(4)).replace(b"LAME", bytes(4)))
    whole, _ = load(bare)
    assert probe(bare).seconds is None
    assert len(whole) / RATE_HZ == pytest.approx(4.0, abs=0.1)
    span, _ = load(bare, start_s=3.3, duration_s=0.2)
    np.testing.assert_array_equal(span, whole[round(3.3 * RATE_HZ) :][: len(span)])
    joined_late.write_bytes(bare.read_bytes()[len(data) // 4 + 11 :])  # as recorded from a radio stream
    assert 2.0 < len(load(joined_late)[0]) / RATE_HZ < 4.0


def test_regular_blocks_keeps_order_and_sizes() -> None:
    values = np.arange(1000.0, dtype=np.float32)
    parts = np.split(values, [3, 3, 400, 401])
    out = list(regular_blocks(parts, 64))
    assert [len(block) for block in out] == [64] * 15 + [40]
    np.testing.assert_array_equal(np.concatenate(out), values)
