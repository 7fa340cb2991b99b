"""Pipes: WAV or raw PCM, any encoding, given on as it arrives."""

from __future__ import annotations

import io
import os
import struct
import sys
import types
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewheel.audio.capture import device_blocks, device_names
from tonewheel.audio.stream import open_stream, pcm_blocks, stream_blocks
from tonewheel.audio.wav import Encoding, WavHeader, wav_header_bytes
from tonewheel.core.errors import InputError, MissingDependencyError

TONE = (0.5 * np.sin(np.arange(16_000) * 0.05)).astype(np.float32)
RAW = WavHeader(sample_rate_hz=16_000, channels=1, encoding="s16le", data_bytes=None)


def encoded(samples: np.ndarray[Any, Any], encoding: Encoding) -> bytes:
    if encoding == "u8":
        return bytes(np.round(samples * 127 + 128).astype(np.uint8))
    if encoding == "s24le":
        wide = np.round(samples * (2**23 - 1)).astype("<i4")
        return wide.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    if encoding in ("s16le", "s32le"):
        bits = int(encoding[1:3])
        return np.round(samples.astype(np.float64) * (2 ** (bits - 1) - 1)).astype(f"<i{bits // 8}").tobytes()
    return samples.astype("<f4" if encoding == "f32le" else "<f8").tobytes()


@pytest.mark.parametrize("encoding", ["u8", "s16le", "s24le", "s32le", "f32le", "f64le"])
@pytest.mark.parametrize("size", [None, "true", 0])
def test_every_encoding_and_every_kind_of_size(encoding: Encoding, size: str | int | None) -> None:
    pcm = encoded(TONE, encoding)
    header = wav_header_bytes(16_000, 1, encoding, len(pcm) if size == "true" else None)
    if size == 0:
        header = header[:40] + bytes(4)
    after = b"LIST\x04\0\0\0abcd" if size == "true" else b""  # a chunk after the sound is not sound
    audio = np.concatenate(list(stream_blocks(io.BytesIO(header + pcm + after))))
    assert audio.dtype == np.float32
    np.testing.assert_allclose(audio, TONE, atol={"u8": 0.01, "s16le": 1e-4}.get(encoding, 1e-6))


def test_extensible_header_with_a_list_chunk_as_ffmpeg_writes_it() -> None:
    identifier = struct.pack("<H", 1) + bytes.fromhex("000000001000800000aa00389b71")
    fmt = struct.pack("<HHIIHHHHI", 0xFFFE, 2, 48_000, 48_000 * 6, 6, 24, 22, 24, 3) + identifier
    head = b"RIFF\xff\xff\xff\xffWAVEfmt " + struct.pack("<I", len(fmt)) + fmt
    head += b"LIST\x05\x00\x00\x00INFO!\x00" + b"data\xff\xff\xff\xff"
    header, parts = open_stream(io.BytesIO(head + encoded(np.repeat(TONE, 2), "s24le")))
    assert (header.sample_rate_hz, header.channels, header.encoding) == (48_000, 2, "s24le")
    audio = np.concatenate(list(parts), axis=-1)
    np.testing.assert_allclose(audio, np.stack([TONE, TONE]), atol=1e-6)


def test_a_block_comes_before_the_writer_ends() -> None:
    """Low latency: what is in the pipe is given, without waiting for more."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stream, os.fdopen(writing, "wb", buffering=0) as writer:
        writer.write(wav_header_bytes(16_000, 1, "s16le", None) + encoded(TONE[:1600], "s16le") + b"\x01")
        blocks = stream_blocks(stream)
        got = 0
        while got < 1600:
            got += len(next(blocks))
        assert got == 1600
        writer.write(b"\x02" * 99)  # goes on in the middle of a sample
        assert len(next(blocks)) == 50


def test_raw_pcm_resampled_in_a_stream_equals_the_whole() -> None:
    from tonewheel.audio.resample import resample

    pipe = io.BytesIO(encoded(TONE, "f32le"))
    raw = WavHeader(sample_rate_hz=16_000, channels=1, encoding="f32le", data_bytes=None)
    audio = np.concatenate(list(stream_blocks(pipe, raw=raw, sample_rate_hz=44_100)))
    np.testing.assert_allclose(audio, resample(TONE, 16_000, 44_100), atol=1e-6)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", r"-: is empty \(0 bytes\)"),
        (b"ID3\x04abc", r"-: is not a WAV stream \(it begins with 49 44 33 04\); for raw PCM state its rate"),
        (b"RIFF\0\0\0\0WAVE", "ends inside its WAV header"),
        (wav_header_bytes(16_000, 1, "s16le", None), r"holds no sound \(0 s\)"),
        (wav_header_bytes(1, 1, "s16le", None) + bytes(8), "1 Hz; expected 2000 to 384000 Hz"),
        (wav_header_bytes(16_000, 64, "s16le", None) + bytes(999), "has 64 channels"),
        (wav_header_bytes(8_000, 1, "f32le", None) + b"\x00\x00\xc0\x7f" * 9, r"at 0\.000 s is not a number"),
    ],
)
def test_bad_streams_are_named(data: bytes, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        list(stream_blocks(io.BytesIO(data)))


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_audio_or_an_input_error(data: bytes, wav: bool) -> None:
    try:
        parts = list(stream_blocks(io.BytesIO((b"RIFF\0\0\0\0WAVEfmt " if wav else b"") + data), raw=RAW))
    except InputError:
        return
    assert all(np.isfinite(part).all() for part in parts)


def test_pcm_stops_after_its_promised_bytes() -> None:
    parts = pcm_blocks(io.BytesIO(bytes(100)), 8_000, 1, data_bytes=40)
    assert sum(part.shape[-1] for part in parts) == 20


def test_a_microphone_needs_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'tonewheel\[mic\]'"):
        next(device_blocks())


def test_a_microphone_gives_channels_first(monkeypatch: pytest.MonkeyPatch) -> None:
    class InputStream:
        def __init__(self, device: str, samplerate: int, channels: int, dtype: str) -> None:
            if device == "gone":
                raise ValueError("No input device matching 'gone'")
            self.channels = channels

        def __enter__(self) -> InputStream:
            return self

        def __exit__(self, *_: object) -> None: ...

        def read(self, count: int) -> tuple[np.ndarray[Any, Any], bool]:
            return np.ones((count, self.channels), np.float32), False

    fake: Any = types.ModuleType("sounddevice")
    fake.InputStream, fake.PortAudioError = InputStream, OSError
    fake.query_devices = lambda: [
        {"name": "USB", "max_input_channels": 2},
        {"name": "HDMI", "max_input_channels": 0},
    ]
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    assert device_names() == ["USB"]
    assert next(device_blocks("USB", channels=2)).shape == (2, 1_600)
    with pytest.raises(InputError, match="device gone: cannot be recorded from: No input device"):
        next(device_blocks("gone"))
