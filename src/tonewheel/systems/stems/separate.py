"""Take a mix apart: sound at any rate and with any channels to stems of the same rate, length and channels.

The ladder, each step usable alone: `Running` (stereo at 44.1 kHz, shares to stems) < `Stream` (any rate, any channels,
exact sum) < `separate` (an array) < `files.separate_file`. Channels are taken apart in pairs, as left and right; a last
one without a partner is a mono mix. What a resampler loses, above 22.05 kHz and in rounding, is in `harmonic`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tonewheel.audio.resample import Resampler
from tonewheel.core.errors import InputError
from tonewheel.manifest.stems import STEMS, fold_rows
from tonewheel.systems.stems.exact import exactly
from tonewheel.systems.stems.masker import Masker
from tonewheel.systems.stems.rows import SAMPLE_RATE_HZ
from tonewheel.systems.stems.running import STRETCH, Running

Audio = NDArray[np.float32]

REST = "harmonic"
"""The stem that takes the last rounding error, or the fold that it is in."""


class Stream:
    """Blocks (channels, n) of a mix to blocks (stems, channels, m); joined they are as long as the mix, and sum to it.

    `fold` 6, 4 or 2 as in `manifest.stems`; `limited` for files of 24-bit integers.

    >>> from tonewheel.systems.stems.baselines.share import EqualShares
    >>> stream = Stream(EqualShares(), 48_000, channels=1)
    >>> mix = np.random.default_rng(0).standard_normal((1, 7000)).astype(np.float32) / 10
    >>> stems = np.concatenate([stream.push(mix), stream.finish()], axis=2)
    >>> stems.shape, float(np.abs(stems.sum(axis=0) - mix).max()) < 1e-7
    ((6, 1, 7000), True)
    """

    def __init__(
        self,
        masker: Masker,
        sample_rate_hz: int,
        channels: int,
        *,
        fold: int = 6,
        limited: bool = False,
        stretch: int = STRETCH,
    ) -> None:
        self.rows = fold_rows(fold)
        self.names = tuple(self.rows)
        self.rest = next(at for at, rows in enumerate(self.rows.values()) if STEMS.index(REST) in rows)
        self.channels, self.limited = channels, limited
        self.pairs = [Running(masker, stretch) for _ in range(0, channels, 2)]
        self.to_ours = Resampler(sample_rate_hz, SAMPLE_RATE_HZ, channels)
        self.to_theirs = Resampler(SAMPLE_RATE_HZ, sample_rate_hz, len(self.rows) * channels)
        self.mix = np.zeros((channels, 0), np.float32)
        """What was fed and is not given back yet."""
        self.stems = np.zeros((len(self.rows), channels, 0), np.float32)
        """Stems that came out before their mix was fed: a resampler may round up."""

    def push(self, block: NDArray[Any]) -> Audio:
        """The next samples; the stems that are ready by now, which may be nothing."""
        self.mix = np.concatenate([self.mix, block], axis=1)
        return self._given(self._apart(self.to_ours.push(block), last=False))

    def finish(self) -> Audio:
        """The rest, when nothing follows."""
        last = self._apart(self.to_ours.push(np.zeros((self.channels, 0), np.float32), last=True), last=True)
        short = max(0, self.mix.shape[1] - self.stems.shape[2] - last.shape[2])
        return self._given(np.pad(last, ((0, 0), (0, 0), (0, short))))

    def _apart(self, heard: Audio, last: bool) -> Audio:
        """Folded stems at the mix's rate of what came at ours."""
        parts = []
        for at, running in enumerate(self.pairs):
            pair = torch.from_numpy(np.ascontiguousarray(heard[2 * at : 2 * at + 2]))
            both = pair.expand(2, -1) if len(pair) == 1 else pair
            found = running.push(both)
            if last:
                found = torch.cat([found, running.finish()], dim=2)
            parts.append(found[:, : len(pair)].numpy())
        six = np.concatenate(parts, axis=1)
        folded = np.stack([six[rows].sum(axis=0) for rows in self.rows.values()])
        flat = self.to_theirs.push(folded.reshape(len(folded) * self.channels, folded.shape[2]), last=last)
        return flat.reshape(*folded.shape[:2], flat.shape[1])

    def _given(self, stems: Audio) -> Audio:
        ready = np.concatenate([self.stems, stems], axis=2)
        count = min(ready.shape[2], self.mix.shape[1])
        self.stems = ready[:, :, count:]
        mix, self.mix = self.mix[:, :count], self.mix[:, count:]
        return exactly(ready[:, :, :count], mix, self.rest, limited=self.limited)


def separate(audio: NDArray[Any], sample_rate_hz: int, masker: Masker, *, fold: int = 6) -> Audio:
    """Stems of sound in memory, (samples,) or (channels, samples) -> (stems, ...) of that shape; float32.

    InputError for another shape, no samples, NaN.
    """
    planes = np.atleast_2d(np.asarray(audio, np.float32))
    if planes.ndim != 2 or planes.shape[1] == 0:
        raise InputError("audio", f"has shape {np.shape(audio)}, expected (samples,) or (channels, samples)")
    if not np.isfinite(planes).all():
        raise InputError("audio", "holds NaN or infinite samples")
    stream = Stream(masker, sample_rate_hz, len(planes), fold=fold)
    stems = np.concatenate([stream.push(planes), stream.finish()], axis=2)
    return stems[:, 0] if np.ndim(audio) == 1 else stems
