"""The same moments of a song in all its renditions, each clean and as halls make it: what the encoder learns from.

    RUN/views/<song>-<rendition>-<hall>.npy   log power of pitches, float16; hall 0 is none

A view that is there is not made again, so a killed run continues.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.errors import InputError
from tonewheel.core.files import atomic_path
from tonewheel.core.progress import progress
from tonewheel.core.seeds import generator
from tonewheel.degrade.presets import hall
from tonewheel.systems.concert.prepare import SAMPLE_RATE_HZ, Prepared
from tonewheel.systems.concert.versions.bank import Bank, BankSong, Rendition
from tonewheel.systems.concert.versions.patches import patches
from tonewheel.systems.concert.versions.pitches import pitch_power, whiten
from tonewheel.systems.concert.versions.recipe import VersionRecipe

Floats = NDArray[np.float32]
Floats64 = NDArray[np.float64]
LONGEST_BEAT_S = 2.5
"""Between two beats further apart a section is missing: nothing in between corresponds."""
FEWEST_MOMENTS = 20
EDGE_S = 1.5
FLOOR = 1e-10


class Views:
    """Views of the songs of a split, made in `folder` when they are asked for."""

    def __init__(self, bank: Bank, prepared: Prepared, recipe: VersionRecipe, folder: Path) -> None:
        self.bank, self.recipe, self.folder = bank, recipe, folder
        self.spec, self.patch = recipe.pitches.spec(), recipe.patch.spec()
        self.songs = bank.of("train")[: recipe.halls.songs or None]
        self.rooms, self.crowds = prepared.paths("room", "train"), prepared.paths("crowd", "train")
        self.microphones = prepared.paths("microphone", "train")
        if len(self.songs) < 2:
            raise InputError(bank.folder, f"has {len(self.songs)} songs to train on; at least 2 needed")

    def __iter__(self) -> Iterator[Floats]:
        """Patches of each song in one key. Shape: (renditions x halls, moments, 12, patch size)."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for song in progress(self.songs, "hear renditions", len(self.songs)):
            at = moments(song)
            if at.shape[1] < FEWEST_MOMENTS:
                continue
            views = []
            for number, rendition in enumerate(song.renditions):
                for draw in range(1 + self.recipe.halls.draws):
                    rows = patches(whiten(self._power(song, number, draw), self.spec), self.spec, self.patch)
                    nearest = np.clip(np.round(2 * at[number]).astype(np.int64), 0, len(rows) - 1)
                    views.append(np.roll(rows[nearest], -rendition.semitones, axis=1))
            yield np.stack(views)

    def _power(self, song: BankSong, number: int, draw: int) -> Floats:
        file = self.folder / f"{song.song}-{number}-{draw}.npy"
        if not file.is_file():
            settings = self.recipe.halls
            audio = self.bank.floats(song.renditions[number])
            if draw:
                rng = generator(settings.seed, song.song, number, draw)
                heard = hall(
                    rng,
                    self.rooms,
                    self.crowds,
                    self.microphones if rng.random() < settings.microphone_share else (),
                    (settings.snr_min_db, settings.snr_max_db),
                    codec_share=settings.codec_share,
                )
                audio = heard.apply(audio, SAMPLE_RATE_HZ)
            told = np.log(pitch_power(audio, self.spec) + FLOOR).astype(np.float16)
            with atomic_path(file) as temporary, temporary.open("wb") as stream:
                np.save(stream, told, allow_pickle=False)
        return np.asarray(np.exp(np.load(file, allow_pickle=False).astype(np.float32)))


def moments(song: BankSong) -> Floats64:
    """Twice a second of the record, where all play the same: when each does. Shape: (renditions, moments)."""
    record = song.renditions[0]
    times = np.arange(EDGE_S, record.seconds - EDGE_S, 0.5)
    score_s, known = _through(times, *_clocks(record)[::-1])
    at = []
    for rendition in song.renditions:
        there, also = _through(score_s, *_clocks(rendition))
        known &= also & (there < rendition.seconds - 1)
        at.append(there)
    return np.stack(at)[:, known]


def _clocks(rendition: Rendition) -> tuple[Floats64, Floats64]:
    beats = np.array(rendition.beats, np.float64).reshape(-1, 2)
    return beats[:, 0], beats[:, 1]


def _through(times: Floats64, of: Floats64, to: Floats64) -> tuple[Floats64, NDArray[np.bool_]]:
    """Times of one clock on another, and which of them both clocks know."""
    if len(of) < 2:
        return times, np.zeros(len(times), np.bool_)
    order = np.argsort(of, kind="stable")
    of, to = of[order], to[order]
    at = np.clip(np.searchsorted(of, times, side="right") - 1, 0, len(of) - 2)
    step, other = of[at + 1] - of[at], to[at + 1] - to[at]
    inside = (times >= of[at]) & (times <= of[at + 1])
    known = inside & (step > 0) & (step < LONGEST_BEAT_S) & (other > 0) & (other < LONGEST_BEAT_S)
    return to[at] + (times - of[at]) * other / np.maximum(step, 1e-9), known
