"""How near simulated damage is to the real thing: two samples of what was measured, and whether they can be told apart.

Only what belongs to the damage is compared, relative to the music's own level; the music itself differs between the
sides and must not count. Two views: single impulses (size, width, the gap to the next) and stretches of three seconds
(how many impulses, how large, the course of the floor).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from tonewheel.core.errors import InputError
from tonewheel.core.records import Record
from tonewheel.core.seeds import generator
from tonewheel.metrics import two_sample
from tonewheel.systems.restore.measure import impulses
from tonewheel.systems.restore.measure.floor import FloorMeter
from tonewheel.systems.restore.profile import Profile
from tonewheel.systems.restore.simulate import matching, refined

Audio = NDArray[np.float32]
Floats = NDArray[np.float64]

WINDOW_S = 3.0
FLOOR_HZ = (1000.0, 3000.0, 7000.0, 15_000.0)
FEATURES = (
    "impulses a second (ln)",
    "amplitude (ln, of RMS)",
    "width (ln ms)",
    "bunching",
    *(f"floor {low / 1000:g}-{high / 1000:g} kHz (dB of RMS)" for low, high in pairwise(FLOOR_HZ)),
)
LEAST_SPREAD = (0.1, 0.1, 0.1, 0.1, 1.0, 1.0, 1.0)
"""A tenth in size or number and a decibel of noise are differences that nobody hears: no feature is scaled finer."""
EVENTS = ("amplitude (ln, of RMS)", "width (ln ms)", "gap (ln s)")
QUIET_RMS = 1e-4
LEAST_WINDOWS = 4
MOST_SEEN = 4000
"""Impulses of one recording that are compared."""


class Observed(NamedTuple):
    """One recording. Shapes: windows (n, len(FEATURES)), events (m, len(EVENTS))."""

    windows: Floats
    events: Floats


class Difference(Record):
    """One feature on both sides."""

    feature: str
    ks: float
    """Largest gap of the distribution functions, 0 to 1."""
    p: float
    real_median: float
    simulated_median: float


class Closeness(Record):
    """How near two sets of recordings are."""

    real_recordings: int
    simulated_recordings: int
    real_windows: int
    simulated_windows: int
    energy_distance: float
    """Of windows, features in standard deviations; 0 for the same distribution."""
    p: float
    """That a random split of the recordings is as far apart; small means told apart."""
    separability: float
    """AUROC of a classifier on recordings it has not heard; 0.5 is what simulation aims for."""
    windows: tuple[Difference, ...]
    events: tuple[Difference, ...]


def observe(audio: Audio, sample_rate_hz: int) -> Observed:
    """What of the damage can be seen in a mono recording, (samples,); windows without sound are left out."""
    found, repaired = impulses.find(np.asarray(audio, np.float64), sample_rate_hz)
    damage = found.at(impulses.judge(found, sample_rate_hz))
    level = float(np.sqrt(np.mean(repaired**2))) if len(repaired) else 0.0
    if level < QUIET_RMS:
        return Observed(np.zeros((0, len(FEATURES))), np.zeros((0, len(EVENTS))))
    step = round(WINDOW_S * sample_rate_hz)
    rows = []
    for first in range(0, len(audio) - step + 1, step):
        window = repaired[first : first + step]
        rms = float(np.sqrt(np.mean(window**2)))
        if rms < max(QUIET_RMS, 0.03 * level):
            continue
        here = damage.at((damage.starts >= first) & (damage.starts < first + step))
        rows.append([*_impulses(here, level, sample_rate_hz), *_floor(window, level, sample_rate_hz)])
    gaps_s = np.diff(damage.starts) / sample_rate_hz
    events = np.stack(
        (
            np.log(damage.amplitudes[:-1] / level),
            np.log(1000 * damage.widths[:-1] / sample_rate_hz),
            np.log(np.maximum(gaps_s, 1e-4)),
        ),
        axis=1,
    )
    return Observed(np.array(rows).reshape(-1, len(FEATURES)), events[:MOST_SEEN])


def _impulses(here: impulses.Found, level: float, sample_rate_hz: int) -> list[float]:
    """Rate, size, width and bunching of a window; where nothing is, what the faintest and narrowest would be."""
    count = len(here.starts)
    if not count:
        return [np.log1p(0.0), -4.0, float(np.log(0.02)), 0.0]
    gaps = np.diff(here.starts) / sample_rate_hz
    # The coefficient of variation of gaps is 1 at random, above it in bursts.
    bunching = float(np.log(np.std(gaps) / np.mean(gaps) + 0.1)) if count > 4 else 0.0
    return [
        float(np.log1p(count / WINDOW_S)),
        float(np.median(np.log(here.amplitudes / level))),
        float(np.median(np.log(1000 * here.widths / sample_rate_hz))),
        bunching,
    ]


def _floor(window: Floats, level: float, sample_rate_hz: int) -> list[float]:
    meter = FloorMeter(sample_rate_hz)
    meter.add(window)
    densities = []
    for low_hz, high_hz in pairwise(FLOOR_HZ):
        inside = (meter.centres_hz >= low_hz) & (meter.centres_hz < high_hz)
        lowest = float(np.median(meter.lowest_db[inside])) if inside.any() else -120.0
        densities.append(float(np.clip(lowest - 20 * np.log10(level), -120.0, 0.0)))
    return densities


def compare(real: Sequence[Observed], simulated: Sequence[Observed], seed: int = 0) -> Closeness:
    """Real against simulated recordings; InputError where a side has too little sound to be compared."""
    sides = [[one for one in side if len(one.windows)] for side in (real, simulated)]
    windows = [np.concatenate([one.windows for one in side]) if side else np.zeros((0, 1)) for side in sides]
    for name, rows in zip(("real", "simulated"), windows, strict=True):
        if len(rows) < LEAST_WINDOWS:
            needed = LEAST_WINDOWS * WINDOW_S
            raise InputError(
                name, f"has {len(rows) * WINDOW_S:g} s of sound to compare; at least {needed:g} s"
            )
    groups = [np.repeat(np.arange(len(side)), [len(one.windows) for one in side]) for side in sides]
    scale = np.maximum(np.concatenate(windows).std(axis=0), LEAST_SPREAD)
    first, second = (rows / scale for rows in windows)
    # Windows of a recording belong together; one recording a side leaves only the windows to be permuted.
    of = (groups[0], groups[1]) if min(len(sides[0]), len(sides[1])) > 1 else None
    distance, p = two_sample.energy_test(first, second, generator(seed, "closeness"), groups=of)
    events = [np.concatenate([one.events for one in side]) for side in sides]
    return Closeness(
        real_recordings=len(sides[0]),
        simulated_recordings=len(sides[1]),
        real_windows=len(first),
        simulated_windows=len(second),
        energy_distance=round(distance, 4),
        p=round(p, 4),
        separability=round(two_sample.separability(first, second, groups=of), 4),
        windows=_differences(FEATURES, windows[0], windows[1]),
        events=_differences(EVENTS, events[0], events[1]) if min(map(len, events)) else (),
    )


def _differences(names: Iterable[str], one: Floats, other: Floats) -> tuple[Difference, ...]:
    found = []
    for name, a, b in zip(names, one.T, other.T, strict=True):
        test = ks_2samp(a, b)
        found.append(
            Difference(
                feature=name,
                ks=round(float(test.statistic), 4),
                p=float(f"{test.pvalue:.3g}"),
                real_median=round(float(np.median(a)), 3),
                simulated_median=round(float(np.median(b)), 3),
            )
        )
    return tuple(found)


def simulations(
    profiles: Sequence[Profile],
    music: Iterable[Audio],
    sample_rate_hz: int,
    *,
    seed: int = 0,
    textures: Sequence[str] = (),
    refine: bool = True,
) -> list[Audio]:
    """Clean music, (samples,) each, damaged after the profiles in turn; with `refine` by profiles fitted to do so."""
    damaged = []
    for number, clean in enumerate(music):
        rng = generator(seed, "simulation", number)
        profile = profiles[number % len(profiles)]
        if refine:
            profile = refined(profile, clean, sample_rate_hz, rng)
        rms = float(np.sqrt(np.mean(np.square(clean, dtype=np.float64))))
        chain = matching(profile, rng, music_rms=rms, textures=textures)
        damaged.append(chain.apply(clean, sample_rate_hz))
    return damaged
