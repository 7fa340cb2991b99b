"""Frozen classes that are JSON: one record = one JSON object = one manifest line.

Records are closed (an unknown key is an error that names the nearest one), typed (checked when read) and
cheap (msgspec; 2 million lines in about 3 s). JSON has no NaN: a non-finite number is written as `null`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from os import PathLike
from pathlib import Path
from typing import Any, Self, TypeVar, dataclass_transform, get_args, get_type_hints

import msgspec

from tonewheel.core.errors import InputError, nearest
from tonewheel.core.files import atomic_path, reading

LONGEST_LINE_BYTES = 16 * 2**20
"""A longer line in a JSONL file is refused instead of being read into memory."""


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class _RecordMeta(msgspec.StructMeta):
    """Makes every subclass frozen, closed and keyword-only; msgspec alone does not pass `kw_only` on."""

    def __new__(mcls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any) -> Any:
        for option in ("frozen", "kw_only", "forbid_unknown_fields"):
            options.setdefault(option, True)
        return super().__new__(mcls, name, bases, namespace, **options)


class Record(msgspec.Struct, metaclass=_RecordMeta):
    """Base of all records; a subclass lists its fields with types, units in their names.

    >>> class Cue(Record):
    ...     song: str
    ...     time_s: float = 0.0
    >>> Cue(song="Intro", time_s=1.5).to_json()
    '{"song":"Intro","time_s":1.5}'
    >>> Cue.from_json('{"song": "Intro", "tme_s": 2}', where="cues.json")
    Traceback (most recent call last):
    tonewheel.core.errors.InputError: cues.json: unknown key "tme_s" (did you mean "time_s"?)
    """

    def to_json(self) -> str:
        """The record as one line of JSON, without the newline."""
        return msgspec.json.encode(self, enc_hook=to_plain).decode()

    def to_dict(self) -> dict[str, Any]:
        """The record as plain Python values that JSON can hold."""
        plain: dict[str, Any] = msgspec.to_builtins(self, enc_hook=to_plain)
        return plain

    @classmethod
    def from_json(cls, text: str | bytes, where: str | Path = "") -> Self:
        """Read one JSON object; InputError(where) says what is wrong with it."""
        try:
            return msgspec.json.decode(text, type=cls, dec_hook=_from_plain)
        except _DECODE_ERRORS as error:
            raise InputError(where or cls.__name__, explain(error, cls)) from None

    @classmethod
    def from_dict(cls, values: dict[str, Any], where: str | Path = "") -> Self:
        """Check plain values and build the record; InputError(where) says what is wrong with them."""
        try:
            return msgspec.convert(values, type=cls, dec_hook=_from_plain)
        except _DECODE_ERRORS as error:
            raise InputError(where or cls.__name__, explain(error, cls)) from None

    @classmethod
    def read(cls, path: str | PathLike[str]) -> Self:
        """Read a file that holds one record."""
        with reading(path):
            text = Path(path).read_bytes()
        return cls.from_json(text, where=str(path))


_DECODE_ERRORS = (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError)


def read_object(path: str | PathLike[str]) -> dict[str, Any]:
    """The JSON object in a file that other programs may have written; InputError when it holds none."""
    with reading(path):
        text = Path(path).read_bytes()
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except _DECODE_ERRORS as error:
        raise InputError(str(path), f"is no JSON object: {error}") from None


R = TypeVar("R", bound=Record)


def read_jsonl(
    path: str | PathLike[str], record: type[R], *, bad: Callable[[InputError], None] | None = None
) -> Iterator[R]:
    """Yield the records of a JSONL file, one line in memory at a time; blank lines are passed over.

    A line that is no such record raises InputError with its line number; with `bad` given, the error is handed
    to it (to be counted, quarantined, shown) and reading goes on.
    """
    decoder = msgspec.json.Decoder(record, dec_hook=_from_plain)
    with reading(path):
        lines = Path(path).open("rb")  # noqa: SIM115 (closed by the `with` below)
    with lines:
        number = 0
        while line := lines.readline(LONGEST_LINE_BYTES):
            number += 1
            problem: str | None = None
            if len(line) == LONGEST_LINE_BYTES and not line.endswith(b"\n"):
                problem = f"the line is longer than {LONGEST_LINE_BYTES // 2**20} MiB; is this JSONL?"
                while (rest := lines.readline(LONGEST_LINE_BYTES)) and not rest.endswith(b"\n"):
                    pass
            elif line.strip():
                try:
                    yield decoder.decode(line)
                except _DECODE_ERRORS as error:
                    problem = explain(error, record)
            if problem is not None:
                found = InputError(str(path), problem, number)
                if bad is None:
                    raise found
                bad(found)


def write_jsonl(path: str | PathLike[str], records: Iterable[Record]) -> int:
    """Write one record a line, the whole file or nothing; returns how many were written."""
    encoder = msgspec.json.Encoder(enc_hook=to_plain)
    count = 0
    with atomic_path(path) as temporary, temporary.open("wb") as lines:
        for record in records:
            lines.write(encoder.encode(record) + b"\n")
            count += 1
    return count


def to_plain(value: Any) -> Any:
    """JSON form of what msgspec does not know: paths, numpy scalars and arrays (numpy stays out)."""
    if isinstance(value, PathLike):
        return str(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise NotImplementedError(f"{type(value).__name__} has no JSON form")


def _from_plain(wanted: type, value: Any) -> Any:
    if wanted is Path and isinstance(value, str):
        return Path(value)
    raise NotImplementedError(f"{wanted.__name__} cannot be read from JSON")


def explain(error: Exception, record: type[msgspec.Struct]) -> str:
    """msgspec's complaint in our words, with the nearest field name for an unknown key."""
    text = str(error)
    at = re.search(r" - at `\$\.?(.*?)`$", text)
    place = f"{at.group(1)}: " if at and at.group(1) else ""
    text = text[: at.start()] if at else text
    if unknown := re.match(r"Object contains unknown field `(.*)`", text):
        return f'{place}unknown key "{unknown.group(1)}"{nearest(unknown.group(1), field_names(record))}'
    if missing := re.match(r"Object missing required field `(.*)`", text):
        return f'{place}key "{missing.group(1)}" is missing'
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, msgspec.ValidationError):
        return f"{place}{text[:1].lower()}{text[1:]}".replace("`", "")
    return f"not JSON: {text}"


def field_names(record: type[msgspec.Struct]) -> set[str]:
    """The names of all fields of a record and of the records inside it, for suggestions."""
    names: set[str] = set()
    pending: list[Any] = [record]
    seen: set[int] = set()
    while pending:
        kind = pending.pop()
        if id(kind) in seen:
            continue
        seen.add(id(kind))
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            names.update(kind.__struct_encode_fields__)
            pending.extend(get_type_hints(kind).values())
        pending.extend(get_args(kind))
    return names
