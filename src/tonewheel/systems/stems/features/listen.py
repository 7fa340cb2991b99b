"""Listen to a sound once, block by block, and keep sums: enough for all features, a few numbers a frame."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonewheel.systems.stems.features.frames import (
    BANDS,
    EDGES_HZ,
    Floats,
    Framer,
    Spectra,
    band_sums,
    bin_frequencies_hz,
    level,
)

FRAMES_AT_ONCE = 64
FLUX_FLOOR = 1e-8
"""What rises from below -80 dB is no attack."""
AUDIBLE = 1e-10
"""Mean square of a frame that has a colour at all."""
PITCH_HZ = (55.0, 2000.0)
BASS_HZ = (30.0, 250.0)
LOW, MIDDLE, HIGH = slice(0, 3), slice(5, 15), slice(19, 24)
"""Bands below 120 Hz, from 200 to 2000 Hz, and above 5 kHz."""


class Heard(NamedTuple):
    """What was heard of a sound; power is the mean square of both channels, so a full sine has 0.5 in its band."""

    sample_rate_hz: float
    frame_rate_hz: float
    left: Floats
    """Mean power of each band, (24,)."""
    right: Floats
    cross: Floats
    """Mean product of left and right in each band, (24,); equal to both when they are the same."""
    level_mean: Floats
    level_deviation: Floats
    rise_mean: Floats
    """Mean rise of each band's level from frame to frame, falls left out, (24,)."""
    rise_deviation: Floats
    sustained: Floats
    """Share of each band's power that the frame before had already, (24,)."""
    chroma: Floats
    """Share of each pitch class from C in the magnitudes of 55 to 2000 Hz, (12,); 0 if there is nothing."""
    bass_chroma: Floats
    chroma_change: float
    centroid: tuple[float, float, float]
    """Mean and deviation of the centre of the spectrum, and mean width: octaves above 30 Hz over all octaves."""
    flatness: tuple[float, float]
    spectrum: Floats
    """Mean power of each bin."""
    power: Floats
    """Power of each frame, (frames,)."""
    flux: Floats
    """How much rises in each frame over all bands, (frames,)."""
    part_flux: Floats
    """The same of low, middle and high bands, (frames, 3)."""
    peak: float


class Listener:
    """Takes a sound in blocks of any size; the result does not depend on how it was cut.

    >>> tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(44100) / 44100)
    >>> heard = listen(tone, 44100)
    >>> int(heard.left.argmax()), round(float(heard.left.sum()), 3), int(heard.chroma.argmax())
    (8, 0.125, 9)
    """

    def __init__(self, sample_rate_hz: float) -> None:
        self.rate = sample_rate_hz
        self._framer = Framer(sample_rate_hz)
        size = self._framer.size
        self._bins_hz = bin_frequencies_hz(sample_rate_hz)
        # Parseval: so scaled, the bins of a frame sum to its mean square under the window.
        self._scale = 2.0 / (size * 0.375 * size)
        self._pitches = [_pitch_classes(self._bins_hz, *span) for span in (PITCH_HZ, BASS_HZ)]
        self._sums = {
            name: np.zeros(BANDS) for name in ("ll", "rr", "lr", "lv", "lv2", "up", "up2", "kept", "of")
        }
        self._chroma = [np.zeros(12), np.zeros(12)]
        self._changes: list[float] = []
        self._colour: list[Floats] = []
        self._spectrum = np.zeros(size // 2 + 1)
        self._frames: list[Floats] = []
        self._before: tuple[Floats, Floats] | None = None
        self._chroma_before = np.zeros(12)
        self._count = 0
        self._peak = 0.0

    def push(self, audio: NDArray[Any]) -> None:
        """Listen to the next block, (channels, samples) or (samples,)."""
        block = np.atleast_2d(np.asarray(audio))
        step = FRAMES_AT_ONCE * self._framer.hop
        for start in range(0, block.shape[1], step):
            piece = block[:, start : start + step]
            self._peak = max(self._peak, float(np.abs(piece).max(initial=0.0)))
            self._hear(self._framer.push(piece))

    def finish(self) -> Heard:
        """What was heard; the listener cannot be used again."""
        self._hear(self._framer.finish())
        n, sums = self._count, self._sums
        frames = np.concatenate(self._frames)
        colour = np.concatenate(self._colour) if self._colour else np.zeros((0, 3))
        mean = colour.mean(axis=0) if len(colour) else np.zeros(3)
        deviation = colour.std(axis=0) if len(colour) else np.zeros(3)
        rises = max(n - 1, 1)
        return Heard(
            sample_rate_hz=self.rate,
            frame_rate_hz=self.rate / self._framer.hop,
            left=sums["ll"] / n,
            right=sums["rr"] / n,
            cross=sums["lr"] / n,
            level_mean=sums["lv"] / n,
            level_deviation=np.sqrt(np.maximum(sums["lv2"] / n - (sums["lv"] / n) ** 2, 0.0)),
            rise_mean=sums["up"] / rises,
            rise_deviation=np.sqrt(np.maximum(sums["up2"] / rises - (sums["up"] / rises) ** 2, 0.0)),
            sustained=sums["kept"] / np.maximum(sums["of"], 1e-12),
            chroma=_shares(self._chroma[0]),
            bass_chroma=_shares(self._chroma[1]),
            chroma_change=float(np.mean(self._changes)) if self._changes else 0.0,
            centroid=(float(mean[0]), float(deviation[0]), float(mean[1])),
            flatness=(float(mean[2]), float(deviation[2])),
            spectrum=self._spectrum / n,
            power=frames[:, 0],
            flux=frames[:, 1],
            part_flux=frames[:, 2:],
            peak=self._peak,
        )

    def _hear(self, spectra: Spectra) -> None:
        if not len(spectra):
            return
        left, right = spectra[:, 0], spectra[:, 1]
        bins = [
            self._scale * (one.real * other.real + one.imag * other.imag)
            for one, other in ((left, left), (right, right), (left, right))
        ]
        both = 0.5 * (bins[0] + bins[1])
        bands = band_sums(both, self.rate)
        levels, heights = level(bands), level(bands, FLUX_FLOOR)
        sums = self._sums
        for name, values in zip(("ll", "rr", "lr"), bins, strict=True):
            sums[name] += band_sums(values.sum(axis=0), self.rate)
        sums["lv"] += levels.sum(axis=0)
        sums["lv2"] += (levels**2).sum(axis=0)
        first = self._before is None
        old_bands, old_heights = (bands[:1], heights[:1]) if self._before is None else self._before
        rise = np.maximum(np.diff(heights, axis=0, prepend=old_heights), 0.0)
        kept = np.minimum(bands, np.concatenate([old_bands, bands[:-1]]))
        sums["up"] += rise.sum(axis=0)
        sums["up2"] += (rise**2).sum(axis=0)
        sums["kept"] += kept[first:].sum(axis=0)
        sums["of"] += bands[first:].sum(axis=0)
        self._before = bands[-1:], heights[-1:]
        parts = [rise[:, part].mean(axis=1) for part in (LOW, MIDDLE, HIGH)]
        power = both.sum(axis=1)
        self._frames.append(np.stack([power, rise.mean(axis=1), *parts], axis=1))
        self._spectrum += both.sum(axis=0)
        self._count += len(bands)
        self._pitch(np.sqrt(both), power)
        self._colours(both, bands, power)

    def _pitch(self, magnitudes: Floats, power: Floats) -> None:
        chroma = magnitudes @ self._pitches[0]
        self._chroma[0] += chroma.sum(axis=0)
        self._chroma[1] += (magnitudes @ self._pitches[1]).sum(axis=0)
        for row in chroma[power > AUDIBLE]:
            share = _shares(row)
            if self._chroma_before.any() and share.any():
                self._changes.append(0.5 * float(np.abs(share - self._chroma_before).sum()))
            self._chroma_before = share

    def _colours(self, both: Floats, bands: Floats, power: Floats) -> None:
        inside = (self._bins_hz >= EDGES_HZ[0]) & (self._bins_hz < EDGES_HZ[-1])
        heard = both[power > AUDIBLE][:, inside]
        total = heard.sum(axis=1, keepdims=True)
        loud = total[:, 0] > AUDIBLE
        shares = heard[loud] / total[loud]
        octaves = np.log2(self._bins_hz[inside] / EDGES_HZ[0]) / np.log2(EDGES_HZ[-1] / EDGES_HZ[0])
        centre = shares @ octaves
        width = np.sqrt(np.maximum(shares @ octaves**2 - centre**2, 0.0))
        rows = bands[power > AUDIBLE][loud] + 1e-12
        flat = np.exp(np.log(rows).mean(axis=1)) / rows.mean(axis=1)
        self._colour.append(np.stack([centre, width, flat], axis=1))


def listen(audio: NDArray[Any], sample_rate_hz: float) -> Heard:
    """Listen to a whole sound, (channels, samples) or (samples,)."""
    listener = Listener(sample_rate_hz)
    listener.push(audio)
    return listener.finish()


def _pitch_classes(bins_hz: Floats, low_hz: float, high_hz: float) -> Floats:
    """Which pitch class each bin counts for, (bins, 12) of 0 and 1; C is 0, A at 440 Hz is 9."""
    out = np.zeros((len(bins_hz), 12))
    for number in np.flatnonzero((bins_hz >= low_hz) & (bins_hz < high_hz)):
        # Rounded half up: other languages do not round half to even.
        semitones = int(np.floor(12 * np.log2(bins_hz[number] / 440.0) + 0.5))
        out[number, (semitones + 9) % 12] = 1.0
    return out


def _shares(values: Floats) -> Floats:
    total = float(values.sum())
    return values / total if total > 1e-9 else np.zeros_like(values)
