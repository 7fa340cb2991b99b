"""A few seconds of sound as a page embeds them: MP3, which every browser plays."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.encode import write

Floats = NDArray[np.float32]

PEAK = np.float32(0.89)
"""-1 dB of full scale, so that excerpts of loud and quiet records are heard alike."""
FADE_S = 0.05


def excerpt_mp3(audio: Floats, sample_rate_hz: int, kbps: float = 64.0) -> bytes:
    """MP3 of (samples,) or (channels, samples), faded at both ends, its peak at -1 dB.

    >>> excerpt_mp3(np.zeros(16_000, np.float32), 16_000)[:1] != b""
    True
    """
    samples = audio.shape[-1]
    fade = np.minimum(1.0, np.arange(1, samples + 1) / (FADE_S * sample_rate_hz)).astype(np.float32)
    loudest = np.float32(max(float(np.abs(audio).max(initial=0.0)), 1e-4))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "excerpt.mp3"
        write(path, audio * fade * fade[::-1] * (PEAK / loudest), sample_rate_hz, bitrate_kbps=kbps)
        return path.read_bytes()
