"""Opus, and the sound of mp4, m4a, mov, mkv, webm and aac, through FFmpeg's libraries (PyAV).

Gapless: the edit list of mp4, the pre-skip of Opus and the codec delay of mkv are obeyed, and the padding
at the end of an mp4 is cut, so each decodes to the samples that were encoded; AAC in mkv keeps up to one
frame of silence at its end. The demuxer is fixed by the caller and the path is opened as a plain file, so
no playlist or network address inside a file is ever followed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.checks import SampleFormat, check_layout, truncated
from tonewheel.core.errors import InputError

_WARM_UP_S = 0.25  # AAC and Opus need some frames before a seek point for exact samples
_SLACK_S = 0.25  # containers state lengths in whole frames or milliseconds
_INTEGER_SCALE = {"u1": 2**7, "i2": 2**15, "i4": 2**31, "i8": 2**63}


class ContainerReader:
    """The first sound track of one open file; use as a context manager. Attributes as SoundfileReader."""

    def __init__(self, path: Path, demuxer: str) -> None:
        import av

        av.logging.set_level(None)
        self.path = path
        try:
            self._container: Any = av.open(f"file:{path.resolve()}", format=demuxer)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise InputError(path, f"cannot be decoded: {_reason(error)}") from None
        try:
            if not self._container.streams.audio:
                held = "video but no sound" if self._container.streams.video else "no sound"
                raise InputError(path, f"holds {held}")
            self._stream: Any = self._container.streams.audio[0]
            if self._stream.codec_context is None:
                raise InputError(path, "holds sound in a codec that is not known")
            self.sample_rate_hz: int = self._stream.codec_context.sample_rate or 0
            self.channels: int = self._stream.codec_context.channels or 0
            self.codec: str = self._stream.codec_context.name
            check_layout(path, self.sample_rate_hz, self.channels)
            self.samples = self._length()
            self.sample_format: SampleFormat | None = None
        except BaseException:
            self._container.close()
            raise

    def __enter__(self) -> ContainerReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def blocks(self, start: int, end: int | None, block_samples: int) -> Iterator[NDArray[np.float32]]:
        """(channels, n) float32 of the samples [start, end), one codec frame each."""
        import av

        exact_end = self.samples if self._exact else None
        stop = min((x for x in (end, exact_end) if x is not None), default=None)
        position = start  # of the next sample to give
        reached = 0  # of the next sample that the decoder gives
        try:
            first = True
            sought = self._seek(start)
            for frame in self._container.decode(self._stream):
                if first and sought:
                    reached = self._index(frame)
                first = False
                block = self._floats(frame)
                reached += block.shape[-1]
                if stop is not None and reached > stop:
                    block = block[:, : block.shape[-1] - (reached - stop)]
                    reached = stop
                if reached > position:
                    yield block[:, max(0, block.shape[-1] - (reached - position)) :]
                    position = reached
                if stop is not None and reached >= stop:
                    break
        except (av.FFmpegError, OSError, ValueError) as error:
            at_s = position / self.sample_rate_hz
            raise InputError(self.path, f"cannot be decoded after {at_s:.2f} s: {_reason(error)}") from None
        # An Ogg has no header that promises a length, only time stamps, and encoders leave gaps in those.
        promised = 0 if self._container.format.name == "ogg" else self.samples or 0
        missing = promised - position
        if (end is None or position < end) and missing > _SLACK_S * self.sample_rate_hz:
            raise truncated(self.path, position, position + missing, self.sample_rate_hz)

    @property
    def _exact(self) -> bool:
        """Whether the container counts time in samples and lists its frames (mp4), not in ms (mkv)."""
        return bool(self._stream.time_base * self.sample_rate_hz <= 1 and self._stream.frames)

    def _length(self) -> int | None:
        form = self._container.format.name
        if form in ("mp3", "aac"):  # no header: FFmpeg only guesses from the size of the file
            return None
        if self._stream.duration:
            samples = int(self._stream.duration * self._stream.time_base * self.sample_rate_hz)
            pre_skip = self._stream.codec_context.delay if form == "ogg" else 0  # decoded, but not sound
            return samples - pre_skip
        stated = re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", self._stream.metadata.get("DURATION", ""))
        if stated:
            hours, minutes, seconds = (float(part) for part in stated.groups())
            return int((hours * 3600 + minutes * 60 + seconds) * self.sample_rate_hz)
        if self._container.duration and not self._container.streams.video:
            return int(self._container.duration * self.sample_rate_hz // 1_000_000)
        return None

    def _seek(self, start: int) -> bool:
        # Millisecond stamps do not name a sample: decode such files from their beginning, exact, not quick.
        if not self._exact or start < 2 * _WARM_UP_S * self.sample_rate_hz:
            return False
        target = start / self.sample_rate_hz - _WARM_UP_S
        offset = (self._stream.start_time or 0) + int(target / self._stream.time_base)
        self._container.seek(offset, stream=self._stream, backward=True)
        return True

    def _index(self, frame: Any) -> int:
        if frame.pts is None:
            raise ValueError("a frame without a time stamp follows a seek")
        ticks = frame.pts - (self._stream.start_time or 0)
        return round(float(ticks * self._stream.time_base * self.sample_rate_hz))

    def _floats(self, frame: Any) -> NDArray[np.float32]:
        channels = frame.layout.nb_channels
        if (frame.sample_rate, channels) != (self.sample_rate_hz, self.channels):
            raise ValueError(
                f"the layout changes from {self.sample_rate_hz} Hz, {self.channels} channels"
                f" to {frame.sample_rate} Hz, {channels} channels"
            )
        samples = frame.to_ndarray()
        if not frame.format.is_planar:
            samples = samples.reshape(-1, channels).T
        scale = _INTEGER_SCALE.get(samples.dtype.str[1:])
        floats: NDArray[np.float32] = samples.astype(np.float32)
        if scale is not None:
            if samples.dtype == np.uint8:
                floats -= 128.0
            floats /= scale
        return floats


def _reason(error: Exception) -> str:
    text = str(getattr(error, "strerror", None) or error).strip().rstrip(".")
    return text[:1].lower() + text[1:] if text else "the data is damaged"
