"""Listen to everything once: a folder of log-mels of tracks and of changed versions of them, for training.

Version 0 of a track is itself; the others went through `damage.change` (another pitch, tempo, codec, level). A file
that exists is not made again, so a killed run continues; what cannot be used is listed with its reason.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.decode import load
from tonewheel.audio.spectra import MelSpec, log_mel
from tonewheel.core.errors import InputError, TonewheelError
from tonewheel.core.files import atomic_path, write_json
from tonewheel.core.processes import on_all_cores
from tonewheel.core.progress import progress
from tonewheel.core.records import Record, read_jsonl, write_jsonl
from tonewheel.core.seeds import generator
from tonewheel.learn.prepared import prepared_folder
from tonewheel.manifest.licence import classify
from tonewheel.manifest.tracks import Quarantined, Track, read_tracks
from tonewheel.synth.styles import STYLES
from tonewheel.systems.similar.damage import change

SHORTEST_TRACK_S = 12.0
SYNTH_TRACK_S = 40.0
VALID_SHARE = 0.2
"""Of the synthesised songs; they are in no training batch."""
NOBODY = re.compile(r"^(various|per file|unknown|name in file)\b|\bvarious artists\b", re.IGNORECASE)
"""What indexes write where a source has many artists."""
OURS = "CC0-1.0 (made by tonewheel.synth)"


class Source(Record):
    """One track to be listened to: a file, or a song to synthesise in a style."""

    title: str
    group: str
    """Where it comes from (an artist, an album); for a synthesised song its style."""
    split: str
    licence: str
    artist: str = ""
    path: str = ""
    style: str = ""
    seed: int = 0


class PreparedTrack(Record):
    """One track: `files` hold float16 log-mels (frames, n_mels) of its versions, the first of itself."""

    source: Source
    seconds: float
    files: tuple[str, ...]


class Prepared:
    """A prepared folder, opened: its tracks, and their log-mels on demand."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = prepared_folder(folder, "tracks.jsonl", "similar")
        self.tracks = list(read_jsonl(self.folder / "tracks.jsonl", PreparedTrack))
        self.spec = MelSpec.read(self.folder / "front_end.json")

    def mel(self, track: PreparedTrack, version: int = 0) -> NDArray[np.float16]:
        """Log-mel of a version, memory-mapped. Shape: (frames, n_mels)."""
        mapped: NDArray[np.float16] = np.load(
            self.folder / track.files[version], mmap_mode="r", allow_pickle=False
        )
        return mapped


def prepare(
    sources: Iterable[Path],
    out: Path,
    spec: MelSpec,
    *,
    synth_songs: int = 0,
    versions: int = 3,
    seed: int = 0,
    any_licence: bool = False,
    jobs: int | None = None,
) -> tuple[Prepared, list[Quarantined]]:
    """Make the log-mels of `sources` (folders with an index.csv, or of plain audio) and synthesised songs.

    InputError when no track can be used; left_out.jsonl says why.
    """
    out.mkdir(parents=True, exist_ok=True)
    left_out: list[Quarantined] = []
    wanted = [*_real(sources, left_out, any_licence), *_synthesised(synth_songs, seed)]
    known = out / "front_end.json"
    if known.exists() and MelSpec.read(known) != spec:
        raise InputError(out, "was prepared with another front end; take another folder")
    write_json(known, spec)
    work = partial(listen, out=out, spec=spec, versions=versions, seed=seed)
    tracks: list[PreparedTrack] = []
    made = progress(on_all_cores(work, wanted, jobs=jobs), "listen", total=len(wanted), unit="tracks")
    for one in made:
        (left_out if isinstance(one, Quarantined) else tracks).append(one)  # type: ignore[arg-type]
    write_jsonl(out / "left_out.jsonl", left_out)
    if not tracks:
        first = f"; first: {left_out[0].path}: {left_out[0].reason}" if left_out else ""
        raise InputError(out, f"all {len(left_out)} files were left out{first}")
    write_jsonl(out / "tracks.jsonl", tracks)
    return Prepared(out), left_out


def listen(source: Source, out: Path, spec: MelSpec, versions: int, seed: int) -> PreparedTrack | Quarantined:
    """All versions of one track; what is wrong with it if it cannot be used."""
    name = hashlib.sha256(f"{source.path}\0{source.style}\0{source.seed}".encode()).hexdigest()[:16]
    files = [out / "mels" / f"{name}-{version}.npy" for version in range(versions)]
    try:
        if not all(file.exists() for file in files):
            audio = sound(source, spec.sample_rate_hz)
            rng = generator(seed, "versions", name)
            for version, file in enumerate(files):
                heard = change(rng).apply(audio, spec.sample_rate_hz) if version else audio
                with atomic_path(file) as temporary, temporary.open("wb") as stream:
                    np.save(stream, log_mel(heard, spec).T.astype(np.float16), allow_pickle=False)
    except TonewheelError as error:
        return Quarantined(path=source.path, reason=str(error))
    frames = np.load(files[0], mmap_mode="r", allow_pickle=False).shape[0]
    return PreparedTrack(
        source=source,
        seconds=frames * spec.hop_samples / spec.sample_rate_hz,
        files=tuple(str(file.relative_to(out)) for file in files),
    )


def sound(source: Source, sample_rate_hz: int) -> NDArray[np.float32]:
    """Mono samples of a track; InputError when they are too few or silent."""
    if source.style:
        from tonewheel.synth.compose import compose
        from tonewheel.synth.render import render

        song = compose(source.seed, source.style, seconds=SYNTH_TRACK_S)
        return render(song, sample_rate_hz, seconds=SYNTH_TRACK_S).mix
    audio, _ = load(source.path, sample_rate_hz=sample_rate_hz)
    if len(audio) < SHORTEST_TRACK_S * sample_rate_hz:
        raise InputError(
            source.path, f"lasts {len(audio) / sample_rate_hz:.1f} s; at least {SHORTEST_TRACK_S:g} s"
        )
    if float(np.abs(audio).max()) < 1e-4:
        raise InputError(source.path, "is silent")
    return audio


def _real(sources: Iterable[Path], left_out: list[Quarantined], any_licence: bool) -> Iterable[Source]:
    for folder in sources:
        index = folder / "index.csv" if (folder / "index.csv").is_file() else folder
        reading = read_tracks(index)
        left_out.extend(reading.quarantined)
        for track in reading.tracks:
            if track.kind != "music" or track.split == "test":
                continue
            file = (index if index.is_dir() else index.parent) / track.path
            # Audio whose licence does not allow it may still be used to evaluate, never to train what ships.
            licence = classify(track.licence)
            if not (any_licence or licence.may_train):
                left_out.append(Quarantined(path=str(file), reason=licence.reason))
                continue
            yield Source(
                title=track.title or file.stem,
                group=_group(track, file),
                artist=track.artist,
                split=track.split or "train",
                licence=track.licence,
                path=str(file),
            )


def _group(track: Track, file: Path) -> str:
    """Artist and source together; of a sampler each track stands alone, since nothing says that two are alike."""
    if NOBODY.search(track.artist):
        return f"{track.source_repo} {file.stem}".strip()
    return f"{track.source_repo} {track.artist}".strip() or file.parent.name


def _synthesised(count: int, seed: int) -> Iterable[Source]:
    """So many songs, style by style; every fifth of a style is held out."""
    styles = sorted(STYLES)
    for number in range(count):
        style = styles[number % len(styles)]
        held_out = number // len(styles) % round(1 / VALID_SHARE) == round(1 / VALID_SHARE) - 1
        yield Source(
            title=f"{style} {number}",
            group=style,
            split="valid" if held_out else "train",
            licence=OURS,
            style=style,
            seed=seed * 1_000_003 + number,
        )
