"""The seeded benchmark: real music, damage of which every sample is known, the same for everyone.

Music is cut to 80 Hz - 7.5 kHz (what an old record holds), set to an RMS of 0.1, and damaged at 44.1 kHz: 15
clicks a second (peaks log-normal around 0.35 of full scale with sigma 0.7, at most 60 samples long), 120
crackles a second (0.04, at most 12 samples), and coloured hiss at a stated ratio to the music. Their shapes and
the colour are ours, chosen on validation clips so that what ffmpeg makes of it agrees with the figures that the
targets were written with: four in five are bursts of noise that decay, one is a single sample with small
neighbours; all are added to the music.

The same split, seed and number of clips give the same samples everywhere: a case is drawn from the seed, the
case and the title of the track alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.errors import InputError, nearest
from tonewheel.core.records import Record
from tonewheel.core.seeds import draw_seed, generator
from tonewheel.degrade.clicks import Clicks
from tonewheel.degrade.crackle import Crackle
from tonewheel.degrade.hiss import Hiss
from tonewheel.degrade.impulses import Shape
from tonewheel.metrics.impulses import Impulses, join
from tonewheel.systems.restore.prepare import SAMPLE_RATE_HZ, Prepared, Sound

Audio = NDArray[np.float32]

SECONDS = 12.0
RMS = 0.1
BAND_HZ = (80.0, 7500.0)
QUIET = 0.1
"""A clip whose music is below this share of the track's RMS is cut elsewhere."""
MOST_SAMPLES = {"clicks": 60, "crackle": 12}
SHAPES: tuple[Shape, ...] = ("noise",) * 4 + ("spike",)
PINK = ((50.0, 0.0), (12_800.0, -24.0))
"""Hiss that falls by 3 dB an octave: (Hz, dB)."""


class Case(Record):
    """What is done to every clip."""

    name: str
    clicks: bool = True
    hiss_snr_db: float | None = None
    band_hz: tuple[float, float] | None = BAND_HZ
    kind: str = "music"
    """The kind of prepared sound that is damaged."""


CASES = (
    Case(name="clicks"),
    Case(name="hiss20", hiss_snr_db=20.0),
    Case(name="hiss10", hiss_snr_db=10.0),
    Case(name="clean", clicks=False),
    Case(name="clean_full", clicks=False, band_hz=None),
    Case(name="drums", clicks=False, band_hz=None, kind="drums_alone"),
    Case(name="transients", clicks=False, band_hz=None, kind="transient"),
)
"""Damaged music, then what must pass unharmed: music as an old record holds it, as it is, drums, attacks."""


@dataclass(frozen=True)
class Item:
    """One clip: mono float32 signals (samples,) at 44.1 kHz, and everything that was done to it."""

    case: Case
    title: str
    group: str
    clean: Audio
    damaged: Audio
    clicks: Impulses
    """The clicks alone, joined where they overlap."""
    impulses: Impulses
    """Clicks and crackle."""
    hit: NDArray[np.bool_]
    """Which samples are hit by either."""


def case(name: str) -> Case:
    """A case by its name.

    >>> case("hiss20").hiss_snr_db
    20.0
    """
    for one in CASES:
        if one.name == name:
            return one
    known = [one.name for one in CASES]
    raise InputError("case", f'"{name}" is none of {", ".join(known)}{nearest(name, known)}')


def items(
    prepared: Prepared, split: str, of: Case, *, clips: int | None = None, seed: int = 0
) -> Iterator[Item]:
    """One clip of each track of a split, in a stable order; `clips` takes that many, spread over the groups."""
    sounds = [
        s for s in prepared.of(of.kind, split) if s.seconds >= min(SECONDS, 6.0) and not _rendered(s, of)
    ]
    if not sounds and of.kind == "transient":
        sounds = prepared.of(of.kind, "valid")  # rendered: no split of recordings has any
    for sound in spread(sounds, clips):
        music = clean_clip(prepared, sound, of, seed)
        yield damage(music, of, generator(seed, "benchmark", of.name, sound.title), sound.title, sound.group)


def _rendered(sound: Sound, of: Case) -> bool:
    """Synthesised songs are no music to report on."""
    return sound.synthetic and of.kind == "music"


def spread(sounds: list[Sound], count: int | None) -> list[Sound]:
    """At most `count` sounds, in turn from every group, so that no album counts for all."""
    if count is None or count >= len(sounds):
        return sounds
    by_group: dict[str, list[Sound]] = {}
    for sound in sounds:
        by_group.setdefault(sound.group, []).append(sound)
    queues = list(by_group.values())
    taken: list[Sound] = []
    while len(taken) < count:
        taken += [queue.pop(0) for queue in queues if queue]
    return taken[:count]


def clean_clip(prepared: Prepared, sound: Sound, of: Case, seed: int = 0) -> Audio:
    """`SECONDS` of a sound from a seeded place that is not silent, band-limited, at the benchmark's RMS."""
    total = round(sound.seconds * SAMPLE_RATE_HZ)
    length = min(total, round(SECONDS * SAMPLE_RATE_HZ))
    whole = float(np.sqrt(np.mean(np.square(prepared.floats(sound)))))
    rng = generator(seed, "clip", sound.title)
    for _ in range(20):
        start = int(rng.integers(0, total - length + 1))
        clip = prepared.floats(sound, start, start + length)
        if np.sqrt(np.mean(np.square(clip))) > QUIET * whole:
            break
    if of.band_hz is not None:
        clip = band_limited(clip, SAMPLE_RATE_HZ, of.band_hz)
    return np.asarray(clip * np.float32(RMS / np.sqrt(np.mean(np.square(clip)))), np.float32)


def band_limited(audio: Audio, sample_rate_hz: int, band_hz: tuple[float, float]) -> Audio:
    """A Butterworth band-pass of order 8, run forward and backward: no delay, no phase.

    >>> tone = np.sin(2 * np.pi * 12_000 * np.arange(44_100) / 44_100).astype(np.float32)
    >>> bool(np.abs(band_limited(tone, 44_100, (80, 7500))[4000:-4000]).max() < 1e-4)
    True
    """
    from scipy.signal import butter, sosfiltfilt

    top_hz = min(band_hz[1], 0.49 * sample_rate_hz)
    sections = butter(8, (band_hz[0], top_hz), "bandpass", fs=sample_rate_hz, output="sos")
    return np.asarray(sosfiltfilt(sections, audio), np.float32)


def damage(clean: Audio, of: Case, rng: np.random.Generator, title: str = "", group: str = "") -> Item:
    """A clean clip with the damage of a case, and where it is."""
    damaged = clean[None]
    if of.hiss_snr_db is not None:
        hiss = Hiss(snr_db=of.hiss_snr_db, spectrum=PINK, seed=draw_seed(rng))
        noise = hiss.noise(1, clean.size, SAMPLE_RATE_HZ)
        # To the RMS of the whole clip, as the protocol says; `Hiss` takes that of its active parts.
        damaged = damaged + noise * np.float32(RMS * 10 ** (-of.hiss_snr_db / 20) / noise.std())
    hit = np.zeros(clean.size, bool)
    lists: list[Any] = []
    for process in processes(rng) if of.clicks else ():
        events = process.events(clean.size, SAMPLE_RATE_HZ)
        damaged = events.put_on(np.asarray(damaged, np.float32))
        hit |= events.mask(clean.size)[0]
        lists.append((events.starts, events.widths, events.amplitudes))
    both = [np.concatenate(part) for part in zip(*lists, strict=True)] if lists else [np.zeros(0)] * 3
    clicks = lists[0] if lists else both
    return Item(
        of, title, group, clean, np.asarray(damaged[0], np.float32), _joined(clicks), _joined(both), hit
    )


def processes(rng: np.random.Generator) -> tuple[Clicks, Crackle]:
    """Clicks and crackle as the protocol has them."""
    clicks = Clicks(
        rate_per_s=15.0,
        amplitude=0.35,
        amplitude_spread=0.7,
        width_ms=0.8,
        width_spread=0.6,
        longest_ms=MOST_SAMPLES["clicks"] * 1000 / SAMPLE_RATE_HZ + 0.001,
        shapes=SHAPES,
        replacing=0.0,
        seed=draw_seed(rng),
    )
    crackle = Crackle(
        rate_per_s=120.0,
        amplitude=0.04,
        width_ms=0.15,
        longest_ms=MOST_SAMPLES["crackle"] * 1000 / SAMPLE_RATE_HZ + 0.001,
        shapes=SHAPES,
        seed=draw_seed(rng),
    )
    return clicks, crackle


def _joined(parts: Any) -> Impulses:
    starts, widths, peaks = parts
    return join(starts / SAMPLE_RATE_HZ, widths / SAMPLE_RATE_HZ, peaks)
