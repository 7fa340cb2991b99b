"""How fast records are cleaned, and in how much memory, beside ffmpeg's declicker.

    python benchmarks/restore.py [--seconds 60] [--minutes 10] [--quick]

One thread, stereo at 44.1 kHz, file to file: two readings, both networks, writing. Parts are of sound in memory.
Memory is that of a fresh program that cleans a short and a long FLAC file.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from measure import best_s, memory_of_files, stereo_song

from tonewheel.audio.encode import write
from tonewheel.core.progress import quiet
from tonewheel.core.seeds import generator
from tonewheel.degrade.clicks import Clicks
from tonewheel.degrade.crackle import Crackle
from tonewheel.degrade.hiss import Hiss
from tonewheel.systems.restore.clean import Cleaner, measured
from tonewheel.systems.restore.clicks.declicker import SHIPPED_WEIGHTS as CLICKS
from tonewheel.systems.restore.hiss.denoiser import SHIPPED_WEIGHTS as HISS
from tonewheel.systems.restore.plan import Plan

RATE = 44_100
TARGET = 5.0


def cleaner_of_it() -> Cleaner:
    """The shipped weights; untrained ones of the same shape cost the same, or a little more."""
    if CLICKS.is_file() and HISS.is_file():
        return Cleaner.shipped()
    import torch

    from tonewheel.systems.restore.clicks.declicker import Declicker
    from tonewheel.systems.restore.clicks.features import FEATURES
    from tonewheel.systems.restore.clicks.model import ClickNet
    from tonewheel.systems.restore.clicks.recipe import ClicksRecipe
    from tonewheel.systems.restore.hiss.denoiser import Denoiser
    from tonewheel.systems.restore.hiss.model import Denoiser as Network
    from tonewheel.systems.restore.hiss.recipe import HissRecipe

    torch.manual_seed(0)
    clicks = ClicksRecipe()
    return Cleaner(
        Declicker(ClickNet(clicks.network, FEATURES), clicks, "untrained"),
        Denoiser(Network(HissRecipe().network), "untrained"),
    )


def worn(seconds: float) -> np.ndarray:
    """A song on a worn record, (2, samples)."""
    audio = 0.3 * stereo_song(4, seconds, RATE)
    rng = generator(0, "benchmark")
    for step in (Hiss(snr_db=20.0, seed=1), Clicks.draw(rng, rate_per_s=(15, 15)), Crackle.draw(rng)):
        audio = step.apply(audio.astype(np.float32), RATE)
    return np.clip(audio, -0.99, 0.99)


def speed(audio: np.ndarray, cleaner: Cleaner) -> None:
    """A line for each method and each part."""
    seconds = audio.shape[1] / RATE
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "record.flac", Path(folder) / "out.flac"
        write(source, audio, RATE, sample_format="pcm_16")
        only_clicks, only_hiss = Plan(clicks=True), Plan(hiss=True)
        works: dict[str, Callable[[], object]] = {
            "tonewheel, file to file": lambda: cleaner.clean(source, out, force=True),
            "  measuring": lambda: measured([audio], RATE, ""),
            "  clicks": lambda: cleaner.process(audio, RATE, plan=only_clicks),
            "  hiss": lambda: cleaner.process(audio, RATE, plan=only_hiss),
        }
        if shutil.which("ffmpeg"):
            for chain in ("adeclick", "adeclick=a=8:m=s", "adeclick=a=8:m=s,afftdn"):
                command = ["ffmpeg", "-y", "-loglevel", "error", "-threads", "1", "-filter_threads", "1", "-i",
                           str(source), "-af", chain, str(out)]  # fmt: skip
                works[f"ffmpeg {chain}"] = lambda command=command: subprocess.run(command, check=True)
        took_s = best_s(list(works.values()), runs=2)
    beside = dict(zip(works, took_s, strict=True)).get("ffmpeg adeclick")
    print(f"{'one thread':34}{'x real time':>12}{'to adeclick':>14}")
    for name, took in zip(works, took_s, strict=True):
        ratio = "" if beside is None else f"{beside / took:14.2f}"
        print(f"{name:34}{seconds / took:12.1f}{ratio}")
    print(f"target: {TARGET:g} x; measured {seconds / took_s[0] / TARGET:.2f} of it")
    if beside is None:
        print("ffmpeg is not here, and left out")


def once(file: str, out: str) -> int:
    """Clean a file; how many clicks were removed."""
    return cleaner_of_it().clean(file, out).click_count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the record")
    parser.add_argument("--minutes", type=float, default=10.0, help="length of the long file")
    parser.add_argument("--quick", action="store_true", help="6 s: whether it runs, not how fast")
    options = parser.parse_args()
    quiet()
    audio = worn(6.0 if options.quick else options.seconds)
    cleaner = cleaner_of_it()
    print(f"weights: {cleaner.declicker.fingerprint[:12]}, {cleaner.denoiser.fingerprint[:12]};"
          f" {audio.shape[1] / RATE:.0f} s\n")  # fmt: skip
    speed(audio, cleaner)
    print()
    memory_of_files(
        "restore", audio, (0.1, 0.2) if options.quick else (1.0, options.minutes), "clicks removed"
    )


if __name__ == "__main__":
    main()
