"""ffmpeg's own restoration filters: adeclick, and adeclick with afftdn for hiss.

adeclick is AR residual, threshold and interpolation, after Godsill and Rayner; `a=8:m=s` was the best of its
settings on held-out clips. afftdn subtracts a noise spectrum and delays its output by 1102 samples at 44.1 kHz,
which is taken out here: nobody who compares by ear would, but a delay would cost it all of its SI-SDR.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tonewheel.systems.restore.baselines.base import Baseline, piped

Audio = NDArray[np.float32]

AFFTDN_WINDOW_S = 0.025
"""Its delay: whole samples of this, 1102 at 44.1 kHz, 1200 at 48."""


def filtered(audio: Audio, sample_rate_hz: int, chain: str, delay_samples: int = 0) -> Audio:
    """Mono audio through a chain of ffmpeg's filters, as long as before, its delay taken out."""
    layout = ["-f", "f32le", "-ar", str(sample_rate_hz), "-ac", "1"]
    padded = np.pad(np.asarray(audio, np.float32), (0, delay_samples + sample_rate_hz // 2))
    command = ["ffmpeg", "-loglevel", "error", "-nostdin", "-threads", "1", "-filter_threads", "1", *layout,
               "-i", "pipe:0", "-af", chain, *layout, "pipe:1"]  # fmt: skip
    out = np.frombuffer(piped(command, padded.tobytes()), "<f4")[delay_samples:]
    return np.pad(out, (0, max(0, audio.size - out.size)))[: audio.size].astype(np.float32)


def adeclick(options: str = "") -> Baseline:
    """The declicker alone."""
    chain = f"adeclick{'=' if options else ''}{options}"
    return Baseline(f"ffmpeg {chain}", lambda audio, rate, _: filtered(audio, rate, chain), "ffmpeg")


def adeclick_afftdn(declick: str, denoise: str) -> Baseline:
    """The declicker, then spectral subtraction."""
    chain = f"adeclick{'=' if declick else ''}{declick},afftdn{'=' if denoise else ''}{denoise}"

    def process(audio: Audio, rate: int, _groove: Audio) -> Audio:
        return filtered(audio, rate, chain, int(AFFTDN_WINDOW_S * rate))

    return Baseline(f"ffmpeg {chain}", process, "ffmpeg")
