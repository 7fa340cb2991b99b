"""Sound from a pipe: raw PCM or WAV, given on as it arrives, never waiting for the end.

ffmpeg -i http://... -f wav - | tonewheel concert listen - --pack show.pack
arecord -f S16_LE -r 16000 -c 1 -t raw | tonewheel concert listen - ...
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.checks import check_layout, check_samples
from tonewheel.audio.resample import Resampler
from tonewheel.audio.wav import BYTES, Encoding, WavHeader, read_wav_header
from tonewheel.core.errors import InputError

Audio = NDArray[np.float32]

_LONGEST_READ_S = 0.5  # when the writer is ahead of us, this much is taken at once


def stream_blocks(
    stream: BinaryIO,
    *,
    raw: WavHeader | None = None,
    sample_rate_hz: int | None = None,
    mono: bool = True,
    name: str = "-",
) -> Iterator[Audio]:
    """Blocks of a WAV stream, or of raw PCM that `raw` describes, as they arrive and at the asked rate.

    A stream that begins as a WAV is read as its header says, whatever `raw` says. Blocks have any length,
    0.5 s of input at most; (samples,) when mono, else (channels, samples). InputError(name) for a stream that
    is neither, holds nothing, or holds NaN.

    >>> import io
    >>> from tonewheel.audio.wav import wav_header_bytes
    >>> pipe = io.BytesIO(wav_header_bytes(16_000, 2, "s16le", None) + bytes(64_000))
    >>> sum(len(block) for block in stream_blocks(pipe, sample_rate_hz=8_000))
    8000
    """
    header, parts = open_stream(stream, raw=raw, name=name)
    resampler = None
    if sample_rate_hz is not None and sample_rate_hz != header.sample_rate_hz:
        resampler = Resampler(header.sample_rate_hz, sample_rate_hz, 1 if mono else header.channels)
    for part in parts:
        mixed = part.mean(axis=0, keepdims=True) if mono else part
        ready = resampler.push(mixed) if resampler else mixed
        if ready.shape[-1]:
            yield ready[0] if mono else ready
    if resampler:
        rest = resampler.push(np.zeros((resampler.channels, 0), np.float32), last=True)
        if rest.shape[-1]:
            yield rest[0] if mono else rest


def open_stream(
    stream: BinaryIO, *, raw: WavHeader | None = None, name: str = "-"
) -> tuple[WavHeader, Iterator[Audio]]:
    """What the stream holds, and its (channels, n) blocks as they arrive.

    >>> import io
    >>> raw = WavHeader(sample_rate_hz=8_000, channels=1, encoding="s16le", data_bytes=None)
    >>> header, parts = open_stream(io.BytesIO(bytes(8_000)), raw=raw)
    >>> header.sample_rate_hz, sum(part.shape[-1] for part in parts)
    (8000, 4000)
    """
    first = b""
    while len(first) < 4 and (more := stream.read(4 - len(first))):
        first += more
    if not first:
        raise InputError(name, "is empty (0 bytes)")
    joined = _Rejoined(first, stream)
    if first in (b"RIFF", b"RF64"):
        header = read_wav_header(joined, name)  # type: ignore[arg-type]
    elif raw is not None:
        header = raw
    else:
        raise InputError(
            name,
            f"is not a WAV stream (it begins with {first.hex(' ')}); for raw PCM state its rate and channels",
        )
    return header, pcm_blocks(
        joined,
        header.sample_rate_hz,
        header.channels,
        encoding=header.encoding,
        data_bytes=header.data_bytes,
        name=name,
    )


def pcm_blocks(
    stream: Any,
    sample_rate_hz: int,
    channels: int,
    *,
    encoding: Encoding = "s16le",
    data_bytes: int | None = None,
    name: str = "-",
) -> Iterator[Audio]:
    """(channels, n) float32 blocks of interleaved PCM, each as soon as some of it can be read.

    Ends with the stream, or after `data_bytes`; a last incomplete sample is dropped. Integers are scaled to
    -1 to 1.

    >>> import io
    >>> [block.tolist() for block in pcm_blocks(io.BytesIO(b"\\x00\\x40\\x00\\xc0"), 8_000, 2)]
    [[[0.5], [-0.5]]]
    """
    check_layout(name, sample_rate_hz, channels)
    frame_bytes = BYTES[encoding] * channels
    most = max(1, int(_LONGEST_READ_S * sample_rate_hz)) * frame_bytes
    # read1 gives what is there; read of a buffered stream would wait until `most` bytes have come.
    read = getattr(stream, "read1", stream.read)
    left, waiting, position = data_bytes, b"", 0
    while left is None or left > 0:
        arrived = read(most if left is None else min(most, left))
        if not arrived:
            break
        left = None if left is None else left - len(arrived)
        waiting += arrived
        whole = len(waiting) - len(waiting) % frame_bytes
        if whole:
            block = _floats(waiting[:whole], encoding).reshape(-1, channels).T
            check_samples(name, block, position, sample_rate_hz)
            waiting, position = waiting[whole:], position + block.shape[-1]
            yield block
    if position == 0:
        raise InputError(name, "holds no sound (0 s)")


def _floats(data: bytes, encoding: Encoding) -> Audio:
    if encoding == "f32le":
        return np.frombuffer(data, "<f4").astype(np.float32)
    if encoding == "f64le":
        return np.frombuffer(data, "<f8").astype(np.float32)
    if encoding == "u8":
        return (np.frombuffer(data, np.uint8).astype(np.float32) - np.float32(128)) / np.float32(2**7)
    if encoding == "s24le":
        padded = np.zeros((len(data) // 3, 4), np.uint8)  # into the upper three bytes of 32 bits
        padded[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        return padded.view("<i4")[:, 0].astype(np.float32) / np.float32(2**31)
    kind, full_scale = ("<i2", 2**15) if encoding == "s16le" else ("<i4", 2**31)
    return np.frombuffer(data, kind).astype(np.float32) / np.float32(full_scale)


class _Rejoined:
    """A stream with its first bytes, already taken to look at them, put back."""

    def __init__(self, first: bytes, stream: BinaryIO) -> None:
        self._first, self._stream = first, stream
        self._read1 = getattr(stream, "read1", stream.read)

    def read(self, count: int) -> bytes:
        return self._taken(count) or self._stream.read(count)

    def read1(self, count: int) -> bytes:
        taken: bytes = self._taken(count) or self._read1(count)
        return taken

    def _taken(self, count: int) -> bytes:
        taken, self._first = self._first[:count], self._first[count:]
        return taken
