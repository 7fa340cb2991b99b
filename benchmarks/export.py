"""What every export costs and gives: size, parity with torch, answers that change, speed beside torch on one thread.

    python benchmarks/export.py --audio ../shared/audio/music/index.csv --sounds 23

Speed is torch's processor time over the export's, the same inputs, one thread each, in turn on one busy or idle
machine: a ratio. Networks that could compute in 8 bits are measured in both ways (static: layers compute in 8 bits;
weights: stored in 8 bits, computed in float32), which is how each system's way was chosen.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from tonewheel import systems
from tonewheel.core.errors import TonewheelError
from tonewheel.core.progress import quiet
from tonewheel.export.network import Network
from tonewheel.export.onnx_file import runner
from tonewheel.export.parity import by_torch
from tonewheel.export.sounds import heard
from tonewheel.export.write import Exported, trace, write

ROW = "| {} | {} | {} | {} | {} | {} |"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="as concert.encoder; default: all")
    parser.add_argument("--audio", type=Path)
    parser.add_argument("--split", default="valid")
    parser.add_argument("--sounds", type=int, default=4)
    parser.add_argument("--quick", action="store_true", help="one network, two sounds")
    given = parser.parse_args()
    torch.set_num_threads(1)
    quiet(True)
    every = [f"{system}.{name}" for system in systems.discover() for name in systems.networks(system)]
    chosen = given.names or (["restore.clicks"] if given.quick else every)
    print(ROW.format("network", "MB", "cosine", "max error", "answers changed", "speed over torch"))
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for number, full in enumerate(chosen):
            system, name = full.split(".")
            network = systems.networks(system)[name](None)
            sounds = heard(
                given.audio, given.split, network.sample_rate_hz, 2 if given.quick else given.sounds
            )
            graph = trace(network)
            ways = [("onnx", "static"), ("int8", "weights"), ("int8", "static"), ("coreml", "static")]
            for to, way in ways[:2] if given.quick else ways:
                out = Path(folder) / f"{number}{way}{'.mlpackage' if to == 'coreml' else to}"
                try:
                    done = write(replace(network, int8=way), to, out, sounds, graph)
                except Exception as error:  # onnxruntime has a class for everything
                    reason = (
                        str(error).replace(str(out), "") if isinstance(error, TonewheelError) else "fails"
                    )
                    print(ROW.format(f"{full} {to} {way}", "-", "-", "-", reason, "-"), flush=True)
                    continue
                ratio = "-" if to == "coreml" else f"{speed(network, out, sounds.sounds):.2f}"
                print(line(full, to, done, ratio), flush=True)
    return 0


def line(full: str, to: str, done: Exported, ratio: str) -> str:
    """A row: the worst of all outputs."""
    answers = "-"
    if (found := done.answers) is not None:
        answers = f"{found.changed:.2%} of {found.count} ({found.question})"
        if found.right_torch is not None and found.right_export is not None:
            answers += f"; right {found.right_torch:.1%} -> {found.right_export:.1%}"
    worst = min(row.cosine for row in done.parity), max(row.max_abs for row in done.parity)
    kind = "coreml" if to == "coreml" else done.weights
    return ROW.format(
        f"{full} {kind}", f"{done.size_bytes / 1e6:.2f}", f"{worst[0]:.6f}", f"{worst[1]:.1e}", answers, ratio
    )


def speed(network: Network, path: Path, sounds: list[Any]) -> float:
    """torch's processor time over onnxruntime's: for one second where that is a step of a stream, else for a sound."""
    example = network.still or network.examples(sounds[:2])[-1]
    names, run = [port.name for port in network.outputs], runner(path)
    both = [lambda: by_torch(network.module, names, example), lambda: run(example)]
    times = [[processor_s(one) for one in both] for _ in range(6)][1:]
    return min(one for one, _ in times) / min(other for _, other in times)


def processor_s(work: Callable[[], Any]) -> float:
    """Processor time of this process."""
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    sys.exit(main())
