"""The verb `stems prepare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tonewheel.core.console import emit, say
from tonewheel.core.verbs import Json


def prepare(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write; a killed run continues.")],
    songs: Annotated[int, typer.Option(min=0, max=100_000, help="Songs to make; one in 12 validates.")] = 240,
    soundfonts: Annotated[
        list[Path],
        typer.Option("--soundfont", help="General MIDI soundfont (needs libfluidsynth); repeatable."),
    ] = [],  # noqa: B006 - typer never changes it, and None would make it import pydantic
    drums: Annotated[
        Path | None, typer.Option(help="index.csv with kits (oneshot) and human grooves (midi_groove).")
    ] = None,
    midi: Annotated[
        Path | None, typer.Option(help="index.csv with MIDI files (midi) and room responses (ir_room, ...).")
    ] = None,
    voices: Annotated[
        Path | None,
        typer.Option(help="Folder of folders of recorded speech, one a person; it is made to sing."),
    ] = None,
    multitracks: Annotated[
        Path | None, typer.Option(help="Folder of folders, a song each, with files named by stem.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of all that is drawn.")] = 0,
    part: Annotated[str, typer.Option(help="k/n: only every n-th song from k on, for n processes.")] = "0/1",
    as_json: Json = False,
) -> None:
    """Make songs whose stems are known, for `stems train`; without sources, all are synthesised."""
    from collections import Counter

    from tonewheel.core.errors import InputError
    from tonewheel.systems.stems.making.studio import Sources
    from tonewheel.systems.stems.prepare import prepare as run

    k, _, n = part.partition("/")
    if not (k.isdigit() and n.isdigit() and int(k) < int(n)):
        raise InputError("--part", f'is k/n with k below n, as 0/2, got "{part}"')
    sources = Sources(tuple(soundfonts), drums, midi, voices, multitracks)
    prepared = run(sources, out, count=songs, seed=seed, part=(int(k), int(n)))
    counts = dict(sorted(Counter(take.stem for take in prepared.takes).items()))
    hours = {
        song: takes[0].seconds
        for split in ("train", "valid")
        for song, takes in prepared.songs(split).items()
    }
    facts = {"out": str(out), "songs": len(hours), "hours": round(sum(hours.values()) / 3600, 2), **counts}
    if as_json:
        emit(facts)
    else:
        told = ", ".join(f"{count} {stem}" for stem, count in counts.items())
        say(f"{out}: {len(hours)} songs, {facts['hours']} h; stems: {told}")
