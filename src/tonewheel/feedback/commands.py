"""The verbs of `tonewheel feedback`, and `tonewheel stems ingest`; everything heavy is imported inside them."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from tonewheel.core.console import emit, say
from tonewheel.core.errors import InputError
from tonewheel.core.files import reading
from tonewheel.core.verbs import Force, Json

VERBS = {"stems": ("ingest",)}
"""Functions of this file that are verbs of a system; systems stand below, so the command line attaches them."""

DAY_S = 86_400

app = typer.Typer(
    help="Take in, list, export and delete what was contributed, and send snapshots.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

StoreDir = Annotated[
    Path, typer.Option("--store", help="Folder of the store: its database and its local key.")
]
Database = Annotated[
    str | None,
    typer.Option(
        envvar="TONEWHEEL_DATABASE",
        help="Keep contributions there instead, as postgresql://user@host/name; default: SQLite in the folder.",
    ),
]
Kind = Annotated[str | None, typer.Option(help="Only this kind, as stems.")]
Ids = Annotated[list[str] | None, typer.Option("--id", help="About this id (or receipt) only; repeatable.")]


def ingest(
    store: StoreDir,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one and says which.")
    ] = 8126,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    origins: Annotated[
        list[str] | None, typer.Option("--origin", help="A page's origin that may send; repeatable.")
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option(help="File of keys, one a line; clients must send one of them.")
    ] = None,
    database: Database = None,
    rate: Annotated[float, typer.Option(min=0, help="Contributions a second and client; 0: any.")] = 20.0,
    waiting: Annotated[int, typer.Option(min=1, help="Contributions that may wait for the disk.")] = 1000,
    as_json: Json = False,
) -> None:
    """Take in snapshots over HTTP, until interrupted; what was acknowledged is on disk."""
    from tonewheel.feedback.keys import read_keys
    from tonewheel.feedback.kinds import STEMS
    from tonewheel.feedback.limits import Limits, plain_origin
    from tonewheel.feedback.serve import listen, serve
    from tonewheel.feedback.service import create_service
    from tonewheel.feedback.store import Store

    limits = Limits(rate_per_s=rate, waiting_most=waiting)
    keys = read_keys(key_file) if key_file else []
    allowed = [plain_origin(origin) for origin in origins or []]
    if not keys and host not in ("127.0.0.1", "::1", "localhost"):
        say(f"{host}: everybody who reaches this address may send; --key-file asks for a key")

    def told(url: str) -> None:
        url = f"{url}/{STEMS.channel}"
        emit({"url": url}) if as_json else say(f"taking in snapshots at {url}; stored in {store}")

    # uvicorn raises the signal again when it has left; a service that was asked to end has not failed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with listen(host, port) as listening, Store(store, database) as opened:
        serve(create_service(opened, limits, keys=keys, origins=allowed), listening, limits, told)


@app.command()
def add(
    files: Annotated[
        list[Path], typer.Argument(help="JSONL with one contribution a line, or JSON with one.")
    ],
    store: StoreDir,
    kind: Annotated[str, typer.Option(help="What the files hold, as concert or stems.")],
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Take in files of this machine; a line that is no such contribution is told, and the others go on."""
    from tonewheel.feedback.kinds import kind_named
    from tonewheel.feedback.store import Store

    chosen = kind_named(kind)
    counts = {"stored": 0, "known": 0, "differs": 0, "refused": 0}
    for path in files:
        if not path.is_file():  # before a store is made for nothing
            raise InputError(path, "is no file")
    with Store(store, database) as opened:
        for path in files:
            for where, body in _bodies(path, chosen.largest_bytes):
                try:
                    contribution = chosen.read(body.strip(), opened.pseudonyms.of)
                except InputError as error:
                    say(f"{where}: {error.reason}")
                    counts["refused"] += 1
                    continue
                (outcome,) = opened.put([contribution])
                counts[outcome] += 1
                if outcome == "differs":
                    say(f"{where}: another contribution has this id; what was first stays")
    told = f"{counts['stored']} stored, {counts['known']} known, {counts['differs'] + counts['refused']} left out"
    emit(counts) if as_json else say(f"{store}: {told}")
    if counts["refused"] or counts["differs"]:
        raise typer.Exit(2)


@app.command("list")
def list_(
    store: StoreDir,
    ids: Ids = None,
    kind: Kind = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Show what is kept, oldest first; exit status 1 when nothing is."""
    from tonewheel.feedback.kinds import kind_named
    from tonewheel.feedback.store import Store

    if kind:
        kind_named(kind)
    found = 0
    with Store(store, database, make=False) as opened:
        for one in opened.read(kind, ids):
            found += 1
            received = datetime.fromtimestamp(one.received_ms / 1000, UTC).isoformat(timespec="milliseconds")
            size = len(one.payload.encode())
            if as_json:
                emit({"kind": one.kind, "receipt": one.pseudonym, "received": received, "bytes": size})
            else:
                print(f"{received}  {one.kind:<8} {one.pseudonym}  {size:>7} bytes")
    if not found:
        say(f"{store}: nothing is kept{' about that id' if ids else ''}")
        raise typer.Exit(1)


@app.command()
def export(
    store: StoreDir,
    out: Annotated[Path, typer.Option("--out", "-o", help="JSONL file to write; - is stdout.")],
    ids: Ids = None,
    kind: Kind = None,
    database: Database = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Write what is kept as JSONL, one contribution a line, as it was sent but for its id; 1 when nothing is."""
    from tonewheel.core.files import atomic_path, refuse_overwrite
    from tonewheel.feedback.kinds import kind_named
    from tonewheel.feedback.store import Store

    if kind:
        kind_named(kind)
    to_stdout = str(out) == "-"
    if not to_stdout:
        refuse_overwrite(out, force)
    count = 0
    with Store(store, database, make=False) as opened:
        lines = (one.payload + "\n" for one in opened.read(kind, ids))
        if to_stdout:
            for line in lines:
                count += 1
                sys.stdout.write(line)
        else:
            with atomic_path(out) as temporary, temporary.open("w", encoding="utf-8") as stream:
                for line in lines:
                    count += 1
                    stream.write(line)
                if not count:
                    say(f"{store}: nothing is kept{' about that id' if ids else ''}; nothing was written")
                    raise typer.Exit(1)
    if not to_stdout:
        emit({"out": str(out), "count": count}) if as_json else say(f"{out}: {count} contributions")
    if not count:
        raise typer.Exit(1)


@app.command()
def delete(
    store: StoreDir,
    ids: Ids = None,
    older_than_days: Annotated[
        float | None, typer.Option(min=0, help="Everything that came before so many days ago.")
    ] = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Delete what is kept about some ids, or what is old, for good; exit status 1 when nothing was kept."""
    from tonewheel.feedback.store import Store

    if not ids and older_than_days is None:
        raise InputError("feedback delete", "of which id? --id, or --older-than-days")
    before_ms = None
    if older_than_days is not None:
        # Not by dates: there is none so many days ago as a person can type.
        before_ms = round(1000 * max(0.0, datetime.now(UTC).timestamp() - older_than_days * DAY_S))
    with Store(store, database, make=False) as opened:
        count = opened.delete(ids or None, before_ms=before_ms)
    emit({"deleted": count}) if as_json else say(f"{store}: {count} deleted")
    if not count:
        raise typer.Exit(1)


@app.command()
def send(
    files: Annotated[list[Path], typer.Argument(help="Snapshots: JSON files, or JSONL with one a line.")],
    url: Annotated[str, typer.Option("--to", help="The service, as http://127.0.0.1:8126/stem-separation.")],
    key_file: Annotated[
        Path | None, typer.Option(help="File with the key that the service asks for.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Send snapshots to a service; one that it does not acknowledge is told, and the others go on."""
    from tonewheel.core.progress import progress
    from tonewheel.feedback.delivery import Courier
    from tonewheel.feedback.keys import read_keys
    from tonewheel.manifest.stem_snapshot import LARGEST_BYTES
    from tonewheel.manifest.stem_snapshot_check import parse_snapshot

    sent = left_out = 0
    with closing(Courier(url, key=read_keys(key_file)[0] if key_file else None)) as courier:
        for path in files:
            bodies = progress(_bodies(path, LARGEST_BYTES), f"sending {path.name}", unit="snapshots")
            try:
                for where, body in bodies:
                    try:
                        parse_snapshot(body, where)
                    except InputError as error:
                        say(str(error))
                        left_out += 1
                        continue
                    delivery = courier.deliver(body)
                    # Where nobody answered, a thousand more would wait for hours: once each, until somebody does.
                    (courier.hurry.clear if delivery.status else courier.hurry.set)()
                    sent += delivery.acknowledged
                    left_out += not delivery.acknowledged
                    if as_json:
                        emit({"snapshot": where, **delivery._asdict()})
                    elif not delivery.acknowledged:
                        say(f"{where}: not sent: {delivery.said}")
            except InputError as error:  # the file itself
                say(str(error))
                left_out += 1
    say(f"{sent} sent, {left_out} not")
    if left_out:
        raise typer.Exit(2)


def _bodies(path: Path, largest_bytes: int) -> Iterator[tuple[str, bytes]]:
    """The snapshots of a file with their places; of one that is too long only the beginning."""
    with reading(path), path.open("rb") as stream:
        if path.suffix != ".jsonl":
            yield str(path), stream.read(largest_bytes + 1)
            return
        number = 0
        while line := stream.readline(largest_bytes + 1):
            number += 1
            if line.strip():
                yield f"{path}:{number}", line
            while len(line) > largest_bytes and not line.endswith(b"\n"):
                line = stream.readline(largest_bytes + 1)
