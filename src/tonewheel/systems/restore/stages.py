"""Cleaning as a stream: stages that are fed blocks, hold what they still need, and give the rest without delay.

Every stage gives back as many samples as it was fed, in their places; what it gives depends on where a sample
lies in the recording, not on how the recording was cut into blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tonewheel.systems.restore.clicks.declicker import Click, Declicker, Running
from tonewheel.systems.restore.hiss.denoiser import Denoiser, Floor
from tonewheel.systems.restore.hum import HumRemover
from tonewheel.systems.restore.profile import HumProfile
from tonewheel.systems.restore.rumble import RumbleRemover

Audio = NDArray[np.float32]

STRETCH_S = 4.0


class Stage(Protocol):
    """Blocks of (channels, n) in and out."""

    def push(self, block: Audio) -> Audio:
        """The next samples; what is ready by now, which may be nothing."""

    def finish(self) -> Audio:
        """The rest, when nothing follows."""


def run(blocks: Iterable[Audio], stages: Sequence[Stage]) -> Iterator[Audio]:
    """All blocks through all stages, one after the other."""
    for block in blocks:
        for stage in stages:
            block = stage.push(block)
        if block.shape[-1]:
            yield block
    for number, stage in enumerate(stages):
        rest = stage.finish()
        for later in stages[number + 1 :]:
            rest = later.push(rest)
        if rest.shape[-1]:
            yield rest


class Windowed:
    """A stage for work that needs so many samples around each: stretches at fixed places, heard with their context.

    >>> mean = Windowed(lambda part, start: part * 2, channels=1, stretch=4, context=2)
    >>> sum(part.shape[1] for part in run([np.ones((1, 7), np.float32)], [mean]))
    7
    """

    def __init__(
        self, process: Callable[[Audio, int], Audio], *, channels: int, stretch: int, context: int
    ) -> None:
        self.process, self.stretch, self.context = process, stretch, context
        self.held = np.zeros((channels, 0), np.float32)
        self.first = self.done = 0

    def push(self, block: Audio) -> Audio:
        """See `Stage`."""
        self.held = np.concatenate((self.held, block), axis=1)
        parts = [self.held[:, :0]]
        while self.first + self.held.shape[1] >= self.done + self.stretch + self.context:
            parts.append(self._advance(self.done + self.stretch))
        return np.concatenate(parts, axis=1)

    def finish(self) -> Audio:
        """See `Stage`."""
        end, parts = self.first + self.held.shape[1], [self.held[:, :0]]
        while self.done < end:
            parts.append(self._advance(min(end, self.done + self.stretch)))
        return np.concatenate(parts, axis=1)

    def _advance(self, stop: int) -> Audio:
        inside = slice(self.done - self.first, stop - self.first)
        heard = self.held[:, : inside.stop + self.context]
        out = self.process(heard, self.first)[:, inside]
        keep = max(self.first, stop - self.context)
        self.held, self.first, self.done = self.held[:, keep - self.first :].copy(), keep, stop
        return np.asarray(out, np.float32)


class ClicksStage:
    """Clicks and crackle; with less than full strength only those that are surer than `1 - strength`.

    `heard` is called with the clicks of every part that is given back.
    """

    def __init__(
        self,
        declicker: Declicker,
        sample_rate_hz: int,
        channels: int,
        strength: float = 1.0,
        heard: Callable[[Sequence[Click]], None] = lambda clicks: None,
    ) -> None:
        self.running = Running(declicker, sample_rate_hz, channels)
        self.sample_rate_hz, self.strength, self.heard = sample_rate_hz, strength, heard
        self.waiting = np.zeros((channels, 0), np.float32)
        self.done = 0
        self.reaches = np.zeros(channels, np.int64)
        """Up to where the last click of each channel goes that is sure enough."""

    def push(self, block: Audio) -> Audio:
        """See `Stage`."""
        self.waiting = np.concatenate((self.waiting, block), axis=1)
        found = self.running.push(block)
        return self._kept(found.audio, found.clicks)

    def finish(self) -> Audio:
        """See `Stage`."""
        found = self.running.finish()
        return self._kept(found.audio, found.clicks)

    def _kept(self, cleaned: Audio, clicks: list[Click]) -> Audio:
        length = cleaned.shape[1]
        before, self.waiting = self.waiting[:, :length], self.waiting[:, length:].copy()
        if self.strength < 1:
            clicks = [click for click in clicks if click.chance >= 1 - self.strength]
            sure = np.zeros(cleaned.shape, bool)
            for channel, reach in enumerate(self.reaches):
                sure[channel, : max(0, reach - self.done)] = True
            for click in clicks:
                first = round(click.start_s * self.sample_rate_hz)
                last = round((click.start_s + click.width_s) * self.sample_rate_hz)
                sure[click.channel, max(0, first - self.done) : max(0, last - self.done)] = True
                self.reaches[click.channel] = max(self.reaches[click.channel], last)
            cleaned = np.where(sure, cleaned, before)
        self.done += length
        self.heard(clicks)
        return cleaned


class HissStage:
    """Hiss, each channel over its own measured floor."""

    def __init__(
        self, denoiser: Denoiser, sample_rate_hz: int, floors: Sequence[Floor], strength: float = 1.0
    ) -> None:
        self.streams = [denoiser.stream(sample_rate_hz, floor, strength) for floor in floors]

    def push(self, block: Audio) -> Audio:
        """See `Stage`."""
        return np.stack([stream.push(channel) for stream, channel in zip(self.streams, block, strict=True)])

    def finish(self) -> Audio:
        """See `Stage`."""
        return np.stack([stream.finish() for stream in self.streams])


def hum_stage(hum: HumProfile, sample_rate_hz: int, channels: int, strength: float = 1.0) -> Windowed:
    """The mains and its harmonics."""
    remover = HumRemover(hum, sample_rate_hz)

    def process(part: Audio, start: int) -> Audio:
        return np.stack([channel - strength * remover.hum(channel, start) for channel in part])

    # Twice what it needs around a part: a part shorter than its smoothing it would take for a whole recording.
    context = 2 * remover.context_samples
    stretch = max(round(STRETCH_S * sample_rate_hz), 4 * context)
    return Windowed(process, channels=channels, stretch=stretch, context=context)


def rumble_stage(
    cutoff_hz: float | None, offsets: Sequence[float], sample_rate_hz: int, strength: float = 1.0
) -> Windowed:
    """What lies below the music, and a constant offset of each channel."""
    removers = [RumbleRemover(cutoff_hz, sample_rate_hz, offset) for offset in offsets]
    context = removers[0].context_samples

    def process(part: Audio, _start: int) -> Audio:
        cleaned = np.stack(
            [remover.process(channel) for remover, channel in zip(removers, part, strict=True)]
        )
        return np.asarray(part + np.float32(strength) * (cleaned - part), np.float32)

    stretch = max(round(STRETCH_S * sample_rate_hz), 4 * context)
    return Windowed(process, channels=len(offsets), stretch=stretch, context=context)
