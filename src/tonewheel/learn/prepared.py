"""Folders that `tonewheel SYSTEM prepare` made, for training to read."""

from __future__ import annotations

from pathlib import Path

from tonewheel.core.errors import InputError


def prepared_folder(folder: str | Path, listing: str, system: str) -> Path:
    """The folder, if it holds the listing that preparing writes; InputError says how to make one."""
    path = Path(folder)
    if not (path / listing).is_file():
        raise InputError(path, f"is not a prepared folder; make one with `tonewheel {system} prepare`")
    return path
