"""Write audio files: wav, flac, ogg, opus, mp3 (libsndfile) and AAC in mp4, m4a, mov, mkv (PyAV).

The format is told by the suffix; a file is written whole or not at all. wav is 32-bit float by default, which
keeps every sample as it is; all others cut what lies outside -1 to 1. Integers are written as they were read: a file
that is decoded and written again in its own sample format holds the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from fractions import Fraction
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.checks import SampleFormat, check_layout
from tonewheel.core.errors import InputError, nearest
from tonewheel.core.files import atomic_path, refuse_overwrite

_BITS = {"PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}

_SOUNDFILE = {
    ".wav": ("WAV", "FLOAT"),
    ".flac": ("FLAC", "PCM_24"),
    ".ogg": ("OGG", "VORBIS"),
    ".opus": ("OGG", "OPUS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
}
_CONTAINERS = {".m4a": "ipod", ".mp4": "mp4", ".mov": "mov", ".mkv": "matroska"}
_RATES_HZ = {
    ".opus": (8_000, 12_000, 16_000, 24_000, 48_000),
    ".mp3": (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000),
}
_VORBIS_KBPS = (64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 500)  # stereo, of qualities 0, 0.1 .. 1
_AT_ONCE = 1 << 15  # libsndfile's Vorbis encoder overflows its stack on very long writes


def write(
    path: str | PathLike[str],
    audio: NDArray[Any],
    sample_rate_hz: int,
    *,
    sample_format: SampleFormat | None = None,
    bitrate_kbps: float | None = None,
    force: bool = False,
) -> None:
    """Write (samples,) or (channels, samples) to a file in the format of its suffix.

    `sample_format` is for wav and flac, `bitrate_kbps` for the others. InputError when the file exists
    (unless `force`), or the format cannot hold this rate, number of channels, or NaN.

    >>> import tempfile, numpy as np
    >>> from tonewheel.audio.decode import probe
    >>> name = tempfile.mkdtemp() + "/silence.opus"
    >>> write(name, np.zeros((2, 48_000)), 48_000, bitrate_kbps=64)
    >>> probe(name).seconds
    1.0
    """
    audio = np.atleast_2d(np.asarray(audio, np.float32))
    with Writer(
        path, sample_rate_hz, len(audio), sample_format=sample_format, bitrate_kbps=bitrate_kbps, force=force
    ) as writer:
        writer.write(audio)


class Writer:
    """A file that is written block by block; it appears under its name when all went well.

    >>> import tempfile, numpy as np
    >>> from tonewheel.audio.decode import probe
    >>> name = tempfile.mkdtemp() + "/long.m4a"
    >>> with Writer(name, 44_100, channels=1) as writer:
    ...     for _ in range(3):
    ...         writer.write(np.zeros(44_100, np.float32))
    >>> probe(name).seconds
    3.0
    """

    def __init__(
        self,
        path: str | PathLike[str],
        sample_rate_hz: int,
        channels: int = 1,
        *,
        sample_format: SampleFormat | None = None,
        bitrate_kbps: float | None = None,
        force: bool = False,
    ) -> None:
        self.path, self.sample_rate_hz, self.channels = Path(path), sample_rate_hz, channels
        self.sample_format, self.bitrate_kbps = sample_format, bitrate_kbps
        self._suffix = self.path.suffix.lower()
        known = [*_SOUNDFILE, *_CONTAINERS]
        if self._suffix not in known:
            raise InputError(
                self.path, f'cannot write "{self._suffix}"{nearest(self._suffix, known)}: {" ".join(known)}'
            )
        check_layout(path, sample_rate_hz, channels)
        rates = _RATES_HZ.get(self._suffix)
        if rates and sample_rate_hz not in rates:
            better = min((rate for rate in rates if rate >= sample_rate_hz), default=rates[-1])
            raise InputError(
                self.path,
                f"{self._suffix[1:]} cannot hold {sample_rate_hz} Hz; resample to {better} Hz first",
            )
        refuse_overwrite(path, force)
        self._stack = ExitStack()
        self._put: Callable[[NDArray[np.float32]], None] | None = None
        self._samples = 0

    def __enter__(self) -> Writer:
        temporary = self._stack.enter_context(atomic_path(self.path))
        try:
            if self._suffix in _SOUNDFILE:
                self._put = self._open_soundfile(temporary)
            else:
                self._put = self._open_container(temporary)
        except BaseException as error:
            self._stack.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def write(self, block: NDArray[Any]) -> None:
        """Add (samples,) when there is one channel, or (channels, samples)."""
        if self._put is None:
            raise ValueError("a Writer writes inside its with block")
        block = np.atleast_2d(np.asarray(block, np.float32))
        if len(block) != self.channels:
            raise ValueError(f"the block has {len(block)} channels; expected {self.channels}")
        if not np.isfinite(block).all():
            raise InputError(self.path, "NaN or infinite samples are not written")
        for first in range(0, block.shape[-1], _AT_ONCE):
            self._put(block[:, first : first + _AT_ONCE])
        self._samples += block.shape[-1]

    def __exit__(self, *error: Any) -> None:
        self._put = None
        self._stack.__exit__(*error)

    def _open_soundfile(self, temporary: Path) -> Callable[[NDArray[np.float32]], None]:
        import soundfile

        form, subtype = _SOUNDFILE[self._suffix]
        if self.sample_format and self._suffix in (".wav", ".flac"):
            subtype = self.sample_format.upper()
        options: dict[str, Any] = {}
        if self.bitrate_kbps is not None and self._suffix in (".ogg", ".opus", ".mp3"):
            options["compression_level"] = self._compression(self.bitrate_kbps)
        try:
            file: Any = soundfile.SoundFile(
                temporary, "w", self.sample_rate_hz, self.channels, subtype, format=form, **options
            )
        except (soundfile.SoundFileError, ValueError) as error:
            raise InputError(
                self.path, f"cannot be written: {getattr(error, 'error_string', error)}"
            ) from None
        self._stack.callback(file.close)
        bits = _BITS.get(subtype)
        if bits is None:
            return lambda block: file.write(np.ascontiguousarray(block.T))
        return lambda block: file.write(np.ascontiguousarray(_integers(block, bits).T))

    def _compression(self, kbps: float) -> float:
        """libsndfile's 0 (most bits) to 1 (fewest) for a bit rate, as its encoders map it back."""
        if self._suffix == ".mp3":
            most, least = (320, 32) if self.sample_rate_hz >= 32_000 else (160, 8)
            level = (most - kbps) / (most - least)
        elif self._suffix == ".opus":
            level = (256 - kbps / self.channels) / (256 - 6)
        else:
            level = 1 - float(np.interp(kbps * 2 / self.channels, _VORBIS_KBPS, np.linspace(0, 1, 11)))
        return min(1.0, max(0.0, level))

    def _open_container(self, temporary: Path) -> Callable[[NDArray[np.float32]], None]:
        import av

        layout = {1: "mono", 2: "stereo", 6: "5.1"}.get(self.channels)
        if layout is None:
            raise InputError(self.path, f"AAC is written with 1, 2 or 6 channels, not {self.channels}")
        container: Any = av.open(f"file:{temporary.resolve()}", "w", format=_CONTAINERS[self._suffix])
        try:
            stream: Any = container.add_stream("aac", rate=self.sample_rate_hz, layout=layout)
            stream.bit_rate = round((self.bitrate_kbps or 96 * self.channels) * 1000)
            container.start_encoding()
        except (av.FFmpegError, ValueError) as error:
            container.close()
            raise InputError(
                self.path, f"AAC cannot hold {self.sample_rate_hz} Hz, {layout}: {error}"
            ) from None
        position = 0

        def put(block: NDArray[np.float32]) -> None:
            nonlocal position
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), format="fltp", layout=layout)
            frame.sample_rate, frame.pts = self.sample_rate_hz, position
            frame.time_base = Fraction(1, self.sample_rate_hz)
            position += block.shape[-1]
            container.mux(stream.encode(frame))

        def finish() -> None:
            if position:
                container.mux(stream.encode(None))
            container.close()

        self._stack.callback(finish)
        return put


def _integers(block: NDArray[np.float32], bits: int) -> NDArray[Any]:
    """Samples as integers of so many bits, in the upper bits of the word that libsndfile takes.

    Its own conversion of floats multiplies by 2^(bits - 1) - 1, though it reads with 2^(bits - 1): sound that was only
    passed through would come out changed.
    """
    full_scale = 2.0 ** (bits - 1)
    rounded = np.clip(np.rint(block.astype(np.float64) * full_scale), -full_scale, full_scale - 1)
    word = 16 if bits <= 16 else 32
    return (rounded.astype(np.int64) << (word - bits)).astype(np.int16 if word == 16 else np.int32)
