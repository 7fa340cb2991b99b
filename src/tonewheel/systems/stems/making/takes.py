"""The folder of prepared stems: int16 files, equally long within a song, memory-mapped, and a list of what they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.errors import InputError
from tonewheel.core.files import atomic_path
from tonewheel.core.records import Record, read_jsonl
from tonewheel.learn.prepared import prepared_folder

Audio = NDArray[np.float32]
PEAK = 0.89
TAKES = "takes.jsonl"


class Take(Record):
    """One stem of one song: `file` holds int16 (samples, channels) at 44.1 kHz; takes of a song start together.

    `gain` times the file is what the song's mix has.
    """

    song: str
    stem: str
    file: str
    seconds: float
    split: str
    group: str
    gain: float = 1.0
    tempo_bpm: float = 0.0
    tonic: int = -1
    mode: str = ""
    sources: tuple[str, ...] = ()


def write_take(path: Path, audio: Audio) -> float:
    """Write (channels, samples) with its peak at -1 dB; returns the gain that undoes it."""
    peak = float(np.abs(audio).max(initial=0.0))
    if peak < 1e-5:
        raise InputError(str(path), "is silent")
    samples = np.round(audio.T * (PEAK / peak * 32767)).astype(np.int16)
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.save(stream, np.ascontiguousarray(samples), allow_pickle=False)
    return peak / PEAK


class Prepared:
    """A prepared folder, opened: takes by song, and samples on demand."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = prepared_folder(folder, TAKES, "stems")
        self.takes = list(read_jsonl(self.folder / TAKES, Take))

    def songs(self, split: str) -> dict[str, list[Take]]:
        """Song -> its takes, of one split."""
        found: dict[str, list[Take]] = {}
        for take in self.takes:
            if take.split == split:
                found.setdefault(take.song, []).append(take)
        return found

    def read(self, take: Take, start: int, samples: int) -> Audio:
        """Samples [start, start + samples), (2, samples), zeros beyond the end; peak of the whole take at 0.89.

        InputError when the file is missing or broken.
        """
        try:
            mapped = np.load(self.folder / take.file, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise InputError(self.folder / take.file, f"cannot be read: {error}") from None
        part = np.asarray(mapped[start : start + samples].T, np.float32) / np.float32(32767)
        part = np.pad(part, ((0, 0), (0, samples - part.shape[1])))
        return np.repeat(part, 2, axis=0) if len(part) == 1 else part
