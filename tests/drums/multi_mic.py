"""Multi-microphone recordings made by code, with delays that are known to any fraction of a sample."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

RATE_HZ = 44_100


def struck(times_s: Sequence[float], delay: Callable[[float], float], seconds: float, seed: int) -> Any:
    """Hits whose onset is a continuous function of time, so that a delay of any fraction is exact."""
    rng = np.random.default_rng(0)
    audio = np.zeros(round(seconds * RATE_HZ))
    for time_s in times_s:
        partials = rng.uniform(200, 6000, 12), rng.uniform(0.01, 0.03, 12), rng.uniform(0, 6.28, 12)
        onset_s = time_s + delay(time_s) / RATE_HZ
        first = max(0, int(onset_s * RATE_HZ) - 10)
        t = np.arange(first, min(first + 6000, audio.size)) / RATE_HZ - onset_s
        attack = 0.5 * (1 + np.tanh(t / 0.0003))
        for hz, decay_s, phase in zip(*partials, strict=True):
            audio[first : first + t.size] += (
                attack * np.exp(-np.maximum(t, 0) / decay_s) * np.sin(6.2832 * hz * t + phase)
            )
    return 0.05 * audio + 0.0005 * np.random.default_rng(seed).standard_normal(audio.size)


def write_session(
    folder: Path,
    delays: dict[str, Callable[[float], float]],
    *,
    seconds: float = 30.0,
    inverted: Sequence[str] = (),
) -> Path:
    """A session manifest with one file for each microphone; `delays` in samples at a time in seconds."""
    rng = np.random.default_rng(1)
    times_s = np.arange(0.5, seconds - 0.5, 0.45) + rng.uniform(
        -0.1, 0.1, len(np.arange(0.5, seconds - 0.5, 0.45))
    )
    mics = []
    for number, (name, delay) in enumerate(delays.items()):
        audio = struck(times_s.tolist(), delay, seconds, number) * (-0.6 if name in inverted else 1.0)
        soundfile.write(folder / f"{name}.wav", audio, RATE_HZ, subtype="FLOAT")
        mics.append({"name": name, "path": f"{name}.wav"})
    path = folder / "session.json"
    path.write_text(
        json.dumps({"session_id": "made", "notes": "made by code", "mics": mics, "engineer": "x"})
    )
    return path
