"""How fast a real Chromium takes music apart with onnxruntime-web, and why the transforms are outside the network.

    python benchmarks/browser.py [--seconds 30] [--quick]

Processor time of the whole browser for each second of music, as x real time; one thread of WebAssembly. Without
chromium or onnxruntime-web (`npm ci`) it says so and leaves all out.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from measure import best_s, stereo_song
from torch import Tensor, nn

from tonewheel.export.onnx_file import traced, write_onnx
from tonewheel.export.sounds import Heard
from tonewheel.export.write import write
from tonewheel.systems.stems.browser_folder import MODULES
from tonewheel.systems.stems.export import network_of
from tonewheel.systems.stems.masker import WEIGHTS, NetMasker
from tonewheel.systems.stems.model import CONTEXT, GRID, Separator
from tonewheel.systems.stems.recipe import NetworkRecipe
from tonewheel.systems.stems.rows import BINS, HOP, N_FFT, SAMPLE_RATE_HZ
from tonewheel.systems.stems.separate import separate

REPOSITORY = Path(__file__).resolve().parents[1]
RUNTIME = REPOSITORY / "node_modules" / "onnxruntime-web" / "dist"
FRAMES = 256
START = """(async () => {
  const ort = await import('/ort/ort.wasm.min.mjs');
  ort.env.wasm.wasmPaths = location.origin + '/ort/';
  ort.env.wasm.numThreads = 1;
  const [{ Separator }, { Analysis }, { listen }] = await Promise.all(
    ['separator', 'overlap', 'listen'].map((name) => import(`/modules/${name}.js`)));
  const all = new Float32Array(await (await fetch('/song.f32')).arrayBuffer());
  const song = [all.slice(0, all.length / 2), all.slice(all.length / 2)];
  const opened = {};
  const random = (shape) => new ort.Tensor(
    'float32', Float32Array.from({ length: shape.reduce((a, b) => a * b) }, Math.random), shape);
  const run = async (name, shapes) => {
    const session = (opened[`${name} alone`] ??= await ort.InferenceSession.create(
      `/${name}.onnx`, { executionProviders: ['wasm'] }));
    return session.run(Object.fromEntries(Object.entries(shapes).map(([key, shape]) => [key, random(shape)])));
  };
  const apart = async (name) => {
    opened[name] ??= await Separator.load(ort, `/${name}.onnx`);
    await opened[name].separate(song);
  };
  const frames = () => {
    const analysis = new Analysis(4096, 1024, song);
    for (let frame = 0; frame < analysis.frames; frame++) analysis.frame(frame);
  };
  Object.assign(window, { run, apart, frames, hear: () => { listen(song, 44100); } });
})()"""


class Transform(nn.Module):
    """The spectrum of mid and side, as a graph would have to make it. Shape: (2, n) -> (2, bins, frames, 2)."""

    def forward(self, sound: Tensor) -> Tensor:
        found = torch.stft(
            sound, N_FFT, HOP, window=torch.hann_window(N_FFT), center=False, return_complex=True
        )
        return torch.view_as_real(found)


def masker_of_it(quick: bool) -> NetMasker:
    """The shipped weights; untrained ones of the same shape cost the same."""
    if WEIGHTS.is_file() and not quick:
        return NetMasker.shipped()
    small = NetworkRecipe(channels=(2, 2, 4, 4, 4), convolutions=(1, 1, 1, 1), wide=8, dilations=(1,))
    return NetMasker(Separator(small if quick else NetworkRecipe()))


def processor_s(session: int) -> float:
    """Processor time of all programs of a session: a browser is a dozen of them."""
    total = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session:
            total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def timed(page: Any, session: int, script: str, times: int) -> float:
    """The least processor time of some runs; the first, which compiles, does not count."""
    page.run(script)
    best = float("inf")
    for _ in range(times):
        began = processor_s(session)
        page.run(script)
        best = min(best, processor_s(session) - began)
    return max(best, 0.01)


def main() -> int:
    """Print the rows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    seconds, times = (3.0, 1) if given.quick else (given.seconds, 3)
    sys.path.insert(0, str(REPOSITORY / "tests"))
    import chromium as browsing

    if browsing.program() is None or not RUNTIME.is_dir():
        print("chromium or node_modules/onnxruntime-web is not here: left out")
        return 0
    browsing.ANSWERS_WITHIN_S = 600.0
    masker = masker_of_it(given.quick)
    song = stereo_song(5, seconds)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "page.html").write_text("<title>benchmark</title>")
        song.astype("<f4").tofile(folder / "song.f32")
        sizes = {
            kind: write(network_of(masker, {}), to, folder / f"{kind}.onnx", Heard([], "noise")).size_bytes
            for kind, to in (("float32", "onnx"), ("int8", "int8"))
        }
        bins = {"spectrum": torch.zeros(1, 2, BINS, 2 * GRID, 2), "context": torch.zeros(1, CONTEXT)}
        write_onnx(
            traced(masker.network, bins, ["shares"], {"spectrum": {3: GRID}}), folder / "bins.onnx", {}
        )
        sound = {"sound": torch.zeros(2, (FRAMES - 1) * HOP + N_FFT)}
        write_onnx(traced(Transform(), sound, ["spectrum"]), folder / "transform.onnx", {})
        with (
            browsing.served({"/": folder, "/modules/": MODULES, "/ort/": RUNTIME}) as origin,
            browsing.Chromium() as browser,
        ):
            page, session = browser.open(f"{origin}/page.html"), browser.pid
            page.run(START)
            rows = f"{{ power: [1, 2, 304, {FRAMES}], context: [1, 16] }}"
            spectra = f"{{ spectrum: [1, 2, {BINS}, {FRAMES}, 2], context: [1, 16] }}"
            heard = FRAMES * HOP / SAMPLE_RATE_HZ
            print(f"{'Chromium, onnxruntime-web':<28} x real time")
            shape = list(sound["sound"].shape)
            for what, length_s, script in (
                ("stems, float32 weights", seconds, "apart('float32')"),
                ("stems, int8 weights", seconds, "apart('int8')"),
                ("features of a snapshot", seconds, "hear()"),
                ("network on rows", heard, f"run('float32', {rows}).then(() => 0)"),
                ("network on bins", heard, f"run('bins', {spectra}).then(() => 0)"),
                ("transform in JavaScript", seconds, "frames()"),
                ("transform in the network", heard, f"run('transform', {{ sound: {shape} }}).then(() => 0)"),
            ):
                print(f"{what:<28} {length_s / timed(page, session, script, times):11.1f}", flush=True)
    (torch_s,) = best_s([lambda: separate(song, SAMPLE_RATE_HZ, masker)], runs=times)
    print(f"{'stems, torch, one thread':<28} {seconds / torch_s:11.1f}")
    print(f"file: {sizes['float32'] / 1e6:.2f} MB, int8 {sizes['int8'] / 1e6:.2f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
