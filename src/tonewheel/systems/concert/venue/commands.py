"""The verbs `concert measure` and `concert adapt`; everything heavy is imported inside them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tonewheel.core.console import emit, say
from tonewheel.core.verbs import Force, Json, Weights
from tonewheel.systems.concert.options import Regression, encoder_of

if TYPE_CHECKING:
    from tonewheel.systems.concert.venue.simulate import Surroundings

PreparedFolder = Annotated[
    Path | None,
    typer.Option(
        "--prepared", help="A folder of `concert prepare`: recorded rooms and crowds to simulate with."
    ),
]


def measure(
    recordings: Annotated[list[Path], typer.Argument(help="Recordings of one venue, or folders of them.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The profiles to write, as venue.json.")],
    report: Annotated[Path | None, typer.Option(help="Write a page with pictures (.html).")] = None,
    music: Annotated[
        list[Path],
        typer.Option(
            help="Clean tracks or folders: simulate the venue with them, and say how near that comes."
        ),
    ] = [],  # noqa: B006 - typer never changes it, and None would make it import pydantic
    prepared: PreparedFolder = None,
    weights: Weights = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the simulated halls.")] = 0,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Measure what the hall and the phone did: reverberation, crowd, spectrum, dynamics, clipping, codec.

    Simulation draws from the profiles, and `concert adapt` prepares a pack for the venue with them. Exit status 2
    when a recording could not be measured; the others go on.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")

    from tonewheel.audio.decode import probe
    from tonewheel.core.errors import InputError, TonewheelError
    from tonewheel.core.files import refuse_overwrite, write_json, write_text
    from tonewheel.core.progress import progress
    from tonewheel.manifest.tracks import audio_paths
    from tonewheel.systems.concert.pack import printable
    from tonewheel.systems.concert.venue.measure import Measured
    from tonewheel.systems.concert.venue.measure import measure as measure_one
    from tonewheel.systems.concert.venue.page import line_of, page_of
    from tonewheel.systems.concert.venue.profile import Venue
    from tonewheel.systems.concert.venue.rehearse import rehearse

    for path in (out, report):
        if path is not None:
            refuse_overwrite(path, force)
    if report is not None and report.resolve() == out.resolve():
        raise InputError(report, "is the file of the profiles; give the report another name")
    if prepared is not None and not music:
        raise InputError("--prepared", "only --music simulates; give it clean tracks, too")
    surroundings = _surroundings(prepared)
    clean = [path for given in music for path in audio_paths(given)]
    for path in clean:  # before hours of measuring
        probe(path)
    embedder = encoder_of(weights)
    found: list[Measured] = []
    failed = 0
    paths = [path for given in recordings for path in audio_paths(given)]
    for path in progress(paths, "measuring"):
        try:
            found.append(measure_one(path, embedder))
        except TonewheelError as error:
            say(printable(str(error)))
            failed += 1
            continue
        emit(found[-1].profile) if as_json else print(line_of(found[-1].profile))
    if not found:
        raise typer.Exit(2)
    venue = Venue(recordings=tuple(one.profile for one in found))
    nearness = None
    if music:
        nearness = rehearse(found, venue, clean, surroundings, seed=seed)
        emit(nearness) if as_json else print(str(nearness))
    write_json(out, venue)
    if report is not None:
        write_text(report, page_of(found, nearness))
        say(f"report: {report}")
    if failed:
        raise typer.Exit(2)


def adapt(
    pack: Annotated[Path, typer.Option("--pack", help="A pack made by `concert pack`.")],
    venue: Annotated[Path, typer.Option("--venue", help="A venue measured by `concert measure`.")],
    tracks: Annotated[Path, typer.Option("--tracks", help="Folder of the tracks that the pack was made of.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The pack to write, as hall.pack.")],
    prepared: PreparedFolder = None,
    fine_tune: Annotated[
        int, typer.Option("--fine-tune", min=0, max=10_000, help="Steps of a fine-tune; 0: none.")
    ] = 0,
    views: Annotated[int, typer.Option(min=1, max=50, help="Draws of the venue a reference.")] = 3,
    queries: Annotated[int, typer.Option(min=20, max=100_000, help="Held-out queries of the check.")] = 300,
    regression: Regression = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the simulated halls.")] = 0,
    weights: Weights = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Prepare a pack for a venue; it is written only if held-out queries say that it is not worse.

    The references are embedded again through the measured hall and phone, and with --fine-tune the encoder learns the
    set's own songs for some steps, those most alike side by side; its weights are then written beside the pack. Exit
    status 1 when nothing was kept.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")

    from tonewheel.core.errors import InputError
    from tonewheel.core.files import refuse_overwrite
    from tonewheel.systems.concert.pack import Pack, printable
    from tonewheel.systems.concert.regression import read
    from tonewheel.systems.concert.venue.adapt import adapt as run
    from tonewheel.systems.concert.venue.finetune import FineTuning
    from tonewheel.systems.concert.venue.page import adapted_lines
    from tonewheel.systems.concert.venue.profile import Venue

    refuse_overwrite(out, force)
    if regression is not None and not fine_tune:
        raise InputError("--regression", "holds new weights, which only --fine-tune makes")
    if fine_tune:
        refuse_overwrite(out.with_suffix(".safetensors"), force)
    measured = Venue.load(venue)
    embedder = encoder_of(weights)
    adapted = run(
        Pack.read(pack, embedder),
        tracks,
        measured,
        embedder,
        out,
        surroundings=_surroundings(prepared),
        views=views,
        fine_tuning=FineTuning(steps=fine_tune, seed=seed) if fine_tune else None,
        queries=queries,
        frozen=None if regression is None else read(regression),
        seed=seed,
    )
    for reason in adapted.missing:
        say(f"stays as it was: {printable(reason)}")
    if as_json:
        emit(adapted)
    else:
        print("\n".join(adapted_lines(adapted)))
    if not adapted.written:
        raise typer.Exit(1)
    if adapted.missing:
        raise typer.Exit(2)


def _surroundings(folder: Path | None) -> Surroundings:
    """Recorded rooms and crowds of a prepared folder's train split; statistical and synthesised ones without."""
    from tonewheel.systems.concert.prepare import Prepared
    from tonewheel.systems.concert.venue.simulate import Surroundings

    if folder is None:
        return Surroundings()
    prepared = Prepared(folder)
    crowds = [path for kind in ("crowd", "applause", "cheering") for path in prepared.paths(kind, "train")]
    return Surroundings(prepared.paths("room", "train"), crowds)
