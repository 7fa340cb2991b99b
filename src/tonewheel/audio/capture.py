"""Sound from a microphone or line input, through the optional package `sounddevice` (extra `mic`)."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.checks import check_layout
from tonewheel.core.errors import InputError, MissingDependencyError

Audio = NDArray[np.float32]


def device_blocks(
    device: str | int | None = None, *, sample_rate_hz: int = 16_000, channels: int = 1, block_s: float = 0.1
) -> Iterator[Audio]:
    """(channels, n) float32 blocks from a device (its name or number; None: the default), until closed.

    The device converts to the rate. InputError when there is no such device or it cannot do this,
    MissingDependencyError without sounddevice.

        for block in device_blocks("USB", sample_rate_hz=16_000):
            meter.push(block)
    """
    check_layout(_name(device), sample_rate_hz, channels)
    sounddevice = _sounddevice()
    try:
        with sounddevice.InputStream(
            device=device, samplerate=sample_rate_hz, channels=channels, dtype="float32"
        ) as stream:
            while True:
                block, _overflowed = stream.read(max(1, round(block_s * sample_rate_hz)))
                yield np.ascontiguousarray(block.T, np.float32)
    except (sounddevice.PortAudioError, ValueError) as error:
        raise InputError(_name(device), f"cannot be recorded from: {error}") from None


def device_names() -> list[str]:
    """The names of the devices that can record."""
    return [found["name"] for found in _sounddevice().query_devices() if found["max_input_channels"] > 0]


def _name(device: str | int | None) -> str:
    return "the default device" if device is None else f"device {device}"


def _sounddevice() -> Any:
    try:
        return import_module("sounddevice")
    except (ImportError, OSError):  # OSError: the package is there, the PortAudio library is not
        raise MissingDependencyError("sounddevice", "listening to a microphone", "mic") from None
