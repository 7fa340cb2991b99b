"""Multitracks whose stems are known, to measure against: of your own, from an index of parts, or prepared ones.

    a folder of folders    one a song, with files named by stem: the six, or vocals, drums, bass, other; songs may lie
                           in folders of splits, train/ and test/ (MUSDB18-HQ)
    an index.csv           rows of kind `raw_track` with `path`, `label` (vocals, drums, bass, other) and `kit` (the
                           song): parts as they were recorded, whose levels say nothing
    a prepared folder      of `stems prepare`; its split `valid`

The mix is the sum of the stems. Where an index gives raw parts, the gains are these, and nothing is panned, equalised
or limited: every part of a stem is brought to one loudness (ITU-R BS.1770), then every stem to `STEM_LUFS`, then the
mix to a peak of `PEAK`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from tonewheel.audio.decode import load, probe
from tonewheel.audio.loudness import integrated_lufs
from tonewheel.core.errors import InputError
from tonewheel.manifest.stems import FOLD_4, FOLDS, STEMS
from tonewheel.manifest.tracks import AUDIO_SUFFIXES
from tonewheel.systems.stems.rows import SAMPLE_RATE_HZ, sub_share
from tonewheel.systems.stems.spectra import analyse, synthesise

Audio = NDArray[np.float32]

STEM_LUFS = -20.0
PEAK = 0.89
NAMES = (*STEMS, "other")
COLUMNS = ("path", "label", "kind", "kit")


@dataclass(frozen=True)
class Multitrack:
    """A song taken apart for good: names of stems -> (2, samples) at 44.1 kHz; a stem that is missing is silent."""

    title: str
    group: str
    """What intervals draw: songs that are related."""
    stems: dict[str, Audio]

    @property
    def fold(self) -> int:
        """6 where the stems are told that finely, else 4."""
        return 4 if "other" in self.stems else 6

    @property
    def mix(self) -> Audio:
        """The sum, (2, samples)."""
        total: Audio = np.sum(list(self.stems.values()), axis=0, dtype=np.float32)
        return total

    def folded(self, fold: int) -> Audio:
        """The stems of a fold, (fold, 2, samples); ValueError where they are not told that finely.

        >>> track = Multitrack("a", "a", {"bass": np.ones((2, 3), np.float32), "sub": np.ones((2, 3), np.float32)})
        >>> track.folded(4)[:, 0, 0].tolist()
        [0.0, 0.0, 2.0, 0.0]
        """
        nothing = np.zeros_like(next(iter(self.stems.values())))
        if self.fold == 6:
            parts = [[self.stems.get(one, nothing) for one in members] for members in FOLDS[fold].values()]
        elif fold == 6:
            raise ValueError(f"{self.title}: its stems are {', '.join(self.stems)}, not the six")
        elif fold == 4:
            parts = [[self.stems.get(name, nothing)] for name in FOLD_4]
        else:
            rest = [audio for name, audio in self.stems.items() if name != "vocals"]
            parts = [[self.stems.get("vocals", nothing)], rest or [nothing]]
        return np.stack([np.sum(part, axis=0, dtype=np.float32) for part in parts])


def multitracks(path: Path, split: str | None = None) -> Iterator[Multitrack]:
    """The songs of one of the three layouts, in a stable order, one in memory; InputError when there is none.

    `split` chooses rows of an index, a folder of songs in the folder, or prepared songs (valid, if not said).
    """
    if path.is_file() and path.suffix.lower() == ".csv":
        found = from_index(path, split)
    elif (path / "takes.jsonl").is_file():
        found = from_prepared(path, split or "valid")
    elif path.is_dir():
        found = from_folders(path / split if split and (path / split).is_dir() else path)
    else:
        raise InputError(path, "is no index.csv, no prepared folder and no folder of songs")
    empty = True
    for track in found:
        empty = False
        yield track
    if empty:
        raise InputError(path, f"holds no multitrack{f' of split {split}' if split else ''}")


def from_folders(root: Path) -> Iterator[Multitrack]:
    """A song a folder, a file a stem; what is named otherwise (a mixture) is passed over."""
    for folder in sorted(one for one in root.iterdir() if one.is_dir()):
        files: dict[str, Path] = {}
        for path in sorted(folder.iterdir()):
            if path.stem in NAMES and path.suffix.lower() in AUDIO_SUFFIXES:
                if path.stem in files:
                    raise InputError(
                        folder, f"has the stem {path.stem} twice, as {files[path.stem].name} and {path.name}"
                    )
                files[path.stem] = path
        if not files:
            continue
        if "other" in files and {"harmonic", "perc"} & set(files):
            raise InputError(folder, "has `other` beside `harmonic` or `perc`, which are in it")
        stems = {name: _stereo(path) for name, path in files.items()}
        lengths = {name: audio.shape[1] for name, audio in stems.items()}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise InputError(folder, f"its stems are not equally long (samples: {told})")
        yield Multitrack(folder.name, folder.name, with_sub(stems))


def from_prepared(folder: Path, split: str = "valid") -> Iterator[Multitrack]:
    """Songs of `stems prepare`, at the levels of their mix."""
    from tonewheel.systems.stems.making.takes import Prepared

    prepared = Prepared(folder)
    for song, takes in prepared.songs(split).items():
        samples = round(max(take.seconds for take in takes) * SAMPLE_RATE_HZ)
        stems = {take.stem: prepared.read(take, 0, samples) * np.float32(take.gain) for take in takes}
        yield _loud(Multitrack(song, takes[0].group, with_sub(stems)))


def from_index(index: Path, split: str | None = None) -> Iterator[Multitrack]:
    """Raw parts of an index, each song mixed with the gains that the head of this file states."""
    for song, rows in _raw_tracks(index, split).items():
        parts: dict[str, list[Audio]] = {}
        for row in rows:
            parts.setdefault(row["label"], []).append(_stereo(index.parent / row["path"]))
        samples = max(audio.shape[1] for many in parts.values() for audio in many)
        stems = {name: _balanced([_longer(one, samples) for one in many]) for name, many in parts.items()}
        stems.setdefault("other", np.zeros((2, samples), np.float32))
        yield _loud(Multitrack(song.removeprefix("mdb_"), song, stems))


def _raw_tracks(index: Path, split: str | None) -> dict[str, list[dict[str, str]]]:
    """Song -> its rows; InputError for a header or a label that will not do."""
    songs: dict[str, list[dict[str, str]]] = {}
    try:
        with index.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines, strict=True)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise InputError(
                    index, f"the header has no column {missing[0]}; {', '.join(COLUMNS)} are needed", 1
                )
            for row in reader:
                if row["kind"] != "raw_track" or (split is not None and row.get("split") != split):
                    continue
                if row["label"] not in FOLD_4:
                    told = f'{row["path"]}: label "{row["label"]}" is none of {", ".join(FOLD_4)}'
                    raise InputError(index, told, reader.line_num)
                songs.setdefault(row["kit"], []).append(row)
    except (OSError, csv.Error, UnicodeDecodeError) as error:
        raise InputError(index, str(error)) from None
    return songs


def _balanced(parts: Sequence[Audio]) -> Audio:
    """Parts of one stem at one loudness, and their sum at `STEM_LUFS`."""
    return _at(np.sum([_at(part) for part in parts], axis=0, dtype=np.float32))


def _at(audio: Audio) -> Audio:
    found = integrated_lufs(audio, SAMPLE_RATE_HZ)
    return audio * np.float32(10 ** ((STEM_LUFS - found) / 20)) if np.isfinite(found) else audio


def _loud(track: Multitrack) -> Multitrack:
    """The song with the peak of its mix at `PEAK`."""
    gain = np.float32(PEAK / max(float(np.abs(track.mix).max(initial=0.0)), 1e-9))
    return Multitrack(track.title, track.group, {name: audio * gain for name, audio in track.stems.items()})


def with_sub(stems: dict[str, Audio]) -> dict[str, Audio]:
    """The six, where the bass instrument is given whole: divided at the crossover, so that both halves sum to it."""
    if "other" in stems or "sub" in stems or "bass" not in stems:
        return stems
    whole = stems["bass"]
    low = analyse(torch.from_numpy(whole)) * torch.from_numpy(sub_share())[:, None, None]
    sub = synthesise(low, whole.shape[1]).numpy()
    return {**stems, "bass": whole - sub, "sub": sub}


def _stereo(path: Path) -> Audio:
    if probe(path).channels > 2:
        raise InputError(path, f"has {probe(path).channels} channels; a stem has one or two")
    audio = load(path, sample_rate_hz=SAMPLE_RATE_HZ, mono=False)[0]
    return np.repeat(audio, 2, axis=0) if len(audio) == 1 else audio


def _longer(audio: Audio, samples: int) -> Audio:
    return np.pad(audio, ((0, 0), (0, samples - audio.shape[1])))
