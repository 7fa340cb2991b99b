"""Measure a recording while it is read once: blocks of some seconds, memory that does not grow with it."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.decode import blocks, probe
from tonewheel.audio.resample import Resampler
from tonewheel.systems.restore.measure import impulses, kinds
from tonewheel.systems.restore.measure.floor import FloorMeter
from tonewheel.systems.restore.measure.impulses import Found
from tonewheel.systems.restore.measure.level import LevelMeter
from tonewheel.systems.restore.measure.low import LowMeter
from tonewheel.systems.restore.measure.wow import WowMeter
from tonewheel.systems.restore.profile import Profile

Audio = NDArray[np.float32]

BLOCK_S, CONTEXT_S = 10.0, 0.25
HIGHEST_RATE_HZ = 48_000
"""Higher rates are measured at this or less: what is above 20 kHz tells nothing of a disc."""


class Measured(NamedTuple):
    """A profile with what it was made of, for pictures."""

    profile: Profile
    clicks: list[Found]
    """Of each channel, at `sample_rate_hz`."""
    floor: FloorMeter
    low: LowMeter
    sample_rate_hz: int


def measure(path: str | PathLike[str]) -> Measured:
    """The damage of a recording in any format, each channel measured alone; errors as `audio.decode.blocks`."""
    info = probe(path)
    parts = blocks(path, block_s=BLOCK_S, mono=False)
    return measure_blocks(parts, info.sample_rate_hz, name=Path(path).name)


def measure_audio(audio: Audio, sample_rate_hz: int, name: str = "") -> Profile:
    """The damage of what is in memory, (samples,) or (channels, samples).

    >>> rng = np.random.default_rng(0)
    >>> noise = (0.001 * rng.standard_normal(441_000)).astype(np.float32)
    >>> measure_audio(noise, 44_100).clicks is None
    True
    """
    channels = np.atleast_2d(audio)
    step = max(1, round(BLOCK_S * sample_rate_hz))
    parts = (channels[:, first : first + step] for first in range(0, max(channels.shape[1], 1), step))
    return measure_blocks(parts, sample_rate_hz, name=name).profile


def measure_blocks(parts: Iterable[Audio], sample_rate_hz: int, name: str = "") -> Measured:
    """The damage of (channels, samples) blocks of any length."""
    meter: _Meter | None = None
    for part in parts:
        meter = meter or _Meter(len(part), sample_rate_hz)
        meter.add(part)
    return (meter or _Meter(1, sample_rate_hz)).result(name)


class _Meter:
    """All meters together, behind a finder of impulses, so that no click counts as hiss or rumble."""

    def __init__(self, channels: int, sample_rate_hz: int) -> None:
        self.own_rate_hz = sample_rate_hz
        factor = -(-sample_rate_hz // HIGHEST_RATE_HZ)
        self.rate_hz = round(sample_rate_hz / factor)
        self.resampler = Resampler(sample_rate_hz, self.rate_hz, channels)
        self.level = LevelMeter(channels)
        self.floor = FloorMeter(self.rate_hz)
        self.low = LowMeter(self.rate_hz, channels)
        self.wow = WowMeter(self.rate_hz)
        self.found: list[list[Found]] = [[] for _ in range(channels)]
        self.candidates = self.periodic = self.samples = 0
        self.waiting = np.zeros((channels, 0), np.float32)
        self.first = 0  # the sample number of the first that waits
        self.begun = 0  # samples of what waits that were measured before, and are context now

    def add(self, part: Audio) -> None:
        self.level.add(part)
        self.samples += part.shape[-1]
        self._push(self.resampler.push(part))

    def _push(self, part: Audio, last: bool = False) -> None:
        self.waiting = np.concatenate((self.waiting, part), axis=-1)
        context = round(CONTEXT_S * self.rate_hz)
        step = round(BLOCK_S * self.rate_hz)
        while self.waiting.shape[-1] - self.begun >= step + context or (
            last and self.waiting.shape[-1] > self.begun
        ):
            remaining = self.waiting.shape[-1] - self.begun
            own = remaining if last and remaining < step + context else step
            self._measure(self.waiting[:, : self.begun + own + context], own)
            keep = max(0, self.begun + own - context)
            self.waiting, self.first = self.waiting[:, keep:], self.first + keep
            self.begun += own - keep

    def _measure(self, audio: Audio, own: int) -> None:
        """`audio` is context, `own` samples that are measured now, context."""
        begin, end = self.begun, self.begun + own
        repaired = np.empty((len(audio), own), np.float32)
        for channel, signal in enumerate(audio.astype(np.float64)):
            candidates, clean = impulses.find(signal, self.rate_hz)
            inside = (candidates.starts >= begin) & (candidates.starts < end)
            here = candidates.at(inside)
            self.candidates += len(here.starts)
            self.periodic += int(np.sum(here.periodic >= impulses.PERIODIC))
            damage = here.at(impulses.judge(here, self.rate_hz))
            self.found[channel].append(damage._replace(starts=damage.starts + self.first))
            repaired[channel] = clean[begin:end]
            self.floor.add(repaired[channel])
            self.low.add(channel, repaired[channel])
        self.level.add_repaired(repaired, self.rate_hz)
        self.wow.add(repaired[0])

    def result(self, name: str) -> Measured:
        if self.samples:
            empty = np.zeros((len(self.found), 0), np.float32)
            self._push(self.resampler.push(empty, last=True), last=True)
        found = [Found.joined(parts) for parts in self.found]
        seconds = self.samples / self.own_rate_hz
        clicks, crackle = kinds.kinds(found, self.candidates, self.periodic, seconds, self.rate_hz)
        if clicks is None and crackle is None:
            found = [impulses.NOTHING for _ in found]
        self.low.finish()
        rms = self.level.rms
        music_db = float(20 * np.log10(max(rms, 1e-9)))
        rumble = self.low.rumble(music_db)
        hiss = self.floor.hiss(music_db)
        profile = Profile(
            recording=name,
            sample_rate_hz=self.own_rate_hz,
            channels=len(self.found),
            seconds=round(seconds, 3),
            music_rms=round(rms, 6),
            peak=round(self.level.peak, 6),
            snr_db=round(self.floor.snr_db(music_db), 2),
            bandwidth_hz=(self.low.music_from_hz(rumble), self.floor.highest_hz),
            dc=self.level.dc,
            clipped=round(self.level.clipped, 7),
            floor=self.floor.spectrum,
            clicks=clicks,
            crackle=crackle,
            hiss=hiss,
            hum=self.low.hum(),
            rumble=rumble,
            wow=self.wow.result(),
        )
        return Measured(profile, found, self.floor, self.low, self.rate_hz)
