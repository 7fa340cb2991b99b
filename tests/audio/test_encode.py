"""Writing: whole or not at all, and only what the format can hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tonewheel.audio.decode import load, probe
from tonewheel.audio.encode import Writer, write
from tonewheel.core.errors import InputError

NOISE = np.random.default_rng(0).normal(0, 0.1, (2, 48_000)).astype(np.float32)


def test_wav_keeps_every_sample_even_above_full_scale(tmp_path: Path) -> None:
    write(tmp_path / "loud.wav", NOISE * 20, 48_000)
    np.testing.assert_array_equal(load(tmp_path / "loud.wav", mono=False)[0], NOISE * 20)


@pytest.mark.parametrize("suffix", [".mp3", ".opus", ".ogg", ".m4a"])
def test_bit_rates_are_near_what_was_asked(tmp_path: Path, suffix: str) -> None:
    for kbps in (64, 160):
        path = tmp_path / f"{kbps}{suffix}"
        write(path, np.tile(NOISE, 4), 48_000, bitrate_kbps=kbps)
        assert path.stat().st_size * 8 / 4000 == pytest.approx(kbps, rel=0.35)


def test_long_vorbis_and_many_small_blocks(tmp_path: Path) -> None:
    write(tmp_path / "long.ogg", np.tile(NOISE, 30), 48_000)
    assert probe(tmp_path / "long.ogg").seconds == 30
    with Writer(tmp_path / "small.m4a", 48_000, channels=2) as writer:
        for first in range(0, 48_000, 700):
            writer.write(NOISE[:, first : first + 700])
    assert load(tmp_path / "small.m4a", mono=False)[0].shape == (2, 48_000)


def test_nothing_is_left_when_the_work_fails(tmp_path: Path) -> None:
    for suffix in (".wav", ".mp3", ".mp4"):
        with pytest.raises(ValueError, match="the block has 1 channels; expected 2"):
            write_two_blocks(tmp_path / f"half{suffix}", NOISE, NOISE[:1])
    assert list(tmp_path.iterdir()) == []


def write_two_blocks(path: Path, *blocks: np.ndarray) -> None:
    with Writer(path, 48_000, channels=2) as writer:
        for block in blocks:
            writer.write(block)


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'cannot write ".wave" \(did you mean ".wav"\?\)'):
        write(tmp_path / "a.wave", NOISE, 48_000)
    with pytest.raises(InputError, match="opus cannot hold 44100 Hz; resample to 48000 Hz first"):
        write(tmp_path / "a.opus", NOISE, 44_100)
    with pytest.raises(InputError, match="NaN or infinite"):
        write(tmp_path / "a.wav", np.array([0.0, np.nan]), 48_000)
    with pytest.raises(InputError, match="cannot be written"):
        write(tmp_path / "a.mp3", np.zeros((5, 1000)), 48_000)
    with pytest.raises(InputError, match="AAC is written with 1, 2 or 6 channels, not 3"):
        write(tmp_path / "a.mp4", np.zeros((3, 1000)), 48_000)
    assert list(tmp_path.iterdir()) == []
    write(tmp_path / "a.wav", NOISE, 48_000)
    with pytest.raises(InputError, match="exists already"):
        write(tmp_path / "a.wav", NOISE, 48_000)
    write(tmp_path / "a.wav", NOISE[0], 48_000, sample_format="pcm_16", force=True)
    assert probe(tmp_path / "a.wav").codec == "pcm_16"


@pytest.mark.parametrize(
    ("suffix", "sample_format"),
    [
        (".wav", "pcm_u8"),
        (".wav", "pcm_16"),
        (".wav", "pcm_24"),
        (".wav", "pcm_32"),
        (".wav", "float"),
        (".wav", "double"),
        (".flac", "pcm_16"),
        (".flac", "pcm_24"),
    ],
)
def test_a_file_written_again_holds_the_same_numbers(tmp_path: Path, suffix: str, sample_format: str) -> None:
    import soundfile

    numbers = np.random.default_rng(0).integers(-(2**31), 2**31, (5000, 2), dtype=np.int64)
    numbers[:2] = -(2**31), 2**31 - 1
    first, second = tmp_path / f"first{suffix}", tmp_path / f"second{suffix}"
    if sample_format == "pcm_32":
        numbers = numbers >> 8 << 8  # what single precision holds
    written = numbers.astype(np.int32) if sample_format.startswith("pcm") else numbers.astype("f4") / 2**31
    soundfile.write(first, written, 44_100, sample_format.upper())
    info = probe(first)
    assert info.sample_format == sample_format
    audio, rate = load(first, mono=False)
    write(second, audio, rate, sample_format=info.sample_format)
    assert soundfile.info(second).subtype == soundfile.info(first).subtype
    one, other = (soundfile.read(path, dtype="float64")[0] for path in (first, second))
    assert (one == other).all()
