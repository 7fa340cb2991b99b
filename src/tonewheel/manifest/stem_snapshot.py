"""Stem snapshots: what a browser tells about a separation, as features and corrections, never as audio.

One JSON object, sent by HTTP, kept in a file or as a line of JSONL. A snapshot that does not fit is refused with
the key and the reason; `validate` checks what types cannot say. Two deliberate differences from our other formats:
keys that we do not know do NOT survive (they could hold a file name), and `classification` is cut down to one or
two plain words, so that no free text passes this door. Values that are merely out of range (a strength of 1.2) are
taken in; sanitising clips them.
"""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

import msgspec

from tonewheel.core.errors import InputError, nearest
from tonewheel.core.records import Record
from tonewheel.manifest.stems import STEMS

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
    >>> parse_snapshot(made.to_json().encode()) == made
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


def parse_snapshot(body: bytes | str, where: str | Path = "snapshot", *, trim: bool = False) -> StemSnapshot:
    """Read one snapshot; InputError(where) names the key and what is wrong with it.

    `trim` cuts a list that is too long instead of refusing it: for files of clients that did not count.

    >>> parse_snapshot(b'{"id": 7}')
    Traceback (most recent call last):
    tonewheel.core.errors.InputError: snapshot: id: expected str, got int
    """
    raw = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    if len(raw) > LARGEST_BYTES:
        raise InputError(where, f"{len(raw)} bytes; a snapshot has at most {LARGEST_BYTES}")
    return validate(StemSnapshot.from_json(raw, where), where, trim=trim)


def validate(snapshot: StemSnapshot, where: str | Path = "snapshot", *, trim: bool = False) -> StemSnapshot:
    """The snapshot with its key, id and classification in their plain form; InputError(where) if it cannot be right."""
    for place, value in _numbers(snapshot):
        if not math.isfinite(value):
            raise InputError(where, f"{place}: {value} is no number that can be used")
    try:
        own_id = uuid.UUID(snapshot.id)
    except ValueError:
        raise InputError(where, "id: is no UUID") from None
    if own_id.version != 4 or len(snapshot.id) != 36:
        raise InputError(where, "id: is no UUID of version 4, as 36 characters")
    if not 0 <= snapshot.timestamp_ms < 1e14:
        raise InputError(where, f"timestamp: {snapshot.timestamp_ms:g} is no time in ms since 1970")
    audio = snapshot.original_audio
    if not 0 < audio.duration_s <= LONGEST_S:
        raise InputError(
            where, f"originalAudio.duration: {audio.duration_s:g} s, expected 0 to {LONGEST_S:g}"
        )
    if not 1000 <= audio.sample_rate_hz <= 768_000:
        raise InputError(
            where, f"originalAudio.sampleRate: {audio.sample_rate_hz:g} Hz, expected 1000 to 768000"
        )
    if not 1 <= audio.channels <= 64:
        raise InputError(where, f"originalAudio.channels: {audio.channels}, expected 1 to 64")

    def fit(place: str, values: tuple[Any, ...], most: int) -> tuple[Any, ...]:
        if len(values) > most and not trim:
            raise InputError(where, f"{place}: {len(values)} entries, at most {most} are taken")
        return values[:most]

    context, content = snapshot.context, snapshot.context.harmonic_content
    features = {
        name: fit(f"quantumFeatures.{name}", getattr(snapshot.features, name), LONGEST_FAMILY)
        for name in FAMILIES
    }
    truth = snapshot.ground_truth
    if truth is not None:
        truth = {
            _stem(stem, "groundTruthStems", where): fit(f"groundTruthStems.{stem}", values, LONGEST_STEM)
            for stem, values in truth.items()
        }
    corrections = snapshot.corrections
    if corrections is not None:
        corrections = fit("userCorrections", corrections, MOST_CORRECTIONS)
        for number, one in enumerate(corrections):
            _stem(one.stem, f"userCorrections[{number}].correctedStem", where)
    return msgspec.structs.replace(
        snapshot,
        id=str(own_id),
        features=QuantumFeatures(**features),
        context=msgspec.structs.replace(
            context,
            key=_key(context.key, where),
            transients=fit("musicalContext.transients", context.transients, MOST_TRANSIENTS),
            harmonic_content=msgspec.structs.replace(
                content,
                dominant_frequencies_hz=fit(
                    "musicalContext.harmonicContent.dominantFrequencies",
                    content.dominant_frequencies_hz,
                    MOST_FREQUENCIES,
                ),
            ),
        ),
        ground_truth=truth,
        corrections=corrections,
        metadata=msgspec.structs.replace(
            snapshot.metadata, classification=plain_class(snapshot.metadata.classification)
        ),
    )


def plain_class(text: str) -> str:
    """A classification of one or two plain words; anything longer or stranger, such as a file name, is "other".

    >>> plain_class("Full Mix"), plain_class("My holiday song.mp3")
    ('full-mix', 'other')
    """
    found = re.fullmatch(r"([a-z]{1,16})(?:[ _-]([a-z]{1,16}))?", text[:40].strip().lower())
    return "-".join(word for word in found.groups() if word) if found else "other"


def unknown_keys(values: Any, record: type[msgspec.Struct] = StemSnapshot, place: str = "") -> Iterator[str]:
    """The keys of a snapshot's JSON that are left out when it is read.

    >>> list(unknown_keys({"id": "", "fileName": "x", "metadata": {"user": "y"}}))
    ['fileName', 'metadata.user']
    """
    if not isinstance(values, Mapping):
        return
    known = _known_keys(record)
    for key, value in values.items():
        if key not in known:
            yield f"{place}{key}"
            continue
        for inner in known[key]:
            for one in value if isinstance(value, list) else [value]:
                yield from unknown_keys(one, inner, f"{place}{key}.")


@cache
def _known_keys(record: type[msgspec.Struct]) -> dict[str, list[type[msgspec.Struct]]]:
    """The keys of a record in JSON, and the records that their values are."""
    hints = get_type_hints(record)
    names = zip(record.__struct_encode_fields__, record.__struct_fields__, strict=True)
    return {key: _records_in(hints[field]) for key, field in names}


def _records_in(hint: Any) -> list[type[msgspec.Struct]]:
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return [hint]
    return [found for inner in get_args(hint) for found in _records_in(inner)]


def _stem(name: str, place: str, where: str | Path) -> str:
    if name not in STEMS:
        raise InputError(where, f'{place}: there is no stem "{name[:40]}"{nearest(name[:40], STEMS)}')
    return name


def _key(name: str, where: str | Path) -> str:
    plain = name[:1].upper() + name[1:2].replace("♯", "#").replace("♭", "b")
    plain = FLATS.get(plain, plain)
    if len(name) > 2 or plain not in PITCHES:
        raise InputError(where, f'musicalContext.key: "{name[:40]}" is no key such as C, C# or Bb')
    return plain


def _numbers(value: Any, place: str = "") -> Iterator[tuple[str, float]]:
    """Every number of a snapshot with its place in the JSON."""
    if isinstance(value, msgspec.Struct):
        for field, name in zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True):
            yield from _numbers(getattr(value, field), f"{place}.{name}" if place else name)
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _numbers(inner, f"{place}.{name}")
    elif isinstance(value, tuple):
        if value and isinstance(value[0], float) and all(map(math.isfinite, value)):
            return  # thousands of numbers at once; the loop is for finding which one it was
        for number, inner in enumerate(value):
            yield from _numbers(inner, f"{place}[{number}]")
    elif isinstance(value, float):
        yield place, value
