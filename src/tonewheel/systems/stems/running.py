"""Shares to stems as a stream: blocks of a stereo mix in, the same samples of six stems out, in bounded memory.

Frames lie where they would if the whole recording were there at once (frame k is centred on sample k * HOP), stretches
of them begin at multiples of the network's grid and are heard with as many frames around as a share depends on. So
it makes no difference how a recording is cut. Stretches meet by the cross-fade of the windows themselves, three
quarters of one.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from tonewheel.manifest.stems import STEMS
from tonewheel.systems.stems.masker import Masker
from tonewheel.systems.stems.rows import HOP, N_FFT
from tonewheel.systems.stems.spectra import left_right, mid_side

STRETCH = 512
"""Frames whose stems are made at once, 12 s: longer costs memory, shorter more of the frames around twice."""
HALF = N_FFT // 2
OVERLAP = N_FFT // HOP


class Running:
    """Blocks (2, n) of a mix at 44.1 kHz to blocks (6, 2, m); all that was given back is what was fed, no more.

    >>> from tonewheel.systems.stems.model import Separator
    >>> from tonewheel.systems.stems.recipe import NetworkRecipe
    >>> from tonewheel.systems.stems.masker import NetMasker
    >>> running = Running(NetMasker(Separator(NetworkRecipe())))
    >>> mix = torch.randn(2, 9000)
    >>> stems = torch.cat([running.push(mix), running.finish()], dim=2)
    >>> bool((stems.sum(0) - mix).abs().max() < 1e-5)
    True
    """

    def __init__(self, masker: Masker, stretch: int = STRETCH) -> None:
        self.masker, self.stretch = masker, stretch
        self.window = torch.hann_window(N_FFT)
        self.heard = torch.zeros(2, HALF)
        """Samples that frames yet to come need; before the first there are zeros."""
        self.first = -HALF
        self.fed = self.frames = self.given = 0
        """Samples fed, frames whose stems are in `sums`, samples given back."""
        self.sums = torch.zeros(len(STEMS), 2, N_FFT - HOP)
        self.weights = torch.zeros(N_FFT - HOP)
        """What overlaps into the samples from `frames * HOP - HALF` on, and the squared windows of it."""

    def push(self, block: Tensor) -> Tensor:
        """The next samples of the mix; the stems that are ready by now, which may be nothing."""
        self.heard = torch.cat([self.heard, block], dim=1)
        self.fed += block.shape[1]
        ready = []
        while self.frames + self.stretch + self.masker.reach <= (self.fed - HALF) // HOP + 1:
            ready.append(
                self._advance(self.frames + self.stretch, self.frames + self.stretch + self.masker.reach)
            )
        return torch.cat(ready, dim=2) if ready else torch.zeros(len(STEMS), 2, 0)

    def finish(self) -> Tensor:
        """The rest, when nothing follows."""
        total = 1 + self.fed // HOP if self.fed else 0
        self.heard = functional.pad(self.heard, (0, N_FFT))
        ready = []
        while self.frames < total:
            stop = min(total, self.frames + self.stretch)
            ready.append(self._advance(stop, min(total, stop + self.masker.reach)))
        if self.given < self.fed:
            ready.append(self._ready(self.sums, self.weights))
        return torch.cat(ready, dim=2) if ready else torch.zeros(len(STEMS), 2, 0)

    def _advance(self, stop: int, heard_until: int) -> Tensor:
        """Stems of the frames up to `stop`, from shares that were found with those up to `heard_until` around."""
        start = max(0, self.frames - self.masker.reach)
        spectrum = self._spectrum(start, heard_until)
        inside = slice(self.frames - start, stop - start)
        shares = self.masker.shares(spectrum)[..., inside]
        keep = max(0, stop - self.masker.reach) * HOP - HALF
        if keep > self.first:
            self.heard, self.first = self.heard[:, keep - self.first :].clone(), keep
        sounds = self._sounds(torch.view_as_complex(spectrum[:, :, inside].contiguous()), shares)
        self.sums, self.weights = (
            _overlapped(sounds, self.sums),
            _overlapped(self._squares(sounds), self.weights),
        )
        whole = (stop - self.frames) * HOP
        ready = self._ready(self.sums[..., :whole], self.weights[:whole])
        self.sums, self.weights, self.frames = (
            self.sums[..., whole:].clone(),
            self.weights[whole:].clone(),
            stop,
        )
        return ready

    def _spectrum(self, start: int, stop: int) -> Tensor:
        """Frames [start, stop) of mid and side, as `spectra.analyse` makes them: (2, bins, frames, 2)."""
        begin = start * HOP - HALF - self.first
        audio = mid_side(self.heard[:, begin : begin + (stop - start - 1) * HOP + N_FFT])
        found = torch.stft(audio, N_FFT, HOP, window=self.window, center=False, return_complex=True)
        return torch.view_as_real(found)

    def _sounds(self, spectrum: Tensor, shares: Tensor) -> Tensor:
        """Windowed waves of each frame of each stem, left and right: (6, 2, frames, N_FFT)."""
        waves = [
            torch.fft.irfft((spectrum * share).transpose(1, 2), N_FFT) * self.window
            for share in shares.unbind(0)
        ]
        return torch.stack([left_right(wave.flatten(1)).reshape(wave.shape) for wave in waves])

    def _squares(self, sounds: Tensor) -> Tensor:
        return self.window.square().expand(sounds.shape[2], N_FFT)

    def _ready(self, sums: Tensor, weights: Tensor) -> Tensor:
        """The samples of the recording among those from `frames * HOP - HALF` on."""
        first = self.frames * HOP - HALF
        inside = slice(max(0, self.given - first), max(0, self.fed - first))
        found = sums[..., inside] / weights[inside].clamp_min(1e-8)
        self.given += found.shape[-1]
        return found


def _overlapped(frames: Tensor, before: Tensor) -> Tensor:
    """Frames (..., frames, N_FFT) laid over each other every HOP samples, and over what reached in from `before`.

    Shape: (..., (frames - 1) * HOP + N_FFT).
    """
    count = frames.shape[-2]
    out = frames.new_zeros(*frames.shape[:-2], (count + OVERLAP - 1), HOP)
    parts = frames.reshape(*frames.shape[:-1], OVERLAP, HOP)
    for part in range(OVERLAP):
        out[..., part : part + count, :] += parts[..., part, :]
    joined = out.flatten(-2)
    joined[..., : before.shape[-1]] += before
    return joined
