"""What a file must be before it is decoded, and what samples must be afterwards.

Files are hostile until checked: the format is told by the first bytes, not by the suffix, and only formats on
the list below reach a decoder (so no playlist, no network protocol, no obscure parser).
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.errors import InputError

LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 2_000, 384_000  # below telephone quality; above every studio converter
MOST_CHANNELS = 32
LOUDEST_SAMPLE = 1_000.0  # 60 dB over full scale: such floats are integers that nobody scaled

READABLE = "wav, flac, ogg, opus, mp3, aiff, au, caf, mp4, m4a, mov, mkv, webm and aac"

SampleFormat = Literal["pcm_u8", "pcm_16", "pcm_24", "pcm_32", "float", "double"]
"""How a sample is stored, in bits of an integer or as floating point."""

Decoder = Literal["soundfile", "mp3", "unmeasured mp3", "opus", "mov", "matroska", "aac"]


def regular_file(path: str | PathLike[str]) -> Path:
    """The path, if a file with something in it is there; otherwise InputError.

    >>> regular_file("/")
    Traceback (most recent call last):
    tonewheel.core.errors.InputError: /: is a directory; expected an audio file
    """
    given, path = str(path), Path(path)
    if "\0" in given:
        raise InputError(given.replace("\0", "\\0"), "is not a file name: it holds a NUL character")
    try:
        if path.is_dir():
            raise InputError(given, "is a directory; expected an audio file")
        if not path.exists():
            raise InputError(given, "no such file")
        if not path.is_file():
            raise InputError(given, "is a pipe or device, not a file; give - and pipe it into standard input")
        if path.stat().st_size == 0:
            raise InputError(given, "is empty (0 bytes)")
    except OSError as error:
        raise InputError(given, f"cannot be read: {error.strerror}") from None
    return path


def decoder_for(path: Path) -> Decoder:
    """Which decoder reads this file, told by its first bytes; InputError when none does."""
    try:
        with path.open("rb") as stream:
            head = stream.read(4096)
            if head[:3] == b"ID3" and len(head) > 10:  # its size is in four bytes of seven bits
                tag_bytes = sum(byte << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
                stream.seek(10 + tag_bytes)
                head = stream.read(4096)
    except OSError as error:
        raise InputError(path, f"cannot be read: {error.strerror}") from None
    if not head:
        raise InputError(path, "is truncated: it ends inside the tag before its sound")
    found = _sniff(head)
    if found is None and path.suffix.lower() == ".mp3" and not _is_text(head):
        found = "unmeasured mp3"  # a recorded radio stream begins in the middle of a frame
    if found is None:
        kind = (
            "a text file" if _is_text(head) else f"of an unknown format (it begins with {head[:4].hex(' ')})"
        )
        raise InputError(path, f"is {kind}; expected audio: {READABLE}")
    return found


def _sniff(head: bytes) -> Decoder | None:
    if head[:4] == b"OggS" and head[28:36] == b"OpusHead":
        return "opus"
    if head[:4] in (b"RIFF", b"RIFX", b"RF64", b"riff", b"fLaC", b"OggS", b"FORM", b".snd", b"caff"):
        return None if head[8:12] in (b"AVI ", b"WEBP") else "soundfile"
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"):
        return "mov"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "matroska"
    frame = head.lstrip(b"\0")[:200]
    if len(frame) > 1 and frame[0] == 0xFF and frame[1] & 0xE0 == 0xE0:
        if frame[1] & 0xF6 == 0xF0:
            return "aac"
        return "mp3" if any(tag in frame for tag in (b"Xing", b"Info", b"VBRI")) else "unmeasured mp3"
    return None


def _is_text(head: bytes) -> bool:
    return (
        b"\0" not in head and sum(byte < 9 or 13 < byte < 32 or byte > 126 for byte in head) < len(head) / 10
    )


def check_layout(path: str | PathLike[str], sample_rate_hz: int, channels: int) -> None:
    """InputError unless the sample rate and the number of channels are ones that audio has.

    >>> check_layout("x.wav", 768_000, 2)
    Traceback (most recent call last):
    tonewheel.core.errors.InputError: x.wav: the sample rate is 768000 Hz; expected 2000 to 384000 Hz
    """
    if not LOWEST_RATE_HZ <= sample_rate_hz <= HIGHEST_RATE_HZ:
        raise InputError(
            str(path),
            f"the sample rate is {sample_rate_hz} Hz; expected {LOWEST_RATE_HZ} to {HIGHEST_RATE_HZ} Hz",
        )
    if not 1 <= channels <= MOST_CHANNELS:
        raise InputError(str(path), f"has {channels} channels; expected 1 to {MOST_CHANNELS}")


def truncated(path: str | PathLike[str], samples: int, promised: int, sample_rate_hz: int) -> InputError:
    """The error for a file that stops clearly before its header says."""
    return InputError(
        str(path),
        f"is truncated: it ends after {samples / sample_rate_hz:.2f} s,"
        f" its header promises {promised / sample_rate_hz:.2f} s",
    )


def check_samples(
    path: str | PathLike[str], block: NDArray[np.float32], first_sample: int, sample_rate_hz: int
) -> None:
    """InputError that names the second, if a sample is NaN, infinite or absurdly large; last axis is time."""
    # Neither NaN nor infinity is inside the limits, so one pass over the block finds all three.
    if block.size == 0 or (block.max() <= LOUDEST_SAMPLE and block.min() >= -LOUDEST_SAMPLE):
        return
    wrong = ~(np.abs(block) <= LOUDEST_SAMPLE)
    at = int(wrong.reshape(-1, block.shape[-1]).any(axis=0).argmax())
    column = block.reshape(-1, block.shape[-1])[:, at]
    value = float(column[~(np.abs(column) <= LOUDEST_SAMPLE)][0])
    place = f"the sample at {(first_sample + at) / sample_rate_hz:.3f} s"
    if np.isnan(value):
        raise InputError(str(path), f"{place} is not a number (NaN)")
    if np.isinf(value):
        raise InputError(str(path), f"{place} is infinite")
    raise InputError(
        str(path),
        f"{place} is {value:.4g}; expected about -1 to 1. Are these integers that were not scaled?",
    )
