"""The verbs of `tonewheel concert` that make an encoder: prepare, check, train, evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tonewheel.core.console import emit, say, show_scores
from tonewheel.core.verbs import Json, Weights
from tonewheel.systems.concert.flywheel_commands import admit
from tonewheel.systems.concert.options import Regression, encoder_of


def prepare(
    sources: Annotated[list[Path], typer.Argument(help="Folders of audio, or with an index.csv.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write; a killed run continues.")],
    synth_songs: Annotated[int, typer.Option(min=0, max=10_000, help="Songs to synthesise as well.")] = 320,
    seed: Annotated[int, typer.Option(min=0, help="Of the synthesised songs.")] = 0,
    any_licence: Annotated[
        bool, typer.Option("--any-licence", help="Also train on audio whose licence forbids or does not say.")
    ] = False,
    confirmed: Annotated[
        list[Path] | None,
        typer.Option(
            "--confirmed", help="Lines of `--confirmations`, or of `feedback export --kind concert`."
        ),
    ] = None,
    recordings: Annotated[
        list[Path] | None,
        typer.Option("--recording", help="A recording, or a folder of them, for --confirmed."),
    ] = None,
    versions: Annotated[
        int, typer.Option(min=0, help="Also so many composed songs, and the sources' scores, played again.")
    ] = 0,
    as_json: Json = False,
) -> None:
    """Decode tracks, rooms, crowds and microphones once, and synthesise songs, for training."""
    from tonewheel.systems.concert.prepare import prepare as run

    prepared, left_out = run(
        sources,
        out,
        synth_songs=synth_songs,
        seed=seed,
        any_licence=any_licence,
        confirmed=confirmed or (),
        recordings=recordings or (),
    )
    if versions:
        from tonewheel.systems.concert.versions.bank import FOLDER, build, jobs_of

        left_out += build(jobs_of(sources, versions), out / FOLDER)
    for one in left_out:
        say(f"left out: {one.path}: {one.reason}")
    hours = sum(track.seconds for track in prepared.tracks) / 3600
    counts = {"tracks": len(prepared.tracks), "hours": round(hours, 2), "ambience": len(prepared.ambience)}
    if prepared.pairs:
        counts["pairs"] = len(prepared.pairs)
    if as_json:
        emit({"out": str(out), **counts, "left_out": len(left_out)})
    else:
        live = f", {len(prepared.pairs)} pairs of record and concert" if prepared.pairs else ""
        say(f"{out}: {counts['tracks']} tracks, {hours:.1f} h{live}; {len(left_out)} files left out")


def check(
    source: Annotated[Path, typer.Argument(help="A folder of audio, an index.csv or a .jsonl manifest.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Report: .json, with .html beside it.")],
    as_json: Json = False,
) -> None:
    """Check audio before it trains anything: leaks between splits, licences, health, duplicates."""
    from tonewheel.gates.base import Gate, discover
    from tonewheel.gates.report import check as run
    from tonewheel.manifest.tracks import read_tracks

    index = source / "index.csv" if (source / "index.csv").is_file() else source
    reading = read_tracks(index)
    root = index if index.is_dir() else index.parent
    report = run(
        [gate() for gate in discover(Gate).values()], reading.tracks, root, quarantined=reading.quarantined
    )
    written, page = report.write(out)
    for verdict in report.verdicts:
        emit(verdict) if as_json else say(str(verdict))
    say(f"report: {written} and {page}")
    raise typer.Exit(report.exit_status)


def train(
    prepared: Annotated[Path, typer.Argument(help="A folder made by `concert prepare`.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Run folder; a killed run in it continues.")],
    recipe: Annotated[str, typer.Option(help="Recipe by name (smoke, base) or a YAML file.")] = "base",
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Change one setting, as fit.max_steps=500.")
    ] = None,
    initial: Annotated[
        Path | None, typer.Option("--from", help="Weights to start from, such as those of another run.")
    ] = None,
    regression: Regression = None,
    versions: Annotated[
        bool, typer.Option("--versions", help="The encoder of songs played again: OUT/versions.safetensors.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Train the encoder; the weights for use are written to OUT/concert.safetensors.

    With --regression they must answer the frozen set no worse than the weights they started from (or those shipped);
    otherwise they stay in OUT/candidate.safetensors, and the exit status is 1.
    """
    from tonewheel.core.errors import InputError
    from tonewheel.learn.recipe import load_recipe
    from tonewheel.systems.concert.prepare import Prepared
    from tonewheel.systems.concert.recipe import ConcertRecipe
    from tonewheel.systems.concert.regression import read
    from tonewheel.systems.concert.train import train as run

    if versions:
        if initial is not None or regression is not None:
            raise InputError("--versions", "is learned in one go: neither --from nor --regression apply")
        _train_versions(prepared, out, recipe, settings or [], as_json)
        return
    chosen = load_recipe(recipe, ConcertRecipe, settings or [])
    if regression is not None:
        read(regression)  # before hours of training
    weights = out / "concert.safetensors"
    made = weights if regression is None else out / "candidate.safetensors"
    result = run(Prepared(prepared), chosen, out, initial, made)
    verdict = None if regression is None else admit(made, weights, regression, initial)
    if as_json:
        emit(result)
        if verdict is not None:
            emit(verdict)
    else:
        best = f"best {result.best_score} at {result.best_step}"
        say(f"{made if verdict and not verdict.passed else weights}: {result.steps} steps, {best}")
        if verdict is not None:
            say(str(verdict))
    if verdict is not None and not verdict.passed:
        raise typer.Exit(1)


def _train_versions(prepared: Path, out: Path, recipe: str, settings: list[str], as_json: bool) -> None:
    from tonewheel.learn.recipe import load_recipe
    from tonewheel.systems.concert.prepare import Prepared
    from tonewheel.systems.concert.versions.bank import FOLDER, Bank
    from tonewheel.systems.concert.versions.recipe import VersionRecipe
    from tonewheel.systems.concert.versions.train import train as run

    chosen = load_recipe(recipe, VersionRecipe, settings)
    result = run(Bank(prepared / FOLDER), Prepared(prepared), chosen, out, encoder_of(None))
    if as_json:
        emit(result)
    else:
        say(f"{result.weights}: {result.songs} songs, mean reliability {result.reliability:.2f}")


def evaluate(
    prepared: Annotated[Path, typer.Argument(help="A folder made by `concert prepare`.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the report; a killed run continues.")],
    split: Annotated[str, typer.Option(help="Split to report on.")] = "test",
    count: Annotated[int, typer.Option(min=10, help="Queries a cell and seed.")] = 1000,
    seeds: Annotated[int, typer.Option(min=1, help="Seeds.")] = 3,
    baselines: Annotated[bool, typer.Option(help="Also MFCC statistics, landmarks, Chromaprint.")] = True,
    stream: Annotated[
        bool, typer.Option("--stream", help="Whole concerts instead: listen to them and align them.")
    ] = False,
    shows: Annotated[int, typer.Option(min=1, help="With --stream: concerts at every noise level.")] = 3,
    versions: Annotated[
        bool, typer.Option("--versions", help="Songs that are played again, by the version branch, instead.")
    ] = False,
    version_weights: Annotated[
        Path | None, typer.Option(help="With --versions: weights of your own training of that branch.")
    ] = None,
    weights: Weights = None,
    as_json: Json = False,
) -> None:
    """Measure on degraded queries with known answers, beside what a user could pick instead."""
    from tonewheel.core.errors import InputError
    from tonewheel.systems.concert.evaluate import evaluate as run
    from tonewheel.systems.concert.evaluate import evaluate_stream as run_stream
    from tonewheel.systems.concert.prepare import Prepared

    if stream and versions:
        raise InputError("--stream", "and --versions are two evaluations; ask for one of them")
    page = "stream.html" if stream else "versions.html" if versions else "index.html"
    if stream:
        scores = run_stream(Prepared(prepared), encoder_of(weights), out, split=split, shows=shows)
    elif versions:
        from tonewheel.systems.concert.versions import evaluate as again
        from tonewheel.systems.concert.versions.bank import FOLDER, Bank
        from tonewheel.systems.concert.versions.embed import VersionEmbedder

        hears = VersionEmbedder.load(version_weights) if version_weights else VersionEmbedder.shipped()
        bank = Bank(prepared / FOLDER)
        scores = again.evaluate(
            bank, Prepared(prepared), encoder_of(weights), hears, out, split=split, count=count
        )
    else:
        scores = run(
            Prepared(prepared),
            encoder_of(weights),
            out,
            split=split,
            count=count,
            seeds=seeds,
            baselines=baselines,
        )
    show_scores(scores, out, as_json, page=page)
