"""A session of four microphones, made by code: delays of any fraction of a sample, drift, inverted polarity.

    python examples/drums/make_session.py examples/drums            # one that passes `drums check alignment`
    python examples/drums/make_session.py /tmp/bad --bad            # one that does not

Writes session/*.wav and session_manifest_example.json below the folder.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.encode import write

RATE_HZ = 44_100
GOOD: dict[str, Callable[[float], float]] = {
    "kick": lambda time_s: 0.0,
    "snare": lambda time_s: 3.37,
    "overhead_left": lambda time_s: 7.5,
    "overhead_right": lambda time_s: 6.25,
}
"""Delay of each microphone in samples, at a time in seconds."""
BAD: dict[str, Callable[[float], float]] = {
    **GOOD,
    "snare": lambda time_s: 20.25,  # 0.46 ms
    "overhead_left": lambda time_s: 7.5 + 2.5 * time_s / 60,  # a clock of its own
}


def heard(times_s: Sequence[float], delay: Callable[[float], float], seconds: float) -> NDArray[np.float64]:
    """Hits whose onset is a continuous function of time, so that any fraction of a sample is exact."""
    rng = np.random.default_rng(0)
    audio = np.zeros(round(seconds * RATE_HZ))
    for time_s in times_s:
        hz, decay_s, phase = rng.uniform(200, 6000, 10), rng.uniform(0.01, 0.03, 10), rng.uniform(0, 6.28, 10)
        onset_s = time_s + delay(time_s) / RATE_HZ
        first = max(0, int(onset_s * RATE_HZ) - 30)
        t = (np.arange(first, min(first + 5000, audio.size)) / RATE_HZ - onset_s)[:, None]
        partials = np.exp(-np.maximum(t, 0) / decay_s) * np.sin(2 * np.pi * hz * t + phase)
        audio[first : first + len(t)] += 0.5 * (1 + np.tanh(t[:, 0] / 0.0003)) * partials.sum(axis=1)
    return audio


def write_session(
    folder: Path,
    delays: Mapping[str, Callable[[float], float]],
    *,
    seconds: float = 20.0,
    inverted: Sequence[str] = (),
    noise: float = 0.0005,
) -> Path:
    """Write the files and their manifest; returns the manifest."""
    rng = np.random.default_rng(1)
    times_s = np.arange(0.5, seconds - 0.5, 0.45)
    times_s = times_s + rng.uniform(-0.1, 0.1, times_s.size)
    mics = []
    for number, (name, delay) in enumerate(delays.items()):
        audio = 0.05 * heard(times_s.tolist(), delay, seconds) * (-0.6 if name in inverted else 1.0)
        audio = audio + noise * np.random.default_rng(number).standard_normal(audio.size)
        write(folder / "session" / f"{name}.wav", audio, RATE_HZ, force=True)
        mics.append({"name": name, "path": f"session/{name}.wav"})
    path = folder / "session_manifest_example.json"
    session = {"session_id": "session_example", "notes": "made by make_session.py", "mics": mics}
    path.write_text(json.dumps(session, indent=2) + "\n")
    return path


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="where to write")
    parser.add_argument("--bad", action="store_true", help="0.46 ms late, and a clock that runs away")
    options = parser.parse_args()
    print(write_session(options.folder, BAD if options.bad else GOOD))


if __name__ == "__main__":
    main()
