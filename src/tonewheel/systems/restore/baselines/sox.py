"""sox noisered: spectral gating with a noise profile that the user cuts out of the recording.

Its profile needs a second of noise without music. A user finds one between the grooves; here it gets the
quietest second of the damaged clip, as nothing better can be had without knowing the noise.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewheel.systems.restore.baselines.base import Baseline, piped

Audio = NDArray[np.float32]

TAIL_SAMPLES = 4096
"""It forgets the last half of its window."""


def quietest(audio: Audio, sample_rate_hz: int, seconds: float = 0.5) -> Audio:
    """The part of this length with the least energy.

    >>> quietest(np.float32([1, 1, 0, 0, 1]), 2, 1.0).tolist()
    [0.0, 0.0]
    """
    length = max(1, min(audio.size, round(seconds * sample_rate_hz)))
    running = np.concatenate(([0.0], np.cumsum(np.square(audio, dtype=np.float64))))
    first = int(np.argmin(running[length:] - running[:-length]))
    return audio[first : first + length]


def noisered(amount: float) -> Baseline:
    """Noise reduction of the stated strength, 0..1."""

    def process(audio: Audio, rate: int) -> Audio:
        raw = ["-t", "raw", "-e", "floating-point", "-b", "32", "-c", "1", "-r", str(rate), "-"]
        with tempfile.TemporaryDirectory() as folder:
            profile = str(Path(folder) / "noise.profile")
            # Clicks above full scale would be clipped on sox's way in: it holds integers.
            scale = np.float32(max(1.0, float(np.abs(audio).max(initial=0.0)) / 0.9))
            quiet = np.asarray(audio / scale, "<f4")
            noise = quietest(quiet, rate)
            piped(["sox", "-V1", *raw, "-n", "noiseprof", profile], noise.tobytes())
            done = piped(
                ["sox", "-V1", *raw, *raw, "noisered", profile, str(amount)],
                np.pad(quiet, (0, TAIL_SAMPLES)).tobytes(),
            )
        out = np.frombuffer(done, "<f4") * scale
        return np.pad(out, (0, max(0, audio.size - out.size)))[: audio.size].astype(np.float32)

    return Baseline(f"sox noisered {amount:g}", process, "sox")
