"""How fast the separator learns: seconds of mixes in a second of one core, beside a plain loop over spectra.

    python benchmarks/train_stems.py [--steps 2] [--batch 4] [--quick]

The plain loop is what one writes first: whole spectra of every stem in a batch, shares spread over bins, the error
taken there. Ours sums over rows before the network (`data.py`), so that a batch is a tenth of that. Both draw the
same mixes for the same network, from the same memory-mapped files. The last line is the loop that `tonewheel stems
train` runs, with its journal and a checkpoint at its end.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from measure import best_s
from torch import Tensor

from tonewheel.core.progress import quiet
from tonewheel.core.records import write_jsonl
from tonewheel.core.seeds import generator
from tonewheel.learn.fit import fit
from tonewheel.learn.recipe import load_recipe
from tonewheel.learn.stream import Stream
from tonewheel.systems.stems.data import Batch, MixStream
from tonewheel.systems.stems.loss import SMOOTH, TINY, loss
from tonewheel.systems.stems.making.takes import Prepared, Take, write_take
from tonewheel.systems.stems.model import FULL_SCALE, NET_STEMS, Separator
from tonewheel.systems.stems.recipe import StemsRecipe
from tonewheel.systems.stems.rows import BINS, SAMPLE_RATE_HZ
from tonewheel.systems.stems.train import SeparatorModule

SECONDS = 8.0


def prepared(folder: Path) -> Prepared:
    """Two songs to learn from and one to validate with: noise in five bands. How they sound costs nothing."""
    takes = []
    for number, split in enumerate(("train", "train", "valid")):
        rng, song = generator(0, "song", number), f"song{number}"
        (folder / song).mkdir()
        for width, stem in enumerate(NET_STEMS, start=1):
            audio = np.repeat(
                rng.normal(0, 0.1, (2, round(SECONDS * SAMPLE_RATE_HZ / width) + 1)), width, axis=1
            )
            file = f"{song}/{stem}.npy"
            gain = write_take(folder / file, audio.astype(np.float32))
            takes.append(
                Take(song=song, stem=stem, file=file, seconds=SECONDS, split=split, group=song, gain=gain)
            )
    write_jsonl(folder / "takes.jsonl", takes)
    return Prepared(folder)


def spectra_of(stream: MixStream, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """A batch as it comes: spectra of the stems (n, 5, 2, BINS, frames), complex, and the contexts."""
    spectra = np.zeros((stream.batch_size, len(NET_STEMS), 2, BINS, stream.frames), np.complex64)
    contexts = []
    for example in spectra:
        stems, context = stream.mix(rng)
        for number, stem in enumerate(NET_STEMS):
            if stem in stems:
                example[number, : len(stems[stem])] = stems[stem].swapaxes(1, 2)
        contexts.append(context)
    return torch.from_numpy(spectra), torch.from_numpy(np.stack(contexts))


def plain_loss(network: Separator, spectra: Tensor, context: Tensor, recipe: StemsRecipe) -> Tensor:
    """The same loss without its lift of the treble, from errors of bins."""
    mix = spectra.sum(1)
    power = torch.matmul(network.to_rows, mix.abs().square())
    shares = network.core(power, context).index_select(3, network.row_of_bin)
    error = (shares * mix[:, None] - spectra).abs().square().sum((2, 3, 4)) / FULL_SCALE
    own = spectra.abs().square().sum((2, 3, 4)) / FULL_SCALE
    measure = own + 10 ** (recipe.loss.quiet_db / 10) * power.sum((1, 2, 3))[:, None] + TINY
    return torch.sqrt(error / measure + SMOOTH).mean()


def our_loss(network: Separator, batch: Batch, recipe: StemsRecipe, precision: torch.dtype) -> Tensor:
    with torch.autocast("cpu", precision, enabled=precision != torch.float32):
        shares = network.core(batch.power, batch.context)
    return loss(shares.float(), batch, recipe.loss)


def loop(network: Separator, steps: int, value: Callable[[int], Tensor]) -> Callable[[], None]:
    """So many steps of AdamW on whatever `value` draws and computes."""
    network.train()
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3)

    def run() -> None:
        for step in range(steps):
            optimiser.zero_grad()
            value(step).backward()
            optimiser.step()

    return run


def main() -> None:
    """Print a line for each method."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--quick", action="store_true", help="a tiny network: whether it runs, not how fast")
    options = parser.parse_args()
    quiet()
    recipe = load_recipe("smoke" if options.quick else "base", StemsRecipe)
    settings = {
        "max_steps": options.steps,
        "batch_size": options.batch,
        "warm_up_steps": 0,
        "loader_workers": 0,
        "accelerator": "cpu",
        "checkpoint_every_steps": 1000,
    }
    recipe = recipe.model_copy(update={"fit": recipe.fit.model_copy(update=settings)})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "prepared").mkdir()
        ready = prepared(folder / "prepared")
        stream = MixStream(ready, recipe.mix, options.batch)
        torch.manual_seed(0)
        networks = [Separator(recipe.network) for _ in range(3)]
        runs = iter(range(10**6))

        def plain(step: int) -> Tensor:
            return plain_loss(networks[0], *spectra_of(stream, generator(0, step)), recipe)

        def ours(network: Separator, precision: torch.dtype) -> Callable[[int], Tensor]:
            return lambda step: our_loss(network, stream.draw(generator(0, step), step), recipe, precision)

        def fitted() -> None:
            module = SeparatorModule(recipe)
            fit(module, recipe.fit, Stream(stream.draw, 0), None, folder / f"run{next(runs)}", recipe=recipe)

        works = {
            "plain loop over spectra, float32": loop(networks[0], options.steps, plain),
            "ours, float32": loop(networks[1], options.steps, ours(networks[1], torch.float32)),
            "ours, bfloat16": loop(networks[2], options.steps, ours(networks[2], torch.bfloat16)),
            "ours, bfloat16, as trained": fitted,
        }
        took = best_s(list(works.values()), runs=1 if options.quick else 2)
    seconds = options.steps * options.batch * recipe.mix.clip_s
    print(f"{'one core':<36}mixes, s a second   ratio")
    for name, took_s in zip(works, took, strict=True):
        print(f"{name:<36}{seconds / took_s:15.1f}{took[0] / took_s:10.2f}", flush=True)


if __name__ == "__main__":
    main()
