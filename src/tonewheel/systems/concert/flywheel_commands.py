"""What the verbs of `tonewheel concert` do for the flywheel: confirmations, and the set that must not get worse."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tonewheel.core.console import emit, say
from tonewheel.core.verbs import Force, Json
from tonewheel.systems.concert.options import encoder_of

if TYPE_CHECKING:
    from tonewheel.gates.base import Verdict


def freeze(
    prepared: Annotated[Path, typer.Argument(help="A folder made by `concert prepare`.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The set to write, as regression.npz.")],
    split: Annotated[str, typer.Option(help="Split to draw from; never one that trains.")] = "valid",
    count: Annotated[int, typer.Option(min=10, max=10_000, help="Simulated queries.")] = 150,
    seed: Annotated[int, typer.Option(min=0, help="Of the queries.")] = 0,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Freeze queries with known answers into one file, for `train --regression` and `adapt --regression`."""
    from tonewheel.core.errors import InputError
    from tonewheel.core.files import refuse_overwrite
    from tonewheel.systems.concert.prepare import Prepared
    from tonewheel.systems.concert.regression import freeze as run
    from tonewheel.systems.concert.regression import write

    if split == "train":
        raise InputError("--split", "train: what trains can get better without the rest getting better")
    refuse_overwrite(out, force)
    frozen = run(Prepared(prepared), split, count, seed)
    write(frozen, out)
    told = {"out": str(out), "tracks": len(frozen.tracks), "queries": len(frozen.queries)}
    size = out.stat().st_size
    emit({**told, "bytes": size}) if as_json else say(
        f"{out}: {told['queries']} queries of {told['tracks']} tracks, {size / 1e6:.0f} MB"
    )


def admit(candidate: Path, weights: Path, regression: Path, champion: Path | None) -> Verdict:
    """Give a candidate the name of the weights for use if it holds the frozen set; else it stays what it is."""
    from tonewheel.systems.concert.embed import Embedder
    from tonewheel.systems.concert.regression import hold, read

    before = encoder_of(champion)
    verdict = hold(read(regression), before, Embedder.load(candidate))
    if verdict.passed:
        for ending in (".safetensors", ".md"):
            candidate.with_suffix(ending).replace(weights.with_suffix(ending))
    return verdict
