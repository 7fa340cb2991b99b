"""A singer made of a speaker: recorded speech is taken apart into voice and spectrum, and sung on a melody.

Speech is analysed every 5 ms: pitch by autocorrelation, the spectral envelope by a cepstrum that leaves the pitch out.
Syllables are found where voiced energy peaks; each is laid on a note, its consonants at their own pace and its vowel
drawn out. The sound is made anew from glottal pulses with the note's pitch (glide, vibrato, drift) and from noise where
the voice had none, each shaped by the envelope with minimum phase, the idea of WORLD (Morise, Yokomori and Ozawa, 2016)
in its simplest form. Consonants, breath and timbre are those of people; only the pitch is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import gaussian_filter1d, median_filter
from scipy.signal import find_peaks

Audio = NDArray[np.float32]
RATE = 44_100
STEP = 220
SIZE = 2048
BINS = SIZE // 2 + 1


class Speech(NamedTuple):
    """Analysed speech: log amplitude envelopes (frames, BINS), voicing (frames,) 0..1, energy (frames,), syllables.

    A syllable is (first frame, first of the vowel, last of the vowel, end).
    """

    envelope: NDArray[np.float32]
    voiced: NDArray[np.float32]
    energy: NDArray[np.float32]
    syllables: list[tuple[int, int, int, int]]


def listen(speech: Audio, known_hz: float) -> Speech | None:
    """Analyse speech (samples,) at 44.1 kHz whose recording ends at `known_hz`; None when nothing is voiced."""
    frames = 1 + (len(speech) - SIZE) // STEP
    if frames < 40:
        return None
    speech = speech / np.float32(np.abs(speech).max() + 1e-9)
    cut = np.lib.stride_tricks.sliding_window_view(speech, SIZE)[::STEP][:frames]
    window = np.hanning(SIZE).astype(np.float32)
    spectrum = np.abs(np.fft.rfft(cut * window, axis=1)).astype(np.float32)
    correlation = np.fft.irfft(np.fft.rfft(cut * window, 2 * SIZE, axis=1).__abs__() ** 2, axis=1)
    decay = np.fft.irfft(np.abs(np.fft.rfft(window, 2 * SIZE)) ** 2)
    lags = np.arange(RATE // 400, RATE // 65)
    normal = correlation[:, lags] / (correlation[:, :1] + 1e-6) / (decay[lags] / decay[0])
    best = normal.argmax(axis=1)
    strength = normal[np.arange(frames), best]
    energy = np.sqrt(np.mean(np.square(cut[:, SIZE // 4 : -SIZE // 4]), axis=1))
    voiced = np.clip((strength - 0.45) / 0.2, 0, 1) * (energy > 0.01)
    voiced = median_filter(voiced, 5).astype(np.float32)
    if voiced.mean() < 0.1:
        return None
    period = median_filter(lags[best], 5)
    cepstrum = np.fft.irfft(np.log(spectrum + 1e-5), axis=1)
    keep = np.where(voiced > 0.3, 0.7 * period, 90)[:, None]
    quefrency = np.minimum(np.arange(SIZE), SIZE - np.arange(SIZE))[None, :]
    lifter = np.clip((keep * 1.2 - quefrency) / (keep * 0.4), 0, 1)
    envelope = np.fft.rfft(cepstrum * lifter, axis=1).real.astype(np.float32)
    return Speech(
        extended(envelope, voiced, known_hz), voiced, energy.astype(np.float32), syllables(voiced, energy)
    )


def extended(
    envelope: NDArray[np.float32], voiced: NDArray[np.float32], known_hz: float
) -> NDArray[np.float32]:
    """Go on above the band of the recording: voices fall by 14 dB an octave, hiss by 5 dB."""
    edge = int(known_hz / RATE * SIZE)
    low = int(edge * 0.75)
    level = envelope[:, low:edge].mean(axis=1, keepdims=True)
    octaves = np.log2(np.arange(edge, BINS) / (0.87 * edge))[None, :]
    fall_db = np.where(voiced[:, None] > 0.5, 14.0, 5.0)
    out = envelope.copy()
    out[:, edge:] = level - fall_db * octaves * np.log(10) / 20
    return np.asarray(out, np.float32)


def syllables(voiced: NDArray[np.float32], energy: NDArray[np.floating]) -> list[tuple[int, int, int, int]]:
    """Spans around the peaks of voiced energy, cut at the minima between them."""
    smooth = gaussian_filter1d(energy * (voiced > 0.5), 5)
    peaks, _ = find_peaks(smooth, distance=16, height=0.12 * float(smooth.max(initial=0)))
    found = []
    edges = [0] + [int(a + np.argmin(energy[a:b])) for a, b in pairwise(peaks)] + [len(voiced)]
    for number, peak in enumerate(peaks):
        first, end = max(edges[number], peak - 50), min(edges[number + 1], peak + 50)
        is_vowel = (voiced > 0.6) & (energy > 0.35 * energy[peak])
        a = b = int(peak)
        while a > first and is_vowel[a - 1]:
            a -= 1
        while b < end - 1 and is_vowel[b + 1]:
            b += 1
        if b - a >= 6 and is_vowel[peak]:
            margin = (b - a) // 5
            found.append((first, a + margin, b - margin, end))
    return found


class Sung(NamedTuple):
    """A note to be sung: when, how long, MIDI pitch, how loud (0..1)."""

    start_s: float
    seconds: float
    pitch: float
    velocity: float


class Manner(NamedTuple):
    """How somebody sings."""

    throat: float
    """Formants are moved up by this factor."""
    vibrato_hz: float
    vibrato_semitones: float
    glide_s: float
    breath: float
    jitter: float
    edge: float
    """0 a dull voice, 1 a bright one."""


def draw_manner(rng: np.random.Generator) -> Manner:
    """A singer at random."""
    return Manner(
        throat=float(rng.uniform(0.86, 1.2)),
        vibrato_hz=float(rng.uniform(4.6, 6.6)),
        vibrato_semitones=float(rng.choice([0.0, 1.0]) * rng.uniform(0.1, 0.7)),
        glide_s=float(rng.uniform(0.02, 0.12)),
        breath=float(rng.uniform(0.02, 0.25)),
        jitter=float(rng.uniform(0.02, 0.12)),
        edge=float(rng.uniform(0, 1)),
    )


def sing(
    rng: np.random.Generator, manner: Manner, speech: Sequence[Speech], notes: Sequence[Sung], seconds: float
) -> Audio:
    """Sing notes with the syllables of analysed speech. Shape: (samples,) at 44.1 kHz, RMS about 0.1 while sung."""
    samples = round(seconds * RATE)
    frames = samples // STEP + 1
    envelope = np.full((frames, BINS), -12.0, np.float32)
    voiced = np.zeros(frames, np.float32)
    loud = np.zeros(frames, np.float32)
    pitch = np.full(frames, np.nan)
    source = speech[int(rng.integers(len(speech)))]
    number = int(rng.integers(max(1, len(source.syllables))))
    ordered = sorted(note for note in notes if note.start_s < seconds - 0.1)
    for place, note in enumerate(ordered):
        if number >= len(source.syllables):
            source, number = speech[int(rng.integers(len(speech)))], 0
            if not source.syllables:
                continue
        first, a, b, end = source.syllables[number]
        number += 1
        start = int(note.start_s * RATE / STEP)
        following = ordered[place + 1].start_s if place + 1 < len(ordered) else seconds
        length = max(6, int(min(note.seconds, following - note.start_s + 0.02) * RATE / STEP))
        onset = min(a - first, 24, length // 2)
        coda = min(end - b, 20, length // 3)
        vowel = max(2, length - coda)
        # The vowel starts with the beat; the consonant comes before it.
        track = np.concatenate([np.arange(a - onset, a), _drawn_out(rng, a, b, vowel), b + np.arange(coda)])
        at = start - onset + np.arange(len(track))
        good = (at >= 0) & (at < frames)
        at, track = at[good], np.clip(track[good], 0, len(source.voiced) - 1.001)
        low = track.astype(np.int64)
        part = (track - low).astype(np.float32)
        mixed = source.envelope[low] * (1 - part[:, None]) + source.envelope[low + 1] * part[:, None]
        level = np.log(source.energy[(a + b) // 2] + 1e-3)
        envelope[at] = mixed - level
        voiced[at] = source.voiced[low]
        loud[at] = (0.35 + 0.65 * note.velocity) * np.minimum(1, np.linspace(8, 0.6, len(at)))
        pitch[at] = note.pitch
    if np.isnan(pitch).all():
        return np.zeros(samples, np.float32)
    curve = _contour(rng, manner, pitch, frames)
    envelope = warped(envelope, manner.throat)
    tilt = (manner.edge - 0.5) * np.log2(np.maximum(np.arange(BINS), 4) / 40.0) * 0.35
    return _voice(
        rng, envelope + tilt.astype(np.float32), voiced, loud, 440 * 2 ** ((curve - 69) / 12), manner, samples
    )


def _drawn_out(rng: np.random.Generator, a: int, b: int, frames: int) -> NDArray[np.float64]:
    """Places in the vowel from `a` to `b`, slower in the middle, wandering a little."""
    x = np.linspace(0, 1, frames)
    shape = x + 0.12 * np.sin(2 * np.pi * x)
    wander = gaussian_filter1d(rng.standard_normal(frames), 12) * 3
    return np.asarray(np.clip(a + shape * (b - a) + wander, a, b), np.float64)


def _contour(
    rng: np.random.Generator, manner: Manner, pitch: NDArray[np.float64], frames: int
) -> NDArray[np.float64]:
    """Pitch by frame, MIDI numbers: glides between notes, vibrato that sets in, drift."""
    known = np.flatnonzero(~np.isnan(pitch))
    held = np.interp(np.arange(frames), known, pitch[known])
    steps_a_second = RATE / STEP
    smooth = gaussian_filter1d(held, manner.glide_s * steps_a_second / 2)
    changed = np.abs(np.diff(held, prepend=held[0])) > 0.3
    since = np.arange(frames) - np.maximum.accumulate(np.where(changed, np.arange(frames), 0))
    depth = manner.vibrato_semitones * np.clip(since / steps_a_second - 0.25, 0, 0.5) * 2
    rate = manner.vibrato_hz * (1 + 0.08 * gaussian_filter1d(rng.standard_normal(frames), 40) * 8)
    vibrato = depth * np.sin(2 * np.pi * np.cumsum(rate) / steps_a_second)
    drift = gaussian_filter1d(rng.standard_normal(frames), 60) * 1.5
    jitter = gaussian_filter1d(rng.standard_normal(frames), 1.5) * manner.jitter
    return np.asarray(smooth + vibrato + drift * 0.15 + jitter, np.float64)


def warped(envelope: NDArray[np.float32], factor: float) -> NDArray[np.float32]:
    """Formants moved up by a factor."""
    at = np.clip(np.arange(BINS) / factor, 0, BINS - 1.001)
    low = at.astype(np.int64)
    part = (at - low).astype(np.float32)
    return np.asarray(envelope[:, low] * (1 - part) + envelope[:, low + 1] * part, np.float32)


def minimum_phase(log_amplitude: NDArray[np.float32]) -> NDArray[np.complex64]:
    """Spectra (n, BINS) of the responses with these log amplitudes whose energy comes first."""
    cepstrum = fft.irfft(log_amplitude, axis=1)
    fold = np.zeros(SIZE, np.float32)
    fold[0] = fold[SIZE // 2] = 1
    fold[1 : SIZE // 2] = 2
    return np.asarray(np.exp(fft.rfft(cepstrum * fold, axis=1)), np.complex64)


def _voice(
    rng: np.random.Generator,
    envelope: NDArray[np.float32],
    voiced: NDArray[np.float32],
    loud: NDArray[np.float32],
    f0_hz: NDArray[np.float64],
    manner: Manner,
    samples: int,
) -> Audio:
    out = np.zeros(samples + 2 * SIZE, np.float32)
    per_sample = np.repeat(f0_hz, STEP)[:samples]
    phase = np.cumsum(per_sample) / RATE
    ticks = np.flatnonzero(np.diff(np.floor(phase)) > 0)
    frame = np.minimum(ticks // STEP, len(voiced) - 1)
    sounding = (voiced[frame] > 0.2) & (loud[frame] > 0)
    ticks, frame = ticks[sounding], frame[sounding]
    # Breath lies above some kHz and grows with frequency.
    share = np.clip(manner.breath + (np.arange(BINS) / BINS * RATE / 2 - 4000) / 9000, 0.02, 0.85).astype(
        np.float32
    )
    omega = (2 * np.pi * np.arange(BINS) / SIZE).astype(np.float32)
    for first in range(0, len(ticks), 2048):
        part, at = slice(first, first + 2048), ticks[first : first + 2048]
        response = minimum_phase(envelope[frame[part]] + np.log(1 - share).astype(np.float32) * 0.5)
        late = 1 - (phase[at + 1] % 1) / (per_sample[at] / RATE)
        turn = omega[None, :] * np.clip(late, 0, 1).astype(np.float32)[:, None]
        pulse = fft.irfft(response * np.exp(np.complex64(-1j) * turn), axis=1)
        strength = voiced[frame[part]] * loud[frame[part]] * np.sqrt(RATE / per_sample[at])
        strength = strength * (1 + 0.06 * rng.standard_normal(len(at)))
        for tick, shape, gain in zip(at, pulse, strength, strict=True):
            out[tick : tick + SIZE] += np.float32(gain) * shape
    noise = rng.standard_normal((len(voiced), SIZE), np.float32) * np.hanning(SIZE).astype(np.float32)
    amount = np.sqrt(np.where(voiced[:, None] > 0.2, share[None, :] * voiced[:, None], 1.0))
    for first in range(0, len(voiced), 2048):
        part = slice(first, first + 2048)
        amplitude = (
            np.exp(np.minimum(envelope[part], 4)) * amount[part] * (loud[part, None] > 0) * loud[part, None]
        )
        made = fft.irfft(fft.rfft(noise[part], axis=1) * amplitude.astype(np.float32), axis=1)
        made *= np.float32(np.sqrt(STEP / SIZE) * 1.6)
        for number, shape in enumerate(made, start=first):
            begin = number * STEP - SIZE // 2
            if begin >= 0 and begin + SIZE <= len(out):
                out[begin : begin + SIZE] += shape
    out = out[:samples]
    level = np.sqrt(np.mean(np.square(out[np.abs(out) > 1e-4]))) if np.any(np.abs(out) > 1e-4) else 1.0
    return np.asarray(out * np.float32(0.1 / level), np.float32)
