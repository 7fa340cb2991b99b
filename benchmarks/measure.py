"""How the benchmarks measure: processor time, programs that take turns, the best of some runs.

Processor time counts every thread and every program that was started, but not what other programs took; with
one thread on an idle machine it is the time by the clock.
"""

from __future__ import annotations

import math
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def processor_s() -> float:
    """Processor time of this program so far, and of the programs that it ran to their end."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def best_s(works: list[Callable[[], object]], runs: int = 3) -> list[float]:
    """The least processor time of some runs of each; they take turns, so load hits all alike."""
    best = [math.inf] * len(works)
    for run in range(runs + 1):
        for number, work in enumerate(works):
            began = processor_s()
            work()
            if run:  # the first turn does the imports
                best[number] = min(best[number], processor_s() - began)
    return best


def peak_mb() -> float:
    """The most memory that this program has held; getrusage would count the parent's, too."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e6


def memory_of_files(
    script: str,
    audio: NDArray[np.float32],
    minutes: tuple[float, float],
    counted: str,
    sample_rate_hz: int = 44_100,
) -> None:
    """Peak of a fresh program for a short and a long FLAC file, and what an hour more would take.

    `script` is a benchmark with `once(file, out)`, which does all of the work and returns a count of something.
    """
    from tonewheel.audio.encode import Writer

    program = (
        f"import sys; sys.path[:0] = [{str(Path(__file__).parent)!r}]\n"
        f"import measure, {script}; from tonewheel.core.progress import quiet; quiet()\n"
        f"count = {script}.once(sys.argv[1], sys.argv[2]); print(measure.peak_mb(), count)"
    )
    peaks = []
    for length in minutes:
        with tempfile.TemporaryDirectory() as folder:
            file, out = Path(folder) / "long.flac", Path(folder) / "out.flac"
            with Writer(file, sample_rate_hz, 2, sample_format="pcm_16") as writer:
                for _ in range(max(1, round(length * 60 / (audio.shape[1] / sample_rate_hz)))):
                    writer.write(audio)
            command = [sys.executable, "-c", program, str(file), str(out)]
            peak, count = subprocess.check_output(command, text=True).split()
        peaks.append(float(peak))
        print(f"{length:5.1f} min: {float(peak):6.0f} MB at most, {count} {counted}")
    growth = (peaks[1] - peaks[0]) / (minutes[1] - minutes[0]) * 60
    sound = 3600 * sample_rate_hz * 8 / 1e6
    print(f"an hour more takes {max(growth, 0.0):.0f} MB; its sound is {sound:.0f} MB")


def stereo_song(seed: int, seconds: float, sample_rate_hz: int = 44_100) -> NDArray[np.float32]:
    """Music to measure with, (2, samples), so that a benchmark needs nothing but the repository."""
    from tonewheel.synth.compose import compose
    from tonewheel.synth.render import render

    return render(compose(seed, seconds=seconds), sample_rate_hz, channels=2, seconds=seconds).mix
