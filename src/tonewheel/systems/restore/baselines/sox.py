"""sox noisered: spectral gating with a noise profile that the user cuts out of the recording.

Its profile needs noise without music; a user finds some between the grooves. Here it gets a second of the very
noise that was added, clicks and all, which is as good as a user can do.
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


def noisered(amount: float) -> Baseline:
    """Noise reduction of the stated strength, 0..1."""

    def process(audio: Audio, rate: int, groove: Audio) -> Audio:
        raw = ["-t", "raw", "-e", "floating-point", "-b", "32", "-c", "1", "-r", str(rate), "-"]
        with tempfile.TemporaryDirectory() as folder:
            profile = str(Path(folder) / "noise.profile")
            # Clicks above full scale would be clipped on sox's way in: it holds integers.
            scale = np.float32(max(1.0, float(np.abs(audio).max(initial=0.0)) / 0.9))
            quiet = np.asarray(audio / scale, "<f4")
            noise = np.asarray(groove[:rate] / scale, "<f4")
            piped(["sox", "-V1", *raw, "-n", "noiseprof", profile], noise.tobytes())
            done = piped(
                ["sox", "-V1", *raw, *raw, "noisered", profile, str(amount)],
                np.pad(quiet, (0, TAIL_SAMPLES)).tobytes(),
            )
        out = np.frombuffer(done, "<f4") * scale
        return np.pad(out, (0, max(0, audio.size - out.size)))[: audio.size].astype(np.float32)

    return Baseline(f"sox noisered {amount:g}", process, "sox")
