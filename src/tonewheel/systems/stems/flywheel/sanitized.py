"""A sanitised snapshot: numbers in their ranges, no id, no text but a few known words.

| key                | what                                                                              |
|--------------------|-----------------------------------------------------------------------------------|
| id, source         | pseudonyms: of the snapshot, and of the sound it was made from                     |
| day                | days since 1970: enough to see drift                                              |
| originalAudio      | duration to 0.1 s, sampleRate, channels                                           |
| quantumFeatures    | six families, each number clipped to -1..1                                        |
| musicalContext     | key, mode, bpm 20..400 or null, transientCount, transientDensity (a second), harmonicContent |
| groundTruthStems   | clipped to -1..1                                                                  |
| userCorrections    | stem and type as numbers, Hz, start and end as shares of the duration, strength 0..1 |
| metadata           | classification, confidence 0..1, processingTime ms                                |
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import get_args

import numpy as np

from tonewheel.core.pseudonyms import Pseudonyms
from tonewheel.core.records import Record
from tonewheel.manifest.stem_snapshot import (
    FAMILIES,
    Correction,
    CorrectionKind,
    HarmonicContent,
    Mode,
    Numbers,
    OriginalAudio,
    QuantumFeatures,
    SnapshotMetadata,
    StemSnapshot,
)
from tonewheel.manifest.stems import STEMS

KINDS: tuple[str, ...] = get_args(CorrectionKind)
"""boost, cut, isolation, masking: their numbers are their places here."""
CLASSES = frozenset(
    {
        "acoustic",
        "bass",
        "drums",
        "electronic",
        "full-mix",
        "harmonic",
        "instrumental",
        "loop",
        "mix",
        "mixed",
        "mono",
        "music",
        "noise",
        "other",
        "percussion",
        "percussive",
        "rhythmic",
        "song",
        "speech",
        "stem",
        "stereo",
        "unknown",
        "vocal",
        "vocals",
        "voice",
    }
)
"""Classes that are always kept; of others those that several sources tell, as a name is told by one alone."""
COMMON = 3
LONGEST_PROCESSING_MS = 3.6e6
LAST_DAY = 36_525


class SanitizedContext(Record, rename="camel"):
    """The musical context without the times of its attacks."""

    key: str
    mode: Mode | None
    bpm: float | None
    transient_count: int
    transient_density: float
    harmonic_content: HarmonicContent


class SanitizedCorrection(Record, rename={"low_hz": "lowHz", "high_hz": "highHz"}):
    """A correction as numbers; `start` and `end` are shares of the duration."""

    stem: int
    kind: int
    low_hz: float
    high_hz: float
    start: float
    end: float
    strength: float


class SanitizedSnapshot(
    Record,
    rename={
        "original_audio": "originalAudio",
        "features": "quantumFeatures",
        "context": "musicalContext",
        "ground_truth": "groundTruthStems",
        "corrections": "userCorrections",
    },
):
    """One line of a sanitised file."""

    id: str
    source: str
    day: int
    original_audio: OriginalAudio
    features: QuantumFeatures
    context: SanitizedContext
    ground_truth: dict[str, Numbers]
    corrections: tuple[SanitizedCorrection, ...]
    metadata: SnapshotMetadata


def sanitized(
    snapshot: StemSnapshot, names: Pseudonyms, classes: Iterable[str] = CLASSES
) -> SanitizedSnapshot:
    """A snapshot without what could lead back to anybody; classes that are not among `classes` become "other"."""
    audio, context = snapshot.original_audio, snapshot.context
    count = len(context.transients)
    told = snapshot.metadata.classification
    features = {name: _clipped(getattr(snapshot.features, name), -1, 1) for name in FAMILIES}
    return SanitizedSnapshot(
        id=names.of(snapshot.id),
        source=names.of(source_of(snapshot)),
        day=int(np.clip(snapshot.timestamp_ms // 86_400_000, 0, LAST_DAY)),
        original_audio=OriginalAudio(
            duration_s=max(round(audio.duration_s, 1), 0.1),
            sample_rate_hz=audio.sample_rate_hz,
            channels=audio.channels,
        ),
        features=QuantumFeatures(**features),
        context=SanitizedContext(
            key=context.key,
            mode=context.mode,
            bpm=None if context.bpm is None else _clip(context.bpm, 20, 400),
            transient_count=count,
            transient_density=round(_clip(count / audio.duration_s, 0, 50), 4),
            harmonic_content=HarmonicContent(
                dominant_frequencies_hz=_clipped(context.harmonic_content.dominant_frequencies_hz, 0, 24_000),
                tension=_clip(context.harmonic_content.tension, 0, 1),
            ),
        ),
        ground_truth={
            stem: _clipped(snapshot.ground_truth[stem], -1, 1)
            for stem in STEMS
            if snapshot.ground_truth and stem in snapshot.ground_truth
        },
        corrections=tuple(_numbers(one, audio) for one in snapshot.corrections or ()),
        metadata=SnapshotMetadata(
            classification=told if told in classes else "other",
            confidence=_clip(snapshot.metadata.confidence, 0, 1),
            processing_ms=_clip(snapshot.metadata.processing_ms, 0, LONGEST_PROCESSING_MS),
        ),
    )


def source_of(snapshot: StemSnapshot) -> str:
    """What two snapshots of the same sound have in common, whoever sent them and whatever they corrected."""
    features = ",".join(f"{value:.3f}" for name in FAMILIES for value in getattr(snapshot.features, name))
    return f"{snapshot.original_audio.duration_s:.1f}|{features}"


def today(day: int) -> str:
    """The date of a day number.

    >>> today(20_000)
    '2024-10-04'
    """
    return datetime.fromtimestamp(day * 86_400, UTC).date().isoformat()


def _numbers(one: Correction, audio: OriginalAudio) -> SanitizedCorrection:
    half = audio.sample_rate_hz / 2
    low, high = sorted(_clip(value, 0, half) for value in one.frequency_hz or (0, half))
    start, end = sorted(
        _clip(value / audio.duration_s, 0, 1) for value in one.time_s or (0, audio.duration_s)
    )
    return SanitizedCorrection(
        stem=STEMS.index(one.stem),
        kind=KINDS.index(one.kind),
        low_hz=low,
        high_hz=high,
        start=round(start, 4),
        end=round(end, 4),
        strength=_clip(one.strength, 0, 1),
    )


def _clip(value: float, low: float, high: float) -> float:
    return float(min(max(value, low), high))


def _clipped(values: Sequence[float], low: float, high: float) -> Numbers:
    return tuple(_clip(value, low, high) for value in values)
