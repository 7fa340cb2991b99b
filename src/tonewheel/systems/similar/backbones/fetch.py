"""Get a file of somebody else's weights once, and know it again: a named URL, a SHA-256, a cache.

Nothing is fetched unless the user asks for it. What arrives must have the SHA-256 that was asked for, or it is thrown
away.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import urllib.request
from pathlib import Path

from tonewheel.core.errors import InputError, TonewheelError
from tonewheel.core.files import atomic_path, sha256

LARGEST_BYTES = 256 * 2**20
TIMEOUT_S = 30.0


def cache_folder() -> Path:
    """Where fetched weights lie: $XDG_CACHE_HOME/tonewheel, or ~/.cache/tonewheel."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tonewheel"


def fetch(url: str, digest: str, folder: Path | None = None) -> Path:
    """The file of a URL, unpacked if it ends in .gz, from the cache if it is there.

    `digest` is the SHA-256 of what is unpacked. TonewheelError when it cannot be had, InputError when it is another.
    """
    name = url.rpartition("/")[2].removesuffix(".gz")
    target = (folder or cache_folder()) / name
    if target.exists() and sha256(target) == digest:
        return target
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
            content = answer.read(LARGEST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise TonewheelError(
            f"{url}: cannot be fetched ({error}). Offline? Get the file elsewhere and name it with --weights; the "
            "encoder that comes with Tonewheel needs none."
        ) from None
    if len(content) > LARGEST_BYTES:
        raise InputError(url, f"is larger than {LARGEST_BYTES // 2**20} MiB")
    content = _unpacked(content, url) if url.endswith(".gz") else content
    got = hashlib.sha256(content).hexdigest()
    if got != digest:
        raise InputError(url, f"has the SHA-256 {got}, expected {digest}; it was not kept")
    with atomic_path(target) as temporary:
        temporary.write_bytes(content)
    return target


def _unpacked(content: bytes, url: str) -> bytes:
    import io

    try:
        with gzip.open(io.BytesIO(content)) as stream:
            unpacked = stream.read(LARGEST_BYTES + 1)
    except (OSError, EOFError):
        raise InputError(url, "is not the gzip file it says it is") from None
    if len(unpacked) > LARGEST_BYTES:
        raise InputError(url, f"unpacks to more than {LARGEST_BYTES // 2**20} MiB")
    return unpacked
