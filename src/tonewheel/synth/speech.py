"""Speech-like banter: no words, but the rhythm, pitch and spectrum of people talking into a microphone.

A phrase is a row of syllables at 3-6 a second; a syllable is an optional consonant (fricative, stop, nasal)
and a vowel. Voiced sound is a glottal pulse train (Rosenberg 1971) with falling pitch, accents and jitter,
through five moving resonances; formant values after Peterson and Barney (1952). Phrases are parted by breaths
and pauses, and speakers alternate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, lfilter, sosfilt

from tonewheel.synth.effects import reverberate, room_response

Audio = NDArray[np.float32]
FORMANTS_HZ = np.array(
    [
        (730, 1090, 2440),
        (660, 1720, 2410),
        (530, 1840, 2480),
        (390, 1990, 2550),
        (270, 2290, 3010),
        (570, 840, 2410),
        (440, 1020, 2240),
        (300, 870, 2240),
        (640, 1190, 2390),
        (490, 1350, 1690),
        (500, 1500, 2500),
    ],
    dtype=np.float64,
)
"""Ten vowels of American men, and schwa."""
LOCI_HZ = ((250, 900, 2200), (280, 1700, 2650), (260, 2200, 2900))
"""Where formants start after lips, tongue tip and palate."""


@dataclass(frozen=True)
class Speaker:
    """A voice: mean pitch, its range in semitones, throat size, pace and breathiness."""

    pitch_hz: float
    range_semitones: float
    throat: float
    syllables_per_s: float
    breath: float
    tilt: float


def draw_speaker(rng: np.random.Generator) -> Speaker:
    """A man, a woman or a youngster."""
    kind = rng.random()
    pitch, throat = (
        (rng.uniform(85, 145), rng.uniform(0.93, 1.05))
        if kind < 0.5
        else (rng.uniform(165, 250), rng.uniform(1.08, 1.22))
    )
    return Speaker(
        float(pitch),
        float(rng.uniform(2.0, 5.5)),
        float(throat),
        float(rng.uniform(3.2, 6.2)),
        float(rng.uniform(0.01, 0.12)),
        float(rng.uniform(0.86, 0.97)),
    )


def phrase(rng: np.random.Generator, speaker: Speaker, seconds: float, sample_rate_hz: int) -> Audio:
    """One breath group of about `seconds`, (samples,) float32, unit RMS."""
    syllables = max(1, round(seconds * speaker.syllables_per_s))
    hop = sample_rate_hz // 200
    lengths = np.maximum(0.07, rng.gamma(7, 1 / 7, size=syllables) / speaker.syllables_per_s)
    lengths[-1] *= rng.uniform(1.2, 1.9)  # the last syllable is drawn out
    frames = int(lengths.sum() * 200) + 4
    tracks = np.zeros((frames, 3))
    voiced, hiss, hiss_hz, pitch = (
        np.zeros(frames),
        np.zeros(frames),
        np.full(frames, 4000.0),
        np.zeros(frames),
    )
    at = 0.0
    declination = np.linspace(0.5, -0.5, syllables) * rng.uniform(0.5, 1.2)
    if rng.random() < 0.2:
        declination[-2:] += 1.2  # a question
    for index in range(syllables):
        begin, end = int(at * 200), min(frames, int((at + lengths[index]) * 200))
        vowel = FORMANTS_HZ[int(rng.integers(len(FORMANTS_HZ)))] * rng.normal(1, 0.04, size=3)
        goal = FORMANTS_HZ[int(rng.integers(len(FORMANTS_HZ)))] if rng.random() < 0.2 else vowel
        locus = np.array(LOCI_HZ[int(rng.integers(3))])
        onset = int(min(0.45 * (end - begin), rng.uniform(5, 20)))
        span = max(1, end - begin)
        move = np.minimum(1, np.arange(span) / max(1, onset + 6))[:, None]
        glide = np.linspace(0, 1, span)[:, None]
        tracks[begin:end] = ((1 - move) * locus + move * ((1 - glide) * vowel + glide * goal))[: end - begin]
        stress = 1.0 if rng.random() < 0.35 else rng.uniform(0.45, 0.8)
        arch = np.minimum(
            1, np.minimum(np.arange(span) / max(2, 0.5 * onset + 2), np.arange(span)[::-1] / 7 + 0.05)
        )
        loud = stress * arch
        manner = rng.choice(
            ["stop", "fricative", "nasal", "voiced", "none"], p=[0.26, 0.27, 0.17, 0.15, 0.15]
        )
        if manner == "stop":
            loud[:onset] *= 0.02
            burst = begin + max(0, onset - 2)
            hiss[burst : burst + 3] = rng.uniform(0.4, 1.0)
            hiss_hz[burst : burst + 3] = rng.uniform(1200, 4500)
            hiss[burst + 3 : burst + 3 + int(rng.integers(0, 9))] = 0.15
        elif manner == "fricative":
            loud[:onset] *= rng.choice([0.02, 0.35])
            hiss[begin : begin + onset] = rng.uniform(0.3, 1.0) * np.hanning(onset + 2)[1:-1] ** 0.5
            hiss_hz[begin : begin + onset] = rng.choice([rng.uniform(2200, 3500), rng.uniform(4200, 6500)])
        elif manner == "nasal":
            loud[:onset] *= 0.4
            tracks[begin : begin + onset] = np.array([260.0, 1100.0, 2300.0])
        voiced[begin:end] = loud[: end - begin]
        accent = (0.45 if stress == 1.0 else 0.0) + declination[index] + rng.normal(0, 0.12)
        pitch[begin:end] = accent + 0.25 * stress * np.sin(np.pi * np.linspace(0, 1, span))[: end - begin]
        at += lengths[index]
    smooth = np.hanning(9)[1:-1] / np.hanning(9)[1:-1].sum()
    for column in range(3):
        tracks[:, column] = np.convolve(np.pad(tracks[:, column], 3, mode="edge"), smooth, mode="valid")
    pitch = np.convolve(np.pad(pitch, 3, mode="edge"), smooth, mode="valid")
    return _speak(rng, speaker, tracks * speaker.throat, voiced, hiss, hiss_hz, pitch, hop, sample_rate_hz)


def _speak(
    rng: np.random.Generator,
    speaker: Speaker,
    tracks: NDArray[np.float64],
    voiced: NDArray[np.float64],
    hiss: NDArray[np.float64],
    hiss_hz: NDArray[np.float64],
    pitch: NDArray[np.float64],
    hop: int,
    sample_rate_hz: int,
) -> Audio:
    n = len(voiced) * hop
    grid, fine = np.arange(len(voiced)) * hop, np.arange(n)
    jitter = rng.normal(0, 0.12, size=len(pitch))
    semitones = pitch * speaker.range_semitones + jitter
    phase = np.cumsum(np.interp(fine, grid, speaker.pitch_hz * 2 ** (semitones / 12))) / sample_rate_hz
    cycle = phase % 1
    opened = 0.6
    flow = np.where(cycle < opened, (cycle / opened) ** 2 * (3 - 3 * cycle / opened), 0.0)
    noise = rng.standard_normal(n)
    source = np.diff(flow, prepend=0.0) * sample_rate_hz / speaker.pitch_hz * 0.2 + speaker.breath * noise * (
        0.3 + flow
    )
    source = lfilter([1], [1, -0.5 * speaker.tilt], source) * np.interp(fine, grid, voiced)
    out = np.zeros(n)
    widths = (80.0, 110.0, 160.0, 250.0, 300.0)
    full = np.column_stack(
        [tracks, np.full(len(tracks), 3500 * speaker.throat), np.full(len(tracks), 4500 * speaker.throat)]
    )
    state = [np.zeros(2) for _ in widths]
    for frame in range(len(voiced)):  # a cascade whose resonances move every 5 ms
        block = source[frame * hop : (frame + 1) * hop]
        for k, width in enumerate(widths):
            centre = full[frame, k]
            if centre > 0.46 * sample_rate_hz:
                continue
            radius = np.exp(-np.pi * width / sample_rate_hz)
            a1, a2 = -2 * radius * np.cos(2 * np.pi * centre / sample_rate_hz), radius**2
            block, state[k] = lfilter([1 + a1 + a2], [1, a1, a2], block, zi=state[k])
        out[frame * hop : (frame + 1) * hop] = block
    out /= np.std(out[np.abs(out) > 0.1 * np.abs(out).max()]) + 1e-9
    loud = np.interp(fine, grid, hiss)
    low = sosfilt(butter(2, [1500, 3800], "bandpass", fs=sample_rate_hz, output="sos"), noise)
    high = sosfilt(
        butter(2, [3800, min(8500, 0.48 * sample_rate_hz)], "bandpass", fs=sample_rate_hz, output="sos"),
        noise,
    )
    sharp = np.interp(fine, grid, np.clip((hiss_hz - 2000) / 3000, 0, 1))
    out += 0.8 * loud * ((1 - sharp) * low + sharp * high)
    return np.asarray(out / (np.std(out) + 1e-9), dtype=np.float32)


def banter(
    rng: np.random.Generator, seconds: float, sample_rate_hz: int, *, speakers: int | None = None
) -> Audio:
    """People talking for `seconds`: (samples,) float32, RMS near -22 dB, peak below 1.

    One to three speakers take turns of several phrases; `speakers` above that overlap, as a crowd does before
    a show.

    >>> banter(np.random.default_rng(0), 3.0, 16000).shape
    (48000,)
    """
    n = round(seconds * sample_rate_hz)
    count = int(rng.choice([1, 1, 2, 3])) if speakers is None else speakers
    out = np.zeros(n + 8 * sample_rate_hz, dtype=np.float32)
    voices = [draw_speaker(rng) for _ in range(count)]
    lanes = 1 if count <= 3 else count
    for lane in range(lanes):
        at = float(rng.uniform(0.0, 0.3 if lanes == 1 else 2.0))
        voice = voices[lane % count]
        level = 1.0 if lanes == 1 else float(rng.uniform(0.2, 1.0))
        while at < seconds:
            if lanes == 1 and rng.random() < 0.3:
                voice = voices[int(rng.integers(count))]
            length = float(np.clip(rng.gamma(3, 0.6), 0.3, 5.0))
            spoken = phrase(rng, voice, length, sample_rate_hz)
            start = int(at * sample_rate_hz)
            stop = min(len(out), start + len(spoken))
            out[start:stop] += spoken[: stop - start] * np.float32(level * rng.uniform(0.6, 1.2))
            at += len(spoken) / sample_rate_hz + float(np.clip(rng.exponential(0.35), 0.08, 2.5))
    out = out[:n]
    hall = room_response(rng, float(rng.uniform(0.3, 1.5)), 4000.0, sample_rate_hz)
    out = out + np.float32(rng.uniform(0.05, 0.6)) * reverberate(out, hall)
    out = sosfilt(butter(2, float(rng.uniform(70, 220)), "highpass", fs=sample_rate_hz, output="sos"), out)
    level = 10 ** (rng.uniform(-26, -18) / 20)
    return np.asarray(0.97 * np.tanh(out * level / (np.std(out) + 1e-9)), dtype=np.float32)
