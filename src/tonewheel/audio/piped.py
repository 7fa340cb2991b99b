"""WAV files that were caught from a pipe: their header never learned how long they became.

libsndfile takes a data size of 0 at its word and reads nothing; here the sound goes on until the file's end.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.checks import SampleFormat, check_layout
from tonewheel.audio.stream import pcm_blocks
from tonewheel.audio.wav import read_wav_header
from tonewheel.core.errors import InputError

_FORMATS: dict[str, SampleFormat] = {
    "u8": "pcm_u8",
    "s16le": "pcm_16",
    "s24le": "pcm_24",
    "s32le": "pcm_32",
    "f32le": "float",
    "f64le": "double",
}


class PipedWavReader:
    """One open file; use as a context manager. Attributes as SoundfileReader."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as stream:
            self._header = read_wav_header(stream, str(path))
            self._first_byte = stream.tell()
        self.sample_rate_hz, self.channels = self._header.sample_rate_hz, self._header.channels
        check_layout(path, self.sample_rate_hz, self.channels)
        self.codec = self._header.encoding
        self.sample_format: SampleFormat | None = _FORMATS[self._header.encoding]
        self.samples: int | None = (path.stat().st_size - self._first_byte) // self._header.frame_bytes

    def __enter__(self) -> PipedWavReader:
        return self

    def __exit__(self, *_: object) -> None: ...

    def blocks(self, start: int, end: int | None, block_samples: int) -> Iterator[NDArray[np.float32]]:
        """(channels, n) float32 of the samples [start, end), half a second each at most."""
        frame = self._header.frame_bytes
        with self.path.open("rb") as stream:
            stream.seek(self._first_byte + start * frame)
            yield from pcm_blocks(
                stream,
                self.sample_rate_hz,
                self.channels,
                encoding=self._header.encoding,
                data_bytes=None if end is None else (end - start) * frame,
                name=str(self.path),
            )


def caught_from_a_pipe(path: Path) -> bool:
    """Whether a file is a WAV with sound in it whose header does not say how much."""
    try:
        with path.open("rb") as stream:
            header = read_wav_header(stream, str(path))
            return header.data_bytes is None and bool(stream.read(header.frame_bytes))
    except (InputError, OSError):
        return False
