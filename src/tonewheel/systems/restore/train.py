"""Train the nets of restore: each in a folder of its own, so that either can be trained again alone."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Literal

from tonewheel.core.files import atomic_path
from tonewheel.learn.fit import RunResult
from tonewheel.systems.restore.clicks import train as clicks
from tonewheel.systems.restore.hiss import train as hiss
from tonewheel.systems.restore.prepare import Prepared
from tonewheel.systems.restore.recipe import RestoreRecipe

Net = Literal["clicks", "hiss"]
NETS: tuple[Net, ...] = ("clicks", "hiss")


def train(
    prepared: Prepared,
    recipe: RestoreRecipe,
    run_dir: Path,
    only: Collection[Net] = NETS,
    initial: Path | None = None,
) -> dict[Net, RunResult]:
    """Train in `run_dir`/clicks and `run_dir`/hiss, or go on where a killed run stopped.

    The weights for use are `run_dir`/clicks.safetensors and `run_dir`/hiss.safetensors. `initial` is a folder with
    weights of these names to start from; a net without any starts afresh.
    """
    results: dict[Net, RunResult] = {}
    for net in NETS:
        if net not in only:
            continue
        start = None if initial is None else initial / f"{net}.safetensors"
        start = start if start is not None and start.is_file() else None
        folder = run_dir / net
        if net == "clicks":
            results[net] = clicks.train(prepared, recipe.clicks, folder, start)
        else:
            results[net] = hiss.train(prepared, recipe.hiss, folder, start)
        with atomic_path(run_dir / f"{net}.safetensors") as temporary:
            shutil.copyfile(folder / f"{net}.safetensors", temporary)
    return results
