"""The hand-made vector: timbre, harmony, rhythm and dynamics of six seconds, the floor that learning must beat.

    timbre     MFCC 1 to 20: mean, deviation, deviation of the slope (Logan and Salomon, 2001)
    harmony    magnitudes of the Fourier transform of the chroma, so that the key does not matter (Bernardes et al.,
               "A multi-level tonal interval space for modelling pitch relatedness", 2016): mean, deviation; flux
    rhythm     autocorrelation of the onset envelope on a logarithmic axis of lags, share of the onsets in three bands
    dynamics   level of the frames around its mean: percentiles, deviation, crest; no gain is in it

Each number is scaled by its mean and deviation over open music (hand.json), each part counts the same whatever its
length, and a track is the mean and the deviation over its windows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

from tonewheel.audio.spectra import MelSpec, frame_count, mel_filterbank, power
from tonewheel.core.errors import InputError
from tonewheel.core.processes import on_all_cores
from tonewheel.core.progress import progress
from tonewheel.core.records import Record
from tonewheel.manifest.licence import classify
from tonewheel.manifest.tracks import read_tracks
from tonewheel.systems.similar.backbones.base import Floats, cut, embed_file, heard, mono, silent, unit

VERSION = 1
SPEC = MelSpec(
    sample_rate_hz=16_000,
    n_fft=1024,
    hop_samples=320,
    n_mels=40,
    f_min_hz=40.0,
    f_max_hz=7_800.0,
    floor=1e-10,
)
WINDOW_S, HOP_S = 6.0, 2.0
COEFFICIENTS = 20
CHROMA_FFT, CHROMA_HOP = 4096, 1600
CHROMA_BAND_HZ = (65.0, 2_000.0)
LAGS_S = tuple(np.geomspace(0.2, 1.6, 25).tolist())
"""Three octaves from 300 to 37.5 beats a minute, eight lags an octave."""
BANDS_HZ = (200.0, 2_000.0)
PARTS = {"timbre": 3 * COEFFICIENTS, "harmony": 13, "rhythm": len(LAGS_S) + 4, "dynamics": 6}
"""The parts of a frame, in order, and how many numbers each has."""


class Scale(Record):
    """Mean and deviation of each number over frames and of each deviation over tracks, and of what music."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    spread_mean: tuple[float, ...]
    spread_deviation: tuple[float, ...]
    source: str = ""


class Hand:
    """The backbone `hand`; needs no weights but its table of scales.

    >>> hand = Hand()
    >>> frames = hand.embed(np.random.default_rng(0).normal(size=8 * 16_000), 16_000)
    >>> frames.shape, hand.pool(frames).shape
    ((2, 108), (216,))
    """

    name = "hand"
    sample_rate_hz = SPEC.sample_rate_hz
    window_s = WINDOW_S
    hop_s = HOP_S
    dimension = sum(PARTS.values())
    size = 2 * sum(PARTS.values())

    def __init__(self, scale: Scale | None = None) -> None:
        self.scale = scale or shipped_scale()
        about = f"hand {VERSION} {SPEC.to_json()} {self.scale.to_json()}"
        self.fingerprint = hashlib.sha256(about.encode()).hexdigest()
        self._balance = np.concatenate([np.full(n, 1 / np.sqrt(n)) for n in PARTS.values()])

    @property
    def parts(self) -> dict[str, NDArray[np.intp]]:
        """Where each part lies in the vector of a track: the cosine is the sum of what each contributes."""
        edges = np.cumsum([0, *PARTS.values()])
        return {
            name: np.r_[edges[i] : edges[i + 1], self.dimension + edges[i] : self.dimension + edges[i + 1]]
            for i, name in enumerate(PARTS)
        }

    def embed(self, audio: NDArray[Any], sample_rate_hz: int) -> Floats:
        """Frames, scaled; see `Backbone`."""
        windows = cut(
            mono(audio, sample_rate_hz, self.sample_rate_hz),
            round(WINDOW_S * self.sample_rate_hz),
            round(HOP_S * self.sample_rate_hz),
        )
        frames = (measure(windows) - self.scale.mean) / self.scale.deviation
        return np.where(silent(windows)[:, None], 0, frames).astype(np.float32)

    def pool(self, frames: Floats) -> Floats:
        """Mean and deviation over the frames; see `Backbone`. A single frame counts as an even track."""
        rows = heard(frames)
        if len(rows) == 0:
            return np.zeros(self.size, np.float32)
        spread = (rows.std(axis=0) - self.scale.spread_mean) / self.scale.spread_deviation
        spread = np.zeros_like(spread) if len(rows) == 1 else spread
        both = np.stack([rows.mean(axis=0), 0.5 * spread]) * self._balance
        # One odd number must not outweigh all others.
        return unit(np.clip(both, -4 * self._balance, 4 * self._balance).ravel())


def measure(windows: Floats) -> NDArray[np.float64]:
    """The numbers of each window, before scaling. Shape: (windows, samples) at 16 kHz -> (windows, dimension)."""
    # Windows overlap; what they share is transformed once, since a hop is a whole number of spectra.
    hop = round(HOP_S * SPEC.sample_rate_hz)
    audio = np.concatenate([*windows[:-1, :hop], windows[-1]])
    mel = np.maximum(_mel_filters() @ power(audio, SPEC.n_fft, SPEC.hop_samples), SPEC.floor)
    decibels = 10 * np.log10(mel.astype(np.float64))
    chroma = _chroma_filters() @ np.sqrt(power(audio, CHROMA_FFT, CHROMA_HOP))
    spectra, tones = SPEC.frames(windows.shape[1]), frame_count(windows.shape[1], CHROMA_FFT, CHROMA_HOP)
    rows = []
    for i in range(len(windows)):
        first, first_tone = i * hop // SPEC.hop_samples, i * hop // CHROMA_HOP
        own = decibels[:, first : first + spectra]
        # 80 dB below the peak of the window is inaudible, and at a dither's mercy.
        own = np.maximum(own, own.max() - 80)
        tonal = chroma[:, first_tone : first_tone + tones]
        rows.append(np.concatenate([timbre(own), harmony(tonal), rhythm(own), dynamics(own)]))
    return np.stack(rows)


def timbre(decibels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean, deviation and deviation of the slope of MFCC 1 to 20. Shape: (n_mels, frames) -> (60,)."""
    cepstrum = dct(decibels, type=2, norm="ortho", axis=0)[1 : COEFFICIENTS + 1]
    slope = cepstrum[:, 4:] - cepstrum[:, :-4]
    return np.concatenate([cepstrum.mean(axis=1), cepstrum.std(axis=1), slope.std(axis=1)])


def harmony(chroma: NDArray[np.float64]) -> NDArray[np.float64]:
    """Tonal intervals, whatever the key. Shape: (12, frames) -> (13,)."""
    shares = chroma / np.maximum(chroma.sum(axis=0), 1e-12)
    intervals = np.abs(np.fft.rfft(shares, axis=0))[1:]
    flux = np.abs(np.diff(shares, axis=1)).sum(axis=0).mean()
    return np.concatenate([intervals.mean(axis=1), intervals.std(axis=1), [flux]])


def rhythm(decibels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Periodicity and bands of the onsets. Shape: (n_mels, frames) -> (29,)."""
    rise = np.maximum(np.diff(decibels, axis=1), 0)
    envelope = rise.mean(axis=0)
    centred = envelope - envelope.mean()
    n = len(centred)
    spectrum = np.abs(np.fft.rfft(centred, 2 * n)) ** 2
    correlation = np.fft.irfft(spectrum)[:n] / np.maximum(n - np.arange(n), 1)
    lags = np.array(LAGS_S) * SPEC.sample_rate_hz / SPEC.hop_samples
    at_lags = np.interp(lags, np.arange(n), correlation) / max(correlation[0], 1e-9)
    centres_hz = _mel_filters().argmax(axis=1) * SPEC.sample_rate_hz / SPEC.n_fft
    band = np.searchsorted(BANDS_HZ, centres_hz)
    strengths = np.array([rise[band == i].sum() for i in range(len(BANDS_HZ) + 1)])
    shares = strengths / max(strengths.sum(), 1e-9)
    peaks = (envelope[1:-1] > envelope[:-2]) & (envelope[1:-1] >= envelope[2:])
    strong = peaks & (envelope[1:-1] > envelope.mean() + envelope.std())
    return np.concatenate([at_lags, shares, [strong.sum() / WINDOW_S]])


def dynamics(decibels: NDArray[np.float64]) -> NDArray[np.float64]:
    """How the level moves. Shape: (n_mels, frames) -> (6,)."""
    level = 10 * np.log10(np.sum(10 ** (decibels / 10), axis=0))
    around = np.percentile(level, [10, 50, 90, 99]) - level.mean()
    return np.concatenate([around, [level.std(), np.abs(np.diff(level)).mean()]])


def fit_scale(tracks: Sequence[Floats], source: str) -> Scale:
    """The scale of raw frames of many tracks, each (frames, dimension); made anew by `similar train --model hand`."""
    rows = np.concatenate(tracks).astype(np.float64)
    mean, deviation = rows.mean(axis=0), rows.std(axis=0) + 1e-6
    spreads = np.array([((track - mean) / deviation).std(axis=0) for track in tracks])
    return Scale(
        mean=_rounded(mean),
        deviation=_rounded(deviation),
        spread_mean=_rounded(spreads.mean(axis=0)),
        spread_deviation=_rounded(spreads.std(axis=0) + 1e-3),
        source=source,
    )


def scale_of(source: Path, jobs: int | None = None) -> tuple[Scale, int]:
    """The scale of a folder of music whose licences let it train, without its test split, and of how many tracks."""
    index = source / "index.csv" if (source / "index.csv").is_file() else source
    root = index if index.is_dir() else index.parent
    files = [
        root / track.path
        for track in read_tracks(index).tracks
        if track.kind == "music" and track.split in ("", "train") and classify(track.licence).may_train
    ]
    found = progress(on_all_cores(_raw_frames, files, jobs=jobs), "measure", total=len(files), unit="tracks")
    rows = [frames for frames in found if frames is not None and len(frames)]
    if not rows:
        raise InputError(
            source, "holds no music that may be used: unknown licences, or none that can be read"
        )
    return fit_scale(rows, f"{len(rows)} tracks of {source.name}"), len(rows)


def _raw_frames(path: Path) -> Floats | None:
    try:
        return heard(embed_file(Hand(raw_scale()), path))
    except InputError:
        return None


@lru_cache(maxsize=1)
def shipped_scale() -> Scale:
    """The table that comes with Tonewheel."""
    return Scale.from_json((resources.files(__package__) / "hand.json").read_bytes(), where="hand.json")


def raw_scale() -> Scale:
    """The scale that changes nothing."""
    zeros, ones = (0.0,) * Hand.dimension, (1.0,) * Hand.dimension
    return Scale(mean=zeros, deviation=ones, spread_mean=zeros, spread_deviation=ones)


def _rounded(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(float(f"{value:.6g}") for value in values)


@lru_cache(maxsize=1)
def _mel_filters() -> Floats:
    return mel_filterbank(SPEC)


@lru_cache(maxsize=1)
def _chroma_filters() -> NDArray[np.float64]:
    """Each bin of the band to its two nearest pitch classes. Shape: (12, CHROMA_FFT // 2 + 1)."""
    hz = np.arange(CHROMA_FFT // 2 + 1) * SPEC.sample_rate_hz / CHROMA_FFT
    filters = np.zeros((12, len(hz)))
    for i in np.flatnonzero((hz >= CHROMA_BAND_HZ[0]) & (hz <= CHROMA_BAND_HZ[1])):
        semitone = 12 * np.log2(hz[i] / 440.0) + 9
        low, above = int(np.floor(semitone)), semitone % 1
        filters[low % 12, i] += 1 - above
        filters[(low + 1) % 12, i] += above
    return filters
