"""Which notes sound: power of half semitones over five octaves, whitened, sixteen times a second.

The band between 130 Hz and 4 kHz, where a phone still hears and where melodies and chords are. Each cell is
divided by the mean of its neighbourhood (an octave up and down, a second before and after), so level, tone
control, room and steady noise leave little behind: what a listener of harmony needs, and a fingerprint not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from tonewheel.audio.spectra import frame_count, power
from tonewheel.core.records import Record

Floats = NDArray[np.float32]
A4_HZ, A4_PITCH = 440.0, 69


class PitchSpec(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a pitch map is computed; it is stored with every model that reads one."""

    sample_rate_hz: int = 16_000
    n_fft: int = 4096
    """Samples: 3.9 Hz a bin, a semitone at 130 Hz is 7.7 Hz."""
    hop_samples: int = 1000
    lowest_pitch: int = 48
    """MIDI number, C3 = 131 Hz: phones pass nothing lower."""
    octaves: int = 5
    bins_per_semitone: int = 2
    around_semitones: int = 24
    around_s: float = 2.0

    @property
    def bins(self) -> int:
        """Rows of a pitch map."""
        return 12 * self.octaves * self.bins_per_semitone

    @property
    def frame_rate_hz(self) -> float:
        """Columns a second."""
        return self.sample_rate_hz / self.hop_samples

    def frames(self, samples: int) -> int:
        """How many columns so many samples give."""
        return frame_count(samples, self.n_fft, self.hop_samples)


def filters(spec: PitchSpec) -> Floats:
    """Triangles in pitch, each from the centre of the bin below to that of the bin above.

    Shape: (bins, n_fft // 2 + 1); rows sum to 1. Where a triangle is narrower than the spectrum's resolution it
    is as wide as that.

    >>> table = filters(PitchSpec())
    >>> table.shape, int(np.argmax(table[2 * (69 - 48)]) * 16_000 / 4096)
    ((120, 2049), 441)
    """
    centres = spec.lowest_pitch + np.arange(spec.bins) / spec.bins_per_semitone
    hz = A4_HZ * 2.0 ** ((centres - A4_PITCH) / 12)
    step = hz * (2.0 ** (1 / (12 * spec.bins_per_semitone)) - 1)
    width = np.maximum(step, 1.5 * spec.sample_rate_hz / spec.n_fft)
    at = np.arange(spec.n_fft // 2 + 1) * spec.sample_rate_hz / spec.n_fft
    table = np.maximum(0.0, 1.0 - np.abs(at - hz[:, None]) / width[:, None])
    return np.asarray(table / table.sum(axis=1, keepdims=True), np.float32)


def pitch_map(audio: Floats, spec: PitchSpec | None = None) -> Floats:
    """Whitened power of pitches, log(1 + power / neighbourhood). Shape: (samples,) -> (bins, frames).

    Audio shorter than a window is padded with silence to one.

    >>> tone = np.sin(2 * np.pi * 440 * np.arange(32_000) / 16_000).astype(np.float32)
    >>> found = pitch_map(tone)
    >>> found.shape[0], int(found.mean(axis=1).argmax()) / 2 + 48
    (120, 69.0)
    """
    spec = spec or PitchSpec()
    return whiten(pitch_power(audio, spec), spec)


def pitch_power(audio: Floats, spec: PitchSpec) -> Floats:
    """Power of pitches as they sound, a minute at a time. Shape: (samples,) -> (bins, frames)."""
    if len(audio) < spec.n_fft:
        audio = np.pad(audio, (0, spec.n_fft - len(audio)))
    table = filters(spec)
    hop = spec.hop_samples
    block = 60 * spec.sample_rate_hz // hop * hop
    parts = []
    for first in range(0, spec.frames(len(audio)) * hop, block):
        whole = audio[first : first + block - hop + spec.n_fft]
        parts.append(table @ power(whole, spec.n_fft, hop))
    return np.concatenate(parts, axis=1)


def whiten(pitches: Floats, spec: PitchSpec) -> Floats:
    """Each cell beside its neighbourhood. Shape: (bins, frames) -> the same."""
    across = spec.around_semitones * spec.bins_per_semitone + 1
    along = 2 * round(spec.around_s * spec.frame_rate_hz / 2) + 1
    around = uniform_filter1d(pitches, across, axis=0, mode="nearest")
    around = uniform_filter1d(around, along, axis=1, mode="nearest")
    return np.asarray(np.log1p(pitches / (around + 1e-10)), np.float32)
