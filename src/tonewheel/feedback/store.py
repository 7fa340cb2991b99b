"""Where contributions are kept: one table, in SQLite by default, in PostgreSQL by URL, with the same statements.

What `put` has returned is on disk (SQLite: write-ahead log, `synchronous=FULL`). What `delete` has removed is
overwritten, not only forgotten (`secure_delete`, and the log is emptied).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from tonewheel.core.errors import InputError, MissingDependencyError, TonewheelError
from tonewheel.core.pseudonyms import KEY_FILE, Pseudonyms, local_key
from tonewheel.feedback.kinds import Contribution

FILE = "feedback.sqlite3"
WAIT_FOR_LOCK_S = 10.0
PAGE = 200
"""Rows that are read at once; a store of any size is listed in little memory."""

Outcome = Literal["stored", "known", "differs"]
"""New; the same as before; another body under an id that is taken (what was there first stays)."""

TABLE = sa.Table(
    "contributions",
    sa.MetaData(),
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("pseudonym", sa.String(36), nullable=False),
    sa.Column("received_ms", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
    sa.UniqueConstraint("kind", "pseudonym"),
)


class Stored(NamedTuple):
    """One contribution in the store."""

    number: int
    kind: str
    pseudonym: str
    received_ms: int
    """Unix time."""
    payload: str


class Store:
    """A store in a folder: the key of its pseudonyms, and its database unless that is elsewhere.

    With `make=False` it must be there already. InputError for a folder or URL that cannot be one;
    TonewheelError when the database fails.

    >>> import tempfile
    >>> with Store(tempfile.mkdtemp()) as store:
    ...     one = Contribution("stems", store.pseudonyms.of("an id"), "{}")
    ...     store.put([one]), store.put([one]), store.count(), store.delete(["an id"]), store.count()
    (['stored'], ['known'], {'stems': 1}, 1, {})
    """

    def __init__(
        self, folder: str | PathLike[str], database_url: str | None = None, *, make: bool = True
    ) -> None:
        self.folder = Path(folder)
        if not make and not (self.folder / KEY_FILE).is_file():
            raise InputError(self.folder, f"is no store: it has no {KEY_FILE}")
        if self.folder.exists() and not self.folder.is_dir():
            raise InputError(self.folder, "is a file; a store is a folder")
        self._engine = _engine(self.folder, database_url)  # a wrong URL leaves no folder behind
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise InputError(self.folder, f"cannot be made: {error.strerror}") from None
        self.pseudonyms = Pseudonyms(local_key(self.folder))
        if self._engine.url.database == str(self.folder / FILE):
            (self.folder / FILE).touch(mode=0o600)  # the log beside it takes over the mode
        self._insert: Any = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[
            self._engine.dialect.name
        ]
        with self._failing_plainly():
            TABLE.metadata.create_all(self._engine)

    def put(self, contributions: Sequence[Contribution]) -> list[Outcome]:
        """Keep contributions in one transaction; what became of each, in order, once all of it is on disk."""
        if not contributions:
            return []
        received_ms = time.time_ns() // 1_000_000
        rows: dict[tuple[str, str], dict[str, Any]] = {}
        digests = [hashlib.sha256(one.payload.encode()).hexdigest() for one in contributions]
        for one, digest in zip(contributions, digests, strict=True):
            rows.setdefault(one[:2], {**one._asdict(), "received_ms": received_ms, "sha256": digest})
        # Always in the same order, so that two services on one database never wait for each other in a ring.
        insert = self._insert(TABLE).on_conflict_do_nothing().returning(TABLE.c.kind, TABLE.c.pseudonym)
        with self._failing_plainly(), self._engine.begin() as connection:
            ordered = [rows[key] for key in sorted(rows)]
            new = {(row.kind, row.pseudonym) for row in connection.execute(insert, ordered)}
            kept = {key: row["sha256"] for key, row in rows.items()}
            if old := rows.keys() - new:
                columns = (TABLE.c.kind, TABLE.c.pseudonym, TABLE.c.sha256)
                named = TABLE.c.pseudonym.in_({pseudonym for _, pseudonym in old})
                found = connection.execute(sa.select(*columns).where(named))
                kept |= {(row.kind, row.pseudonym): row.sha256 for row in found}
        outcomes: list[Outcome] = []
        for one, digest in zip(contributions, digests, strict=True):
            outcomes.append("differs" if kept[one[:2]] != digest else "stored" if one[:2] in new else "known")
            new.discard(one[:2])  # the same once more in one batch
        return outcomes

    def read(self, kind: str | None = None, ids: Iterable[str] | None = None) -> Iterator[Stored]:
        """Everything, or a kind, or what is kept about some ids (the client's, or pseudonyms), commit by commit."""
        last = 0
        columns = (TABLE.c.number, TABLE.c.kind, TABLE.c.pseudonym, TABLE.c.received_ms, TABLE.c.payload)
        wanted = self._wanted(kind, ids)
        while True:
            page = sa.select(*columns).where(*wanted, TABLE.c.number > last)
            with self._failing_plainly(), self._engine.connect() as connection:
                rows = connection.execute(page.order_by(TABLE.c.number).limit(PAGE)).all()
            for row in rows:
                yield Stored(*row)
            if len(rows) < PAGE:
                return
            last = rows[-1].number

    def delete(self, ids: Iterable[str] | None = None, *, before_ms: int | None = None) -> int:
        """Remove what is kept about some ids, or what came before a time, for good; how many there were."""
        if ids is None and before_ms is None:
            raise ValueError("delete everything? Say of which ids, or before which time")
        wanted = self._wanted(None, ids)
        if before_ms is not None:
            wanted.append(TABLE.c.received_ms < before_ms)
        with self._failing_plainly():
            with self._engine.begin() as connection:
                count = connection.execute(sa.delete(TABLE).where(*wanted)).rowcount
            if count and self._engine.dialect.name == "sqlite":
                self._empty_log()
        return count

    def _empty_log(self) -> None:
        # The write-ahead log still holds the pages as they were when it was all put in.
        with self._engine.connect() as connection:
            busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
        if busy:
            raise TonewheelError(f"{self.folder}: deleted, but its log is in use; run this again in a while")

    def count(self) -> dict[str, int]:
        """How many of each kind are kept."""
        grouped = sa.select(TABLE.c.kind, sa.func.count()).group_by(TABLE.c.kind)
        with self._failing_plainly(), self._engine.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(grouped)}

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _wanted(self, kind: str | None, ids: Iterable[str] | None) -> list[sa.ColumnElement[bool]]:
        wanted: list[sa.ColumnElement[bool]] = []
        if kind is not None:
            wanted.append(TABLE.c.kind == kind)
        if ids is not None:
            names = {name for one in ids for name in (one.strip().lower(), self.pseudonyms.of(one))}
            wanted.append(TABLE.c.pseudonym.in_(names))
        return wanted

    def _failing_plainly(self) -> _Plainly:
        return _Plainly(self._engine)


class _Plainly:
    """The database's complaint as one line of ours; it never holds the URL's password."""

    def __init__(self, engine: sa.Engine) -> None:
        self._where = engine.url.render_as_string(hide_password=True)

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, sa.exc.SQLAlchemyError):
            first = str(getattr(error, "orig", None) or error).strip().splitlines()
            raise TonewheelError(f"{self._where}: {first[0] if first else 'failed'}") from None


def _engine(folder: Path, database_url: str | None) -> sa.Engine:
    try:
        url = (
            sa.make_url(database_url)
            if database_url
            else sa.URL.create("sqlite", database=str(folder / FILE))
        )
    except sa.exc.ArgumentError:
        raise InputError("database", "is no URL such as postgresql://user@host/name") from None
    if url.get_backend_name() == "sqlite":
        url = url.set(drivername="sqlite")
        engine = sa.create_engine(url, connect_args={"timeout": WAIT_FOR_LOCK_S})
        sa.event.listen(engine, "connect", _durable)
        return engine
    if url.get_backend_name() != "postgresql":
        raise InputError("database", f"{url.get_backend_name()} is not known; SQLite and PostgreSQL are")
    try:
        return sa.create_engine(url.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
    except ImportError:
        raise MissingDependencyError("psycopg", "a PostgreSQL store", "postgresql") from None


def _durable(connection: Any, _: Any) -> None:
    for setting in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "trusted_schema=OFF"):
        connection.execute(f"PRAGMA {setting}").close()
