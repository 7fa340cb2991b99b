"""`tonewheel similar profile`: measure a folder, and say what its tracks have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tonewheel.core.console import emit, say


def profile(
    source: Annotated[
        Path, typer.Argument(help="A folder of audio, or with an index.csv, or a .jsonl of tracks.")
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="The profile to write; a page to look at goes beside it.")
    ],
    name: Annotated[str, typer.Option(help="Of the collection; default: that of the folder.")] = "",
    clusters: Annotated[int | None, typer.Option(min=1, help="How many; default: found.")] = None,
    tempo_prior: Annotated[
        float, typer.Option(help="The tempo to expect, BPM: which of a tempo and its double is meant.")
    ] = 120.0,
    tempo_octaves: Annotated[float, typer.Option(help="How far from it tempi lie, octaves.")] = 0.45,
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="Default: all cores.")] = None,
    cache: Annotated[
        Path | None, typer.Option(help="Folder of measures by content; default: the user's cache.")
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Measure anew, keep nothing.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the clusters.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Measure tempo, energy, kick, pumping, width, brightness, loudness and key of a collection of tracks.

    Exit status 2 when a file was left out; the profile says which.
    """
    from tonewheel.core.errors import InputError
    from tonewheel.core.files import refuse_overwrite, write_json, write_text
    from tonewheel.systems.similar.features.many import default_cache
    from tonewheel.systems.similar.features.tempo import TempoPrior
    from tonewheel.systems.similar.profile_page import page_of
    from tonewheel.systems.similar.profiling import profile_of

    page = out.with_suffix(".html")
    if out.suffix.lower() != ".json":
        raise InputError(out, "must end in .json; the page goes beside it as .html")
    for path in (out, page):
        refuse_overwrite(path, force)
    prior = TempoPrior(bpm=tempo_prior, octaves=tempo_octaves)
    kept = None if no_cache else (cache or default_cache())
    made, tracks = profile_of(
        source, name=name, clusters=clusters, prior=prior, cache=kept, jobs=jobs, seed=seed
    )
    drawn = page_of(made, tracks)
    write_json(out, made)
    write_text(page, drawn)
    for one in made.left_out:
        say(f"left out: {one}")
    for warning in made.warnings:
        say(f"warning: {warning}")
    if as_json:
        emit(made)
    else:
        say(f"{out}: {made.track_count} tracks, {len(made.clusters)} clusters; {page.name} shows them")
        for cluster in made.clusters:
            say(f"  {cluster.cluster_id}  {cluster.name}: {cluster.track_count} tracks")
    if made.left_out:
        raise typer.Exit(2)
