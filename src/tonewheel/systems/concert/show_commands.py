"""The verbs of `tonewheel concert` for a show: pack, identify, listen, align."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tonewheel.core.console import emit, say
from tonewheel.core.verbs import Force, Json, Weights
from tonewheel.systems.concert.options import Confirmations, PackFile, encoder_of

if TYPE_CHECKING:
    from tonewheel.systems.concert.decode.follow import DecodingListener
    from tonewheel.systems.concert.embed import Embedder
    from tonewheel.systems.concert.listen import Event
    from tonewheel.systems.concert.pack import Pack


def pack(
    tracks_dir: Annotated[Path, typer.Argument(help="Folder of the studio tracks.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The pack to write, as show.pack.")],
    setlist: Annotated[
        Path | None, typer.Option(help="Songs to take: text, CSV, YAML or JSON, one song a line.")
    ] = None,
    versions: Annotated[
        bool,
        typer.Option("--versions", help="Also know songs that are played again, in another key or tempo."),
    ] = False,
    weights: Weights = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Put the songs of a show into one small file that `identify` and `listen` search."""
    from tonewheel.core.files import refuse_overwrite
    from tonewheel.systems.concert.pack import build_pack
    from tonewheel.systems.concert.versions.embed import VersionEmbedder

    refuse_overwrite(out, force)
    knows = VersionEmbedder.shipped() if versions else None
    made, left_out = build_pack(tracks_dir, setlist, encoder_of(weights), knows)
    size = made.write(out)
    for one in left_out:
        say(f"left out: {one.reason}")
    if as_json:
        emit({"pack": str(out), "songs": list(made.songs), "bytes": size, "left_out": len(left_out)})
    else:
        say(f"{out}: {len(made.songs)} songs, {size / 1e6:.2f} MB")
    if left_out:
        raise typer.Exit(2)


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

    embedder = encoder_of(weights)
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


def listen(
    source: Annotated[str, typer.Argument(help="A file, `-` for WAV or raw PCM on stdin, `device[:NAME]`.")],
    pack: PackFile,
    gate: Annotated[
        str,
        typer.Option(help="run: growing evidence; simple: 2 of 3 windows; decoder: the whole show so far."),
    ] = "run",
    setlist: Annotated[
        Path | None, typer.Option(help="With --gate decoder: a set list, whose order helps.")
    ] = None,
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
    confirmations: Confirmations = None,
    weights: Weights = None,
    as_json: Json = False,
) -> None:
    """Follow a show: one line for each song start, position and song end, as it happens."""
    # A step is milliseconds of small matrices: several threads wait for each other, beside another busy
    # program for seconds. numpy and torch read this when they are imported.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

    from tonewheel.core.errors import InputError
    from tonewheel.systems.concert.confirm import append, known_lines, of_events
    from tonewheel.systems.concert.cue import Cues
    from tonewheel.systems.concert.listen import Listener, check_gate, cost_summary, describe
    from tonewheel.systems.concert.listen import listen as follow
    from tonewheel.systems.concert.pack import Pack
    from tonewheel.systems.concert.source import open_source

    chosen = check_gate(gate)
    if setlist is not None and chosen != "decoder":
        raise InputError("--setlist", "only --gate decoder knows what an order is")
    if confirmations is not None and not Path(source).is_file():
        raise InputError(
            "--confirmations", "only a file can be learnt from later; record the show, then align it"
        )
    if confirmations is not None:
        known_lines(confirmations)
    embedder = encoder_of(weights)
    opened = Pack.read(pack, embedder)
    listener = (
        Listener(opened, embedder, chosen) if chosen != "decoder" else _decoding(opened, setlist, embedder)
    )
    blocks = open_source(
        source, embedder.spec.sample_rate_hz, pcm=(rate, channels, encoding), realtime=realtime
    )
    found = False
    events: list[Event] = []
    try:
        with Cues(on_song, cue_http, cue_osc) as cues:
            for event in follow(blocks, listener):
                found = found or event.event == "song_start"
                if confirmations is not None:
                    events.append(event)
                cues.send(event)
                if as_json:
                    emit(event)
                else:
                    print(describe(event), flush=True)
    finally:  # a device is listened to until Ctrl-C
        if stats:
            summary = cost_summary(listener.costs, embedder.hop_s)
            say(summary.to_json() if as_json else str(summary))
    if confirmations is not None:
        told = append(confirmations, of_events(Path(source), events, opened, chosen, embedder.fingerprint))
        say(f"{confirmations}: {told} new")
    if not found:
        say("no song of the pack was recognised")
        raise typer.Exit(1)


def align(
    recording: Annotated[Path, typer.Argument(help="A whole concert: audio or video, hours long.")],
    pack: PackFile,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the result; a killed run continues.")],
    setlist: Annotated[
        Path | None, typer.Option(help="Set list: its order helps, but any song may come at any time.")
    ] = None,
    fix: Annotated[
        list[str] | None, typer.Option("--fix", help="What you know: 'SONG@START-END', or 'SONG@TIME'.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="An edited label file (Audacity): what differs becomes a fix.")
    ] = None,
    confirmations: Confirmations = None,
    weights: Weights = None,
    force: Annotated[
        bool, typer.Option("--force", help="Begin anew: drop earlier fixes and edited labels.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Find every song of a concert: where it begins and ends, and how sure that is."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")

    from tonewheel.systems.concert.align.run import align as run
    from tonewheel.systems.concert.align.run import describe
    from tonewheel.systems.concert.confirm import append, known_lines, of_alignment
    from tonewheel.systems.concert.pack import Pack

    if confirmations is not None:
        known_lines(confirmations)
    embedder = encoder_of(weights)
    aligned = run(
        recording,
        Pack.read(pack, embedder),
        embedder,
        out,
        setlist=setlist,
        fixes=fix or (),
        labels=labels,
        force=force,
    )
    found = aligned.alignment
    for title in found.not_in_pack:
        say(f'the pack lacks "{title}": if it was played, it is an unknown song')
    for one in found.segments:
        emit(one) if as_json else print(describe(one))
    say(f"{out / 'index.html'}: listened {aligned.hear_s:.1f} s, decoded {aligned.decode_s:.2f} s")
    if confirmations is not None:
        lines = of_alignment(recording, found.segments, found.fixes, found.references, found.weights)
        say(f"{confirmations}: {append(confirmations, lines)} new")
    if not any(one.position_s is not None for one in found.segments):
        say("no song of the pack was found")
        raise typer.Exit(1)


def _decoding(pack: Pack, setlist: Path | None, embedder: Embedder) -> DecodingListener:
    from tonewheel.manifest.setlist import read_setlist
    from tonewheel.systems.concert.decode.follow import DecodingListener
    from tonewheel.systems.concert.decode.order import plan_of

    if setlist is None:
        return DecodingListener(pack, embedder)
    planned, missing = plan_of(read_setlist(setlist), pack.songs)
    for title in missing:
        say(f'the pack lacks "{title}": if it is played, it is an unknown song')
    return DecodingListener(pack, embedder, planned)
