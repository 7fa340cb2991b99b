"""How long a style profile of 215 tracks of five minutes takes on two cores, and in how much memory.

    python benchmarks/style_profile.py [--tracks 6] [--quick]

A few tracks of five minutes are measured, and 215 are extrapolated from them: nothing but the clusters, which are
timed with all 215, depends on the number of tracks. Times are processor time, so other work does not count; two cores
halve it. Memory is that of a fresh program that measures a short and a long file.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from measure import best_s, processor_s, stereo_song
from msgspec.structs import replace

from tonewheel.audio.encode import write
from tonewheel.systems.similar.features.track import measure_track
from tonewheel.systems.similar.profile import make_profile

RATE = 44_100
TRACKS, TRACK_S, TARGET_S, CORES = 215, 300, 300, 2
CHILD = """
import sys
sys.path[:0] = [{folder!r}]
from measure import peak_mb
from tonewheel.systems.similar.features.track import measure_track
measure_track(sys.argv[1])
print(peak_mb())
"""


def memory_mb(path: Path) -> float:
    """Of a fresh program that measures one file."""
    code = CHILD.format(folder=str(Path(__file__).parent))
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> None:
    """One line a figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tracks", type=int, default=6)
    parser.add_argument("--quick", action="store_true", help="one track, one turn")
    given = parser.parse_args()
    song_s = 10 if given.quick else 60
    song = stereo_song(51_004, song_s)
    whole = np.tile(song, (1, TRACK_S // song_s + 1))[:, : TRACK_S * RATE]
    with tempfile.TemporaryDirectory() as folder:
        files = {
            name: Path(folder) / f"song.{name}"
            for name in (("wav", "flac") if given.quick else ("wav", "flac", "mp3"))
        }
        for file in files.values():
            write(file, whole, RATE)
        long = Path(folder) / "long.flac"
        write(long, np.tile(whole, (1, 2 if given.quick else 6)), RATE)
        measured = measure_track(files["wav"])
        for name, file in files.items():
            work = [lambda file=file: measure_track(file)]
            took_s = best_s(work, runs=1 if given.quick else max(1, given.tracks // 3))[0]
            all_s = took_s * TRACKS / CORES
            print(
                f"{name:>5s}: {took_s:.2f} s a track of {TRACK_S} s ({TRACK_S / took_s:.0f}x real time);"
                f" {TRACKS} tracks on {CORES} cores {all_s:.0f} s, target {TARGET_S} s"
            )
        rng = np.random.default_rng(0)
        tracks = [
            replace(
                measured, path=str(number), tempo_bpm=rng.normal(130, 8), brightness_hz=rng.uniform(500, 4000)
            )
            for number in range(TRACKS)
        ]
        began = processor_s()
        make_profile(tracks, name="benchmark")
        print(f"clusters and statistics of {TRACKS} tracks: {processor_s() - began:.2f} s")
        minutes = (TRACK_S // 60, (2 if given.quick else 6) * TRACK_S // 60)
        for length, file in zip(minutes, (files["flac"], long), strict=True):
            print(f"memory for a track of {length} minutes: {memory_mb(file):.0f} MB")


if __name__ == "__main__":
    main()
