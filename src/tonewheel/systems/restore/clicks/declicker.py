"""From damaged audio to cleaned audio and a list of clicks, with trained weights.

Look at the signal, judge every sample, repair, look again under the better repair's models, repair for good.
Everything depends on a bounded stretch around a sample, and stretches are cut on an absolute grid, so a stream of any
blocks gives what the whole gives.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import torch
from msgspec import structs
from numpy.typing import NDArray
from scipy import ndimage

from tonewheel.core.errors import InputError
from tonewheel.core.records import Record
from tonewheel.learn.weights import load_trained
from tonewheel.systems.restore.ar import Mask, Samples
from tonewheel.systems.restore.clicks.features import FEATURES, Analysis, analyse, examine
from tonewheel.systems.restore.clicks.model import STACKED, ClickNet
from tonewheel.systems.restore.clicks.recipe import ClicksRecipe
from tonewheel.systems.restore.clicks.remove import Verdicts, repair

Audio = NDArray[np.float32]

KIND = "click detector"
SHIPPED_WEIGHTS = Path(__file__).parents[1] / "weights" / "clicks.safetensors"
FASTEST_HZ = 64_000
"""Faster recordings are judged in turns: every second sample as a signal of half the rate, and so on."""
STRETCH_S, CONTEXT_S = 10.0, 0.5
"""A recording is worked on in stretches of this length, each with this much heard on either side."""
SURE = 0.5
LEAST_SIZE = 0.3
"""In residual scales: what any sample near damage may be off, so that a sharp model never bends to a missed one."""
PIECE = 2**16
"""Samples that the net judges at once: what is between its layers then stays in the cache, at a third of the time."""
AROUND = 5
"""Samples over which the largest surprise counts: damage passes through zero."""
LEAST_LISTED = 0.2
"""A click is listed when some sample of it is surer than the first, and spans those surer than the second."""
APART_S = 0.0003
"""Hits nearer to each other than this are one click."""


class Click(Record):
    """One click that was removed, of one channel."""

    start_s: float
    width_s: float
    peak: float
    """Largest change of a sample, of full scale."""
    chance: float
    """How sure the detector is, 0 to 1."""
    channel: int = 0


class Cleaned(NamedTuple):
    """What `Declicker.process` gives: audio of the same shape, and the clicks in order of time."""

    audio: Audio
    clicks: list[Click]


class Declicker:
    """A trained click detector with everything around it.

    >>> declicker = Declicker(ClickNet(ClicksRecipe().network, FEATURES), ClicksRecipe(), "untrained")
    >>> declicker.process(np.zeros((2, 4000), np.float32), 44_100).audio.shape
    (2, 4000)
    """

    def __init__(self, net: ClickNet, recipe: ClicksRecipe, fingerprint: str) -> None:
        self.net = net.eval()
        self.recipe = recipe
        self.fingerprint = fingerprint

    @classmethod
    def load(cls, weights: str | Path) -> Self:
        """Read weights written by training; InputError when the file is not one of those."""
        net, recipe, saved = load_trained(
            weights, KIND, ClicksRecipe, lambda recipe: ClickNet(recipe.network, FEATURES)
        )
        return cls(net, recipe, saved.sha256)

    @classmethod
    def shipped(cls) -> Declicker:
        """The weights that come with Tonewheel, read once."""
        return _shipped()

    def process(self, audio: NDArray[np.floating], sample_rate_hz: int) -> Cleaned:
        """Audio of (samples,) or (channels, samples), cleaned, float32; each channel alone.

        Samples that are not judged damaged stay as they are, bit for bit. InputError for other shapes.
        """
        audio = np.asarray(audio, np.float32)
        if audio.ndim not in (1, 2):
            raise InputError(
                "audio", f"has {audio.ndim} dimensions, expected (samples,) or (channels, samples)"
            )
        running = Running(self, sample_rate_hz, channels=1 if audio.ndim == 1 else len(audio))
        parts = [running.push(np.atleast_2d(audio)), running.finish()]
        out = np.concatenate([part.audio for part in parts], axis=1)
        return Cleaned(out.reshape(audio.shape), parts[0].clicks + parts[1].clicks)

    def clean(self, plane: NDArray[np.floating], sample_rate_hz: int) -> tuple[Samples, Mask, Verdicts]:
        """One stretch of one channel: repaired, which samples were, and the verdicts; each (samples,)."""
        signal = np.asarray(plane, np.float64)
        settings = self.recipe.repair
        verdicts, before = self.judge(signal, None, sample_rate_hz)
        for _ in range(settings.looks - 1):
            before, _ = repair(signal, verdicts, before, sample_rate_hz, settings.coarser())
            verdicts, _ = self.judge(signal, before, sample_rate_hz)
        repaired, mask = repair(signal, verdicts, before, sample_rate_hz, settings)
        return repaired, mask, verdicts

    def judge(
        self, signal: Samples, repaired: Samples | None, sample_rate_hz: int
    ) -> tuple[Verdicts, Samples]:
        """Verdicts on a mono signal, and the repair whose models they were made under."""
        count = turns(sample_rate_hz)
        rate = sample_rate_hz // count
        hit, size, before = np.zeros(signal.size, np.float32), np.zeros(signal.size), np.zeros(signal.size)
        for turn in range(count):
            own = slice(turn, None, count)
            if repaired is None:
                seen = analyse(signal[own], rate, self.recipe.analysis)
            else:
                seen = examine(signal[own], repaired[own], rate, self.recipe.analysis)
            hit[own], size[own] = self.verdicts(seen)
            before[own] = seen.repaired
        return Verdicts(hit, size), before

    @torch.inference_mode()
    def verdicts(self, seen: Analysis) -> Verdicts:
        """What the net says of an analysed signal."""
        samples = seen.features.shape[1]
        features = torch.from_numpy(np.pad(seen.features, ((0, 0), (0, -samples % STACKED))))[None]
        hit, size = np.empty(samples, np.float32), np.empty(samples, np.float32)
        for start in range(0, samples, PIECE):
            first = max(0, start - self.net.context_samples)
            judged = self.net(features[..., first : start + PIECE + self.net.context_samples])
            stop = min(samples, start + PIECE)
            hit[start:stop] = torch.sigmoid(judged.hit[0, start - first : stop - first]).numpy()
            size[start:stop] = judged.size[0, start - first : stop - first].numpy()
        told = np.exp(size.astype(np.float64)) * seen.scale
        # What surprises from both sides is damaged at least that much; smooth damage surprises nobody but the net.
        least = ndimage.maximum_filter1d(np.maximum(seen.surprise, LEAST_SIZE * seen.scale), AROUND)
        return Verdicts(hit, np.maximum(least, np.where(hit > SURE, told, 0.0)))


class Running:
    """A declicker that is fed block by block; its joined output equals that of the whole.

    Push blocks of (channels, samples); a push gives what is ready, which may be nothing.
    """

    def __init__(self, declicker: Declicker, sample_rate_hz: int, channels: int) -> None:
        self.declicker = declicker
        self.sample_rate_hz = sample_rate_hz
        self.stretch = round(STRETCH_S * sample_rate_hz)
        self.context = round(CONTEXT_S * sample_rate_hz)
        self.held = np.zeros((channels, 0), np.float32)
        self.first = 0
        """Where in the recording the first held sample lies."""
        self.done = 0
        """Samples given so far."""

    def push(self, block: Audio) -> Cleaned:
        """The next samples of every channel; what is ready, and the clicks in it."""
        self.held = np.concatenate([self.held, np.asarray(block, np.float32)], axis=1)
        parts = []
        while self.first + self.held.shape[1] >= self.done + self.stretch + self.context:
            parts.append(self._advance(self.done + self.stretch))
        return self._together(parts)

    def finish(self) -> Cleaned:
        """What was still waiting for what follows, when nothing follows."""
        end, parts = self.first + self.held.shape[1], []
        while self.done < end:
            parts.append(self._advance(min(end, self.done + self.stretch)))
        return self._together(parts)

    def _together(self, parts: list[Cleaned]) -> Cleaned:
        out = np.concatenate([self.held[:, :0], *(part.audio for part in parts)], axis=1)
        return Cleaned(out, [click for part in parts for click in part.clicks])

    def _advance(self, stop: int) -> Cleaned:
        """The stretch up to `stop`, heard with its context; then what is not needed any more is let go."""
        inside = slice(self.done - self.first, stop - self.first)
        heard = self.held[:, : inside.stop + self.context]
        out, clicks = heard[:, inside].copy(), []
        for channel, plane in enumerate(heard):
            cleaned, mask, verdicts = self.declicker.clean(plane, self.sample_rate_hz)
            changed = np.flatnonzero(mask[inside])
            out[channel, changed] = cleaned[inside][changed]
            for found in listed(plane, cleaned, mask, verdicts.hit, self.sample_rate_hz):
                start = found.start_s * self.sample_rate_hz
                if inside.start <= round(start) < inside.stop:
                    at_s = found.start_s + self.first / self.sample_rate_hz
                    clicks.append(structs.replace(found, start_s=at_s, channel=channel))
        keep = max(self.first, stop - self.context)
        self.held, self.first, self.done = self.held[:, keep - self.first :].copy(), keep, stop
        return Cleaned(out, sorted(clicks, key=lambda click: click.start_s))


def turns(sample_rate_hz: int) -> int:
    """How many signals a recording is taken apart into before it is judged.

    >>> turns(44_100), turns(96_000), turns(192_000)
    (1, 2, 3)
    """
    return -(-sample_rate_hz // FASTEST_HZ)


def listed(
    before: NDArray[np.floating], after: Samples, mask: Mask, hit: NDArray[np.float32], sample_rate_hz: int
) -> list[Click]:
    """The clicks among the repaired samples: runs of `mask`, near ones joined, that are sure enough.

    >>> mask = np.arange(9) % 5 == 2
    >>> after = np.zeros(9)
    >>> [(c.start_s, c.peak) for c in listed(mask * 0.5, after, mask, mask.astype(np.float32), 1000)]
    [(0.002, 0.5), (0.007, 0.5)]
    """
    places = np.flatnonzero(mask & (hit > LEAST_LISTED))
    if not len(places):
        return []
    change = np.abs(np.asarray(before, np.float64)[places] - after[places])
    first = np.flatnonzero(np.diff(places, prepend=-sample_rate_hz) > max(1, round(APART_S * sample_rate_hz)))
    last = np.append(first[1:], len(places)) - 1
    peaks, chances = np.maximum.reduceat(change, first), np.maximum.reduceat(hit[places], first)
    return [
        Click(
            start_s=int(places[a]) / sample_rate_hz,
            width_s=int(places[b] - places[a] + 1) / sample_rate_hz,
            peak=float(peak),
            chance=float(chance),
        )
        for a, b, peak, chance in zip(first, last, peaks, chances, strict=True)
        if chance >= SURE
    ]


@lru_cache(maxsize=1)
def _shipped() -> Declicker:
    if not SHIPPED_WEIGHTS.is_file():
        raise InputError(SHIPPED_WEIGHTS, "is missing; train weights with `tonewheel restore train`")
    return Declicker.load(SHIPPED_WEIGHTS)
