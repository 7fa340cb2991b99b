"""Outputs are written whole or not at all, and nothing is overwritten unless the user says so."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any

from tonewheel.core.errors import InputError


@contextlib.contextmanager
def atomic_path(path: str | PathLike[str]) -> Iterator[Path]:
    """A temporary path beside `path` (same suffix): renamed to it on success, removed on failure.

    The folder is made if it is missing. InputError when nothing can be written there.

    >>> import tempfile
    >>> out = Path(tempfile.mkdtemp()) / "runs" / "scores.txt"
    >>> with atomic_path(out) as temporary:
    ...     _ = temporary.write_text("map 0.9")
    >>> out.read_text()
    'map 0.9'
    """
    target = Path(path)
    _refuse_folder(target)
    refuse_unwritable(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(target, f"cannot be written: {error.strerror}") from None
    temporary = target.with_name(f".{target.stem[:100]}.{secrets.token_hex(4)}.part{target.suffix}")
    try:
        yield temporary
        _to_disk(temporary)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _to_disk(path: Path) -> None:
    # Without this a power cut may leave a renamed but empty file.
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refuse_folder(path: str | PathLike[str]) -> None:
    if Path(path).is_dir():
        raise InputError(str(path), "is a directory; a file is to be written here")


def refuse_overwrite(path: str | PathLike[str], force: bool, *, folder: bool = False) -> None:
    """InputError if `path` exists and `force` is false, or cannot be made; call it before the work, not after.

    A folder in the place of a file is never replaced, unless a `folder` is what will be written.
    """
    if not folder:
        _refuse_folder(path)
    if not force and Path(path).exists():
        raise InputError(str(path), "exists already; --force replaces it")
    refuse_unwritable(path)


def refuse_unwritable(path: str | PathLike[str]) -> None:
    """InputError if the folder of `path` is a file, or may not be written in; folders that are missing are fine."""
    folder = Path(path).absolute().parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        raise InputError(str(path), f"cannot be written: {folder.name} is a file, not a folder")
    if not os.access(folder, os.W_OK):
        raise InputError(str(path), "cannot be written: the folder is read-only")


@contextlib.contextmanager
def reading(path: str | PathLike[str]) -> Iterator[None]:
    """InputError for a file that cannot be read, or whose text is not UTF-8, while it is read."""
    try:
        yield
    except OSError as error:
        raise InputError(str(path), error.strerror or "cannot be read") from None
    except UnicodeDecodeError:
        raise InputError(str(path), "is not UTF-8 text") from None


def read_text(path: str | PathLike[str]) -> str:
    """A text file (UTF-8, with or without a byte order mark); InputError when it is none."""
    with reading(path):
        return Path(path).read_text(encoding="utf-8-sig")


def write_text(path: str | PathLike[str], text: str) -> None:
    """Write a text file (UTF-8) whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | PathLike[str], value: Any) -> None:
    """Write a record, or plain values, as indented JSON, whole or not at all."""
    import msgspec

    from tonewheel.core.records import to_plain

    encoded = msgspec.json.encode(value, enc_hook=to_plain)
    write_text(path, msgspec.json.format(encoded, indent=2).decode() + "\n")


def sha256(path: str | PathLike[str]) -> str:
    """The SHA-256 of a file as 64 hexadecimal digits; the file is streamed."""
    with reading(path), Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
