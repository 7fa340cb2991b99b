"""Training batches: the same music clean and as a phone in a hall would hear it, cut into windows.

Batch k is a pure function of (seed, k), so a resumed run sees what an uninterrupted one would have seen. A
chunk of some seconds is degraded in one go, as sound in a hall is, and several windows are cut from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tonewheel.audio.spectra import log_mel
from tonewheel.core.errors import InputError
from tonewheel.degrade.presets import hall
from tonewheel.systems.concert.ambience import SHARES, draw_ambience
from tonewheel.systems.concert.prepare import LivePair, Prepared, PreparedTrack
from tonewheel.systems.concert.recipe import ConcertRecipe

NO_CROWD_DB = 90.0
CROWDS = {"crowd": 10, "applause": 4, "cheering": 3, "banter": 3}
"""What stands against the music, in twentieths: recorded crowds are few but real, so they come half of the time."""
CROWD_UNIT = 24
MEASURED_MICROPHONES = 0.1
"""Share of chunks through a measured microphone; few are open, so most are drawn at random."""


class Batch(NamedTuple):
    """Shapes: (n, n_mels, frames) clean and degraded, (n,) song number, (m, n_mels, frames) without music."""

    clean: Tensor
    degraded: Tensor
    song: Tensor
    ambience: Tensor


class PairStream:
    """Draw batches by step number from a prepared folder.

    Real tracks come in two ways: anybody's, and several of one artist or album, which are the negatives that
    a set list is made of. Synthesised songs fill the rest.
    """

    def __init__(self, prepared: Prepared, recipe: ConcertRecipe, split: str = "train") -> None:
        self.prepared = prepared
        self.recipe = recipe
        self.split = split
        self.spec = recipe.front_end.spec()
        self.tracks = [
            t for t in prepared.tracks if t.split == split and t.seconds >= recipe.views.chunk_s + 1
        ]
        self.real = [i for i, t in enumerate(self.tracks) if not t.synthetic]
        self.synthetic = [i for i, t in enumerate(self.tracks) if t.synthetic]
        if len(self.tracks) < 2:
            raise InputError(
                prepared.folder, f"has {len(self.tracks)} {split} tracks long enough; at least 2 needed"
            )
        groups: dict[str, list[int]] = {}
        for i in self.real:
            groups.setdefault(self.tracks[i].group, []).append(i)
        self.setlists = [members for members in groups.values() if len(members) >= 4]
        self.live: dict[str, list[LivePair]] = {}
        for pair in prepared.pairs:
            if pair.seconds >= recipe.views.chunk_s + 1:
                self.live.setdefault(pair.track, []).append(pair)
        self.rooms = prepared.paths("room", split)
        self.microphones = prepared.paths("microphone", split)
        self.bank = {kind: prepared.paths(kind, split) for kind in SHARES}
        self.crowds = [
            path for kind, copies in CROWDS.items() for path in _evenly(self.bank[kind], copies * CROWD_UNIT)
        ]

    def draw(self, rng: np.random.Generator, step: int) -> Batch:
        """One batch; all its randomness comes from `rng`."""
        views = self.recipe.views
        frames = self.spec.frames(round(views.part_s * self.spec.sample_rate_hz))
        songs = self._songs(rng, max(2, self.recipe.fit.batch_size // views.windows_per_chunk))
        clean, degraded, song = [], [], []
        for number in songs:
            pair = self._chunk(rng, self.tracks[number])
            for start, shift in self._windows(rng, pair.shape[-1], frames):
                clean.append(pair[0, :, start : start + frames])
                degraded.append(pair[1, :, start + shift : start + shift + frames])
                song.append(number)
        quiet = [self._without_music(rng, frames) for _ in range(round(views.ambience_share * len(song)))]
        empty = np.zeros((0, self.spec.n_mels, frames), dtype=np.float32)
        return Batch(
            torch.from_numpy(np.stack(clean)),
            torch.from_numpy(np.stack(degraded)),
            torch.tensor(song),
            torch.from_numpy(np.stack(quiet) if quiet else empty),
        )

    def _songs(self, rng: np.random.Generator, count: int) -> list[int]:
        """Distinct songs of one batch; distinct as far as there are enough."""
        views = self.recipe.views
        synthetic = round(views.synth_share * count) if self.real else count
        chosen = list(rng.permutation(self.synthetic)[:synthetic])
        if self.setlists:
            members = self.setlists[rng.integers(len(self.setlists))]
            chosen += list(rng.permutation(members)[: round(views.setlist_share * count)])
        rest = np.setdiff1d(np.arange(len(self.tracks)) if not self.real else np.array(self.real), chosen)
        chosen += list(rng.permutation(rest)[: max(0, count - len(chosen))])
        return [int(i) for i in chosen]

    def _chunk(self, rng: np.random.Generator, track: PreparedTrack) -> NDArray[np.float32]:
        """Log-mel of a chunk, clean and degraded. Shape: (2, n_mels, frames)."""
        views, rate = self.recipe.views, self.spec.sample_rate_hz
        length = round(views.chunk_s * rate)
        pairs = self.live.get(track.file, [])
        if pairs and rng.random() < views.live_share:
            return self._heard(rng, track, pairs[int(rng.integers(len(pairs)))], length)
        start = int(rng.integers(0, round(track.seconds * rate) - length + 1))
        audio = self.prepared.floats(track, start, start + length)
        degraded = hall(
            rng,
            rooms=self.rooms,
            crowds=self.crowds,
            microphones=self.microphones if rng.random() < MEASURED_MICROPHONES else (),
            snr_db=(views.snr_min_db, views.snr_max_db),
            measured_share=0.7,
            synthetic_crowd_share=0.0,  # the synthesised crowds are files by now
            codec_share=views.codec_share,
        ).apply(audio, rate)
        return np.stack([log_mel(audio, self.spec), log_mel(degraded, self.spec)])

    def _heard(
        self, rng: np.random.Generator, track: PreparedTrack, pair: LivePair, length: int
    ) -> NDArray[np.float32]:
        """Log-mel of a chunk on the record and as a real concert made it. Shape: (2, n_mels, frames)."""
        rate = self.spec.sample_rate_hz
        first = round(pair.track_s * rate)
        room = min(round(pair.seconds * rate), round(track.seconds * rate) - first) - length
        start = int(rng.integers(0, max(1, room)))
        clean = self.prepared.floats(track, first + start, first + start + length)
        heard = self.prepared.live(pair, start, start + length)
        pad = [(0, length - len(clean)), (0, length - len(heard))]
        return np.stack([log_mel(np.pad(a, p), self.spec) for a, p in zip((clean, heard), pad, strict=True)])

    def _windows(self, rng: np.random.Generator, frames: int, window: int) -> list[tuple[int, int]]:
        """Starts of windows, one in each equal part of a chunk, and the shift of the query against each."""
        count = self.recipe.views.windows_per_chunk
        jitter = round(self.recipe.views.hop_s / 2 * self.spec.sample_rate_hz / self.spec.hop_samples)
        edges = np.linspace(jitter, max(jitter, frames - window - jitter), count + 1)
        starts = [int(rng.uniform(a, b)) for a, b in pairwise(edges)]
        return [(start, int(rng.integers(-jitter, jitter + 1))) for start in starts]

    def _without_music(self, rng: np.random.Generator, frames: int) -> NDArray[np.float32]:
        """Log-mel of applause, talk, the hiss of a room or silence, heard through the same hall and phone."""
        rate = self.spec.sample_rate_hz
        length = (frames - 1) * self.spec.hop_samples + self.spec.n_fft
        audio = draw_ambience(rng, length, rate, self.bank)
        heard = hall(
            rng,
            self.rooms,
            self.crowds,
            self.microphones,
            snr_db=NO_CROWD_DB,
            synthetic_crowd_share=0.0,
            codec_share=0.1,
        )
        return log_mel(heard.apply(audio, rate), self.spec)


def _evenly(paths: Sequence[str], count: int) -> list[str]:
    """`count` entries that name every path about equally often."""
    return [paths[i % len(paths)] for i in range(count)] if paths else []
