"""The header of a WAV file or stream: what it holds and how many bytes it promises.

RIFF WAVE (Microsoft, 1991), WAVE_FORMAT_EXTENSIBLE (2001) and RF64 (EBU Tech 3306). Programs that write to
a pipe cannot come back to fill in the sizes: they leave 0 or 0xFFFFFFFF there (ffmpeg, sox), which means
"until the stream ends".
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO, Literal

from tonewheel.core.errors import InputError
from tonewheel.core.records import Record

Encoding = Literal["u8", "s16le", "s24le", "s32le", "f32le", "f64le"]
BYTES = {"u8": 1, "s16le": 2, "s24le": 3, "s32le": 4, "f32le": 4, "f64le": 8}

_UNTIL_THE_END = (0, 0xFFFFFFFF)
_NEARLY_4_GB = 0xFFFFFF00  # other programs round the marker down to whole frames
_BIGGEST_CHUNK = 1 << 20  # before the data: LIST, bext and id3 chunks stay far below this
_INTEGER: dict[int, Encoding] = {8: "u8", 16: "s16le", 24: "s24le", 32: "s32le"}
_FLOAT: dict[int, Encoding] = {32: "f32le", 64: "f64le"}


class WavHeader(Record):
    """What a WAV header says; `data_bytes` is None when the sound goes on until the stream ends."""

    sample_rate_hz: int
    channels: int
    encoding: Encoding
    data_bytes: int | None

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample in all channels."""
        return BYTES[self.encoding] * self.channels


def read_wav_header(stream: BinaryIO, name: str = "-") -> WavHeader:
    """Read up to the first byte of sound; works on a pipe. InputError(name) for what is no PCM WAV.

    >>> import io
    >>> from tonewheel.audio.wav import wav_header_bytes
    >>> read_wav_header(io.BytesIO(wav_header_bytes(16_000, 1, "s16le", None))).sample_rate_hz
    16000
    """
    riff = _exactly(stream, 12, name)
    if riff[:4] not in (b"RIFF", b"RF64") or riff[8:] != b"WAVE":
        raise InputError(name, f"is not a WAV stream (it begins with {riff[:4].hex(' ')})")
    layout: tuple[int, int, Encoding] | None = None
    long_size: int | None = None
    while True:
        kind, size = struct.unpack("<4sI", _exactly(stream, 8, name))
        if kind == b"data":
            if layout is None:
                raise InputError(name, 'the WAV header has no "fmt " chunk before its data')
            known = long_size if riff[:4] == b"RF64" and long_size else size
            unknown = known in _UNTIL_THE_END or (known == size and size >= _NEARLY_4_GB)
            rate, channels, encoding = layout
            return WavHeader(
                sample_rate_hz=rate,
                channels=channels,
                encoding=encoding,
                data_bytes=None if unknown else known,
            )
        if size > _BIGGEST_CHUNK:
            raise InputError(name, f"the WAV header has a chunk of {size} bytes before its data")
        chunk = _exactly(stream, size + size % 2, name)
        if kind == b"fmt ":
            layout = _layout(chunk, name)
        elif kind == b"ds64" and size >= 16:
            long_size = struct.unpack_from("<Q", chunk, 8)[0]


def wav_header_bytes(sample_rate_hz: int, channels: int, encoding: Encoding, data_bytes: int | None) -> bytes:
    """A 44-byte header; with `data_bytes` None the sizes are 0xFFFFFFFF, as a program writes into a pipe.

    >>> len(wav_header_bytes(44_100, 2, "f32le", None))
    44
    """
    frame = BYTES[encoding] * channels
    tag = 3 if encoding.startswith("f") else 1
    riff_size = 0xFFFFFFFF if data_bytes is None else data_bytes + 36
    data_size = 0xFFFFFFFF if data_bytes is None else data_bytes
    layout = struct.pack(
        "<HHIIHH", tag, channels, sample_rate_hz, sample_rate_hz * frame, frame, BYTES[encoding] * 8
    )
    return (
        struct.pack("<4sI4s4sI", b"RIFF", riff_size, b"WAVE", b"fmt ", 16)
        + layout
        + struct.pack("<4sI", b"data", data_size)
    )


def wav_promise(path: Path) -> int | None:
    """Samples a channel that the header of a PCM WAV file promises; None for other files and open ends."""
    try:
        with path.open("rb") as stream:
            header = read_wav_header(stream, str(path))
    except (InputError, OSError):
        return None
    return None if header.data_bytes is None else header.data_bytes // header.frame_bytes


def _layout(chunk: bytes, name: str) -> tuple[int, int, Encoding]:
    if len(chunk) < 16:
        raise InputError(
            name, f'the "fmt " chunk of the WAV header has {len(chunk)} bytes; expected 16 or more'
        )
    tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", chunk)
    if tag == 0xFFFE and len(chunk) >= 26:  # extensible: the true tag begins the sub-format identifier
        tag = struct.unpack_from("<H", chunk, 24)[0]
    encoding = {1: _INTEGER, 3: _FLOAT}.get(tag, {}).get(bits)
    if encoding is None:
        raise InputError(
            name, f"WAV of format {tag} with {bits} bits; expected 8 to 32-bit PCM or float (1 or 3)"
        )
    if channels < 1:
        raise InputError(name, "the WAV header says 0 channels")
    return rate, channels, encoding


def _exactly(stream: BinaryIO, count: int, name: str) -> bytes:
    data = b""
    while len(data) < count:
        more = stream.read(count - len(data))
        if not more:
            raise InputError(
                name, "ends inside its WAV header" if data or count != 12 else "is empty (0 bytes)"
            )
        data += more
    return data
