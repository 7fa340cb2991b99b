"""The verbs of `tonewheel concert`; everything heavy is imported inside them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tonewheel.core.console import emit, say

if TYPE_CHECKING:
    from tonewheel.systems.concert.embed import Embedder

app = typer.Typer(
    help="Which song of a show is playing, and since when.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

NEEDS_PROGRAMS = {"fpcalc": "`concert evaluate --baselines` (Chromaprint; Debian: libchromaprint-tools)"}

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout.")]
Force = Annotated[bool, typer.Option("--force", help="Replace what is there.")]
PackFile = Annotated[Path, typer.Option("--pack", help="A pack made by `concert pack`.")]
Weights = Annotated[
    Path | None, typer.Option("--weights", help="Weights of your own training; default: those shipped.")
]


@app.command()
def prepare(
    sources: Annotated[list[Path], typer.Argument(help="Folders of audio, or with an index.csv.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write; a killed run continues.")],
    synth_songs: Annotated[int, typer.Option(min=0, max=10_000, help="Songs to synthesise as well.")] = 320,
    seed: Annotated[int, typer.Option(min=0, help="Of the synthesised songs.")] = 0,
    any_licence: Annotated[
        bool, typer.Option("--any-licence", help="Also train on audio whose licence forbids or does not say.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Decode tracks, rooms, crowds and microphones once, and synthesise songs, for training."""
    from tonewheel.systems.concert.prepare import prepare as run

    prepared, left_out = run(sources, out, synth_songs=synth_songs, seed=seed, any_licence=any_licence)
    for one in left_out:
        say(f"left out: {one.path}: {one.reason}")
    hours = sum(track.seconds for track in prepared.tracks) / 3600
    counts = {"tracks": len(prepared.tracks), "hours": round(hours, 2), "ambience": len(prepared.ambience)}
    if as_json:
        emit({"out": str(out), **counts, "left_out": len(left_out)})
    else:
        say(f"{out}: {counts['tracks']} tracks, {hours:.1f} h; {len(left_out)} files left out")


@app.command()
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


@app.command()
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
    as_json: Json = False,
) -> None:
    """Train the encoder; the weights for use are written to OUT/concert.safetensors."""
    from tonewheel.learn.recipe import load_recipe
    from tonewheel.systems.concert.prepare import Prepared
    from tonewheel.systems.concert.recipe import ConcertRecipe
    from tonewheel.systems.concert.train import train as run

    chosen = load_recipe(recipe, ConcertRecipe, settings or [])
    result = run(Prepared(prepared), chosen, out, initial)
    if as_json:
        emit(result)
    else:
        best = f"best {result.best_score} at {result.best_step}"
        say(f"{out / 'concert.safetensors'}: {result.steps} steps, {best}")


@app.command()
def evaluate(
    prepared: Annotated[Path, typer.Argument(help="A folder made by `concert prepare`.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the report; a killed run continues.")],
    split: Annotated[str, typer.Option(help="Split to report on.")] = "test",
    count: Annotated[int, typer.Option(min=10, help="Queries a cell and seed.")] = 1000,
    seeds: Annotated[int, typer.Option(min=1, help="Seeds.")] = 3,
    baselines: Annotated[bool, typer.Option(help="Also MFCC statistics, landmarks, Chromaprint.")] = True,
    weights: Weights = None,
    as_json: Json = False,
) -> None:
    """Measure on degraded queries with known answers, beside what a user could pick instead."""
    from tonewheel.systems.concert.evaluate import evaluate as run
    from tonewheel.systems.concert.prepare import Prepared

    scores = run(
        Prepared(prepared),
        _embedder(weights),
        out,
        split=split,
        count=count,
        seeds=seeds,
        baselines=baselines,
    )
    if as_json:
        emit(scores)
    else:
        print(scores.markdown())
        say(f"report: {out / 'index.html'}")


@app.command()
def pack(
    tracks_dir: Annotated[Path, typer.Argument(help="Folder of the studio tracks.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The pack to write, as show.pack.")],
    setlist: Annotated[
        Path | None, typer.Option(help="Songs to take: text, CSV, YAML or JSON, one song a line.")
    ] = None,
    weights: Weights = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Put the songs of a show into one small file that `identify` and `listen` search."""
    from tonewheel.core.files import refuse_overwrite
    from tonewheel.systems.concert.pack import build_pack

    refuse_overwrite(out, force)
    made, left_out = build_pack(tracks_dir, setlist, _embedder(weights))
    size = made.write(out)
    for one in left_out:
        say(f"left out: {one.reason}")
    if as_json:
        emit({"pack": str(out), "songs": list(made.songs), "bytes": size, "left_out": len(left_out)})
    else:
        say(f"{out}: {len(made.songs)} songs, {size / 1e6:.2f} MB")
    if left_out:
        raise typer.Exit(2)


@app.command()
def identify(
    queries: Annotated[list[Path], typer.Argument(help="Recordings to identify.")],
    pack: PackFile,
    weights: Weights = None,
    as_json: Json = False,
) -> None:
    """Say which song of the pack each recording is; exit status 1 when none of them is one."""
    from tonewheel.core.errors import TonewheelError
    from tonewheel.systems.concert.identify import describe, identify_file
    from tonewheel.systems.concert.pack import Pack

    embedder = _embedder(weights)
    opened = Pack.read(pack, embedder)
    found = failed = 0
    for path in queries:
        try:
            answer = identify_file(path, opened, embedder)
        except TonewheelError as error:
            say(str(error))
            failed += 1
            continue
        found += answer.state == "song"
        if as_json:
            emit(answer)
        else:
            print(describe(answer))
    if failed or not found:
        raise typer.Exit(2 if failed else 1)


@app.command()
def listen(
    source: Annotated[str, typer.Argument(help="A file, `-` for WAV or raw PCM on stdin, `device[:NAME]`.")],
    pack: PackFile,
    gate: Annotated[str, typer.Option(help="run: growing evidence; simple: 2 of 3 windows.")] = "run",
    rate: Annotated[int, typer.Option(help="Sample rate of raw PCM on stdin, Hz.")] = 16_000,
    channels: Annotated[int, typer.Option(help="Channels of raw PCM on stdin.")] = 1,
    encoding: Annotated[str, typer.Option(help="Encoding of raw PCM on stdin: s16le, f32le, ...")] = "s16le",
    on_song: Annotated[
        str | None, typer.Option(help="Command to run at a song's start; the event is in TONEWHEEL_*.")
    ] = None,
    cue_http: Annotated[
        str | None, typer.Option(help="URL to POST every event to as JSON, as http://127.0.0.1:8000/cue.")
    ] = None,
    cue_osc: Annotated[
        str | None, typer.Option(help="HOST:PORT to send every event to as OSC, over UDP.")
    ] = None,
    realtime: Annotated[bool, typer.Option("--realtime", help="Play a file at its own speed.")] = False,
    stats: Annotated[bool, typer.Option("--stats", help="Print latency and CPU a step at the end.")] = False,
    weights: Weights = None,
    as_json: Json = False,
) -> None:
    """Follow a show: one line for each song start, position and song end, as it happens."""
    # A step is milliseconds of small matrices: several threads wait for each other, beside another busy
    # program for seconds. numpy and torch read this when they are imported.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

    from tonewheel.systems.concert.cue import Cues
    from tonewheel.systems.concert.listen import Listener, check_gate, cost_summary, describe
    from tonewheel.systems.concert.listen import listen as follow
    from tonewheel.systems.concert.pack import Pack
    from tonewheel.systems.concert.source import open_source

    chosen = check_gate(gate)
    embedder = _embedder(weights)
    listener = Listener(Pack.read(pack, embedder), embedder, chosen)
    blocks = open_source(
        source, embedder.spec.sample_rate_hz, pcm=(rate, channels, encoding), realtime=realtime
    )
    found = False
    try:
        with Cues(on_song, cue_http, cue_osc) as cues:
            for event in follow(blocks, listener):
                found = found or event.event == "song_start"
                cues.send(event)
                if as_json:
                    emit(event)
                else:
                    print(describe(event), flush=True)
    finally:  # a device is listened to until Ctrl-C
        if stats:
            summary = cost_summary(listener.costs, embedder.hop_s)
            say(summary.to_json() if as_json else str(summary))
    if not found:
        raise typer.Exit(1)


def _embedder(weights: Path | None) -> Embedder:
    from tonewheel.systems.concert.embed import Embedder

    return Embedder.shipped() if weights is None else Embedder.load(weights)
