"""Snapshots of songs that never were, with the truth known: for tests, and to see the flywheel turn.

A song is six stems with levels in 24 bands and in 32 parts of time; its features follow from them as those of a sound
would (levels of the sum, held tones where pitched stems are, rises where struck ones are), with noise. It sounds like
nothing, and figures on it say that the machinery works, not how well it does on music.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.seeds import generator
from tonewheel.manifest.stem_snapshot import (
    PITCHES,
    Correction,
    HarmonicContent,
    MusicalContext,
    OriginalAudio,
    QuantumFeatures,
    SnapshotMetadata,
    StemSnapshot,
    Transient,
)
from tonewheel.manifest.stems import STEMS
from tonewheel.systems.stems.features.families import LENGTHS, PARTS
from tonewheel.systems.stems.features.frames import BANDS, EDGES_HZ, level
from tonewheel.systems.stems.features.stem_vector import TIME_PARTS, as_truth

Floats = NDArray[np.float64]
CENTRES_HZ = np.sqrt(np.array(EDGES_HZ[:-1]) * np.array(EDGES_HZ[1:]))
SHAPES = {
    "vocals": (700.0, 1.2, -24.0),
    "drums": (1500.0, 3.0, -27.0),
    "bass": (110.0, 0.7, -22.0),
    "harmonic": (600.0, 1.8, -24.0),
    "perc": (6000.0, 1.0, -34.0),
    "sub": (42.0, 0.35, -24.0),
}
"""Centre, width in octaves and level in dB of a stem's spectrum."""
STRUCK = np.array([stem in ("drums", "perc") for stem in STEMS])


class Song(NamedTuple):
    """Mean power of each stem in each band (6, 24) and each of 32 parts (6, 32)."""

    bands: Floats
    parts: Floats

    @property
    def vectors(self) -> Floats:
        """The true vectors of its stems, (6, 64)."""
        times = self.parts.reshape(len(STEMS), TIME_PARTS, -1).mean(axis=2)
        shares = [values / np.maximum(values.sum(axis=0), 1e-12) for values in (self.bands, times)]
        return np.concatenate([shares[0], level(self.bands), shares[1]], axis=1)


def population(
    count: int,
    seed: int = 0,
    *,
    shift_db: float = 0.0,
    told_share: float = 0.8,
    corrected_share: float = 0.3,
    liars: float = 0.0,
) -> Iterator[StemSnapshot]:
    """`count` snapshots, the same for the same seed.

    `shift_db` lifts the highs of all songs (a drift); `told_share` of the stems have their truth told; `liars` is the
    share of snapshots that tell a truth which contradicts their mix.

    >>> [len(one.features.spectral) for one in population(2)]
    [53, 53]
    """
    for number in range(count):
        rng = generator(seed, "population", number)
        song = draw_song(rng, shift_db)
        told = [stem for stem in STEMS if rng.random() < told_share]
        vectors = song.vectors
        if rng.random() < liars:
            vectors = np.clip(vectors + 0.5, 0, 1)
        yield StemSnapshot(
            id=str(uuid.UUID(bytes=rng.bytes(16), version=4)),
            timestamp_ms=1.76e12 + 3.6e6 * number,
            original_audio=OriginalAudio(
                duration_s=round(float(rng.uniform(60, 300)), 2), sample_rate_hz=44100, channels=2
            ),
            features=features_of(song, rng),
            context=_context(rng),
            metadata=SnapshotMetadata(classification="music", confidence=0.9, processing_ms=500.0),
            ground_truth=dict(as_truth(vectors, told)) or None,
            corrections=_corrections(rng) if rng.random() < corrected_share else None,
        )


def draw_song(rng: np.random.Generator, shift_db: float = 0.0) -> Song:
    """Levels of six stems: each is there or not, somewhat louder or softer, brighter or darker than usual."""
    octaves = np.log2(CENTRES_HZ)
    rows = []
    for centre_hz, width, loud_db in SHAPES.values():
        centre = np.log2(centre_hz) + rng.normal(0, 0.3)
        shape_db = loud_db - 6 * ((octaves - centre) / (width * rng.uniform(0.8, 1.3))) ** 2
        shape_db += rng.normal(0, 5) + rng.normal(0, 2, BANDS) + shift_db * np.clip(octaves - 10, 0, 3)
        rows.append(10 ** (np.maximum(shape_db, -110) / 10) * (rng.random() < 0.85))
    bands = np.array(rows)
    bands[0] += 1e-8  # a song without any stem would be silence
    active = np.repeat(rng.random((len(STEMS), PARTS // 4)) < 0.8, 4, axis=1) * rng.uniform(
        0.5, 1.5, (len(STEMS), PARTS)
    )
    return Song(bands, bands.sum(axis=1, keepdims=True) * active + 1e-10)


def features_of(song: Song, rng: np.random.Generator) -> QuantumFeatures:
    """Features as a sound with these levels might have them."""
    mix = song.bands.sum(axis=0)
    struck = (song.bands * STRUCK[:, None]).sum(axis=0) / np.maximum(mix, 1e-12)
    values = {name: rng.normal(0, 0.05, length) for name, length in LENGTHS.items()}
    values["spectral"][:BANDS] = level(mix)
    values["spectral"][BANDS : 2 * BANDS] = 0.02 + 0.06 * struck + rng.normal(0, 0.01, BANDS)
    values["harmonic"][24:48] = 0.9 - 0.6 * struck + rng.normal(0, 0.05, BANDS)
    values["percussive"][:BANDS] = 0.005 + 0.03 * struck + rng.normal(0, 0.003, BANDS)
    values["stereo"][:BANDS] = 0.4 * song.bands[3] / np.maximum(mix, 1e-12) + rng.normal(0, 0.03, BANDS)
    values["energy"][:PARTS] = level(song.parts.sum(axis=0))
    return QuantumFeatures(
        **{name: tuple(np.clip(found, -1, 1).round(6).tolist()) for name, found in values.items()}
    )


def _context(rng: np.random.Generator) -> MusicalContext:
    return MusicalContext(
        key=PITCHES[int(rng.integers(12))],
        mode="minor" if rng.random() < 0.5 else "major",
        bpm=round(float(rng.uniform(70, 180)), 1) if rng.random() < 0.9 else None,
        transients=tuple(
            Transient(time_s=0.5 * step, strength=0.5) for step in range(int(rng.integers(5, 40)))
        ),
        harmonic_content=HarmonicContent(
            dominant_frequencies_hz=tuple(rng.uniform(50, 2000, 5).round(1).tolist()),
            tension=float(rng.random()),
        ),
    )


def _corrections(rng: np.random.Generator) -> tuple[Correction, ...]:
    """Most people miss the voice between 200 and 800 Hz; some do something else."""
    usual = Correction(
        stem="vocals", kind="boost", strength=float(rng.uniform(0.3, 0.7)), frequency_hz=(200.0, 800.0)
    )
    other = Correction(stem=STEMS[int(rng.integers(6))], kind="cut", strength=0.3, time_s=(5.0, 20.0))
    return (usual,) if rng.random() < 0.8 else (other,)
