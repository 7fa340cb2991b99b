"""Training batches: two renditions of each song, one as on its record, one heard in a hall, and their common places.

Batch k is a pure function of (seed, k), so a resumed run sees what an uninterrupted one would have seen.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tonewheel.core.errors import InputError
from tonewheel.degrade.presets import hall
from tonewheel.systems.concert.prepare import SAMPLE_RATE_HZ, Prepared, PreparedTrack
from tonewheel.systems.concert.versions.bank import Bank, BankSong, Rendition
from tonewheel.systems.concert.versions.net import FRAMES_A_ROW
from tonewheel.systems.concert.versions.pitches import pitch_map
from tonewheel.systems.concert.versions.recipe import VersionRecipe

Floats = NDArray[np.float32]
LONGEST_BEAT_S = 2.5
"""Between two beats further apart a section is missing: nothing in between corresponds."""
SHORTEST_SHARE = 0.5
"""Of the places of a chunk that must be in both renditions."""


class Pairs(NamedTuple):
    """Pitch maps (songs, bins, frames) twice; places as (n,) song, row in the first and in the second; and (n,)
    semitones of the second above the first, 0 to 11."""

    first: Tensor
    second: Tensor
    song: Tensor
    row: Tensor
    other_row: Tensor
    semitones: Tensor


class RenditionStream:
    """Draw batches from a bank of renditions, and from real tracks, which are paired with themselves."""

    def __init__(self, bank: Bank, prepared: Prepared, recipe: VersionRecipe, split: str = "train") -> None:
        self.bank, self.prepared, self.recipe = bank, prepared, recipe
        self.spec = recipe.pitches.spec()
        self.samples = round(recipe.renditions.chunk_s * SAMPLE_RATE_HZ)
        least = recipe.renditions.chunk_s + 1
        self.songs = [s for s in bank.of(split) if all(r.seconds > least for r in s.renditions)]
        self.tracks = [
            t for t in prepared.tracks if t.split == split and not t.synthetic and t.seconds > least
        ]
        if len(self.songs) < 2:
            raise InputError(
                bank.folder, f"has {len(self.songs)} {split} songs long enough; at least 2 needed"
            )
        self.rooms, self.crowds = prepared.paths("room", split), prepared.paths("crowd", split)
        self.microphones = prepared.paths("microphone", split)

    def draw(self, rng: np.random.Generator, _step: int) -> Pairs:
        """One batch; all its randomness comes from `rng`."""
        settings = self.recipe.renditions
        real = min(round(settings.real_share * settings.songs), len(self.tracks))
        chosen = rng.permutation(len(self.songs))[: settings.songs - real]
        maps: list[tuple[Floats, Floats]] = []
        places: list[tuple[int, int, int, int]] = []
        for number in chosen:
            a, b, rows, semitones = self._pair(rng, self.songs[number])
            places += [(len(maps), i, j, semitones) for i, j in rows]
            maps.append((pitch_map(a, self.spec), self._heard(rng, b)))
        for number in rng.permutation(len(self.tracks))[:real]:
            a = self._track(rng, self.tracks[number])
            count = self.spec.frames(len(a)) // FRAMES_A_ROW
            places += [(len(maps), int(i), int(i), 0) for i in self._some(rng, np.arange(count))]
            maps.append((pitch_map(a, self.spec), self._heard(rng, a)))
        song, row, other_row, keys = (torch.tensor(column) for column in zip(*places, strict=True))
        first, second = (torch.from_numpy(np.stack(side)) for side in zip(*maps, strict=True))
        return Pairs(first, second, song, row, other_row, keys)

    def _pair(
        self, rng: np.random.Generator, song: BankSong
    ) -> tuple[Floats, Floats, list[tuple[int, int]], int]:
        """Two cuts of a song, rows of one beside rows of the other, and how much higher the other is."""
        best: tuple[list[tuple[int, int]], Rendition, Rendition, int, int] | None = None
        for _ in range(8):  # a cut may fall where the other band plays something else
            a, b = (song.renditions[i] for i in rng.permutation(len(song.renditions))[:2])
            start = int(rng.integers(0, round(a.seconds * SAMPLE_RATE_HZ) - self.samples))
            rows, other = rows_of(a, b, start / SAMPLE_RATE_HZ, self.recipe.renditions.chunk_s)
            other = min(max(0, other), round(b.seconds * SAMPLE_RATE_HZ) - self.samples)
            if best is None or len(rows) > len(best[0]):
                best = (rows, a, b, start, other)
            if len(rows) >= SHORTEST_SHARE * 2 * self.recipe.renditions.chunk_s:
                break
        assert best is not None
        rows, a, b, start, other = best
        chosen = [rows[i] for i in self._some(rng, np.arange(len(rows)))]
        return (
            self.bank.floats(a, start, start + self.samples),
            self.bank.floats(b, other, other + self.samples),
            chosen,
            (b.semitones - a.semitones) % 12,
        )

    def _some(self, rng: np.random.Generator, values: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.sort(rng.permutation(values)[: self.recipe.renditions.places])

    def _track(self, rng: np.random.Generator, track: PreparedTrack) -> Floats:
        start = int(rng.integers(0, round(track.seconds * SAMPLE_RATE_HZ) - self.samples))
        return self.prepared.floats(track, start, start + self.samples)

    def _heard(self, rng: np.random.Generator, audio: Floats) -> Floats:
        """Pitch map of a cut as a phone in a hall hears it, or now and then as it is."""
        settings = self.recipe.renditions
        if rng.random() >= settings.clean_share:
            chain = hall(
                rng,
                self.rooms,
                self.crowds,
                self.microphones if rng.random() < 0.1 else (),
                (settings.snr_min_db, settings.snr_max_db),
                codec_share=settings.codec_share,
            )
            audio = chain.apply(audio, SAMPLE_RATE_HZ)
        return pitch_map(audio, self.spec)


def rows_of(a: Rendition, b: Rendition, start_s: float, seconds: float) -> tuple[list[tuple[int, int]], int]:
    """Rows of a cut of `a` beside rows of the cut of `b` where the same is played, and where that begins, samples.

    Both cuts are `seconds` long; rows are half a second apart. No rows when nothing corresponds.
    """
    first, second = np.array(a.beats), np.array(b.beats)
    times = start_s + np.arange(round(2 * seconds) - 1) / 2
    score_s, known = _through(times, first[:, 1], first[:, 0])
    there_s, also = _through(score_s, second[:, 0], second[:, 1])
    known &= also
    if not known.any():
        return [], 0
    begin_s = float(there_s[known][0] - (times[known][0] - start_s))
    begin_s = min(max(0.0, begin_s), b.seconds - seconds)
    rows = np.round(2 * (there_s - begin_s)).astype(np.int64)
    known &= (rows >= 0) & (rows < round(2 * seconds) - 1)
    return [(int(i), int(rows[i])) for i in np.flatnonzero(known)], round(begin_s * SAMPLE_RATE_HZ)


def _through(
    times: NDArray[np.float64], of: NDArray[np.float64], to: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Times of one clock on another, and which of them both clocks know."""
    order = np.argsort(of, kind="stable")
    of, to = of[order], to[order]
    at = np.clip(np.searchsorted(of, times, side="right") - 1, 0, len(of) - 2)
    step, other = of[at + 1] - of[at], to[at + 1] - to[at]
    inside = (times >= of[at]) & (times <= of[at + 1])
    known = inside & (step > 0) & (step < LONGEST_BEAT_S) & (other > 0) & (other < LONGEST_BEAT_S)
    return to[at] + (times - of[at]) * other / np.maximum(step, 1e-9), known
