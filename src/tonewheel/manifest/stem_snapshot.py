"""Stem snapshots: what a browser tells about a separation, as features and corrections, never as audio.

One JSON object, sent by HTTP, kept in a file or as a line of JSONL: the records, as typed as JSON can be, and how
long each list may be. What comes from outside is read by `stem_snapshot_check.parse_snapshot`. A deliberate
difference from our other formats: keys that we do not know do NOT survive (they could hold a file name).
"""

from __future__ import annotations

from typing import Literal

from tonewheel.core.records import Record

LARGEST_BYTES = 2**19
"""Six families and six stems at their longest, written with all digits, take 200 KiB; more is no snapshot."""
BEACON_BYTES = 2**16
"""What `navigator.sendBeacon` takes."""
LONGEST_FAMILY = 1000
LONGEST_STEM = 500
MOST_FREQUENCIES = 10
MOST_TRANSIENTS = 10_000
MOST_CORRECTIONS = 100
LONGEST_S = 24 * 3600.0
PITCHES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
FLATS = {"Db": "C#", "Eb": "D#", "Gb": "F#", "Ab": "G#", "Bb": "A#", "Cb": "B", "Fb": "E"}
Numbers = tuple[float, ...]
Range = tuple[float, float]
Mode = Literal["major", "minor"]
CorrectionKind = Literal["boost", "cut", "isolation", "masking"]


class OriginalAudio(
    Record, rename={"duration_s": "duration", "sample_rate_hz": "sampleRate"}, forbid_unknown_fields=False
):
    """What was separated."""

    duration_s: float
    sample_rate_hz: float
    channels: int


class QuantumFeatures(Record, forbid_unknown_fields=False):
    """The six families of features of the mix, at most 1000 numbers each."""

    spectral: Numbers
    temporal: Numbers
    harmonic: Numbers
    percussive: Numbers
    stereo: Numbers
    energy: Numbers


FAMILIES = QuantumFeatures.__struct_fields__


class Transient(Record, rename={"time_s": "time"}, forbid_unknown_fields=False):
    """An attack: when, and how strong."""

    time_s: float
    strength: float


class HarmonicContent(
    Record,
    rename={"dominant_frequencies_hz": "dominantFrequencies", "tension": "tensionLevel"},
    forbid_unknown_fields=False,
):
    """At most 10 frequencies, and how tense the harmony is, 0 to 1."""

    dominant_frequencies_hz: Numbers
    tension: float


class MusicalContext(Record, rename="camel", omit_defaults=True, forbid_unknown_fields=False):
    """Key, tempo and attacks of the music; `bpm` is null where there is none."""

    key: str
    bpm: float | None
    transients: tuple[Transient, ...]
    harmonic_content: HarmonicContent
    mode: Mode | None = None


class Correction(
    Record,
    rename={
        "stem": "correctedStem",
        "kind": "correctionType",
        "frequency_hz": "frequencyRange",
        "time_s": "timeRange",
    },
    omit_defaults=True,
    forbid_unknown_fields=False,
):
    """What a person changed by hand: which stem, how, and where in frequency and time (everywhere if not said)."""

    stem: str
    kind: CorrectionKind
    strength: float
    frequency_hz: Range | None = None
    time_s: Range | None = None


class SnapshotMetadata(Record, rename={"processing_ms": "processingTime"}, forbid_unknown_fields=False):
    """What the separator said about the music; `processing_ms` is how long it took."""

    classification: str
    confidence: float
    processing_ms: float


class StemSnapshot(
    Record,
    rename={"timestamp_ms": "timestamp"}
    | {
        "original_audio": "originalAudio",
        "features": "quantumFeatures",
        "context": "musicalContext",
        "ground_truth": "groundTruthStems",
        "corrections": "userCorrections",
    },
    omit_defaults=True,
    forbid_unknown_fields=False,
):
    """One snapshot; `ground_truth` has feature vectors of the stems that a person found right, at most 500 each.

    >>> context = MusicalContext(
    ...     key="C#", bpm=None, transients=(), harmonic_content=HarmonicContent(dominant_frequencies_hz=(), tension=0.2)
    ... )
    >>> made = StemSnapshot(
    ...     id="3f2b8c1e-9a4d-4c6e-8f00-0123456789ab",
    ...     timestamp_ms=1.7e12,
    ...     original_audio=OriginalAudio(duration_s=12.5, sample_rate_hz=44100, channels=2),
    ...     features=QuantumFeatures(spectral=(0.5,), temporal=(), harmonic=(), percussive=(), stereo=(), energy=()),
    ...     context=context,
    ...     metadata=SnapshotMetadata(classification="music", confidence=0.9, processing_ms=80),
    ... )
    >>> StemSnapshot.from_json(made.to_json()) == made
    True
    """

    id: str
    timestamp_ms: float
    original_audio: OriginalAudio
    features: QuantumFeatures
    context: MusicalContext
    metadata: SnapshotMetadata
    ground_truth: dict[str, Numbers] | None = None
    corrections: tuple[Correction, ...] | None = None
