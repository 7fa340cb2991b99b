"""Decode speed as ratios to ffmpeg and librosa, and the memory of a streamed 3-hour file, from one run.

    python benchmarks/decode.py [--seconds 60] [--hours 3] [--quick]

Every reader decodes the same synthesised stereo file to mono float32 at 16 kHz on one thread; the best of
three runs counts. ffmpeg is called as a program, its start included, if it is on the PATH.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from measure import best_s, peak_mb

from tonewheel.audio.decode import blocks, load
from tonewheel.audio.encode import Writer, write

RATE_HZ, TARGET_HZ = 48_000, 16_000
SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".mkv")
LIBROSA_READS = (".wav", ".flac", ".mp3", ".ogg", ".opus")


def sound(seconds: float) -> np.ndarray:
    """Stereo chords with noise, so that codecs have something to do."""
    rng = np.random.default_rng(0)
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    chord = (
        sum(np.sin(2 * np.pi * hz * t) for hz in (110, 220.5, 331, 441, 667)) * np.exp(-4 * (t % 0.5)) * 0.1
    )
    return np.stack([chord, chord[::-1]]).astype(np.float32) + rng.normal(0, 0.01, (2, t.size)).astype(
        np.float32
    )


def with_ffmpeg(path: Path) -> np.ndarray:
    command = ["ffmpeg", "-v", "error", "-threads", "1", "-i", str(path)]
    command += ["-vn", "-ac", "1", "-ar", str(TARGET_HZ), "-f", "f32le", "-"]
    return np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, "<f4")


def speeds(folder: Path, seconds: float) -> None:
    ffmpeg = shutil.which("ffmpeg") is not None
    try:
        import librosa
    except ImportError:
        librosa = None
    if not ffmpeg:
        print("ffmpeg is not on the PATH: no ratio to it")
    if librosa is None:
        print("librosa is not installed: no ratio to it")
    print(f"\n{seconds:g} s of {RATE_HZ} Hz stereo to mono at {TARGET_HZ} Hz; above 1: Tonewheel is faster")
    print(f"{'format':8}{'x real time':>14}{'to ffmpeg':>12}{'to librosa':>12}")
    audio = sound(seconds)
    for suffix in SUFFIXES:
        path = folder / f"sound{suffix}"
        write(path, audio, RATE_HZ, sample_format="pcm_16" if suffix in (".wav", ".flac") else None)
        works: dict[str, Callable[[], object]] = {
            "ours": lambda path=path: load(path, sample_rate_hz=TARGET_HZ)
        }
        if ffmpeg:
            works["ffmpeg"] = lambda path=path: with_ffmpeg(path)
        if librosa is not None and suffix in LIBROSA_READS:
            works["librosa"] = lambda path=path: librosa.load(path, sr=TARGET_HZ)
        took_s = dict(zip(works, best_s(list(works.values())), strict=True))
        ratios = [f"{took_s[n] / took_s['ours']:.2f}" if n in took_s else "-" for n in ("ffmpeg", "librosa")]
        print(f"{suffix[1:]:8}{seconds / took_s['ours']:14.0f}{ratios[0]:>12}{ratios[1]:>12}")


def stream_memory(folder: Path, hours: float) -> None:
    """Peak memory of a program that streams long files."""
    print(f"\nstreaming {hours:g} h of {RATE_HZ} Hz stereo to mono at {TARGET_HZ} Hz in blocks of 1 s")
    minute = sound(60)
    for suffix in (".flac", ".mp3", ".opus", ".m4a"):
        path = folder / f"long{suffix}"
        with Writer(
            path, RATE_HZ, channels=2, sample_format="pcm_16" if suffix == ".flac" else None
        ) as writer:
            for _ in range(round(hours * 60)):
                writer.write(minute)
        # A process of its own, because a peak never goes down again.
        command = [sys.executable, __file__, "--stream", str(path)]
        seconds, before_mb, most_mb, wall_s = map(float, subprocess.check_output(command, text=True).split())
        whole_mb = seconds * TARGET_HZ * 4 / 1e6
        print(
            f"{suffix[1:]:8}{seconds / 3600:6.2f} h: peak {most_mb:.0f} MB, of which {before_mb:.0f} MB after"
            f" 10 s of sound; the decoded whole is {whole_mb:.0f} MB; {seconds / wall_s:.0f} x real time"
        )
        path.unlink()


def stream(path: str) -> None:
    """In the child process: decode all of it and print seconds, memory before, peak memory, time taken."""

    began, samples, before_mb = time.perf_counter(), 0, 0.0
    for number, block in enumerate(blocks(path, sample_rate_hz=TARGET_HZ, mono=True)):
        samples += len(block)
        if number == 10:
            before_mb = peak_mb()
    print(samples / TARGET_HZ, before_mb, peak_mb(), time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the files for the speeds")
    parser.add_argument("--hours", type=float, default=3.0, help="length of the streamed files; 0: none")
    parser.add_argument("--quick", action="store_true", help="some seconds: whether it runs, not how fast")
    parser.add_argument("--stream", metavar="FILE", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stream:
        stream(options.stream)
        return
    with tempfile.TemporaryDirectory() as folder:
        speeds(Path(folder), 3.0 if options.quick else options.seconds)
        if options.hours:
            stream_memory(Path(folder), 1 / 60 if options.quick else options.hours)


if __name__ == "__main__":
    main()
