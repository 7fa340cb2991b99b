"""What every degradation costs, in ms for 10 s of 16 kHz mono and as a multiple of real time, from one run.

    python benchmarks/degrade.py [--seconds 10] [--quick]

The room is a response of 4.5 s from a file; beside it stands scipy's fftconvolve of the same two arrays. One
thread; the best of three runs counts, after a first that loads or makes responses and crowds: training pays
that once.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from measure import best_s
from scipy import signal

from tonewheel.audio.encode import write
from tonewheel.degrade.base import discover
from tonewheel.degrade.codec import RATES_HZ, Codec
from tonewheel.degrade.presets import hall
from tonewheel.degrade.room import Room

RATE_HZ = 16_000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--quick", action="store_true", help="2 s: whether it runs, not how fast")
    options = parser.parse_args()
    seconds = 2.0 if options.quick else options.seconds
    rng = np.random.default_rng(0)
    audio = (0.1 * rng.standard_normal(round(seconds * RATE_HZ))).astype(np.float32)

    def show(name: str, took_s: list[float]) -> None:
        ms = 1000 * float(np.mean(took_s))
        print(f"{name:34s} {ms:8.2f} ms {1000 * seconds / max(ms, 1e-3):10.0f} x real time")

    for kind, degradation in discover().items():
        if kind not in ("chain", "codec"):
            drawn = degradation.draw(np.random.default_rng(1))
            show(kind, best_s([lambda drawn=drawn: drawn.apply(audio, RATE_HZ)]))
    for name in RATES_HZ:
        codec = Codec.from_dict({"kind": "codec", "format": name, "bitrate_kbps": 48.0})
        show(f"codec {name}", best_s([lambda codec=codec: codec.apply(audio, RATE_HZ)]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hall.wav"
        tail = rng.standard_normal(round(4.5 * RATE_HZ)) * 10 ** (
            -3 * np.arange(round(4.5 * RATE_HZ)) / RATE_HZ / 2.5
        )
        write(path, (0.1 * tail).astype(np.float32), RATE_HZ)
        room = Room(path=str(path))
        response = room.response(RATE_HZ).samples
        took_s = best_s(
            [
                lambda: room.apply(audio, RATE_HZ),
                lambda: signal.fftconvolve(audio, response)[: len(audio)],
            ],
            runs=7,
        )
        show("room, response of 4.5 s", took_s[:1])
        show("  scipy.signal.fftconvolve", took_s[1:])
        print(f"  ours takes {took_s[0] / took_s[1]:.2f} of scipy's time")
        for share, name in ((0.0, "hall without codec"), (1.0, "hall with codec")):
            chains = [hall(np.random.default_rng(seed), [str(path)], codec_share=share) for seed in range(6)]
            show(name, best_s([lambda c=c: c.apply(audio, RATE_HZ) for c in chains]))


if __name__ == "__main__":
    main()
