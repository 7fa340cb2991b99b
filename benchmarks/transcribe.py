"""How fast drums are transcribed, and in how much memory, beside what one could use instead.

    python benchmarks/transcribe.py [--seconds 60] [--minutes 10] [--quick]

One thread. Times are of sound in memory; the first line includes decoding, tempo and bars, as the command does.
Memory is that of a fresh program that transcribes a short and a long FLAC file.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from measure import best_s, memory_of_files, stereo_song

from tonewheel.audio.encode import write
from tonewheel.core.progress import quiet
from tonewheel.systems.drums.baselines import flux, librosa_onset
from tonewheel.systems.drums.hearing.ears import SHIPPED_WEIGHTS, Ears, build
from tonewheel.systems.drums.recipe import DrumsRecipe
from tonewheel.systems.drums.transcribe import transcribe

RATE = 44_100
TARGET = 20.0


def ears_of_it() -> Ears:
    """The shipped weights; untrained ones of the same shape cost the same."""
    if SHIPPED_WEIGHTS.is_file():
        return Ears.shipped()
    import torch

    torch.manual_seed(0)
    recipe = DrumsRecipe()
    return Ears(build(recipe), recipe, "untrained")


def speed(audio: np.ndarray, ears: Ears) -> None:
    """A line for each method."""
    mono = audio.mean(axis=0).astype(np.float32)
    seconds = len(mono) / RATE
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "song.flac"
        write(file, audio, RATE)
        works = {
            "tonewheel, file to beatmap": lambda: transcribe(file, ears),
            "tonewheel, sound to hits": lambda: ears.transcribe(mono),
            "band flux, 3 classes": lambda: [flux.pick(c, 0.4) for c in flux.flux(mono).values()],
        }
        if librosa_onset.available():
            works["librosa onsets, 3 bands"] = lambda: librosa_onset.onsets(mono)
        took_s = best_s(list(works.values()), runs=2)
    print(f"{'one thread':30}{'x real time':>12}{'to tonewheel':>14}")
    for name, took in zip(works, took_s, strict=True):
        print(f"{name:30}{seconds / took:12.1f}{took_s[0] / took:14.2f}")
    print(f"target: {TARGET:g} x; measured {seconds / took_s[0] / TARGET:.2f} of it")


def once(file: str, _out: str) -> int:
    """Transcribe a file; how many hits were found."""
    return len(transcribe(file, ears_of_it()).hits)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the song")
    parser.add_argument("--minutes", type=float, default=10.0, help="length of the long file")
    parser.add_argument("--quick", action="store_true", help="12 s: whether it runs, not how fast")
    options = parser.parse_args()
    quiet()
    audio = stereo_song(2, 12.0 if options.quick else options.seconds, RATE)
    ears = ears_of_it()
    print(f"weights: {ears.fingerprint[:12]}, {audio.shape[1] / RATE:.0f} s\n")
    speed(audio, ears)
    print()
    memory_of_files("transcribe", audio, (0.2, 0.6) if options.quick else (1.0, options.minutes), "hits")


if __name__ == "__main__":
    main()
