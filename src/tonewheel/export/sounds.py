"""Sounds at which an export is compared with torch: held-out recordings of the user, or synthesised songs."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from tonewheel.audio.decode import load, probe
from tonewheel.core.errors import InputError, TonewheelError
from tonewheel.core.progress import progress
from tonewheel.export.network import Sound
from tonewheel.manifest.tracks import Track, read_tracks
from tonewheel.synth.compose import compose
from tonewheel.synth.render import render

SECONDS = 15.0
FIRST_SEED = 90_000
"""Of synthesised songs; no recipe trains on these."""


class Heard(NamedTuple):
    """Sounds, each (channels, samples), and what they are, in words."""

    sounds: list[Sound]
    told: str


def heard(path: Path | None, split: str, sample_rate_hz: int, count: int) -> Heard:
    """Held-out recordings of a user, or synthesised songs."""
    if path is None:
        return Heard(synthesised(sample_rate_hz, count), f"{count} synthesised songs")
    sounds, told = held_out(path, split, sample_rate_hz, count)
    return Heard(
        sounds, f"{len(sounds)} {'recording' if len(sounds) == 1 else 'recordings'} of {path.name}{told}"
    )


def held_out(path: Path, split: str, sample_rate_hz: int, count: int) -> tuple[list[Sound], str]:
    """The middle of at most `count` recordings of a folder, an index or one file, and of which split they are.

    Of an index with splits, as in a folder that holds one, only those of `split`. Shape of each: (channels, samples).
    InputError when none can be used.
    """
    if not path.exists():
        raise InputError(path, "no such file or folder")
    if (path / "index.csv").is_file():
        path = path / "index.csv"
    root = path if path.is_dir() else path.parent
    single = path.is_file() and path.suffix.lower() not in (".csv", ".jsonl")
    tracks = [Track(path=path.name)] if single else list(read_tracks(path, tags=False).tracks)
    told = ""
    if any(track.split for track in tracks):
        told = f", {split}"
        tracks = [track for track in tracks if track.split == split]
    # An index of music holds rooms and crowds too; one of drums holds hits.
    tracks = [track for track in tracks if track.kind == "music"] or [
        track for track in tracks if track.kind == "oneshot"
    ]
    found: list[Sound] = []
    reason = f"no music or hits of the split {split}" if not tracks else ""
    for track in progress(spread(tracks, count), "hear"):
        try:
            found.append(middle(located(root, track.path), sample_rate_hz))
        except TonewheelError as error:
            reason = reason or str(error)
    if not found:
        raise InputError(path, f"holds nothing to compare with: {reason}")
    return found, told


def located(root: Path, name: str) -> Path:
    """The file of a track: paths of an index are relative to it, or to the folder above."""
    return next((place for place in (root / name, root.parent / name) if place.exists()), root / name)


def spread(tracks: list[Track], count: int) -> list[Track]:
    """At most `count`, from all over the list."""
    if len(tracks) <= count:
        return tracks
    return [tracks[round(place)] for place in np.linspace(0, len(tracks) - 1, count)]


def middle(path: Path, sample_rate_hz: int) -> Sound:
    """`SECONDS` from the middle of a file; a shorter one whole, repeated."""
    start_s = max(0.0, ((probe(path).seconds or 0.0) - SECONDS) / 2)
    audio = load(path, sample_rate_hz=sample_rate_hz, mono=False, start_s=start_s, duration_s=SECONDS)[0]
    audio = np.atleast_2d(audio)
    if audio.shape[1] == 0:
        raise InputError(path, "is empty")
    if not audio.any():
        raise InputError(path, "is silent")
    wanted = round(SECONDS * sample_rate_hz)
    return np.tile(audio, (1, -(-wanted // audio.shape[1])))[:, :wanted].astype(np.float32)


def synthesised(sample_rate_hz: int, count: int, seed: int = FIRST_SEED) -> list[Sound]:
    """Songs that were composed for nothing else. Shape of each: (1, samples).

    >>> synthesised(16_000, 1)[0].shape
    (1, 240000)
    """
    songs = (render(compose(seed + number), sample_rate_hz, seconds=SECONDS).mix for number in range(count))
    return [np.atleast_2d(song).astype(np.float32) for song in songs]
