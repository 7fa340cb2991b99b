"""Manifests as tables: the good lines stream through a pipe into DuckDB while they are being checked.

One thread reads and checks the lines (`lines.good_blocks`), DuckDB parses what comes out of pipes with explicit
types on its own threads and keeps the columns that were asked for in a file in a scratch folder. So a
file is read once, no copy of it is made, and what both hold in memory has a limit.

The row number of a table is the order of the events over all sources, from 0.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, Self

import msgspec

from tonewheel.core.errors import InputError, TonewheelError
from tonewheel.core.progress import progress
from tonewheel.manifest.drum_events import LONGEST_LINE_BYTES
from tonewheel.manifest.event_lines import Quarantine
from tonewheel.manifest.events.lines import BLOCK_BYTES, good_blocks

TYPES = {
    "sample_id": "VARCHAR",
    "session_id": "VARCHAR",
    "track_id": "VARCHAR",
    "drummer_id": "VARCHAR",
    "kit_id": "VARCHAR",
    "room_id": "VARCHAR",
    "source_set": "VARCHAR",
    "is_synthetic": "BOOLEAN",
    "negative_example": "BOOLEAN",
    "audio_path": "VARCHAR",
    "onset_time": "DOUBLE",
    "offset_time": "DOUBLE",
    "tempo_bpm": "DOUBLE",
    "meter": "VARCHAR",
    "components": "STRUCT(label VARCHAR, dynamic_bucket VARCHAR, openness DOUBLE)[]",
    "techniques": "VARCHAR[]",
    "bleed_level": "VARCHAR",
    "mix_context": "VARCHAR",
    "loudness": "STRUCT(LUFS_i DOUBLE, peak_dbfs DOUBLE)",
}
"""The columns that a table can have; any other key of an event comes as JSON text."""

Sources = Sequence[str | Path]

PIPE_BYTES = 64 << 20
"""DuckDB keeps all that it has read from a pipe until it is closed, so each holds no more than this."""

SMALL_BYTES = 64 << 20
"""Manifests of no more than so much are held in memory."""
PACKED = (".gz", ".parquet")


class BrokenLinesError(TonewheelError):
    """Lines that are no events, in a run that allows none."""

    exit_status = 1


@contextmanager
def setting_apart(path: Path | None) -> Iterator[Quarantine]:
    """A quarantine for a run; its file is kept when the run ends for the very lines that are in it."""
    refused: BrokenLinesError | None = None
    with Quarantine(path) as quarantine:
        try:
            yield quarantine
        except BrokenLinesError as error:
            refused = error
    if refused:
        raise refused


def admit(quarantine: Quarantine, strict: bool) -> None:
    """BrokenLinesError if the run is strict and lines were set apart."""
    if strict and quarantine.count:
        where = f"; see {quarantine.path}" if quarantine.path else ""
        raise BrokenLinesError(f"{quarantine.count} lines are no events and --strict allows none{where}")


class Scan:
    """A scratch database of events; use it as a context. `sources` tells how much is going to be loaded.

    >>> path = Path(tempfile.mkdtemp()) / "events.jsonl"
    >>> _ = path.write_text('{"sample_id": "a", "session_id": "s"}\\n{"sample_id": "b", "session_id": "s"}\\n')
    >>> with Scan([path]) as scan:
    ...     scan.load("events", [path], ["session_id"]), scan.rows("SELECT count(*), min(session_id) FROM events")
    (2, [(2, 's')])
    """

    def __init__(
        self,
        sources: Sources,
        quarantine: Quarantine | None = None,
        *,
        threads: int = 2,
        memory_mb: int = 400,
        scratch: str | Path | None = None,
    ) -> None:
        self.quarantine = quarantine or Quarantine(None)
        self._options = {"threads": threads, "memory_limit": f"{memory_mb}MB"}
        self._scratch = scratch
        size = sum(Path(source).stat().st_size for source in sources)
        self._large = size > SMALL_BYTES or any(Path(source).suffix in PACKED for source in sources)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        import duckdb

        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="events-", dir=self._scratch))
        self.folder = Path(folder)
        config: dict[str, Any] = {**self._options, "temp_directory": str(self.folder / "spill")}
        # What goes to a file is compressed; what is small need not wait for the disk.
        database = str(self.folder / "events.duckdb") if self._large else ":memory:"
        self.connection = self._stack.enter_context(closing(duckdb.connect(database, config=config)))
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    def load(
        self,
        table: str,
        sources: Sources,
        columns: Iterable[str],
        tee: Callable[[bytes], object] | None = None,
    ) -> int:
        """Fill a new table with columns of the events of all sources; returns how many there are.

        `tee` is given every block of good lines as it passes. InputError when there are lines and no event.
        """
        before = self.quarantine.count
        count = self._load(table, sources, list(dict.fromkeys(columns)), tee)
        if not count and (broken := self.quarantine.count - before):
            names = ", ".join(str(source) for source in sources)
            raise InputError(names, f"holds no event; {broken} lines are broken")
        return count

    def _load(
        self, table: str, sources: Sources, wanted: list[str], tee: Callable[[bytes], object] | None
    ) -> int:
        blocks = (
            block for source in sources for block in _shown(source, good_blocks(source, self.quarantine))
        )
        try:
            return self._fill(table, wanted, blocks, tee)
        except _Ambiguous:
            # A key given twice: the last one counts, as in every other reader. That is rare, and slow enough
            # to be done only now, over all lines, with what was set apart already counted.
            unheard = Quarantine(None)
            again = (_plainly(block) for source in sources for block in good_blocks(source, unheard))
            for block in blocks:  # the rest of the first pass, for the quarantine and the tee
                if tee:
                    tee(block)
            return self._fill(table, wanted, again, None)

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return self.connection.execute(query, list(parameters)).fetchall()

    def _fill(
        self,
        table: str,
        columns: list[str],
        blocks: Iterator[bytes],
        tee: Callable[[bytes], object] | None,
    ) -> int:
        import duckdb

        types = {_quoted(name): TYPES.get(name, "JSON") for name in columns}
        pipe = self.folder / f"{table}.pipe"
        where = str(pipe).replace("'", "''")
        spec = ", ".join(f"{name}: '{kind}'" for name, kind in types.items())
        query = (
            f"INSERT INTO {table} SELECT * FROM read_ndjson('{where}', columns={{{spec}}}, "
            f"maximum_object_size={LONGEST_LINE_BYTES}, compression='none')"
        )
        self.connection.execute(
            f"CREATE OR REPLACE TABLE {table} ({', '.join(f'{name} {kind}' for name, kind in types.items())})"
        )
        self.connection.begin()
        try:
            more = True
            while more:
                pipe.unlink(missing_ok=True)
                os.mkfifo(pipe)
                feeder = _Feeder(pipe, blocks, tee)
                feeder.start()
                try:
                    self.connection.execute(query)
                finally:
                    feeder.finish()
                more = feeder.more
        except duckdb.InvalidInputException as error:
            self.connection.rollback()
            if "duplicate key" in str(error):
                raise _Ambiguous from None
            raise
        self.connection.commit()
        (count,) = self.connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0]
        return int(count)


class _Ambiguous(Exception):
    """DuckDB has met an object that gives one key twice."""


class _Feeder(threading.Thread):
    """Writes blocks into a pipe; what goes wrong is raised where the reader waits."""

    def __init__(self, pipe: Path, blocks: Iterator[bytes], tee: Callable[[bytes], object] | None) -> None:
        super().__init__(daemon=True)
        self.pipe, self.blocks, self.tee = pipe, blocks, tee
        self.error: BaseException | None = None
        self.more = True

    def run(self) -> None:
        written = 0
        try:
            with self.pipe.open("wb", buffering=0) as out:
                while written < PIPE_BYTES:
                    block = next(self.blocks, b"")
                    if not block:
                        self.more = False
                        break
                    written += len(block)
                    if self.tee:
                        self.tee(block)
                    view = memoryview(block)
                    while view:
                        view = view[out.write(view) :]
        except BrokenPipeError:
            pass  # the reader has failed and says why
        except BaseException as error:
            self.error = error

    def finish(self) -> None:
        """Wait for the end; a reader that never opened the pipe must not leave the writer waiting."""
        if self.is_alive():
            os.close(os.open(self.pipe, os.O_RDONLY | os.O_NONBLOCK))
        self.join()
        if self.error:
            raise self.error


def _shown(source: str | Path, blocks: Iterator[bytes]) -> Iterator[bytes]:
    try:
        total = max(1, Path(source).stat().st_size // BLOCK_BYTES)
    except OSError:
        total = None
    return progress(blocks, f"reading {Path(source).name}", total=total, unit="blocks")


def _plainly(block: bytes) -> bytes:
    """The lines written anew, each key once; values that no table takes stay as they are written."""
    encoder = msgspec.json.Encoder()
    return encoder.encode_lines([_once(line, encoder) for line in block.split(b"\n") if line])


def _once(line: bytes, encoder: msgspec.json.Encoder) -> dict[str, msgspec.Raw]:
    row = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
    for key, shape in (("components", list[dict[str, msgspec.Raw]]), ("loudness", dict[str, msgspec.Raw])):
        if key in row:
            row[key] = msgspec.Raw(encoder.encode(msgspec.json.decode(row[key], type=shape | None)))
    return row


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def check_sources(sources: Sources) -> None:
    """InputError for the first source that is no file, before any work is done."""
    for source in sources:
        if not Path(source).is_file():
            raise InputError(source, "is a folder" if Path(source).is_dir() else "no such file")
