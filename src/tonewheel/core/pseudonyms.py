"""Ids are kept as pseudonyms: the same id gives the same one, and without the local key nobody can go back."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import uuid
from contextlib import suppress
from os import PathLike
from pathlib import Path

from tonewheel.core.errors import InputError

KEY_FILE = "id.key"
KEY_BYTES = 32


class Pseudonyms:
    """Pseudonyms under one key: HMAC-SHA-256 of the id, its first 128 bits in the form of a UUID of version 4.

    The form lets an exported contribution be what it was before: a snapshot that every reader takes.

    >>> names = Pseudonyms(b"k" * 32)
    >>> names.of("0f8fad5b-d9cb-469f-a165-70867728950e")
    'b90d9ddd-bbe8-41f5-adb7-14b2b73b21ac'
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def of(self, own_id: str) -> str:
        """The pseudonym of an id; upper and lower case are one."""
        digest = hmac.digest(self._key, own_id.strip().lower().encode("utf-8", "replace"), hashlib.sha256)
        return str(uuid.UUID(bytes=digest[:16], version=4))


def local_key(folder: str | PathLike[str]) -> bytes:
    """The key of a store's folder, drawn when there is none; InputError for a file that holds no key.

    The file is for its owner only. Without it the store can still be read, but no longer asked about an id.
    """
    path = Path(folder) / KEY_FILE
    try:
        if not path.exists():
            _draw(path)
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except OSError as error:
        raise InputError(path, error.strerror or "cannot be read") from None
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise InputError(path, f"holds no key; expected {2 * KEY_BYTES} hexadecimal digits")
    return key


def _draw(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as stream:
            stream.write(secrets.token_hex(KEY_BYTES) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        with suppress(FileExistsError):
            os.link(temporary, path)  # of two services that start together the first one's key holds
    finally:
        temporary.unlink()
