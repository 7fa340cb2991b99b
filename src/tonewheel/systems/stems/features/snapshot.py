"""Make the snapshot that a separation would share, so that a person can see all of it before anything is sent."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence

from tonewheel.manifest.stem_snapshot import (
    FAMILIES,
    Correction,
    OriginalAudio,
    QuantumFeatures,
    SnapshotMetadata,
    StemSnapshot,
)
from tonewheel.manifest.stems import STEMS
from tonewheel.systems.stems.features.context import musical_context
from tonewheel.systems.stems.features.families import families
from tonewheel.systems.stems.features.listen import Heard
from tonewheel.systems.stems.features.stem_vector import as_truth, stem_vectors


def make_snapshot(
    mix: Heard,
    *,
    duration_s: float,
    channels: int,
    processing_ms: float,
    stems: Sequence[Heard] = (),
    trusted: Sequence[str] = (),
    corrections: Sequence[Correction] = (),
    classification: str = "music",
    confidence: float = 1.0,
) -> StemSnapshot:
    """A snapshot with a new id and the present time.

    `stems` are the six that the separation gave; the vectors of those that a person found right (`trusted`) are told
    as ground truth. Numbers are rounded to six decimals, so that the whole fits into a beacon.
    """
    found = families(mix)
    return StemSnapshot(
        id=str(uuid.uuid4()),
        timestamp_ms=float(time.time_ns() // 1_000_000),
        original_audio=OriginalAudio(
            duration_s=duration_s, sample_rate_hz=mix.sample_rate_hz, channels=channels
        ),
        features=QuantumFeatures(
            **{name: tuple(round(value, 6) for value in getattr(found, name)) for name in FAMILIES}
        ),
        context=musical_context(mix),
        metadata=SnapshotMetadata(
            classification=classification, confidence=confidence, processing_ms=round(processing_ms, 1)
        ),
        ground_truth=(
            dict(as_truth(stem_vectors(stems), [stem for stem in STEMS if stem in trusted]))
            if trusted
            else None
        ),
        corrections=tuple(corrections) or None,
    )
