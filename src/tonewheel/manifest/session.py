"""Sessions: which microphones recorded together, `{"session_id", "notes", "mics": [{"name", "path"}, ..]}`."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import msgspec

from tonewheel.core.errors import InputError
from tonewheel.core.records import explain


class Mic(msgspec.Struct, frozen=True):
    """One microphone; `path` is relative to the manifest. Other keys are passed over."""

    name: str
    path: str


class Session(msgspec.Struct, frozen=True):
    """A recording by several microphones at once; the first one is what the others are compared with."""

    session_id: str
    mics: tuple[Mic, ...]
    notes: str | list[str] | None = None

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Numbers of all pairs of microphones."""
        return list(combinations(range(len(self.mics)), 2))


def read_session(path: str | Path) -> Session:
    """A session manifest; InputError when it is none, has fewer than two microphones, or names one twice.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "session.json"
    >>> _ = file.write_text('{"session_id": "s", "mics": [{"name": "kick", "path": "k.wav"}]}')
    >>> read_session(file)
    Traceback (most recent call last):
    tonewheel.core.errors.InputError: session.json: a session needs two microphones or more, this has 1
    """
    try:
        session = msgspec.json.decode(Path(path).read_bytes(), type=Session)
    except OSError as error:
        raise InputError(path, error.strerror or "cannot be read") from None
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(path, explain(error, Session)) from None
    if len(session.mics) < 2:
        raise InputError(path, f"a session needs two microphones or more, this has {len(session.mics)}")
    for names in ([mic.name for mic in session.mics], [mic.path for mic in session.mics]):
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise InputError(path, f'"{twice[0]}" is there twice; every microphone has its own name and file')
    return session
