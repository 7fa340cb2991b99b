"""Training batches: stems remixed at random, and the sums over rows of their spectra that the loss needs.

A mask has one value m for all bins of a row, so the error of a stem S in the mix X there is
m^2 sum |X|^2 - 2 m sum Re(X* S) + sum |S|^2: exact, and a tenth of the data of the spectra themselves. Batch k is a
pure function of (seed, k), so a resumed run hears what an uninterrupted one would have heard.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tonewheel.audio.resample import resample
from tonewheel.systems.stems.making.takes import Audio, Prepared, Take
from tonewheel.systems.stems.model import CONTEXT, FULL_SCALE, NET_STEMS
from tonewheel.systems.stems.recipe import MixRecipe
from tonewheel.systems.stems.rows import BINS, HOP, N_FFT, ROWS, SAMPLE_RATE_HZ, row_starts

PRESENCE = {"vocals": 0.75, "drums": 0.8, "bass": 0.75, "harmonic": 0.9, "perc": 0.5}
"""Chance of a stem in a mix of takes of several songs."""
BORROW_SHARE = 0.3
"""Chance that a stem which a song lacks is taken from another one."""
QUIETEST = 1e-4
MINOR_MODES = ("minor", "dorian", "phrygian", "aeolian", "harmonic_minor")


class Batch(NamedTuple):
    """Shapes: power (n, 2, ROWS, frames) of the mix; cross, own (n, 5, 2, ROWS, frames): the real part of mix times
    stem and the power of the stem; context (n, CONTEXT). Powers in units of `FULL_SCALE`.
    """

    power: Tensor
    cross: Tensor
    own: Tensor
    context: Tensor


class MixStream:
    """Draw batches by step number from a prepared folder."""

    def __init__(self, prepared: Prepared, recipe: MixRecipe, batch_size: int, split: str = "train") -> None:
        self.prepared = prepared
        self.recipe = recipe
        self.batch_size = batch_size
        self.songs = [takes for _, takes in sorted(prepared.songs(split).items())]
        self.by_stem = {
            stem: [t for song in self.songs for t in song if t.stem == stem] for stem in NET_STEMS
        }
        self.whole = [song for song in self.songs if len(song) > 1] or self.songs
        self.frames = max(1, round(recipe.clip_s * SAMPLE_RATE_HZ / HOP))
        self.samples = (self.frames - 1) * HOP + N_FFT

    def draw(self, rng: np.random.Generator, step: int) -> Batch:
        """One batch; all its randomness comes from `rng`."""
        examples = [self.example(rng) for _ in range(self.batch_size)]
        return Batch(*(torch.from_numpy(np.stack(parts)) for parts in zip(*examples, strict=True)))

    def example(self, rng: np.random.Generator) -> tuple[NDArray[np.float32], ...]:
        """One mix: the fields of a `Batch` without their first axis."""
        for _ in range(20):
            stems, context = self.mix(rng)
            if stems:
                return *reduced(stems), context
        empty = np.zeros((len(NET_STEMS), 2, ROWS, self.frames), np.float32)
        return empty[0], empty, empty.copy(), np.zeros(CONTEXT, np.float32)

    def mix(self, rng: np.random.Generator) -> tuple[dict[str, NDArray[np.complex64]], NDArray[np.float32]]:
        """Spectra of mid and side of each stem, (2 or 1, frames, BINS), at the levels of the mix; and the context."""
        settings = self.recipe
        together = rng.random() < settings.together_share
        song = self.whole[int(rng.integers(len(self.whole)))]
        latest = int(min(t.seconds for t in song) * SAMPLE_RATE_HZ) - self.samples
        start = int(rng.integers(max(1, latest)))
        shift = self.shift(rng)
        chosen: dict[str, tuple[Take, int, int]] = {}
        if together:
            chosen = {take.stem: (take, start, shift) for take in song if rng.random() >= settings.drop_share}
        for stem, takes in self.by_stem.items():
            chance = BORROW_SHARE * PRESENCE[stem] if together else PRESENCE[stem]
            if takes and stem not in chosen and rng.random() < chance:
                take = takes[int(rng.integers(len(takes)))]
                last = int(take.seconds * SAMPLE_RATE_HZ) - self.samples
                chosen[stem] = (take, int(rng.integers(max(1, last))), self.shift(rng))
        mono = rng.random() < settings.mono_share
        stems: dict[str, NDArray[np.complex64]] = {}
        power = 0.0
        for stem, (take, at, semitones) in chosen.items():
            audio = self.played(take, at, semitones)
            gain = 10 ** (rng.normal(0, settings.gain_db) / 20)
            spectrum = spectrum_of(audio * np.float32(gain), mono)
            spectrum *= shelves(rng, settings.tone_db)
            if len(spectrum) > 1:
                spectrum[1] *= np.float32(rng.choice([-1, 1]) * rng.uniform(0.2, 1.2))
            found = float(np.mean(np.square(audio)))
            if found > QUIETEST**2:
                stems[stem] = spectrum
                power += found * gain**2
        if power > 0:
            level = 10 ** (rng.uniform(*settings.level_db) / 20) / np.sqrt(power)
            stems = {stem: spectrum * np.float32(level) for stem, spectrum in stems.items()}
        told = together and rng.random() < settings.context_share
        return stems, context_of(song[0], shift) if told else np.zeros(CONTEXT, np.float32)

    def shift(self, rng: np.random.Generator) -> int:
        """By how many semitones a song is played faster."""
        most = self.recipe.semitones
        return int(rng.integers(-most, most + 1)) if most else 0

    def played(self, take: Take, start: int, semitones: int) -> Audio:
        """A part of a take as from a turntable that runs faster: higher by `semitones`. Shape: (2, samples)."""
        rate_hz = round(SAMPLE_RATE_HZ * 2 ** (semitones / 12))
        heard = -(-self.samples * rate_hz // SAMPLE_RATE_HZ) + 1
        audio = resample(self.prepared.read(take, start, heard), rate_hz, SAMPLE_RATE_HZ)[:, : self.samples]
        return audio * np.float32(take.gain)


def spectrum_of(audio: Audio, mono: bool) -> NDArray[np.complex64]:
    """Spectrum of mid and side without padding; of mid alone when there is no side.

    Shape: (2, samples) -> (1 or 2, frames, BINS).
    """
    channels = [(audio[0] + audio[1]) / 2]
    side = (audio[0] - audio[1]) / 2
    if not mono and np.abs(side).max(initial=0) > 1e-6:
        channels.append(side)
    frames = torch.from_numpy(np.stack(channels)).unfold(1, N_FFT, HOP)
    spectrum = torch.fft.rfft(frames * torch.hann_window(N_FFT))
    return np.asarray(spectrum.numpy())


def shelves(rng: np.random.Generator, spread_db: float) -> NDArray[np.float32]:
    """A gain a bin, tilted by random amounts below 400 Hz and above 2 kHz, (BINS,)."""
    octave = np.log2(np.maximum(np.arange(BINS), 1) * SAMPLE_RATE_HZ / N_FFT)
    low = np.clip((np.log2(400) - octave) / 3, 0, 1) * rng.normal(0, spread_db)
    high = np.clip((octave - np.log2(2000)) / 3, 0, 1) * rng.normal(0, spread_db)
    return np.asarray(10 ** ((low + high) / 20), np.float32)


def context_of(take: Take, semitones: int = 0) -> NDArray[np.float32]:
    """What is known about the music, as `features.context` tells it of a recording; tension is not known here.

    `semitones`: by how much faster it is played.

    >>> context_of(Take(song="a", stem="bass", file="", seconds=1.0, split="train", group="a", tempo_bpm=240.0))[12:]
    array([0., 1., 0., 1.], dtype=float32)
    """
    context = np.zeros(CONTEXT, np.float32)
    if take.tonic >= 0:
        context[(take.tonic + semitones) % 12] = 1
        context[12] = -1 if take.mode in MINOR_MODES else 1
    if take.tempo_bpm > 0:
        context[13] = np.clip(np.log2(take.tempo_bpm / 120) + semitones / 12, -2, 2)
    if take.tonic >= 0 or take.tempo_bpm > 0:
        context[15] = 1
    return context


def reduced(stems: dict[str, NDArray[np.complex64]]) -> tuple[NDArray[np.float32], ...]:
    """Sums over rows of spectra of stems: power of the mix, cross and own as in `Batch`."""
    starts = row_starts()
    frames = next(iter(stems.values())).shape[1]
    total = np.zeros((2, frames, BINS), np.complex64)
    for spectrum in stems.values():
        total[: len(spectrum)] += spectrum
    scale = np.float32(1 / FULL_SCALE)

    def rows(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(np.add.reduceat(values, starts, axis=-1).swapaxes(-1, -2) * scale, np.float32)

    power = rows(total.real**2 + total.imag**2)
    cross = np.zeros((len(NET_STEMS), 2, ROWS, frames), np.float32)
    own = np.zeros_like(cross)
    for stem, spectrum in stems.items():
        number, here = NET_STEMS.index(stem), slice(0, len(spectrum))
        cross[number, here] = rows(total[here].real * spectrum.real + total[here].imag * spectrum.imag)
        own[number, here] = rows(spectrum.real**2 + spectrum.imag**2)
    return power, cross, own
