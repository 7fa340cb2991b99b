"""The version rows of a pack: what each reference is as harmony and melody, for songs that are played again.

A second tensor beside the fingerprints: `versions` (rows, 12 * size) int8, all references one after the other in
the order of the pack. A pack that has none is read as ever.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.errors import InputError, ModelMismatchError
from tonewheel.core.records import Record
from tonewheel.systems.concert.versions.embed import VersionEmbedder
from tonewheel.systems.concert.versions.sequence import Versions

Floats = NDArray[np.float32]


class VersionHeader(Record):
    """What the version rows say about themselves."""

    model: str
    """Fingerprint of the weights and front end, or `cens`."""
    hop_s: float
    scale: float
    checksum: str
    rows: tuple[int, ...]
    """Of each reference."""


class VersionRows:
    """Version rows of a pack's references.

    >>> rows = VersionRows.of([np.eye(12, dtype=np.float32)], VersionEmbedder())
    >>> rows.catalogue([0]).rank(np.eye(12, dtype=np.float32)[3:9])[0].song
    0
    """

    def __init__(self, header: VersionHeader, rows: NDArray[np.int8]) -> None:
        self.header = header
        self.rows = rows

    @classmethod
    def of(cls, references: Sequence[Floats], embedder: VersionEmbedder) -> VersionRows:
        """Rows of references that are embedded already."""
        joined = np.concatenate(references)
        scale = max(float(np.abs(joined).max()), 1e-9) / 127
        rows = np.ascontiguousarray(np.round(joined / scale), np.int8)  # safetensors writes memory as it lies
        header = VersionHeader(
            model=embedder.fingerprint,
            hop_s=embedder.hop_s,
            scale=scale,
            checksum=_checksum(rows),
            rows=tuple(len(one) for one in references),
        )
        return cls(header, rows)

    @classmethod
    def read(
        cls, header: VersionHeader, rows: NDArray[np.int8] | None, references: int, file: Path
    ) -> VersionRows:
        """Check rows against what the header says of them; InputError when they do not fit."""
        if (
            rows is None
            or rows.dtype != np.int8
            or rows.ndim != 2
            or rows.shape[1] == 0
            or rows.shape[1] % 12
            or len(header.rows) != references
            or min(header.rows, default=0) < 1
            or sum(header.rows) != len(rows)
            or not header.hop_s > 0
        ):
            raise InputError(file, "is damaged: its version rows are not those of its references")
        if header.checksum != _checksum(rows):
            raise InputError(file, "is damaged: its version rows are not those that were written")
        return cls(header, rows)

    def check(self, embedder: VersionEmbedder, file: Path) -> None:
        """ModelMismatchError when other weights made the rows."""
        if (self.header.model, self.header.hop_s, self.rows.shape[1]) != (
            embedder.fingerprint,
            embedder.hop_s,
            embedder.size,
        ):
            raise ModelMismatchError(
                f"{file}: its version rows were made with weights {self.header.model[:12]}, these are"
                f" {embedder.fingerprint[:12]}; make it again with `tonewheel concert pack --versions`"
            )

    def catalogue(self, song_of: Sequence[int]) -> Versions:
        """The rows, to be searched; `song_of` names the song of each reference."""
        ends = np.cumsum(self.header.rows)
        return Versions(np.split(self.rows, ends[:-1]), self.header.hop_s, song_of)


def _checksum(rows: NDArray[np.int8]) -> str:
    return hashlib.sha256(rows.tobytes()).hexdigest()
