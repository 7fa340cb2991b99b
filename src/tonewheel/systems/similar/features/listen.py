"""One pass over a track in bounded memory: all that the measures need, in a small fraction of the audio's size.

Loudness is heard at the track's own rate, the rest at 22,050 Hz: band powers every 11.6 ms for rhythm, peaks of
long spectra for pitch, and the energy of middle and side. Nothing here depends on the level of the record.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.loudness_range import RangeMeter
from tonewheel.audio.resample import Resampler
from tonewheel.audio.spectra import power

Audio = NDArray[np.float32]
Floats = NDArray[np.float64]

RATE_HZ = 22_050
N_FFT, HOP_SAMPLES = 1024, 256
FRAME_HZ = RATE_HZ / HOP_SAMPLES
BAND_EDGES_BINS = np.unique(np.geomspace(2, N_FFT // 2 + 1, 28).round().astype(int))
"""Bands of a third of an octave, below 200 Hz of one bin (21.5 Hz); the first begins at 43 Hz."""
BANDS_HZ: Floats = (BAND_EDGES_BINS[:-1] + BAND_EDGES_BINS[1:] - 1) / 2 * RATE_HZ / N_FFT

PITCH_FFT, PITCH_HOP_SAMPLES = 8192, 4096
PITCH_FRAME_HZ = RATE_HZ / PITCH_HOP_SAMPLES
STEPS_A_SEMITONE = 5
BASS_HZ = (40.0, 200.0)
HARMONY_HZ = (60.0, 1000.0)
"""Above lie the overtones, which tell the instrument more than the chord."""
PEAK_POWER = 1e-6
"""A peak 60 dB below the loudest of its frame is noise or a side lobe."""
SILENT_POWER = 1e-8
MIDDLE_C_HZ = 440.0 * 2 ** (-9 / 12)

SIDE_FROM_HZ = 150.0
"""Bass is in the middle on nearly every record, so the width is told by what lies above."""


class Heard(NamedTuple):
    """What one pass kept of a track."""

    seconds: float
    bands: Audio
    """(bands, frames) power at `FRAME_HZ`, relative to the mean of all."""
    pitches: Audio
    """(frames, 12 * STEPS_A_SEMITONE) strength of pitch classes in fifths of a semitone from C, at `PITCH_FRAME_HZ`."""
    bass: Audio
    """As `pitches`, for `BASS_HZ` instead of `HARMONY_HZ`."""
    centroid_hz: float
    middle: float
    side: float
    """Energies above `SIDE_FROM_HZ`."""
    loudness: RangeMeter


def listen(blocks: Iterable[Audio], sample_rate_hz: int, channels: int) -> Heard:
    """Hear the blocks of a track, (channels, samples) each, one after the other.

    >>> noise = np.random.default_rng(0).standard_normal((2, 44_100)).astype(np.float32)
    >>> heard = listen([0.1 * noise[:, :30_000], 0.1 * noise[:, 30_000:]], 44_100, 2)
    >>> round(heard.seconds, 2), heard.bands.shape[1], bool(abs(heard.side / heard.middle - 1) < 0.1)
    (1.0, 83, True)
    """
    from scipy.signal import butter, sosfilt

    meter = RangeMeter(sample_rate_hz, channels)
    resampler = Resampler(sample_rate_hz, RATE_HZ, channels)
    rhythm, pitch = _Frames(N_FFT, HOP_SAMPLES), _Frames(PITCH_FFT, PITCH_HOP_SAMPLES)
    high_pass = butter(2, SIDE_FROM_HZ, "highpass", fs=RATE_HZ, output="sos")
    state = np.zeros((len(high_pass), 2, 2))
    bands: list[Audio] = []
    pitches: list[tuple[Audio, Audio]] = []
    weights, energies = np.zeros(N_FFT // 2 + 1), np.zeros(2)
    samples = 0
    for block in _ended(blocks, channels):
        last = block.shape[-1] == 0
        if not last:
            meter.push(block)
        samples += block.shape[-1]
        heard = resampler.push(block, last=last)
        mono = heard.mean(axis=0)
        if channels == 2 and heard.size:
            sides = np.stack([heard[0] + heard[1], heard[0] - heard[1]])
            sides, state = sosfilt(high_pass, sides, axis=-1, zi=state)
            energies += np.square(sides).sum(axis=-1)
        spectra = rhythm.push(mono)
        weights += spectra.sum(axis=1, dtype=np.float64)
        bands.append(np.add.reduceat(spectra[: BAND_EDGES_BINS[-1]], BAND_EDGES_BINS[:-1], axis=0))
        pitches.append(_pitch_classes(pitch.push(mono)))
    joined = np.concatenate(bands, axis=1)
    hz = np.arange(len(weights)) * RATE_HZ / N_FFT
    return Heard(
        seconds=samples / sample_rate_hz,
        bands=joined / max(float(joined.mean(dtype=np.float64)) if joined.size else 0.0, 1e-20),
        pitches=np.concatenate([above for above, _ in pitches]),
        bass=np.concatenate([below for _, below in pitches]),
        centroid_hz=float((hz * weights).sum() / max(weights.sum(), 1e-20)),
        middle=float(energies[0]),
        side=float(energies[1]),
        loudness=meter,
    )


class _Frames:
    """Power of windows over a stream, as if it were one array."""

    def __init__(self, n_fft: int, hop_samples: int) -> None:
        self.n_fft, self.hop_samples = n_fft, hop_samples
        self._held = np.zeros(0, np.float32)

    def push(self, mono: Audio) -> Audio:
        """(bins, frames) of the windows that are complete."""
        self._held = np.concatenate([self._held, mono])
        out = power(self._held, self.n_fft, self.hop_samples)
        self._held = self._held[out.shape[1] * self.hop_samples :]
        return out


def _ended(blocks: Iterable[Audio], channels: int) -> Iterable[Audio]:
    """An empty block last, so that the resampler gives the rest."""
    yield from blocks
    yield np.zeros((channels, 0), np.float32)


def _pitch_classes(spectra: Audio) -> tuple[Audio, Audio]:
    """Strength of fifths of a semitone in every frame of harmony and of bass: peaks, octaves folded."""
    count = 12 * STEPS_A_SEMITONE
    bins = np.arange(round(BASS_HZ[0] * PITCH_FFT / RATE_HZ), round(HARMONY_HZ[1] * PITCH_FFT / RATE_HZ))
    harmony, bass = np.zeros((2, spectra.shape[1], count), np.float32)
    if not harmony.size:
        return harmony, bass
    level = np.log(np.maximum(spectra, 1e-12)).T
    before, at, after = level[:, bins - 1], level[:, bins], level[:, bins + 1]
    loud = at > at.max(axis=1, keepdims=True) + np.log(PEAK_POWER)
    frame, which = np.nonzero((at > before) & (at >= after) & loud & (at > np.log(SILENT_POWER)))
    one, two, three = before[frame, which], at[frame, which], after[frame, which]
    offset = 0.5 * (one - three) / np.minimum(one - 2 * two + three, -1e-6)
    hz = (bins[which] + offset) * RATE_HZ / PITCH_FFT
    step = np.round(count * np.log2(hz / MIDDLE_C_HZ)).astype(int) % count
    for out, (low_hz, high_hz) in ((harmony, HARMONY_HZ), (bass, BASS_HZ)):
        inside = (hz > low_hz) & (hz < high_hz)
        np.add.at(out, (frame[inside], step[inside]), np.exp(two[inside] / 2))
    return harmony, bass
