"""The six feature families of a snapshot: which index means what.

Levels are 0 (-120 dB) to 1 (0 dB), shares 0 to 1, correlations -1 to 1; "bands" are the 24 of `frames.EDGES_HZ`.

| family     | index | what                                                                                      |
|------------|-------|-------------------------------------------------------------------------------------------|
| spectral   | 0-23  | mean level of each band (both channels)                                                   |
|            | 24-47 | its deviation from frame to frame                                                         |
|            | 48-52 | centre of the spectrum: mean, deviation; mean width; flatness of the bands: mean, deviation |
| temporal   | 0-47  | autocorrelation of the rises at 48 lags from 0.2 to 2 s, evenly spaced in log time          |
|            | 48-63 | mean rise in each of 16 equal parts of the sound                                          |
|            | 64-67 | rise: mean, deviation, greatest; share of frames above mean + 2 deviations                 |
| harmonic   | 0-11  | share of each pitch class, from C, between 55 and 2000 Hz                                  |
|            | 12-23 | the same of the bass, 30 to 250 Hz                                                        |
|            | 24-47 | share of each band's power that the frame before had already (1: held tones, 0: clicks)     |
|            | 48-53 | tonal centroid: fifths, minor thirds, major thirds, two coordinates each (Harte 2006)      |
|            | 54    | mean change of the pitch classes from frame to frame                                      |
| percussive | 0-23  | mean rise of each band's level                                                            |
|            | 24-47 | its deviation                                                                             |
|            | 48-50 | correlation of the rises: low with middle, low with high, middle with high bands            |
|            | 51-53 | mean rise of low, middle, high bands                                                      |
| stereo     | 0-23  | share of the side signal in each band's power                                             |
|            | 24-47 | balance of each band, -1 left to 1 right                                                  |
|            | 48-71 | correlation of left and right in each band                                                |
|            | 72-74 | the three of all bands together                                                           |
| energy     | 0-31  | level of each of 32 equal parts of the sound                                              |
|            | 32-40 | the level that 10, 20 ... 90 % of the frames stay below                                    |
|            | 41-43 | level of the whole, of the loudest frame, of the highest peak                              |
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonewheel.manifest.stem_snapshot import QuantumFeatures
from tonewheel.systems.stems.features.frames import Floats, level
from tonewheel.systems.stems.features.listen import Heard, listen

LENGTHS = {"spectral": 53, "temporal": 68, "harmonic": 55, "percussive": 54, "stereo": 75, "energy": 44}
LAGS_S = tuple(0.2 * 10.0 ** (step / 47) for step in range(48))
PARTS = 32


def snapshot_features(audio: NDArray[Any], sample_rate_hz: float) -> QuantumFeatures:
    """The six families of a sound, (channels, samples) or (samples,) at any rate; the lengths are always the same.

    >>> features = snapshot_features(np.zeros(100), 44100)
    >>> {name: len(getattr(features, name)) for name in LENGTHS} == LENGTHS
    True
    """
    return families(listen(audio, sample_rate_hz))


def families(heard: Heard) -> QuantumFeatures:
    """The six families of what was heard."""
    return QuantumFeatures(
        spectral=_told(heard.level_mean, heard.level_deviation, heard.centroid, heard.flatness),
        temporal=_temporal(heard),
        harmonic=_told(
            heard.chroma,
            heard.bass_chroma,
            heard.sustained,
            tonal_centroid(heard.chroma),
            [heard.chroma_change],
        ),
        percussive=_percussive(heard),
        stereo=_stereo(heard),
        energy=_energy(heard),
    )


def autocorrelation(values: Floats, lags: Floats) -> Floats:
    """Correlation of a series with itself at lags in frames, between whole ones on a straight line; 1 at lag 0.

    >>> autocorrelation(np.tile([1.0, 0.0], 100), np.array([0.0, 1.0, 2.0])).round(2).tolist()
    [1.0, -1.0, 0.99]
    """
    centred = values - values.mean()
    total = float(centred @ centred)
    # A series that does not change correlates with nothing; rounding must not say otherwise.
    if total < 1e-12 * len(values):
        return np.zeros(len(lags))
    whole = np.arange(min(int(np.max(lags)) + 2, len(values)))
    found = np.zeros(int(np.max(lags)) + 2)
    found[whole] = [float(centred[: len(values) - lag] @ centred[lag:]) / total for lag in whole]
    below = np.floor(lags).astype(int)
    return np.asarray(found[below] + (lags - below) * (found[below + 1] - found[below]))


def parts(values: Floats, count: int) -> Floats:
    """Means of `count` equal parts; of fewer values than parts some serve twice.

    >>> parts(np.array([1.0, 3.0, 5.0, 7.0]), 2).tolist(), parts(np.array([1.0]), 3).tolist()
    ([2.0, 6.0], [1.0, 1.0, 1.0])
    """
    starts = [part * len(values) // count for part in range(count)]
    ends = [max((part + 1) * len(values) // count, start + 1) for part, start in enumerate(starts)]
    return np.array([values[start:end].mean() for start, end in zip(starts, ends, strict=True)])


def tonal_centroid(chroma: Floats) -> Floats:
    """Where the pitch classes lie on the circles of fifths, minor and major thirds, (6,).

    Source: Harte, Sandler and Gasser, Detecting harmonic change in musical audio, AMCMM 2006 (radii 1, 1, 0.5).
    """
    steps = np.arange(12)
    angles = [np.pi * steps * turn for turn in (7 / 6, 3 / 2, 2 / 3)]
    return np.array(
        [
            radius * float(chroma @ wave(angle))
            for angle, radius in zip(angles, (1.0, 1.0, 0.5), strict=True)
            for wave in (np.sin, np.cos)
        ]
    )


def _temporal(heard: Heard) -> tuple[float, ...]:
    flux = heard.flux
    mean, deviation = float(flux.mean()), float(flux.std())
    lags = np.array(LAGS_S) * heard.frame_rate_hz
    high = float(np.mean(flux > mean + 2 * deviation)) if deviation > 1e-9 else 0.0
    return _told(autocorrelation(flux, lags), parts(flux, 16), [mean, deviation, flux.max(), high])


def _percussive(heard: Heard) -> tuple[float, ...]:
    low, middle, high = heard.part_flux.T
    pairs = [_correlation(low, middle), _correlation(low, high), _correlation(middle, high)]
    return _told(heard.rise_mean, heard.rise_deviation, pairs, heard.part_flux.mean(axis=0))


def _correlation(one: Floats, other: Floats) -> float:
    first, second = one - one.mean(), other - other.mean()
    scale = float(np.sqrt((first @ first) * (second @ second)))
    return float(first @ second) / scale if scale > 1e-9 else 0.0


def _stereo(heard: Heard) -> tuple[float, ...]:
    rows = [np.append(values, values.sum()) for values in (heard.left, heard.right, heard.cross)]
    left, right, cross = rows
    # Below -120 dB there is no place: such a band counts as in the middle.
    total = left + right
    audible = total > 1e-12
    scale = np.where(audible, total, 1.0)
    side = np.where(audible, np.clip(0.5 - cross / scale, 0.0, 1.0), 0.0)
    balance = np.where(audible, (right - left) / scale, 0.0)
    product = np.sqrt(left * right)
    alike = np.where(product > 1e-12, cross / np.maximum(product, 1e-12), np.where(audible, 0.0, 1.0))
    every = [side, balance, np.clip(alike, -1.0, 1.0)]
    return _told(*(values[:-1] for values in every), [values[-1] for values in every])


def _energy(heard: Heard) -> tuple[float, ...]:
    power = heard.power
    deciles = np.quantile(level(power), np.arange(1, 10) / 10)
    whole = level(np.array([power.mean(), power.max(), heard.peak**2]))
    return _told(level(parts(power, PARTS)), deciles, whole)


def _told(*values: Any) -> tuple[float, ...]:
    return tuple(float(value) for block in values for value in block)
