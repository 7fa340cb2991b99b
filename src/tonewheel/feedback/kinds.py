"""What the service takes in: each kind has a channel, a size, and a reader that refuses what does not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from tonewheel.core.errors import InputError
from tonewheel.manifest.song_confirmation import LARGEST_BYTES as LARGEST_CONFIRMATION_BYTES
from tonewheel.manifest.song_confirmation import parse_confirmation
from tonewheel.manifest.stem_snapshot import LARGEST_BYTES
from tonewheel.manifest.stem_snapshot_check import parse_snapshot


class Contribution(NamedTuple):
    """One thing that somebody sent, checked; nothing in it leads back to who it was."""

    kind: str
    pseudonym: str
    """Stands for the id that the client gave it; sent again, it is the same."""
    payload: str
    """JSON, with the pseudonym in the place of the id."""


class Kind(NamedTuple):
    """A kind of contribution: its name in the store, its channel in the URL and in the header."""

    name: str
    channel: str
    largest_bytes: int
    read: Callable[[bytes, Callable[[str], str]], Contribution]
    """`read(body, pseudonym_of)`; InputError says what is wrong with the body."""


def read_snapshot(body: bytes, pseudonym_of: Callable[[str], str]) -> Contribution:
    """A stem snapshot as it is kept: known keys only, its id replaced.

    >>> read_snapshot(b"{}", str)
    Traceback (most recent call last):
    tonewheel.core.errors.InputError: snapshot: key "id" is missing
    """
    snapshot = parse_snapshot(body)
    pseudonym = pseudonym_of(snapshot.id)
    return Contribution("stems", pseudonym, msgspec.structs.replace(snapshot, id=pseudonym).to_json())


def read_confirmation(body: bytes, pseudonym_of: Callable[[str], str]) -> Contribution:
    """A line of `concert align --confirmations` as it is kept: its names are hashed already, its id is replaced.

    >>> read_confirmation(b'{"id": 1}', str)
    Traceback (most recent call last):
    tonewheel.core.errors.InputError: confirmation: id: expected str, got int
    """
    told = parse_confirmation(body)
    pseudonym = pseudonym_of(told.id)
    return Contribution("concert", pseudonym, msgspec.structs.replace(told, id=pseudonym).to_json())


STEMS = Kind("stems", "stem-separation", LARGEST_BYTES, read_snapshot)
CONCERT = Kind("concert", "concert-confirmation", LARGEST_CONFIRMATION_BYTES, read_confirmation)
KINDS = (STEMS, CONCERT)
"""Confirmations and corrections of other systems are kinds of their own, in this list, in the same store."""


def kind_named(name: str) -> Kind:
    """The kind of that name.

    >>> kind_named("stems").channel
    'stem-separation'
    """
    from tonewheel.core.errors import nearest

    for kind in KINDS:
        if kind.name == name:
            return kind
    known = [kind.name for kind in KINDS]
    raise InputError(name, f"is no kind of contribution{nearest(name, known)}; there are {', '.join(known)}")
