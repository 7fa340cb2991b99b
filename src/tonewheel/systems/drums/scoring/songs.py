"""Annotated songs to be scored on: drums alone, and with everything else that plays.

A folder with an index.csv of one-instrument recordings (kind `raw_track`, label `drums` or another) and, in
each song's folder, `drums_class.txt` or `drums_subclass.txt`, as MDB Drums has them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.decode import load
from tonewheel.audio.loudness import integrated_lufs
from tonewheel.core.errors import InputError
from tonewheel.manifest.annotations import read_annotations
from tonewheel.manifest.components import class_of, classes, fold, fold_classes, is_known
from tonewheel.manifest.tracks import Track, read_tracks

Audio = NDArray[np.float32]
FIVE = fold_classes(5)
PART_LUFS = -23.0
ANNOTATIONS = ("drums_subclass.txt", "drums_class.txt")


class Song(NamedTuple):
    """One annotated song: times of each of the five classes, drums and the rest (samples,) at 44.1 kHz."""

    name: str
    times: dict[str, NDArray[np.float64]]
    drums: Audio
    rest: Audio
    labels: dict[str, NDArray[np.float64]]
    """Times of each of the twelve labels; empty where the annotation tells only the five classes."""

    def mix(self, drums_to_rest_db: float = 0.0) -> Audio:
        """Drums with the rest, which is that many LU quieter than the drums."""
        return self.drums + self.rest * np.float32(10 ** (-drums_to_rest_db / 20))


def read_songs(folder: Path, sample_rate_hz: int = 44_100) -> Iterator[Song]:
    """The annotated songs of a folder; InputError when it has none.

    Raw levels mean nothing, so gains are set: drums at -23 LUFS; every other part at equal loudness, their sum
    at -23 LUFS. A drummer as loud as all others together is what records have, give or take 3 dB.
    """
    songs: dict[Path, list[Track]] = {}
    for track in read_tracks(folder / "index.csv").tracks:
        if track.kind == "raw_track":
            songs.setdefault((folder / track.path).parent, []).append(track)
    if not songs:
        raise InputError(folder, "has no annotated songs (kind raw_track in its index.csv)")
    for place, tracks in sorted(songs.items()):
        parts: dict[bool, list[Audio]] = {True: [], False: []}
        for track in tracks:
            audio, _ = load(folder / track.path, sample_rate_hz=sample_rate_hz)
            parts[str(track.extras.get("label")) == "drums"].append(audio)
        if not parts[True]:
            raise InputError(place, "has no part labelled drums")
        drums = _loud(_sum(parts[True]), sample_rate_hz)
        rest = _sum([_loud(part, sample_rate_hz) for part in parts[False]]) if parts[False] else drums * 0
        rest = _loud(_fit(rest, len(drums)), sample_rate_hz)
        yield Song(place.name, read_times(place), drums, rest, read_label_times(place))


def read_times(place: Path) -> dict[str, NDArray[np.float64]]:
    """Onsets of each of five classes in a song's annotation; what is in none of them is left out."""
    for name in ANNOTATIONS:
        if (place / name).is_file():
            hits = read_annotations(place / name, unknown=lambda _word: None)
            return {one: np.array([hit.onset_s for hit in hits if fold(hit.label, 5) == one]) for one in FIVE}
    raise InputError(place, f"has no annotation ({' or '.join(ANNOTATIONS)})")


def read_label_times(place: Path) -> dict[str, NDArray[np.float64]]:
    """Onsets of each of twelve labels, where a song's annotation tells its subclasses."""
    path = place / ANNOTATIONS[0]
    if not path.is_file():
        return {}
    hits = [hit for hit in read_annotations(path, unknown=lambda _word: None) if is_known(hit.label)]
    return {
        label: np.array([hit.onset_s for hit in hits if class_of(hit.label) == label]) for label in classes()
    }


def _loud(audio: Audio, sample_rate_hz: int) -> Audio:
    lufs = integrated_lufs(audio, sample_rate_hz)
    return audio * np.float32(10 ** ((PART_LUFS - lufs) / 20)) if np.isfinite(lufs) else audio


def _sum(parts: list[Audio]) -> Audio:
    length = max(len(part) for part in parts)
    total: Audio = np.sum([_fit(part, length) for part in parts], axis=0, dtype=np.float32)
    return total


def _fit(audio: Audio, length: int) -> Audio:
    return np.pad(audio[:length], (0, max(0, length - len(audio))))
