"""Keys that clients must know, in a file: on the command line every other program could read them."""

from __future__ import annotations

from os import PathLike

from tonewheel.core.errors import InputError
from tonewheel.core.files import read_text

SHORTEST = 16


def read_keys(path: str | PathLike[str]) -> list[str]:
    """The keys of a file, one a line; several, so that an old one can run out beside its successor.

    Blank lines and those that begin with # are passed over. InputError for a file without a key, or with a key
    that is shorter than 16 characters or is not printable ASCII without blanks. `openssl rand -hex 32` makes one.

    >>> import tempfile
    >>> from pathlib import Path
    >>> file = Path(tempfile.mkdtemp()) / "keys"
    >>> _ = file.write_text("# spring\\n0123456789abcdef\\n")
    >>> read_keys(file)
    ['0123456789abcdef']
    """
    lines = read_text(path).splitlines()
    keys = []
    for number, line in enumerate(lines, start=1):
        key = line.strip()
        if not key or key.startswith("#"):
            continue
        if len(key) < SHORTEST or not key.isascii() or not key.isprintable() or " " in key:
            raise InputError(str(path), f"a key has {SHORTEST} or more characters, ASCII, no blanks", number)
        keys.append(key)
    if not keys:
        raise InputError(str(path), "holds no key; `openssl rand -hex 32` makes one")
    return keys
