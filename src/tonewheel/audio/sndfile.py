"""wav, flac, ogg and mp3 through libsndfile (python-soundfile): exact seeking, blocks of any size.

Gapless: libsndfile drops the encoder delay and padding of an mp3 that has a LAME tag, so a file decodes to
the samples that were encoded, in number and place (tests/audio/test_decode.py shows it). An mp3 without such
a tag keeps them: about 25 to 50 ms of silence at its start.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.checks import SampleFormat, check_layout, truncated
from tonewheel.audio.wav import wav_promise
from tonewheel.core.errors import InputError

_LONGEST_BLOCK = 1 << 20  # samples a channel asked from libsndfile at once
_UNKNOWN_LENGTH = 1 << 50  # libsndfile answers SF_COUNT_MAX when it cannot know
_WARM_UP_S = 0.3  # an mp3 frame may borrow bits from frames before it: decode those too, and drop them
_FORMATS: dict[str, SampleFormat] = {
    "PCM_S8": "pcm_u8",
    "PCM_U8": "pcm_u8",
    "PCM_16": "pcm_16",
    "PCM_24": "pcm_24",
    "PCM_32": "pcm_32",
    "FLOAT": "float",
    "DOUBLE": "double",
}
_SLACK_S = 0.1  # a file may end this much before its header says without being called truncated


class SoundfileReader:
    """One open file; use as a context manager.

    Attributes: sample_rate_hz, channels, codec, samples (a channel; None when the file does not say), sample_format
    (how a sample is stored; None where the codec stores none).
    """

    def __init__(self, path: Path, noisy: bool = False) -> None:
        import soundfile

        self.path = path
        # libmpg123 writes its complaints to the descriptor of stderr, and libsndfile has no switch for that.
        self._quiet = _silence if noisy else contextlib.nullcontext
        try:
            with self._quiet():
                self._file: Any = soundfile.SoundFile(path)
                # soundfile seeks after every read of a seekable file; in an mp3 that loses the bits which
                # the next frame borrows from the last ones, so each block would begin with a hole.
                self._file.seekable = _never
        except (soundfile.SoundFileError, TypeError, ValueError, OSError) as error:
            raise InputError(path, f"cannot be decoded: {_reason(error)}") from None
        self.sample_rate_hz: int = self._file.samplerate
        self.channels: int = self._file.channels
        self.codec = _codec(self._file)
        self.sample_format: SampleFormat | None = _FORMATS.get(self._file.subtype)
        self.samples: int | None = self._file.frames if 0 <= self._file.frames < _UNKNOWN_LENGTH else None
        try:
            check_layout(path, self.sample_rate_hz, self.channels)
        except InputError:
            self._file.close()
            raise

    def __enter__(self) -> SoundfileReader:
        return self

    def __exit__(self, *_: object) -> None:
        with self._quiet():
            self._file.close()

    def blocks(self, start: int, end: int | None, block_samples: int) -> Iterator[NDArray[np.float32]]:
        """(channels, n) float32 of the samples [start, end), n up to block_samples."""
        import soundfile

        position, size = start, max(1, min(block_samples, _LONGEST_BLOCK))
        try:
            if start:
                with self._quiet():
                    warm_up = min(start, round(_WARM_UP_S * self.sample_rate_hz))
                    self._file.seek(start - warm_up)
                    self._file.read(warm_up, dtype="float32")
            while end is None or position < end:
                count = size if end is None else min(size, end - position)
                with self._quiet():
                    block = self._file.read(count, dtype="float32", always_2d=True)
                if len(block) == 0:
                    break
                position += len(block)
                yield block.T
        except (soundfile.SoundFileError, RuntimeError, ValueError) as error:
            at_s = position / self.sample_rate_hz
            raise InputError(self.path, f"cannot be decoded after {at_s:.2f} s: {_reason(error)}") from None
        self._check_end(position, end)

    def _check_end(self, position: int, end: int | None) -> None:
        """A file that stops before the asked end, and clearly before its header says, is truncated."""
        if end is not None and position >= end:
            return
        promised = max(self.samples or 0, wav_promise(self.path) or 0)
        if promised - position > _SLACK_S * self.sample_rate_hz:
            raise truncated(self.path, position, promised, self.sample_rate_hz)


def _never() -> bool:
    return False


def _codec(file: Any) -> str:
    if file.format in ("MP3", "MPEG") or file.subtype.startswith("MPEG"):
        return "mp3"
    return "flac" if file.format == "FLAC" else str(file.subtype).lower()


def _reason(error: Exception) -> str:
    text = str(getattr(error, "error_string", "") or error).strip().rstrip(".")
    if text.startswith("<exception str()") or not text:
        return "the data is damaged"
    return text[:1].lower() + text[1:]


_lock = threading.RLock()


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Send what C code writes to stderr to nowhere, for the length of one call."""
    with _lock:
        try:
            saved = os.dup(2)
        except OSError:  # there is no stderr, so nothing can be written to it
            yield
            return
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, 2)
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            os.close(nowhere)
