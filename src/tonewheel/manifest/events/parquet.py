"""A Parquet file of events as the lines of JSON that it would be."""

from __future__ import annotations

import io
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from tonewheel.core.errors import InputError

if TYPE_CHECKING:
    import duckdb

ROWS = 2048


def as_lines(path: Path) -> IO[bytes]:
    """A stream of one JSON object a row, in the order of the file; row n is line n."""
    import duckdb

    if not path.is_file():
        raise InputError(path, "no such file")
    connection = duckdb.connect(config={"threads": 1, "memory_limit": "200MB"})
    try:
        rows = connection.execute("SELECT to_json(row)::VARCHAR FROM read_parquet(?) AS row", [str(path)])
    except duckdb.Error as error:
        raise InputError(path, f"is no Parquet file: {str(error).splitlines()[0]}") from None
    return cast("IO[bytes]", io.BufferedReader(_Rows(rows, path)))


class _Rows(io.RawIOBase):
    """The rows of a result as bytes to read."""

    def __init__(self, rows: duckdb.DuckDBPyConnection, path: Path) -> None:
        self.rows, self.path, self.left = rows, path, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        import duckdb

        if not self.left:
            try:
                fetched = self.rows.fetchmany(ROWS)
            except duckdb.Error as error:
                raise InputError(self.path, f"cannot be read to its end: {error}") from None
            self.left = b"".join(text.encode() + b"\n" for (text,) in fetched)
        view = memoryview(cast(bytearray, buffer))
        taken = self.left[: len(view)]
        view[: len(taken)] = taken
        self.left = self.left[len(taken) :]
        return len(taken)
