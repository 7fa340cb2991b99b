"""What an index of tracks must hold: every array that is indexed into is looked at before it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tonewheel.core.errors import InputError
from tonewheel.index.file import Opened


def check_arrays(opened: Opened, path: str | Path) -> None:
    """InputError(path) unless every array beside the vectors has the type, shape and range that it must have."""
    count, size, beside = len(opened.index), opened.index.size, opened.beside
    shapes: dict[str, tuple[type, tuple[int | None, ...]]] = {
        "about": (np.uint8, (None,)),
        "entries": (np.uint8, (None,)),
        "hand": (np.float32, (count, None)),
        "moments": (np.int8, (None, size)),
        "moment_counts": (np.int64, (count,)),
        "groups": (np.int64, (count,)),
        "centroids": (np.float32, (None, size)),
        "style_of": (np.int64, (count,)),
        "words": (np.uint32, (None,)),
        "word_counts": (np.int64, (count,)),
    }
    for name, (kind, shape) in shapes.items():
        array = beside.get(name)
        if array is None:
            raise InputError(path, "is an index, but not of tracks")
        fits = array.ndim == len(shape) and all(
            b is None or a == b for a, b in zip(array.shape, shape, strict=True)
        )
        if array.dtype != kind or not fits:
            raise InputError(path, f'is damaged: its "{name}" is of another shape')
    for counts, rows in (("moment_counts", "moments"), ("word_counts", "words")):
        if beside[counts].min(initial=1) < 0 or beside[counts].sum() != len(beside[rows]):
            raise InputError(path, f'is damaged: its "{counts}" do not fit its "{rows}"')
    if beside["moment_counts"].min(initial=1) < 1:
        raise InputError(path, "is damaged: a track has no moment")
    styles, groups = beside["style_of"], beside["groups"]
    if (
        styles.min(initial=-1) < -1
        or styles.max(initial=-1) >= len(beside["centroids"])
        or groups.min(initial=0) < 0
    ):
        raise InputError(path, "is damaged: a track is of a style or group that does not exist")
