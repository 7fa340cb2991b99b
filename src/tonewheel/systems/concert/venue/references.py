"""References as the venue will play them: every track of a pack embedded again through the hall and the phone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.decode import load
from tonewheel.core.errors import InputError, TonewheelError
from tonewheel.core.progress import progress
from tonewheel.core.seeds import generator
from tonewheel.manifest.tracks import audio_paths
from tonewheel.systems.concert.embed import Embedder
from tonewheel.systems.concert.pack import Pack
from tonewheel.systems.concert.venue.features import RATE_HZ
from tonewheel.systems.concert.venue.mining import unit_rows
from tonewheel.systems.concert.venue.profile import Venue
from tonewheel.systems.concert.venue.simulate import Surroundings, matching, octaves_of

Floats = NDArray[np.float32]

VIEWS = 3
"""Draws of the venue that a reference is the mean of, beside the clean track."""


class Tracks(NamedTuple):
    """The audio of a pack's references where it was found: (samples,) at 16 kHz, or None; and what was said."""

    audio: tuple[Floats | None, ...]
    missing: tuple[str, ...]

    @property
    def found(self) -> list[int]:
        """Numbers of the references that have audio."""
        return [number for number, audio in enumerate(self.audio) if audio is not None]


def find_tracks(pack: Pack, folder: Path) -> Tracks:
    """The tracks that the pack was made of, by the names of their files.

    InputError when none of them is there; a track of another length is another track, and counts as missing.
    """
    if not folder.is_dir():
        raise InputError(folder, "no such folder" if not folder.exists() else "is a file; give a folder")
    by_name = {path.name: path for path in reversed(audio_paths(folder))}
    audio: list[Floats | None] = []
    missing: list[str] = []
    for reference in progress(pack.header.references, "decode tracks"):
        path = by_name.get(reference.file)
        samples: Floats | None = None
        try:
            if path is None:
                raise InputError(reference.file, f"is not in {folder}")
            samples, _ = load(path, sample_rate_hz=RATE_HZ)
            if abs(len(samples) / RATE_HZ - reference.seconds) > 0.1:
                seconds, samples = len(samples) / RATE_HZ, None
                raise InputError(
                    path, f"lasts {seconds:.1f} s, the track of the pack {reference.seconds:.1f} s"
                )
        except TonewheelError as error:
            missing.append(str(error))
        audio.append(samples)
    if len(missing) == len(audio):
        raise InputError(folder, f"holds no track of the pack: {missing[0]}")
    return Tracks(tuple(audio), tuple(missing))


def through_venue(
    pack: Pack,
    tracks: Tracks,
    venue: Venue,
    embedder: Embedder,
    *,
    surroundings: Surroundings | None = None,
    views: int = VIEWS,
    seed: int = 0,
) -> Pack:
    """The pack with each reference the mean of its clean embedding and of `views` through the venue, no crowd.

    A reference without audio stays as it is. With `views` 0 the tracks are only embedded again, as fine-tuned
    weights need it; then all must be there.
    """
    ends = np.cumsum([reference.windows for reference in pack.header.references])
    old = np.split(pack.embeddings, ends[:-1])
    rows: list[Floats] = []
    for number, audio in enumerate(progress(tracks.audio, "embed through the venue")):
        if audio is None:
            rows.append(unit_rows(old[number].astype(np.float32)))
            continue
        rows.append(
            _mean_of(_views(audio, venue, embedder, surroundings, views, (seed, number)), len(old[number]))
        )
    return Pack.of(pack.header.references, rows, embedder, pack.versions)


def _views(
    audio: Floats,
    venue: Venue,
    embedder: Embedder,
    surroundings: Surroundings | None,
    views: int,
    seed: tuple[int, int],
) -> list[Floats]:
    music_db = octaves_of(audio)
    found = [embedder.embed(audio).embeddings]
    for view in range(views):
        rng = generator(seed[0], "reference through the venue", seed[1], view)
        chain = matching(
            venue, rng, music_db=music_db, surroundings=surroundings, crowd=False, codec_share=0.0
        )
        found.append(embedder.embed(chain.apply(audio, RATE_HZ)).embeddings)
    return found


def _mean_of(views: Sequence[Floats], windows: int) -> Floats:
    """Direction of the mean; the decoder that made the pack may have had a window more or less at the end."""
    mean = unit_rows(np.mean(views, axis=0, dtype=np.float32))
    if len(mean) < windows:
        mean = np.concatenate([mean, np.repeat(mean[-1:], windows - len(mean), axis=0)])
    return mean[:windows]
