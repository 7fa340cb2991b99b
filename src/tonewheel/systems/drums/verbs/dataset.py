"""The verbs `drums collect stats` and `export`: how far a collection is, and a dataset out of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tonewheel.core.console import emit, say
from tonewheel.core.verbs import Json

DEFAULT = Path("collection")
Folder = Annotated[Path, typer.Option("--collection", "-c", help="Folder of the collection.")]


def stats(
    collection: Folder = DEFAULT,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 when a class has too few.")] = False,
    as_json: Json = False,
) -> None:
    """Count the hits of a collection beside the minimum and the recommended number."""
    from tonewheel.systems.drums.collecting.collection import Collection
    from tonewheel.systems.drums.collecting.stats import stats as run

    found = run(Collection.open(collection))
    if as_json:
        emit({**found.to_dict(), "enough": found.enough})
    else:
        print(found.table())
        people = f"{found.drummers} drummers, {found.kits} kits, {found.rooms} rooms"
        say(f"{found.events} events of {found.recordings} recordings; {people}")
    if strict and not found.enough:
        raise typer.Exit(1)


def export(
    out: Annotated[Path, typer.Argument(help="Folder of the dataset to write.")],
    collection: Folder = DEFAULT,
    shares: Annotated[str, typer.Option(help="Shares of train, valid and test.")] = "0.8,0.1,0.1",
    synthetic_cap: Annotated[float, typer.Option(help="Most of train that may be synthetic, 0..1.")] = 0.5,
    part: Annotated[str, typer.Option("--slice", help="Only the K-th of N parts, as 0/10.")] = "0/1",
    seed: Annotated[int, typer.Option(min=0, help="Of the splits.")] = 0,
    references: Annotated[
        bool, typer.Option("--references", help="Refer to the clips where they are, copy none.")
    ] = False,
    any_licence: Annotated[
        bool, typer.Option("--any-licence", help="Train also on audio whose licence forbids it.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an exported dataset.")] = False,
    as_json: Json = False,
) -> None:
    """Write train, valid and test with clips, provenance and totals; no drummer, kit or room is in two."""
    from tonewheel.core.errors import InputError
    from tonewheel.systems.drums.collecting.collection import Collection
    from tonewheel.systems.drums.collecting.export import export as run
    from tonewheel.systems.drums.collecting.export import parse_slice

    try:
        numbers = [float(one) for one in shares.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 3 or not all(0 <= one < 1e6 for one in numbers):
        raise InputError("--shares", f'must be three numbers, as 0.8,0.1,0.1, got "{shares}"')
    result = run(
        Collection.open(collection),
        out,
        shares=dict(zip(("train", "valid", "test"), numbers, strict=True)),
        synthetic_cap=synthetic_cap,
        part=parse_slice(part),
        seed=seed,
        references=references,
        any_licence=any_licence,
        force=force,
    )
    for warning in result.warnings:
        say(f"warning: {warning}")
    if as_json:
        emit({"out": str(out), **result.to_dict()})
    else:
        say(f"{out}: " + ", ".join(f"{name} {count}" for name, count in result.events.items()))
