"""Take the hiss out of a recording: measure its levels first, then clean it block by block.

    floor = denoiser.measure(audio, sample_rate_hz)                  one pass over all of it (or `meter` for blocks)
    cleaned = denoiser.process(audio, sample_rate_hz, floor)         or `stream` for blocks

The answer has the length of the question, without delay, and does not depend on how it was cut into blocks. Where
next to no hiss was measured, nothing is touched, bit for bit.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from tonewheel.core.errors import InputError
from tonewheel.core.records import Record
from tonewheel.learn.weights import load_trained
from tonewheel.systems.restore.hiss.frames import (
    OVERLAP,
    analyse,
    grid,
    row_levels,
    synthesise,
    to_bins,
)
from tonewheel.systems.restore.hiss.levels import Levels
from tonewheel.systems.restore.hiss.model import Denoiser as Network
from tonewheel.systems.restore.hiss.recipe import HissRecipe

Audio = NDArray[np.float32]

KIND = "restore-hiss"
SHIPPED_WEIGHTS = Path(__file__).parents[1] / "weights" / "hiss.safetensors"
BLOCK_FRAMES = 128
LEAST_GAIN_DB = -40.0
"""What is left everywhere of what was there: less is not heard, and gaps of nothing would be."""
CLEAN_DB = 52.0
"""Hiss this far under the music is left alone."""


class Floor(Record):
    """What is known of one channel's hiss, row by row: measured quantiles of the levels, and the hiss itself, dB.

    `levels_db` has one tuple a quantile of `levels.QUANTILES`. Both are densities: white noise of RMS 1 has 0 dB.
    """

    sample_rate_hz: int
    levels_db: tuple[tuple[float, ...], ...]
    hiss_db: tuple[float, ...]
    level_db: float
    """RMS of the hiss, dB of full scale."""
    snr_db: float
    """The whole recording's power over that of the hiss."""

    def spectrum(self, points_hz: NDArray[np.float64]) -> NDArray[np.float64]:
        """Power density of the hiss at frequencies, dB."""
        at = grid(self.sample_rate_hz)
        bins = np.clip(np.round(points_hz * at.n_fft / self.sample_rate_hz), 0, at.n_fft // 2).astype(int)
        return np.asarray(np.array(self.hiss_db)[at.row_of_bin.numpy()[bins]])

    @property
    def is_audible(self) -> bool:
        """Whether there is anything to take out."""
        return self.snr_db < CLEAN_DB


class Denoiser:
    """A trained network with what it takes to use it.

    >>> denoiser = Denoiser(Network(HissRecipe().network), "untrained")
    >>> noise = np.random.default_rng(0).normal(0, 0.01, 44_100).astype(np.float32)
    >>> floor = denoiser.measure(noise, 44_100)
    >>> denoiser.process(noise, 44_100, floor).shape
    (44100,)
    """

    def __init__(self, network: Network, fingerprint: str) -> None:
        self.network = network.eval()
        self.fingerprint = fingerprint

    @classmethod
    def load(cls, path: str | Path) -> Denoiser:
        """Read weights written by training; InputError when the file is not one of those."""
        trained = load_trained(path, KIND, HissRecipe, lambda recipe: Network(recipe.network))
        return cls(trained.network, trained.saved.sha256)

    @classmethod
    def shipped(cls) -> Denoiser:
        """The weights that come with Tonewheel, read once."""
        return _shipped()

    def meter(self, sample_rate_hz: int) -> Meter:
        """For a recording that comes in blocks: push them all, then ask for the floor."""
        return Meter(self.network, sample_rate_hz)

    def measure(self, audio: Audio, sample_rate_hz: int) -> Floor:
        """The hiss of one channel, (samples,)."""
        meter = self.meter(sample_rate_hz)
        meter.push(audio)
        return meter.floor()

    def stream(self, sample_rate_hz: int, floor: Floor, strength: float = 1.0) -> Stream:
        """For a recording that comes in blocks: what each push gives back, and then `finish`, is the whole."""
        return Stream(self.network, sample_rate_hz, floor, strength)

    def process(self, audio: Audio, sample_rate_hz: int, floor: Floor, strength: float = 1.0) -> Audio:
        """One channel (samples,) without its hiss; `strength` 0 takes nothing out, 1 all that the network would."""
        stream = self.stream(sample_rate_hz, floor, strength)
        block = BLOCK_FRAMES * grid(sample_rate_hz).hop
        parts = [stream.push(audio[start : start + block]) for start in range(0, len(audio), block)]
        return np.concatenate([*parts, stream.finish()])


class Meter:
    """Blocks of one channel in, its `Floor` out."""

    def __init__(self, network: Network, sample_rate_hz: int) -> None:
        self.network = network
        self.sample_rate_hz = sample_rate_hz
        self.levels = Levels(sample_rate_hz)
        self.levels.push(np.zeros((OVERLAP - 1) * grid(sample_rate_hz).hop, np.float32))

    def push(self, audio: Audio) -> None:
        """The next block, mono (samples,), of any length."""
        self.levels.push(np.asarray(audio, np.float32))

    @torch.inference_mode()
    def floor(self) -> Floor:
        """The floor of all that was pushed."""
        at = self.levels.grid
        quantiles = self.levels.quantiles()
        hiss = self.network.floor(torch.from_numpy(quantiles)[None])[0].numpy()
        # Densities weighted by the width of the rows are powers.
        share = at.bins_of_row.numpy() / at.bins_of_row.sum().item()
        hiss_power = float(np.sum(share * 10 ** (hiss / 10)))
        power = float(np.sum(share * self.levels.mean_power()))
        return Floor(
            sample_rate_hz=self.sample_rate_hz,
            levels_db=tuple(tuple(map(float, row)) for row in quantiles.round(3)),
            hiss_db=tuple(map(float, hiss.round(3))),
            level_db=round(10 * float(np.log10(hiss_power + 1e-15)), 2),
            snr_db=round(10 * float(np.log10((power + 1e-15) / (hiss_power + 1e-15))), 2),
        )


class Stream:
    """Blocks of one channel in, cleaned blocks out; together they are the whole, cleaned.

    An answer comes when the frames that its gains depend on are known, at most about half a second later.
    """

    def __init__(self, network: Network, sample_rate_hz: int, floor: Floor, strength: float = 1.0) -> None:
        if not 0 <= strength <= 1:
            raise InputError("strength", f"is {strength:g}; it must lie between 0 and 1")
        if floor.sample_rate_hz != sample_rate_hz:
            raise InputError(
                "floor", f"was measured at {floor.sample_rate_hz} Hz, the audio has {sample_rate_hz} Hz"
            )
        self.network = network
        self.grid = grid(sample_rate_hz)
        self.strength = strength
        self.untouched = strength == 0 or not floor.is_audible
        self.quantiles = torch.tensor(floor.levels_db)[None]
        self.floor_db = torch.tensor(floor.hiss_db)[None]
        # Frame 0 begins three hops before sample 0.
        self.waiting: Audio = np.zeros((OVERLAP - 1) * self.grid.hop, np.float32)
        self.spectra = torch.zeros((1, len(self.grid.row_of_bin), 0), dtype=torch.complex64)
        self.levels = torch.zeros((1, self.grid.rows, 0))
        self.behind = 0
        """Frames kept for context that are answered already."""
        self.overlap: Audio = np.zeros((OVERLAP - 1) * self.grid.hop, np.float32)
        self.begun = False
        self.owed = 0
        """Samples that came in and have not gone out."""

    def push(self, audio: Audio) -> Audio:
        """The next block (samples,), of any length; what is ready by now."""
        audio = np.asarray(audio, np.float32)
        if self.untouched:
            return audio
        self.owed += len(audio)
        return self._advance(audio, last=False)

    def finish(self) -> Audio:
        """The rest, when nothing follows."""
        if self.untouched or self.owed == 0:
            return np.zeros(0, np.float32)
        # Silence until the last sample is in four frames.
        missing = -len(self.waiting) % self.grid.hop + (OVERLAP - 1) * self.grid.hop
        owed = self.owed
        return self._advance(np.zeros(missing, np.float32), last=True)[:owed]

    @torch.inference_mode()
    def _advance(self, audio: Audio, last: bool) -> Audio:
        at, reach = self.grid, self.network.reach
        known = np.concatenate([self.waiting, audio])
        if len(known) >= at.n_fft:
            spectra = analyse(torch.from_numpy(known)[None], at)
            self.spectra = torch.cat([self.spectra, spectra], dim=2)
            self.levels = torch.cat([self.levels, row_levels(spectra, at)], dim=2)
            known = known[spectra.shape[2] * at.hop :]
        self.waiting = known
        parts = []
        while (count := self._ready(last)) > 0:
            parts.append(self._answer(count))
            spent = max(0, self.behind - reach)
            self.spectra, self.levels = self.spectra[..., spent:], self.levels[..., spent:]
            self.behind -= spent
        out = np.concatenate(parts) if parts else np.zeros(0, np.float32)
        self.owed -= min(len(out), self.owed)
        return out

    def _ready(self, last: bool) -> int:
        """How many frames can be answered now: whole blocks, and at the end what is left."""
        new = self.levels.shape[2] - self.behind
        if last:
            return min(new, BLOCK_FRAMES)
        return BLOCK_FRAMES if new >= BLOCK_FRAMES + self.network.reach else 0

    def _answer(self, count: int) -> Audio:
        first, end = self.behind, self.behind + count
        seen = self.levels[..., : end + self.network.reach]
        gains = self.network(seen, self.quantiles, self.floor_db)[..., first:end]
        gains = 1 - self.strength * (1 - gains.clamp_min(10 ** (LEAST_GAIN_DB / 20)))
        cleaned = synthesise(self.spectra[..., first:end] * to_bins(gains, self.grid), self.grid)[0].numpy()
        tail = len(self.overlap)
        cleaned[:tail] += self.overlap
        self.overlap = cleaned[-tail:].copy()
        self.behind = end
        ready = cleaned[:-tail]
        # The first three hops lie before the recording.
        ready, self.begun = (ready if self.begun else ready[tail:]), True
        return np.ascontiguousarray(ready)


@lru_cache(maxsize=1)
def _shipped() -> Denoiser:
    if not SHIPPED_WEIGHTS.is_file():
        raise InputError(SHIPPED_WEIGHTS, "is missing; train weights with `tonewheel restore train`")
    return Denoiser.load(SHIPPED_WEIGHTS)
