"""What a step of listening costs with 40 songs of 4 minutes in the pack, and the memory, from one run.

    python benchmarks/listen.py [--songs 40] [--minutes 4] [--seconds 60] [--quick]

A fresh `tonewheel concert listen` follows a synthesised recording, which is one of the songs; the other songs
are random unit vectors, which cost the same. Beside it stands one answer of Chromaprint about the last 8 s,
`fpcalc` being called as a program, if it is on the PATH.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from measure import best_s, processor_s, stereo_song

from tonewheel.audio.encode import write
from tonewheel.systems.concert.baselines import chromaprint
from tonewheel.systems.concert.embed import Embedder, WindowStream
from tonewheel.systems.concert.listen import RUNS, CostSummary
from tonewheel.systems.concert.pack import Pack, Reference

ALLOWED_MS, ALLOWED_FACTOR, ALLOWED_MB = 50.0, 0.1, 300.0
HEARD_S = 8.0
PEAK = "from measure import peak_mb; print(peak_mb())"


def show_of(audio: np.ndarray, songs: int, minutes: float, embedder: Embedder) -> Pack:
    """A pack in which the first song begins with this audio."""
    rng = np.random.default_rng(0)
    windows = round((60 * minutes - embedder.window_s) / embedder.hop_s) + 1
    rows = rng.standard_normal((songs, windows, embedder.size)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=2, keepdims=True)
    heard = embedder.embed(audio).embeddings[:windows]
    rows[0, : len(heard)] = heard
    references = [
        Reference(song=f"song {n}", file=f"{n}.flac", seconds=60 * minutes, windows=windows, lufs=None)
        for n in range(songs)
    ]
    return Pack.of(references, list(rows), embedder)


def listening(recording: Path, pack: Path, seconds: float) -> CostSummary:
    """Follow the recording in a program of its own, as a user does."""
    command = [sys.executable, "-m", "tonewheel", "concert", "listen", str(recording), "--pack", str(pack)]
    began = processor_s()
    done = subprocess.run([*command, "--json", "--stats"], capture_output=True, text=True, check=True)
    whole_s = processor_s() - began
    events = [json.loads(line) for line in done.stdout.splitlines()]
    cost = CostSummary.from_json(done.stderr.splitlines()[-1])
    started = [event for event in events if event["event"] == "song_start"]
    print(f"{'':34}{'measured':>10}{'of what is allowed':>22}")

    def row(name: str, value: float, unit: str, allowed: float | None = None) -> None:
        share = "" if allowed is None else f"{value / allowed:.2f} of {allowed:g}{unit}"
        print(f"{name:34}{value:10.3g}{unit:3}{share:>19}")

    row("a step by the clock, p50", cost.wall_p50_ms, " ms")
    row("a step by the clock, p95", cost.wall_p95_ms, " ms", ALLOWED_MS)
    row("a step on the processor, p50", cost.cpu_p50_ms, " ms")
    row("steps, share of real time", cost.real_time_factor, "", ALLOWED_FACTOR)
    row("start and decoding as well", whole_s / seconds, "", ALLOWED_FACTOR)
    row("most memory", cost.peak_resident_mb, " MB", ALLOWED_MB)
    for name in ("numpy", "torch"):
        alone = [sys.executable, "-c", f"import {name}; {PEAK}"]
        output = subprocess.check_output(alone, text=True, cwd=Path(__file__).parent)
        row(f"  of which `import {name}` alone", float(output), " MB")
    right = len(started) == 1 and started[0]["song"] == "song 0"
    print(f"{cost.steps} steps; the song was {'found' if right else 'NOT FOUND'}")
    return cost


def parts_of_it(audio: np.ndarray, pack: Pack, embedder: Embedder) -> None:
    """Where a step's time goes, and the alternatives."""
    window = audio[: round(embedder.window_s * embedder.spec.sample_rate_hz)]
    stream = WindowStream(embedder)
    stream.push(window)
    rows = embedder.embed(audio).embeddings[: RUNS[-1]]
    catalogue = pack.catalogue
    cosines = [catalogue.cosines(row) for row in rows]

    def again() -> None:
        for run in RUNS:
            catalogue.rank(rows[-run:])

    works = {
        "features and network": lambda: stream.push(window),
        "cosines of the new window": lambda: catalogue.cosines(rows[-1]),
        "runs of it": lambda: [catalogue.rank_cosines(cosines[-run:]) for run in RUNS],
        "beside: all cosines of all runs anew": again,
    }
    if chromaprint.available():
        heard = audio[: round(HEARD_S * embedder.spec.sample_rate_hz)]
        song = np.resize(chromaprint.fingerprint(audio), round(60 * 4 / 0.124))
        known = len(pack.songs)

        def chromaprint_step() -> None:
            words = chromaprint.fingerprint(heard)
            for _ in range(known):
                chromaprint.lowest_bit_error_rate(words, song)

        works[f"beside: fpcalc of {HEARD_S:g} s, {known} songs"] = chromaprint_step
    else:
        print("fpcalc is not on the PATH: no ratio to it")
    took_s = best_s(list(works.values()), runs=10)
    step_s = sum(took_s[:3])
    print(f"\n{'one step':38}{'ms':>8}{'to a step':>12}")
    for name, took in zip(works, took_s, strict=True):
        print(f"{name:38}{1000 * took:8.2f}{took / step_s:12.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--songs", type=int, default=40)
    parser.add_argument("--minutes", type=float, default=4.0, help="length of each song")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the recording")
    parser.add_argument("--quick", action="store_true", help="12 s: whether it runs, not how fast")
    options = parser.parse_args()
    seconds = 12.0 if options.quick else options.seconds
    embedder = Embedder.shipped()
    rate = embedder.spec.sample_rate_hz
    audio = stereo_song(2, seconds, rate).mean(axis=0)
    pack = show_of(audio, options.songs, options.minutes, embedder)
    print(f"{options.songs} songs, {sum(r.windows for r in pack.header.references)} windows; one thread\n")
    with tempfile.TemporaryDirectory() as folder:
        recording, file = Path(folder) / "recording.wav", Path(folder) / "show.pack"
        write(recording, audio, rate)
        pack.write(file)
        listening(recording, file, seconds)
    parts_of_it(audio, pack, embedder)


if __name__ == "__main__":
    main()
