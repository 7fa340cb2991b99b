"""The show in one file: reference embeddings of its songs, and whose weights made them.

A pack is a safetensors file: `embeddings` (windows, size) int8, all references one after the other, and a
JSON header with the songs. Cosines of int8 rows differ from those of float32 by less than 0.005. A reader
refuses a pack that was made with other weights or another front end: its cosines would be noise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.decode import blocks
from tonewheel.audio.loudness import LoudnessMeter
from tonewheel.core.errors import InputError, ModelMismatchError, TonewheelError
from tonewheel.core.files import atomic_path
from tonewheel.core.progress import progress
from tonewheel.core.records import Record
from tonewheel.manifest.matching import match_setlist
from tonewheel.manifest.setlist import read_setlist
from tonewheel.manifest.tracks import Quarantined, Track, read_tracks
from tonewheel.systems.concert.embed import Embedder
from tonewheel.systems.concert.match import Catalogue
from tonewheel.systems.concert.versions.embed import VersionEmbedder
from tonewheel.systems.concert.versions.rows import VersionHeader, VersionRows

Floats = NDArray[np.float32]
FORMAT = "tonewheel concert pack 1"
FORMAT_WITH_VERSIONS = "tonewheel concert pack 2"
"""As 1, with version rows: an older reader refuses it in one line."""
FORMATS = (FORMAT, FORMAT_WITH_VERSIONS)
LARGEST_BYTES = 2**30


class Reference(Record):
    """One studio recording of a song: which rows of the embeddings are its windows."""

    song: str
    file: str
    seconds: float
    windows: int
    lufs: float | None
    """Integrated loudness of the file; every window is levelled before it is embedded. None for silence."""


class PackHeader(Record, omit_defaults=True):
    """What a pack says about itself."""

    format: str
    model: str
    """Fingerprint of the weights and front end: the SHA-256 of the weights file."""
    window_s: float
    hop_s: float
    scale: float
    """An embedding is its int8 row times this."""
    checksum: str
    """SHA-256 of the embeddings: a flipped bit is an error, not a strange score."""
    references: tuple[Reference, ...]
    versions: VersionHeader | None = None
    """Of the version rows, if the pack knows songs that are played again."""


class Pack:
    """An opened pack: the songs and a catalogue to search."""

    def __init__(
        self, header: PackHeader, embeddings: NDArray[np.int8], versions: VersionRows | None = None
    ) -> None:
        self.header = header
        self.embeddings = embeddings
        self.versions = versions
        self.songs = tuple(dict.fromkeys(r.song for r in header.references))
        self._song_of = [self.songs.index(r.song) for r in header.references]
        ends = np.cumsum([r.windows for r in header.references])
        self.catalogue = Catalogue(np.split(embeddings, ends[:-1]), header.hop_s, song_of=self._song_of)
        self.played_again = None if versions is None else versions.catalogue(self._song_of)

    @classmethod
    def build(
        cls,
        references: Iterable[tuple[str, Path]],
        embedder: Embedder,
        versions: VersionEmbedder | None = None,
    ) -> tuple[Pack, list[Quarantined]]:
        """Embed (song, file) pairs; files that cannot be used are left out with their reason.

        With `versions` the pack knows its songs when they are played again, too.
        """
        kept: list[Reference] = []
        rows: list[Floats] = []
        tables: list[Floats] = []
        left_out: list[Quarantined] = []
        for song, file in references:
            try:
                embedded, seconds, lufs = _embed_file(file, embedder)
                if versions is not None:
                    tables.append(versions.embed_file(file))
            except TonewheelError as error:
                left_out.append(Quarantined(path=str(file), reason=str(error)))
                continue
            kept.append(
                Reference(song=song, file=file.name, seconds=seconds, windows=len(embedded), lufs=lufs)
            )
            rows.append(embedded)
        if not kept:
            raise InputError("pack", f"no usable track{f': {left_out[0].reason}' if left_out else ''}")
        return cls.of(
            kept, rows, embedder, None if versions is None else VersionRows.of(tables, versions)
        ), left_out

    @classmethod
    def of(
        cls,
        references: Sequence[Reference],
        rows: Sequence[Floats],
        embedder: Embedder,
        versions: VersionRows | None = None,
    ) -> Pack:
        """A pack of references that are embedded already; `rows` has the windows of each."""
        joined = np.concatenate(rows)
        scale = max(float(np.abs(joined).max()), 1e-9) / 127
        embeddings = np.round(joined / scale).astype(np.int8)
        header = PackHeader(
            format=FORMAT if versions is None else FORMAT_WITH_VERSIONS,
            model=embedder.fingerprint,
            window_s=embedder.window_s,
            hop_s=embedder.hop_s,
            scale=scale,
            checksum=_checksum(embeddings),
            references=tuple(references),
            versions=None if versions is None else versions.header,
        )
        return cls(header, embeddings, versions)

    def write(self, path: str | Path) -> int:
        """Write the pack whole or not at all; returns its size in bytes."""
        from safetensors.numpy import save

        tensors = {"embeddings": self.embeddings}
        if self.versions is not None:
            tensors["versions"] = self.versions.rows
        content = save(tensors, {"tonewheel": self.header.to_json()})
        with atomic_path(path) as temporary:
            temporary.write_bytes(content)
        return len(content)

    @classmethod
    def read(cls, path: str | Path, embedder: Embedder) -> Pack:
        """Open a pack for this embedder.

        InputError when the file is no pack or is damaged, ModelMismatchError when other weights made it.
        """
        from safetensors import SafetensorError, safe_open

        file = Path(path)
        if not file.is_file():
            raise InputError(file, "no such pack" if not file.exists() else "is no file, so no pack")
        if file.stat().st_size > LARGEST_BYTES:
            raise InputError(file, "is too large for a pack")
        try:
            with safe_open(str(file), framework="np") as tensors:
                text = (tensors.metadata() or {}).get("tonewheel", "")
                held = set(tensors.keys())
                embeddings = tensors.get_tensor("embeddings") if "embeddings" in held else None
                tables = tensors.get_tensor("versions") if "versions" in held else None
        except (SafetensorError, OSError, ValueError) as error:
            raise InputError(file, f"is not a concert pack: {error}") from None
        if not text or embeddings is None or not any(f'"{known}"' in text for known in FORMATS):
            raise InputError(file, f'is not a pack of this version ("{FORMAT}" or "{FORMAT_WITH_VERSIONS}")')
        header = PackHeader.from_json(text, where=file)
        size = embedder.size
        if header.model != embedder.fingerprint:
            raise ModelMismatchError(
                f"{file}: was made with weights {header.model[:12]}, these are {embedder.fingerprint[:12]};"
                " make it again with `tonewheel concert pack`"
            )
        windows = sum(r.windows for r in header.references)
        if (
            embeddings.dtype != np.int8
            or windows == 0
            or embeddings.shape != (windows, size)
            or not all(r.windows > 0 for r in header.references)
        ):
            raise InputError(
                file, f"is damaged: {embeddings.shape} embeddings for {windows} windows of {size}"
            )
        if header.hop_s != embedder.hop_s or header.window_s != embedder.window_s or not 0 < header.scale < 1:
            raise InputError(file, "is damaged: its windows are not those of its model")
        if header.checksum != _checksum(embeddings):
            raise InputError(file, "is damaged: its embeddings are not those that were written")
        if header.versions is None:
            return cls(header, embeddings)
        return cls(
            header, embeddings, VersionRows.read(header.versions, tables, len(header.references), file)
        )


def _checksum(embeddings: NDArray[np.int8]) -> str:
    return hashlib.sha256(embeddings.tobytes()).hexdigest()


def printable(title: str) -> str:
    """A title as it may be shown: one line, no control characters that a terminal would obey.

    >>> printable("So\\x1b[2JWhat\\n")
    'So?[2JWhat?'
    """
    return "".join(c if c.isprintable() else "?" for c in title)


def references_of(tracks_dir: Path, setlist: Path | None = None) -> list[tuple[str, Path]]:
    """The (song, file) pairs of a folder of tracks, or of the songs of a setlist found in that folder."""
    if not tracks_dir.is_dir():
        raise InputError(
            tracks_dir, "no such folder" if not tracks_dir.exists() else "is a file; give a folder"
        )
    tracks = read_tracks(tracks_dir).tracks
    if not tracks:
        raise InputError(tracks_dir, "holds no audio files")
    if setlist is not None:
        found = match_setlist(read_setlist(setlist), tracks, tracks_dir)
        pairs = [(match.song.title, tracks_dir / track.path) for match in found for track in match.tracks]
        return list(dict.fromkeys(pairs))
    return [(title, tracks_dir / track.path) for title, track in zip(_distinct(tracks), tracks, strict=True)]


def _distinct(tracks: Iterable[Track]) -> Iterator[str]:
    # Two files may carry one title (a live cut, another album): the file name then tells them apart.
    titles = [track.title or Path(track.path).stem for track in tracks]
    for title, track in zip(titles, tracks, strict=True):
        yield title if titles.count(title) == 1 else f"{title} ({track.path})"


def _embed_file(file: Path, embedder: Embedder) -> tuple[Floats, float, float | None]:
    """Embeddings of a whole file in bounded memory, its length in seconds and its loudness."""
    rate = embedder.spec.sample_rate_hz
    meter = LoudnessMeter(rate)
    samples = 0

    def measured() -> Iterator[Floats]:
        nonlocal samples
        for block in blocks(file, sample_rate_hz=rate, mono=True, block_s=5.0):
            meter.push(block)
            samples += len(block)
            yield block

    rows = np.concatenate([part.embeddings for part in embedder.embed_blocks(measured())])
    lufs = meter.integrated_lufs()
    return rows, samples / rate, lufs if np.isfinite(lufs) else None


def build_pack(
    tracks_dir: Path, setlist: Path | None, embedder: Embedder, versions: VersionEmbedder | None = None
) -> tuple[Pack, list[Quarantined]]:
    """A pack of a folder, with progress."""
    pairs = references_of(tracks_dir, setlist)
    return Pack.build(progress(pairs, "embed"), embedder, versions)
