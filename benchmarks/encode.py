"""How much faster than real time music becomes embeddings, beside Chromaprint and MFCC, from one run.

    python benchmarks/encode.py [--seconds 240] [--quick]

All read the same synthesised song, a stereo mp3 of 44.1 kHz, on one thread. `fpcalc` is called as a program,
its start included, if it is on the PATH. The network's multiply-adds a second stand beside those of matrices
of 2048 x 2048 on this machine, by torch or numpy, whichever is faster.
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
import torch
from measure import best_s, stereo_song
from torch.utils.flop_counter import FlopCounterMode

from tonewheel.audio.decode import blocks
from tonewheel.audio.encode import write
from tonewheel.systems.concert.embed import Embedder

MATRIX = 2048


def with_fpcalc(path: Path) -> None:
    # fpcalc 1.5 leaves with 3 ("End of file") beside a whole fingerprint: the output decides.
    done = subprocess.run(["fpcalc", "-raw", "-length", "0", str(path)], capture_output=True, check=False)
    if b"FINGERPRINT" not in done.stdout:
        raise RuntimeError(f"fpcalc: {done.stderr.decode(errors='replace').strip()}")


def with_librosa(path: Path) -> None:
    import librosa

    audio, sample_rate_hz = librosa.load(path, sr=16_000)
    librosa.feature.mfcc(y=audio, sr=sample_rate_hz, n_mfcc=20)


def whole_files(path: Path, seconds: float, embedder: Embedder) -> float:
    """From the file to what is searched; returns our seconds of processor time."""
    rate = embedder.spec.sample_rate_hz

    def ours() -> None:
        for _ in embedder.embed_blocks(blocks(path, sample_rate_hz=rate, mono=True, block_s=5.0)):
            pass

    works: dict[str, Callable[[], object]] = {"tonewheel": ours}
    if shutil.which("fpcalc"):
        works["fpcalc (Chromaprint)"] = lambda: with_fpcalc(path)
    else:
        print("fpcalc is not on the PATH: no ratio to it")
    try:
        import librosa  # noqa: F401

        works["librosa, 20 MFCC"] = lambda: with_librosa(path)
    except ImportError:
        print("librosa is not installed: no ratio to it")
    took_s = dict(zip(works, best_s(list(works.values())), strict=True))
    print(f"\n{seconds:g} s of stereo mp3 at 44.1 kHz, one thread; a ratio above 1: Tonewheel is faster")
    print(f"{'from the file':28}{'x real time':>14}{'ratio':>10}")
    for name, took in took_s.items():
        print(f"{name:28}{seconds / took:14.0f}{took / took_s['tonewheel']:10.2f}")
    return took_s["tonewheel"]


def parts_of_it(path: Path, seconds: float, embedder: Embedder, whole_s: float) -> None:
    """Where the time goes, and how near the network comes to what the machine can do."""
    rate = embedder.spec.sample_rate_hz
    audio = np.concatenate(list(blocks(path, sample_rate_hz=rate, mono=True)))
    parts = embedder.parts(audio)
    single = parts[: min(len(parts), 64)]
    decode_s, mel_s, batched_s, single_s = best_s(
        [
            lambda: [len(block) for block in blocks(path, sample_rate_hz=rate, mono=True, block_s=5.0)],
            lambda: embedder.parts(audio),
            lambda: embedder.embed_parts(parts),
            lambda: [embedder.embed_parts(part[np.newaxis]) for part in single],
        ]
    )
    single_s *= len(parts) / len(single)
    print(f"\n{'part of it':28}{'x real time':>14}{'share':>10}")
    for name, took in (("decode", decode_s), ("log-mel", mel_s), ("network, batch 64", batched_s)):
        print(f"{name:28}{seconds / took:14.0f}{took / whole_s:10.2f}")
    print(f"{'network, batch 1':28}{seconds / single_s:14.0f}{single_s / whole_s:10.2f}")

    with FlopCounterMode(display=False) as counter:
        embedder.embed_parts(parts[:1])
    a_part = counter.get_total_flops() / 2  # it counts a multiply-add as two
    matrix = torch.rand(MATRIX, MATRIX)
    same = matrix.numpy()
    matrix_s = min(best_s([lambda: matrix @ matrix, lambda: same @ same], runs=5))
    rate_hz = MATRIX**3 / matrix_s
    print(
        f"\n{a_part / 1e6:.1f} M multiply-adds a part, {len(parts) / seconds:.2f} parts a second;"
        f" matrices: {rate_hz / 1e9:.1f} G multiply-adds/s"
    )
    for name, took in (("batch 64", batched_s), ("batch 1", single_s)):
        reached = a_part * len(parts) / took
        print(f"network, {name}: {reached / 1e9:.1f} G/s, {reached / rate_hz:.2f} of what matrices reach")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=240.0, help="length of the song")
    parser.add_argument("--quick", action="store_true", help="10 s: whether it runs, not how fast")
    options = parser.parse_args()
    seconds = 10.0 if options.quick else options.seconds
    embedder = Embedder.shipped()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "song.mp3"
        write(path, stereo_song(1, seconds), 44_100, bitrate_kbps=192)
        parts_of_it(path, seconds, embedder, whole_files(path, seconds, embedder))


if __name__ == "__main__":
    main()
