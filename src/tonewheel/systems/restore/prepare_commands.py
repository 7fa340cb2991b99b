"""The verb `restore prepare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tonewheel.core.console import emit, say


def prepare(
    sources: Annotated[
        list[Path], typer.Argument(help="Folders with an index.csv, or of plain audio: music, surface noise.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write; a killed run continues.")],
    discs: Annotated[
        list[Path],
        typer.Option("--discs", help="Folder of digitised old records, the real side; can be repeated."),
    ] = [],  # noqa: B006 - typer never changes it, and None would make it import pydantic
    synth_songs: Annotated[int, typer.Option(min=0, max=10_000, help="Songs to synthesise as well.")] = 64,
    seed: Annotated[int, typer.Option(min=0, help="Of what is synthesised.")] = 0,
    any_licence: Annotated[
        bool, typer.Option("--any-licence", help="Also train on audio whose licence forbids or does not say.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout.")] = False,
) -> None:
    """Decode music, surface noise and old records once, and synthesise songs, for training and evaluation."""
    from collections import Counter

    from tonewheel.systems.restore.prepare import prepare as run

    prepared, left_out = run(
        sources, out, discs=discs, synth_songs=synth_songs, seed=seed, any_licence=any_licence
    )
    for one in left_out:
        say(f"left out: {one.path}: {one.reason}")
    hours = sum(sound.seconds for sound in prepared.sounds) / 3600
    counts = dict(sorted(Counter(sound.kind for sound in prepared.sounds).items()))
    if as_json:
        emit({"out": str(out), **counts, "hours": round(hours, 2), "left_out": len(left_out)})
    else:
        told = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in counts.items())
        say(f"{out}: {told}; {hours:.1f} h; {len(left_out)} files left out")
