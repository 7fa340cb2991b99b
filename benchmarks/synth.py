"""How much faster than real time songs are composed and rendered, on one thread.

    python benchmarks/synth.py [--seconds 60] [--quick]

One JSON line a sample rate, over a song of each style.
"""

from __future__ import annotations

import argparse
import json
import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

from tonewheel.synth.compose import compose
from tonewheel.synth.render import render
from tonewheel.synth.styles import STYLES


def main() -> None:
    """Render one song a style at each rate and print one JSON line each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="length of each song")
    parser.add_argument("--quick", action="store_true", help="3 styles, 5 s: whether it runs, not how fast")
    arguments = parser.parse_args()
    seconds = 5.0 if arguments.quick else arguments.seconds
    styles = sorted(STYLES)[: 3 if arguments.quick else None]
    songs = [compose(900 + index, style, seconds=seconds) for index, style in enumerate(styles)]
    render(songs[0], 16000, seconds=2.0)  # imports and caches
    for sample_rate_hz, channels in ((16000, 1), (44100, 1), (44100, 2)):
        ratios = []
        for song in songs:
            start = time.process_time()
            compose(song.seed, song.style, seconds=seconds)
            render(song, sample_rate_hz, channels=channels)
            ratios.append(song.seconds / (time.process_time() - start))
        total_s = sum(song.seconds for song in songs)
        took_s = sum(song.seconds / ratio for song, ratio in zip(songs, ratios, strict=True))
        print(
            json.dumps(
                {
                    "sample_rate_hz": sample_rate_hz,
                    "channels": channels,
                    "songs": len(songs),
                    "audio_s": round(total_s),
                    "times_real_time": round(total_s / took_s, 1),
                    "slowest": round(min(ratios), 1),
                    "fastest": round(max(ratios), 1),
                }
            )
        )


if __name__ == "__main__":
    main()
