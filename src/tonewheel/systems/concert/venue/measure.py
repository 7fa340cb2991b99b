"""Measure what a hall and a phone did to a recording, of any length, in one pass and bounded memory.

A recording is taken in stretches of ten seconds. The music output of the encoder says which of them are music (from
these come reverberation, crowd, spectrum and clipping) and which half seconds are pauses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soxr
from numpy.typing import NDArray

from tonewheel.audio.decode import blocks, probe, regular_blocks
from tonewheel.core.errors import InputError
from tonewheel.systems.concert.embed import Embedder
from tonewheel.systems.concert.venue.blind import Blind
from tonewheel.systems.concert.venue.features import NAMES, RATE_HZ, STRETCH_S, features
from tonewheel.systems.concert.venue.profile import OCTAVES_HZ, Estimate, Pauses, Profile
from tonewheel.systems.concert.venue.spectrum import SpectrumMeter

Floats = NDArray[np.float32]
Floats64 = NDArray[np.float64]

LEVEL_S = 0.5
MUSIC_SHARE = 0.9
"""Share of a stretch's windows that must be music for it to be measured."""
PAUSE_ODDS = -1.0
"""Log-odds of music below the limit of the decision rule, from which a half second belongs to a pause."""
SMOOTHED_WINDOWS = 5
SHORTEST_PAUSES_S = 3.0
RAIL = 0.999
SILENT_DB = -80.0
FAINT_DB = 20.0
"""A stretch this far below the median of the music is a quiet hall, whatever the music output makes of its hum."""


class Measured(NamedTuple):
    """A profile, and what each stretch of music showed: rows (n, len(COLUMNS))."""

    profile: Profile
    rows: Floats64


COLUMNS = (*NAMES, *(f"octave at {hz:g} Hz (dB)" for hz in OCTAVES_HZ[1:]))


class _Stretch(NamedTuple):
    """Ten seconds: (features and octaves), level and music odds of each half second."""

    row: Floats64
    levels: Floats64
    odds: Floats64


def measure(path: str | Path, embedder: Embedder, blind: Blind | None = None) -> Measured:
    """Measure one file; InputError when it cannot be read, or no music is heard in it."""
    info = probe(path)
    parts = blocks(path, block_s=STRETCH_S)
    return measure_blocks(str(path), parts, info.sample_rate_hz, embedder, blind)


def measure_blocks(
    name: str, parts: Iterable[Floats], sample_rate_hz: int, embedder: Embedder, blind: Blind | None = None
) -> Measured:
    """The same of sound that comes in blocks, (channels, samples) each, at any rate."""
    rails = _Rails()
    whole = SpectrumMeter(sample_rate_hz)
    music: list[_Stretch] = []
    pauses: list[Floats64] = []
    samples = channels = 0
    for part in regular_blocks(parts, round(STRETCH_S * sample_rate_hz)):
        samples, channels = samples + part.shape[-1], part.shape[0]
        rails.add(part)
        mono = part.mean(axis=0)
        at_16k = mono if sample_rate_hz == RATE_HZ else soxr.resample(mono, sample_rate_hz, RATE_HZ)
        if len(at_16k) < STRETCH_S / 2 * RATE_HZ and samples > part.shape[-1]:
            continue
        stretch = _listen(np.asarray(at_16k, np.float32), embedder)
        is_music = _smoothed(stretch.odds) >= embedder.rule.least_music
        if is_music.mean() >= MUSIC_SHARE and stretch.levels.max() > SILENT_DB:
            music.append(stretch)
            whole.add(mono)
        # A level is of half a second, a window of two: only where all windows around it agree is it a pause.
        quiet = _smoothed(stretch.odds) < embedder.rule.least_music + PAUSE_ODDS
        pauses.append(stretch.levels[: len(quiet)][quiet])
    if not music:
        raise InputError(name, "no music is heard in it for ten seconds; nothing can be measured")
    middle_db = float(np.median([_mean_db(stretch.levels) for stretch in music]))
    music = [stretch for stretch in music if _mean_db(stretch.levels) > middle_db - FAINT_DB]
    rows = np.array([stretch.row for stretch in music])
    t60_s, snr_db, clipped = (blind or Blind.shipped()).estimate(rows[:, : len(NAMES)])
    level_db = _mean_db(np.concatenate([stretch.levels for stretch in music]))
    between = _pauses(np.concatenate(pauses), level_db)
    profile = Profile(
        recording=Path(name).name,
        sample_rate_hz=sample_rate_hz,
        channels=channels,
        seconds=round(samples / sample_rate_hz, 2),
        music_s=round(sum(len(stretch.levels) for stretch in music) * LEVEL_S, 1),
        t60_s=t60_s,
        snr_db=snr_db,
        spectrum_db=whole.octaves_db(),
        tilt_db_per_octave=whole.tilt_db_per_octave(),
        crest_db=round(float(rows[:, NAMES.index("crest (dB)")].mean()), 2),
        clipped=clipped,
        at_the_rail=round(rails.count / max(samples * channels, 1), 6),
        level_db=round(level_db, 2),
        bandwidth_hz=whole.bandwidth_hz(),
        pauses=between,
    )
    return Measured(profile, rows)


def observe(audio: Floats, sample_rate_hz: int = RATE_HZ) -> Floats64:
    """The rows of a clip of music at 16 kHz, as those of `Measured`: (samples,) -> (n, len(COLUMNS))."""
    size = round(STRETCH_S * sample_rate_hz)
    parts = [audio[first : first + size] for first in range(0, max(len(audio) - size // 2, 1), size)]
    return np.array([row_of(part) for part in parts])


def row_of(audio: Floats) -> Floats64:
    """Features and octaves of one stretch at 16 kHz: (samples,) -> (len(COLUMNS),)."""
    meter = SpectrumMeter(RATE_HZ)
    meter.add(audio)
    return np.concatenate([features(audio), np.maximum(meter.octaves_db()[1:], -60.0)])


def _listen(audio: Floats, embedder: Embedder) -> _Stretch:
    size = round(LEVEL_S * RATE_HZ)
    padded = np.pad(audio, (0, -len(audio) % size)).reshape(-1, size).astype(np.float64)
    levels = 10 * np.log10(np.maximum(np.mean(padded**2, axis=1), 1e-12))
    return _Stretch(row_of(audio), levels, embedder.embed(audio).music.astype(np.float64))


def _smoothed(odds: Floats64) -> Floats64:
    """Median of SMOOTHED_WINDOWS neighbours; the ends stand for what is beyond them."""
    around = np.pad(odds, SMOOTHED_WINDOWS // 2, mode="edge")
    return np.median(np.lib.stride_tricks.sliding_window_view(around, SMOOTHED_WINDOWS), axis=1)


def _pauses(levels_db: Floats64, music_db: float) -> Pauses | None:
    heard = levels_db[levels_db > SILENT_DB + music_db]  # digital silence is an edit, not a hall
    if len(heard) * LEVEL_S < SHORTEST_PAUSES_S:
        return None
    quiet, middle, loud = (round(float(q - music_db), 2) for q in np.quantile(heard, (0.1, 0.5, 0.9)))
    return Pauses(seconds=len(heard) * LEVEL_S, quiet_db=quiet, middle_db=middle, loud_db=loud)


def _mean_db(levels_db: Floats64) -> float:
    return float(10 * np.log10(np.mean(10 ** (levels_db / 10))))


class _Rails:
    """Counts samples that stand, two or more in a row, at the largest value heard so far."""

    def __init__(self) -> None:
        self.peak = 0.0
        self.count = 0

    def add(self, part: Floats) -> None:
        magnitude = np.abs(part)
        highest = float(magnitude.max()) if magnitude.size else 0.0
        if highest > self.peak / RAIL:
            self.peak, self.count = highest, 0
        if self.peak <= 0:
            return
        at = magnitude >= RAIL * self.peak
        pair = at[:, 1:] & at[:, :-1]
        in_run = np.zeros_like(at)
        in_run[:, 1:] |= pair
        in_run[:, :-1] |= pair
        self.count += int(in_run.sum())


def pieces(audio: Floats, sample_rate_hz: int) -> Iterator[Floats]:
    """Sound that is in memory as blocks for `measure_blocks`: (samples,) or (channels, samples)."""
    channels = np.atleast_2d(audio)
    size = round(STRETCH_S * sample_rate_hz)
    for first in range(0, channels.shape[1], size):
        yield channels[:, first : first + size]


def estimate_text(estimate: Estimate, unit: str, digits: int = 1) -> str:
    """An estimate with its bounds, for a person.

    >>> estimate_text(Estimate(value=1.42, low=1.0, high=1.9), "s")
    '1.4 s (1.0 to 1.9)'
    """
    value, low, high = (f"{x:.{digits}f}" for x in (estimate.value, estimate.low, estimate.high))
    return f"{value} {unit} ({low} to {high})"
