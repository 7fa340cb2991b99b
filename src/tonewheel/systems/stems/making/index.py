"""The index.csv files that name what songs are made with."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from tonewheel.core.errors import InputError


def index_rows(index: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """All rows of an index; InputError when it cannot be read or lacks one of the columns."""
    try:
        with index.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                told = f"the header has no column {missing[0]}; {', '.join(columns)} are needed"
                raise InputError(index, told, 1)
            return [{name: row[name] or "" for name in columns} for row in reader]
    except OSError as error:
        raise InputError(index, error.strerror or "cannot be read") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(index, str(error)) from None
