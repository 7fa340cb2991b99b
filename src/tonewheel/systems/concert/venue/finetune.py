"""A short fine-tune for one show: the encoder learns the set's songs through the venue, the alike ones side by side.

Every batch holds the set's most confusable places together, so that they are each other's negatives. Batch norm keeps
its statistics and the music output is held to what it said before: what was learnt from many halls must survive some
dozen steps in one.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from tonewheel.audio.spectra import log_mel
from tonewheel.core.errors import InputError
from tonewheel.core.progress import progress
from tonewheel.core.records import Record
from tonewheel.core.seeds import generator
from tonewheel.learn.checkpoint import load_model, save_model
from tonewheel.learn.losses import ntxent
from tonewheel.systems.concert.embed import KIND, Embedder
from tonewheel.systems.concert.pack import Pack
from tonewheel.systems.concert.venue.features import RATE_HZ
from tonewheel.systems.concert.venue.mining import Confusion
from tonewheel.systems.concert.venue.profile import Venue
from tonewheel.systems.concert.venue.references import Tracks
from tonewheel.systems.concert.venue.simulate import Surroundings, matching, octaves_of

Floats = NDArray[np.float32]

CHUNK_S = 6.0
CHUNKS = 16
PARTS = 4
"""Parts of a second that are taken from each chunk."""
HARD_SHARE = 0.5
"""Share of chunks at places that other songs of the set resemble; the others are anywhere."""
MUSIC_WEIGHT = 0.02


class FineTuning(Record):
    """Settings of the fine-tune; few steps, small ones."""

    steps: int = 60
    learning_rate: float = 2e-4
    temperature: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        if not (1 <= self.steps <= 10_000 and 0 < self.learning_rate <= 0.1 and self.temperature > 0):
            raise InputError("--fine-tune", f"{self}: need 1 to 10000 steps, a learning rate to 0.1")


class Places:
    """Where chunks are cut: at the mined places in pairs, then anywhere; all randomness comes from `rng`.

    >>> songs = {0: np.zeros(160_000, np.float32), 1: np.zeros(160_000, np.float32)}
    >>> pair = Confusion(song="A", at_s=2.0, other="B", other_at_s=1.0, cosine=0.5)
    >>> [number for number, _ in Places(songs, ("A", "B"), [pair]).draw(np.random.default_rng(0))[:2]]
    [0, 1]
    """

    def __init__(self, songs: dict[int, Floats], titles: Sequence[str], mined: Sequence[Confusion]) -> None:
        self.songs = songs
        of_title = {titles[number]: number for number in reversed(list(songs))}
        self.pairs = [
            ((of_title[one.song], one.at_s), (of_title[one.other], one.other_at_s))
            for one in mined
            if one.song in of_title and one.other in of_title
        ]

    def draw(self, rng: np.random.Generator) -> list[tuple[int, int]]:
        """(reference, first sample) of the chunks of one batch."""
        places: list[tuple[int, float]] = []
        if self.pairs:
            for chosen in rng.permutation(len(self.pairs))[: round(HARD_SHARE * CHUNKS / 2)]:
                places.extend(self.pairs[int(chosen)])
        numbers = list(self.songs)
        while len(places) < CHUNKS:
            number = numbers[int(rng.integers(len(numbers)))]
            places.append((number, float(rng.uniform(0, len(self.songs[number]) / RATE_HZ))))
        size = round(CHUNK_S * RATE_HZ)
        return [
            (number, int(np.clip(round(at_s * RATE_HZ), 0, max(0, len(self.songs[number]) - size))))
            for number, at_s in places
        ]


def fine_tune(
    embedder: Embedder,
    pack: Pack,
    tracks: Tracks,
    venue: Venue,
    mined: Sequence[Confusion],
    path: Path,
    *,
    surroundings: Surroundings | None = None,
    settings: FineTuning | None = None,
) -> Embedder:
    """Train some steps and write the new weights to `path`; returns the embedder that uses them.

    The decision rule is that of the weights it began from. InputError when those are from no file.
    """
    how = settings or FineTuning()
    if embedder.path is None:
        raise InputError("--fine-tune", "needs weights that are in a file")
    songs = {
        n: audio for n, audio in enumerate(tracks.audio) if audio is not None and len(audio) > 2 * RATE_HZ
    }
    if len({pack.header.references[n].song for n in songs}) < 2:
        raise InputError("--fine-tune", "needs tracks of at least two songs: it learns to tell them apart")
    titles = [reference.song for reference in pack.header.references]
    places, spectra = Places(songs, titles, mined), {n: octaves_of(audio) for n, audio in songs.items()}
    encoder = copy.deepcopy(embedder.encoder).eval()  # eval: batch norm keeps its statistics
    encoder.requires_grad_(True)
    optimiser = torch.optim.AdamW(encoder.parameters(), lr=how.learning_rate, weight_decay=0.01)
    for step in progress(range(how.steps), "fine-tune"):
        rng = generator(how.seed, "fine-tune", step)
        for group in optimiser.param_groups:
            group["lr"] = how.learning_rate * 0.5 * (1 + np.cos(np.pi * step / how.steps))
        clean, heard, song = _batch(embedder, places, spectra, pack, venue, surroundings, rng)
        z, music = encoder.embed_and_judge(torch.cat([clean, heard]))
        with torch.no_grad():
            as_before = embedder.encoder.embed_and_judge(torch.cat([clean, heard]))[1]
        loss = ntxent(z[: len(song)], z[len(song) :], song, how.temperature)
        loss = loss + MUSIC_WEIGHT * functional.mse_loss(music, as_before)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
        optimiser.step()
    began = load_model(embedder.path, kind=KIND)
    facts = {
        **began.metadata,
        "adapted": {**how.to_dict(), "from": began.sha256, "recordings": len(venue.recordings)},
    }
    save_model(path, encoder.state_dict(), facts)
    return Embedder.load(path)


def _batch(
    embedder: Embedder,
    places: Places,
    spectra: dict[int, tuple[float, ...]],
    pack: Pack,
    venue: Venue,
    surroundings: Surroundings | None,
    rng: np.random.Generator,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Log-mel parts, clean and heard, (n, n_mels, frames) each, and their songs (n,)."""
    spec = embedder.spec
    frames = spec.frames(round(embedder.recipe.views.part_s * RATE_HZ))
    clean: list[Floats] = []
    heard: list[Floats] = []
    song: list[int] = []
    for number, first in places.draw(rng):
        audio = places.songs[number][first : first + round(CHUNK_S * RATE_HZ)]
        chain = matching(venue, rng, music_db=spectra[number], surroundings=surroundings, codec_share=0.1)
        mels = log_mel(audio, spec), log_mel(chain.apply(audio, RATE_HZ), spec)
        for _ in range(PARTS):
            start = int(rng.integers(0, mels[0].shape[1] - frames + 1))
            clean.append(mels[0][:, start : start + frames])
            heard.append(mels[1][:, start : start + frames])
            song.append(pack.songs.index(pack.header.references[number].song))
    return torch.from_numpy(np.stack(clean)), torch.from_numpy(np.stack(heard)), torch.tensor(song)
