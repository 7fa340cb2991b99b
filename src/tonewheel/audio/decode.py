"""Decode any audio or video file to float32, whole or as a stream of blocks in bounded memory.

The reading ladder, each step usable alone: `probe` (what is it) < `blocks` (streamed) < `load` (one array).
Formats: wav, flac, ogg, mp3 (sndfile.py), opus and the sound of mp4, m4a, mov, mkv, webm, aac (container.py).
Whatever is wrong with a file becomes one InputError: missing, empty, a directory, no audio, 0 s long,
truncated (after what could be decoded was given), NaN, a rate outside 2,000 to 384,000 Hz, more than 32
channels. A cut mp3 or ogg that carries no length in its header just ends: nobody can know.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.checks import SampleFormat, check_layout, check_samples, decoder_for, regular_file
from tonewheel.audio.container import ContainerReader
from tonewheel.audio.piped import PipedWavReader, caught_from_a_pipe
from tonewheel.audio.resample import Resampler
from tonewheel.audio.sndfile import SoundfileReader
from tonewheel.core.errors import InputError
from tonewheel.core.records import Record

Audio = NDArray[np.float32]


class AudioInfo(Record):
    """What a file says about its sound before it is decoded; `seconds` is None when it does not say."""

    path: str
    seconds: float | None
    sample_rate_hz: int
    channels: int
    codec: str
    sample_format: SampleFormat | None = None
    """How a sample is stored; None where the codec stores no samples (mp3, opus, aac) and in containers."""


def probe(path: str | PathLike[str]) -> AudioInfo:
    """Length, rate, channels and codec of a file, without decoding it; InputError when it holds no sound.

    >>> import tempfile, numpy as np, soundfile
    >>> name = tempfile.mkdtemp() + "/tone.wav"
    >>> soundfile.write(name, np.zeros(24_000), 16_000)
    >>> info = probe(name)
    >>> info.seconds, info.sample_rate_hz, info.channels, info.codec
    (1.5, 16000, 1, 'pcm_16')
    """
    with _open(path) as reader:
        return AudioInfo(
            path=str(path),
            seconds=None if reader.samples is None else reader.samples / reader.sample_rate_hz,
            sample_rate_hz=reader.sample_rate_hz,
            channels=reader.channels,
            codec=reader.codec,
            sample_format=reader.sample_format,
        )


def blocks(
    path: str | PathLike[str],
    *,
    block_s: float = 1.0,
    sample_rate_hz: int | None = None,
    mono: bool = False,
    start_s: float = 0.0,
    end_s: float | None = None,
) -> Iterator[Audio]:
    """The sound of a file in blocks of `block_s` seconds (the last is shorter), a few blocks in memory.

    Shapes: (samples,) when mono (the mean of the channels), else (channels, samples) even with one channel.
    `start_s` and `end_s` are exact to the sample; an end past the file's end means until its end. With
    `sample_rate_hz` the blocks are resampled as one stream, so joined they equal the resampled whole.
    Raises InputError, for damage inside a file after the blocks before it.

    >>> import tempfile, numpy as np, soundfile
    >>> name = tempfile.mkdtemp() + "/tone.wav"
    >>> soundfile.write(name, np.zeros((24_000, 2)), 16_000)
    >>> [block.shape for block in blocks(name, sample_rate_hz=8_000)]
    [(2, 8000), (2, 4000)]
    """
    if block_s <= 0:
        raise ValueError(f"block_s is {block_s}; it must be above 0")
    if sample_rate_hz is not None:
        check_layout(path, sample_rate_hz, 1)
    if start_s < 0 or (end_s is not None and end_s <= start_s):
        raise InputError(str(path), f"the span from {start_s:g} s to {end_s} s holds nothing")
    with _open(path) as reader:
        from_hz = reader.sample_rate_hz
        to_hz = sample_rate_hz or from_hz
        start = round(start_s * from_hz)
        end = None if end_s is None else max(start + 1, round(end_s * from_hz))
        if reader.samples is not None and start >= max(reader.samples, 1):
            length_s = reader.samples / from_hz
            raise InputError(str(path), f"the start at {start_s:g} s is past the end ({length_s:g} s)")
        decoded = _checked(path, reader.blocks(start, end, max(1, round(block_s * from_hz))), start, from_hz)
        channels = 1 if mono else reader.channels
        mixed = (block.mean(axis=0, keepdims=True) for block in decoded) if mono else decoded
        resampled = _resampled(mixed, from_hz, to_hz, channels)
        for block in regular_blocks(resampled, max(1, round(block_s * to_hz))):
            yield block[0] if mono else block


def load(
    path: str | PathLike[str],
    *,
    sample_rate_hz: int | None = None,
    mono: bool = True,
    start_s: float = 0.0,
    duration_s: float | None = None,
) -> tuple[Audio, int]:
    """A file, or a span of it, as one array and its sample rate; shapes and errors as `blocks`.

    >>> import tempfile, numpy as np, soundfile
    >>> name = tempfile.mkdtemp() + "/tone.flac"
    >>> soundfile.write(name, np.zeros((24_000, 2)), 16_000)
    >>> audio, sample_rate_hz = load(name, start_s=1.0)
    >>> audio.shape, sample_rate_hz
    ((8000,), 16000)
    """
    end_s = None if duration_s is None else start_s + duration_s
    if sample_rate_hz is None:
        sample_rate_hz = probe(path).sample_rate_hz
    parts = list(
        blocks(path, block_s=10.0, sample_rate_hz=sample_rate_hz, mono=mono, start_s=start_s, end_s=end_s)
    )
    return np.concatenate(parts, axis=-1), sample_rate_hz


def regular_blocks(parts: Iterable[Audio], samples: int) -> Iterator[Audio]:
    """Cut or join a stream of parts of any length into blocks of `samples` samples; the last may be shorter.

    >>> import numpy as np
    >>> [len(block) for block in regular_blocks([np.zeros(3), np.zeros(4)], 2)]
    [2, 2, 2, 1]
    """
    waiting: list[Audio] = []
    held = 0
    for part in parts:
        waiting.append(part)
        held += part.shape[-1]
        if held < samples:
            continue
        joined = waiting[0] if len(waiting) == 1 else np.concatenate(waiting, axis=-1)
        whole = held - held % samples
        for first in range(0, whole, samples):
            yield joined[..., first : first + samples]
        # A copy, so that the rest does not keep the whole part alive.
        waiting, held = [joined[..., whole:].copy()], held - whole
    if held:
        yield np.concatenate(waiting, axis=-1)


def _open(path: str | PathLike[str]) -> SoundfileReader | ContainerReader | PipedWavReader:
    file = regular_file(path)
    decoder = decoder_for(file)
    if decoder == "unmeasured mp3":
        # Without a length in its header libsndfile guesses one from the first frame, and stops there.
        return ContainerReader(file, "mp3")
    if decoder == "opus":
        # libsndfile 1.2 calls files malformed whose time stamps have a gap: every third real one we met.
        return ContainerReader(file, "ogg")
    if decoder not in ("soundfile", "mp3"):
        return ContainerReader(file, decoder)
    if caught_from_a_pipe(file):
        return PipedWavReader(file)
    return SoundfileReader(file, noisy=decoder == "mp3")


def _checked(
    path: str | PathLike[str], parts: Iterable[Audio], start: int, sample_rate_hz: int
) -> Iterator[Audio]:
    position = start
    for part in parts:
        check_samples(path, part, position, sample_rate_hz)
        position += part.shape[-1]
        yield part
    if position == start:
        reason = f"ends before {start / sample_rate_hz:g} s" if start else "holds no sound (0 s)"
        raise InputError(str(path), reason)


def _resampled(parts: Iterable[Audio], from_hz: int, to_hz: int, channels: int) -> Iterator[Audio]:
    if from_hz == to_hz:
        yield from parts
        return
    stream = Resampler(from_hz, to_hz, channels)
    for part in parts:
        yield stream.push(part)
    yield stream.push(np.zeros((channels, 0), np.float32), last=True)
