"""Sound for pages: small, and played by every browser."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from tonewheel.audio.encode import write
from tonewheel.audio.resample import resample

KBPS = 112.0
RATES_HZ = (32_000, 44_100, 48_000)


def mp3(audio: NDArray[Any], sample_rate_hz: int, kbps: float = KBPS) -> bytes:
    """Sound as MP3, (samples,) or (channels, samples) -> bytes; levels are kept, what is over full scale is cut.

    >>> import numpy as np
    >>> len(mp3(np.zeros(44_100), 44_100)) < 20_000
    True
    """
    rate = sample_rate_hz if sample_rate_hz in RATES_HZ else RATES_HZ[-1]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sound.mp3"
        write(path, resample(audio, sample_rate_hz, rate), rate, bitrate_kbps=kbps)
        return path.read_bytes()
