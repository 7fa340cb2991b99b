"""Size of a pack of 50 songs of 4 minutes, and how fast packs are made and opened, from one run.

    python benchmarks/pack.py [--songs 50] [--minutes 4] [--tracks 4] [--track-seconds 60] [--quick]

The large pack is of random unit vectors, as many as the songs would have: bytes are bytes. The small one is
made of synthesised songs, stereo mp3 of 44.1 kHz, with Chromaprint's `fpcalc` of the same files beside it, if
it is on the PATH.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from measure import best_s, stereo_song

from tonewheel.audio.encode import write
from tonewheel.core.progress import quiet
from tonewheel.systems.concert.embed import Embedder
from tonewheel.systems.concert.pack import Pack, Reference, build_pack

ALLOWED_BYTES = 10e6


def large(folder: Path, songs: int, minutes: float, embedder: Embedder) -> None:
    rng = np.random.default_rng(0)
    windows = round((60 * minutes - embedder.window_s) / embedder.hop_s) + 1
    rows = rng.standard_normal((songs, windows, embedder.size)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=2, keepdims=True)
    references = [
        Reference(song=f"song {n}", file=f"{n}.flac", seconds=60 * minutes, windows=windows, lufs=-14.0)
        for n in range(songs)
    ]
    path = folder / "large.pack"
    size = Pack.of(references, list(rows), embedder).write(path)
    (open_s,) = best_s([lambda: Pack.read(path, embedder)])
    print(f"{songs} songs of {minutes:g} min: {size / 1e6:.2f} MB, {size / ALLOWED_BYTES:.2f} of 10 MB,")
    print(
        f"  {size / rows.nbytes:.2f} of the same as float32, {size / (songs * minutes) / 1e3:.1f} kB a minute"
    )
    print(f"  opened in {1000 * open_s:.0f} ms")


def small(folder: Path, tracks: int, seconds: float, embedder: Embedder) -> None:
    music = folder / "tracks"
    music.mkdir()
    for n in range(tracks):
        write(music / f"{n + 1:02d} - Song {n + 1}.mp3", stereo_song(n, seconds), 44_100, bitrate_kbps=192)
    files = sorted(music.iterdir())
    prints: list[bytes] = []

    def with_fpcalc() -> None:
        prints.clear()
        for file in files:
            # As text fpcalc packs a print as AcoustID does, in base64.
            command = ["fpcalc", "-length", "0", "-plain", str(file)]
            prints.append(subprocess.run(command, capture_output=True, check=False).stdout)

    works = [lambda: build_pack(music, None, embedder)]
    if shutil.which("fpcalc"):
        works.append(with_fpcalc)
    took_s = best_s(works)
    pack, left_out = build_pack(music, None, embedder)
    if left_out:
        raise RuntimeError(str(left_out))
    size, audio_s = pack.write(folder / "small.pack"), tracks * seconds
    bytes_of_music = sum(file.stat().st_size for file in files)
    print(
        f"\n{tracks} songs of {seconds:g} s: {size / 1e3:.0f} kB, {size / bytes_of_music:.3f} of their mp3s"
    )
    print(f"{'':24}{'x real time':>14}{'ratio':>8}{'kB a minute':>14}{'ratio':>8}")
    print(f"{'tonewheel':24}{audio_s / took_s[0]:14.0f}{1:8.2f}{size / audio_s * 0.06:14.1f}{1:8.2f}")
    if prints:
        theirs = sum(map(len, prints))
        ratios = took_s[1] / took_s[0], theirs / size
        print(
            f"{'fpcalc (Chromaprint)':24}{audio_s / took_s[1]:14.0f}{ratios[0]:8.2f}"
            f"{theirs / audio_s * 0.06:14.1f}{ratios[1]:8.2f}"
        )
    else:
        print("fpcalc is not on the PATH: no ratio to it")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--songs", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=4.0, help="length of each of them")
    parser.add_argument("--tracks", type=int, default=4, help="songs that are synthesised and packed")
    parser.add_argument("--track-seconds", type=float, default=60.0, help="length of each of them")
    parser.add_argument("--quick", action="store_true", help="2 songs of 8 s: whether it runs, not how fast")
    options = parser.parse_args()
    tracks, seconds = (2, 8.0) if options.quick else (options.tracks, options.track_seconds)
    quiet(True)
    embedder = Embedder.shipped()
    with tempfile.TemporaryDirectory() as folder:
        large(Path(folder), options.songs, options.minutes, embedder)
        small(Path(folder), tracks, seconds, embedder)


if __name__ == "__main__":
    main()
