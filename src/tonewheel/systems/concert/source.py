"""Where a show is heard from: a file, a pipe or a sound device, as mono blocks at the encoder's rate."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.capture import device_blocks
from tonewheel.audio.checks import check_layout
from tonewheel.audio.decode import blocks
from tonewheel.audio.stream import stream_blocks
from tonewheel.audio.wav import BYTES, Encoding, WavHeader
from tonewheel.core.errors import InputError, nearest

Floats = NDArray[np.float32]
BLOCK_S = 0.25
"""Half a step of the listener: a file answers as soon as a microphone would."""


class Clock(NamedTuple):
    """The time in seconds, and how to wait; a test brings its own."""

    now: Callable[[], float] = time.monotonic
    wait: Callable[[float], None] = time.sleep


WALL_CLOCK = Clock()


def open_source(
    source: str,
    sample_rate_hz: int,
    *,
    pcm: tuple[int, int, str] = (16_000, 1, "s16le"),
    realtime: bool = False,
    clock: Clock = WALL_CLOCK,
    stdin: BinaryIO | None = None,
) -> Iterator[Floats]:
    """Mono blocks (samples,) at the asked rate, as they arrive.

    `source` is the path of a file, `-` for standard input (WAV, or raw PCM of this `pcm`: sample rate,
    channels, encoding), `device` or `device:NAME`. With `realtime` a file is given at the pace of a concert.
    InputError, at once or while reading, when the source is none of these or breaks off.

    >>> import io
    >>> from tonewheel.audio.wav import wav_header_bytes
    >>> pipe = io.BytesIO(wav_header_bytes(16_000, 1, "s16le", None) + bytes(32_000))
    >>> sum(len(block) for block in open_source("-", 8_000, stdin=pipe))
    8000
    """
    heard: Iterator[Floats]
    if source == "-":
        heard = stream_blocks(
            _standard_input() if stdin is None else stdin,
            raw=_raw(*pcm),
            sample_rate_hz=sample_rate_hz,
            name="standard input",
        )
    elif source == "device" or source.startswith("device:"):
        name = source.removeprefix("device").removeprefix(":")
        device = int(name) if name.isdecimal() else name or None
        return (block.mean(axis=0) for block in device_blocks(device, sample_rate_hz=sample_rate_hz))
    else:
        heard = blocks(source, sample_rate_hz=sample_rate_hz, mono=True, block_s=BLOCK_S)
    return paced(heard, sample_rate_hz, clock) if realtime else heard


def paced(heard: Iterable[Floats], sample_rate_hz: int, clock: Clock = WALL_CLOCK) -> Iterator[Floats]:
    """Hold each block back until it would have been heard to its end.

    >>> waits = []
    >>> halves = [np.zeros(4_000, np.float32)] * 2
    >>> len(list(paced(halves, 8_000, Clock(now=lambda: sum(waits), wait=waits.append)))), waits
    (2, [0.5, 0.5])
    """
    began, samples = clock.now(), 0
    for block in heard:
        samples += len(block)
        early_s = began + samples / sample_rate_hz - clock.now()
        if early_s > 0:
            clock.wait(early_s)
        yield block


def _raw(rate_hz: int, channels: int, encoding: str) -> WavHeader:
    if encoding not in BYTES:
        raise InputError(
            "--encoding", f'"{encoding}" is none of {", ".join(BYTES)}{nearest(encoding, BYTES)}'
        )
    check_layout("standard input", rate_hz, channels)
    return WavHeader(
        sample_rate_hz=rate_hz, channels=channels, encoding=cast(Encoding, encoding), data_bytes=None
    )


def _standard_input() -> BinaryIO:
    if sys.stdin is None or sys.stdin.closed:
        raise InputError("standard input", "is closed")
    if sys.stdin.isatty():
        raise InputError("standard input", "is a terminal; pipe a WAV or raw PCM into it")
    return sys.stdin.buffer
